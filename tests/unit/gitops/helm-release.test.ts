import { expect } from "chai";
import { ownHome } from "../../../components/gitops/names.ts";
import { helmReleaseSpec, mergeValues } from "../../../components/gitops/helm-release.ts";
import { chartImages, digestValues } from "../../../settings/digests.ts";
import type { ChartSources } from "../../../components/gitops/chart-source.ts";

const pin = { name: "loki", version: "18.11.0", repository: "oci://ghcr.io/x" };
const args = {
  chart: pin,
  sources: { releaseTimeoutMinutes: 7, home: ownHome } as unknown as ChartSources, // all that the pure function looks at
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

  it("says no replicas of what an autoscaler scales", () => {
    const source = { kind: "OCIRepository", name: "podinfo" } as const;
    expect(helmReleaseSpec(args, source)).to.not.have.property("postRenderers");
    const renderers = helmReleaseSpec({ ...args, scaled: ["podinfo-frontend"] }, source)["postRenderers"];
    expect(renderers).to.deep.equal([
      {
        kustomize: {
          patches: [
            {
              target: { group: "apps", kind: "Deployment", name: "podinfo-frontend" },
              patch: '[{"op":"remove","path":"/spec/replicas"}]',
            },
          ],
        },
      },
    ]);
  });

  it("gives a chart the digests of its images, of the version that was looked at, and none that the override names", () => {
    const sum = "1".repeat(64);
    const images = {
      loki: {
        version: "18.11.0",
        digests: { "loki/image/digest": "docker.io/x/loki:1", "b/image/digest": "docker.io/x/unpinned:1" },
        checksums: { "gateway/image/sha": "docker.io/x/gateway:1" },
      },
    };
    const pinned = { "docker.io/x/loki:1": `sha256:${sum}`, "docker.io/x/gateway:1": `sha256:${sum}` };
    const values = (override?: object, version = "18.11.0") =>
      digestValues({ ...pin, version }, override, images, pinned);
    const [loki, gateway] = [{ loki: { image: { digest: `sha256:${sum}` } } }, { gateway: { image: { sha: sum } } }];
    expect(values()).to.deep.equal({ ...loki, ...gateway });
    expect(values({ gateway: { image: { pullPolicy: "Always" }, replicas: 2 } })).to.deep.equal({
      ...loki,
      ...gateway,
    });
    for (const key of ["registry", "repository", "tag"])
      expect(values({ gateway: { image: { [key]: "x" } } }), key).to.deep.equal(loki);
    expect(values({}, "18.12.0")).to.deep.equal({});
  });

  it("has digests only where images are pulled by them, and the override has the last word", () => {
    const [name, chart] = Object.entries(chartImages).find(([, { digests: all }]) => Object.keys(all).length > 0) ?? [];
    if (name === undefined || chart === undefined) return expect.fail("no chart has images");
    const of = (imagesByDigest: boolean) =>
      helmReleaseSpec(
        {
          ...args,
          chart: { ...pin, name, version: chart.version },
          sources: { releaseTimeoutMinutes: 7, home: ownHome, imagesByDigest } as unknown as ChartSources,
        },
        { kind: "OCIRepository", name },
      )["values"];
    expect(of(false)).to.deep.equal(args.values);
    expect(of(true)).to.deep.equal(mergeValues(args.values, digestValues({ name, version: chart.version })));
  });

  it("merges an override last: maps by key, lists replaced", () => {
    const merged = mergeValues(args.values, { list: [9], nested: { c: "y" } });
    expect(merged).to.deep.equal({ a: 1, list: [9], nested: { b: true, c: "y" } });
    expect(args.values.list).to.deep.equal([1, 2]);
  });
});
