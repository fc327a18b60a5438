import { expect } from "chai";
import { helmReleaseSpec, mergeValues } from "../../../components/gitops/helm-release.ts";
import type { ChartSources } from "../../../components/gitops/chart-source.ts";

const pin = { name: "loki", version: "18.11.0", repository: "oci://ghcr.io/x" };
const args = {
  chart: pin,
  sources: { releaseTimeoutMinutes: 7 } as unknown as ChartSources, // all that the pure function looks at
  namespace: "monitoring",
  values: { a: 1, list: [1, 2], nested: { b: true, c: "x" } },
  prerequisites: [],
};

describe("HelmRelease", () => {
  it("refers to an OCI artifact, or to a chart of a repository, never to both", () => {
    const oci = helmReleaseSpec(args, { kind: "OCIRepository", name: "loki" });
    expect(oci).to.have.property("chartRef").that.deep.equals({ kind: "OCIRepository", name: "loki" });
    expect(oci).to.not.have.property("chart");
    const http = helmReleaseSpec(args, { kind: "HelmRepository", name: "charts" });
    expect(http).to.not.have.property("chartRef");
    expect(http).to.have.nested.property("chart.spec.version", "18.11.0");
  });

  it("retries a failure instead of giving up, installs CRDs and upgrades them", () => {
    const spec = helmReleaseSpec(args, { kind: "OCIRepository", name: "loki" });
    for (const action of ["install", "upgrade"]) {
      expect(spec).to.have.nested.property(`${action}.strategy.name`, "RetryOnFailure");
      expect(spec).to.have.nested.property(`${action}.crds`, "CreateReplace");
    }
  });

  it("may take as long as the settings say", () => {
    expect(helmReleaseSpec(args, { kind: "OCIRepository", name: "loki" })).to.have.property("timeout", "7m");
  });

  it("watches for drift, and ignores what others write by design", () => {
    const spec = helmReleaseSpec(
      { ...args, driftIgnore: [{ kind: "PrometheusRule", paths: ["/metadata/annotations/x"] }] },
      { kind: "OCIRepository", name: "loki" },
    );
    expect(spec).to.have.nested.property("driftDetection.mode", "enabled");
    expect(spec)
      .to.have.nested.property("driftDetection.ignore")
      .that.deep.includes({
        paths: ["/metadata/annotations/x"],
        target: { kind: "PrometheusRule" },
      });
  });

  it("merges an override last: maps by key, lists replaced", () => {
    const merged = mergeValues(args.values, { list: [9], nested: { c: "y" } });
    expect(merged).to.deep.equal({ a: 1, list: [9], nested: { b: true, c: "y" } });
    expect(args.values.list).to.deep.equal([1, 2]);
  });
});
