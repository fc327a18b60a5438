import { expect } from "chai";
import { diagnose, type Reader } from "../../../components/gitops/diagnosis.ts";

interface Fake {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly [field: string]: unknown;
}

/** A cluster that consists of these objects. Like the API, it leaves out `kind` in lists. */
function clusterOf(...objects: readonly Fake[]): Reader {
  const reader = {
    read({ kind, metadata }: { kind: string; metadata: { name: string; namespace: string } }) {
      const found = objects.find(
        (object) =>
          object.kind === kind &&
          object.metadata.name === metadata.name &&
          object.metadata.namespace === metadata.namespace,
      );
      return found === undefined
        ? Promise.reject(Object.assign(new Error("HTTP-Code: 404"), { code: 404 }))
        : Promise.resolve(found);
    },
    list(_: string, kind: string, namespace: string) {
      const items = objects.filter((object) => object.kind === kind && object.metadata.namespace === namespace);
      return Promise.resolve({ items: items.map((item) => ({ ...item, kind: undefined })) });
    },
  };
  return reader as unknown as Reader;
}

const unready = (message: string, reason = "InstallFailed") => ({
  conditions: [{ type: "Ready", status: "False", reason, message }],
});
const ready = { conditions: [{ type: "Ready", status: "True", reason: "Succeeded", message: "" }] };

const release = (status: object, spec: object = {}, name = "loki", namespace = "flux-system") => ({
  kind: "HelmRelease",
  metadata: { name, namespace },
  spec: {
    targetNamespace: "monitoring",
    releaseName: name,
    chartRef: { kind: "OCIRepository", name },
    ...spec,
  },
  status,
});
const source = (status: object) => ({
  kind: "OCIRepository",
  metadata: { name: "loki", namespace: "flux-system" },
  status,
});
const warning = (
  kind: string,
  name: string,
  reason: string,
  message: string,
  lastTimestamp: string,
  type = "Warning",
) => ({
  kind: "Event",
  metadata: { name: `${name}.${lastTimestamp}`, namespace: kind === "HelmRelease" ? "flux-system" : "monitoring" },
  involvedObject: { kind, name },
  type,
  reason,
  message,
  lastTimestamp,
});
const reference = {
  apiVersion: "helm.toolkit.fluxcd.io/v2",
  kind: "HelmRelease",
  namespace: "flux-system",
  name: "loki",
};

describe("Why something is not Ready", () => {
  it("is in its conditions and its last warnings, each text once", async () => {
    const lines = await diagnose(
      clusterOf(
        release(unready("install retries exhausted")),
        source(ready),
        warning(
          "HelmRelease",
          "loki",
          "InstallFailed",
          "second\n\nLast Helm logs:\n\nof no\ninterest",
          "2026-01-01T00:00:02Z",
        ),
        warning("HelmRelease", "loki", "InstallFailed", "fi\nrst", "2026-01-01T00:00:01Z"),
        warning("HelmRelease", "loki", "InstallFailed", "second", "2026-01-01T00:00:03Z"),
        warning("HelmRelease", "loki", "Progressing", "of no interest", "2026-01-01T00:00:04Z", "Normal"),
        warning("HelmRelease", "jaeger", "InstallFailed", "another's", "2026-01-01T00:00:04Z"),
      ),
      reference,
    );
    expect(lines).to.deep.equal([
      "HelmRelease flux-system/loki",
      "  Ready=False InstallFailed: install retries exhausted",
      "  event InstallFailed, HelmRelease loki: fi rst",
      "  event InstallFailed, HelmRelease loki: second",
    ]);
  });

  it("is in its pods: what their containers wait for, or why they have no node", async () => {
    const pod = (name: string, status: object, labels: Record<string, string> = {}) => ({
      kind: "Pod",
      metadata: { name, namespace: "monitoring", labels },
      status,
    });
    const waiting = { reason: "ImagePullBackOff", message: 'Back-off pulling image "loki:0"' };
    const lines = await diagnose(
      clusterOf(
        release(unready("timed out")),
        source(ready),
        pod("loki-0", { phase: "Pending", containerStatuses: [{ name: "loki", ready: false, state: { waiting } }] }),
        pod("loki-1", { phase: "Running", ...ready }),
        pod("loki-job", { phase: "Succeeded" }),
        pod("jaeger-0", { phase: "Pending" }),
        pod(
          "canary",
          {
            phase: "Pending",
            conditions: [{ type: "PodScheduled", status: "False", message: "0/1 nodes are available" }],
          },
          { "app.kubernetes.io/instance": "loki" },
        ),
      ),
      reference,
    );
    expect(lines.slice(2)).to.deep.equal([
      '  pod loki-0 is Pending: container loki ImagePullBackOff (Back-off pulling image "loki:0")',
      "  pod canary is Pending: 0/1 nodes are available",
    ]);
  });

  it("is in the warnings of what would make the pods, when there are none", async () => {
    const lines = await diagnose(
      clusterOf(
        release(unready("timed out")),
        source(ready),
        warning("StatefulSet", "loki", "FailedCreate", 'pods "loki-a" violates PodSecurity', "2026-01-01T00:00:01Z"),
        warning("StatefulSet", "loki", "FailedCreate", 'pods "loki-b" violates PodSecurity', "2026-01-01T00:00:02Z"),
        warning("StatefulSet", "lokiteria", "FailedCreate", "another's", "2026-01-01T00:00:01Z"),
      ),
      reference,
    );
    expect(lines.slice(2)).to.deep.equal([
      '  event FailedCreate, StatefulSet loki: pods "loki-b" violates PodSecurity',
    ]);
  });

  it("is in its source, when that is what is missing", async () => {
    const lines = await diagnose(
      clusterOf(release({}), source(unready("tag 99.0.0 not found", "OCIArtifactPullFailed"))),
      reference,
    );
    expect(lines).to.deep.equal([
      "HelmRelease flux-system/loki",
      "  its OCIRepository loki: Ready=False OCIArtifactPullFailed: tag 99.0.0 not found",
    ]);
  });

  it("is in the releases that a Kustomization applied", async () => {
    const lines = await diagnose(
      clusterOf(
        {
          kind: "Kustomization",
          metadata: { name: "demo", namespace: "flux-system" },
          spec: { sourceRef: { kind: "GitRepository", name: "environment" } },
          status: {
            ...unready("health check failed", "HealthCheckFailed"),
            inventory: {
              entries: [{ id: "demo_kbot_helm.toolkit.fluxcd.io_HelmRelease" }, { id: "demo_kbot__Service" }],
            },
          },
        },
        release(unready("no such chart"), { chartRef: { kind: "GitRepository", name: "kbot" } }, "kbot", "demo"),
      ),
      { ...reference, apiVersion: "kustomize.toolkit.fluxcd.io/v1", kind: "Kustomization", name: "demo" },
    );
    expect(lines).to.deep.equal([
      "Kustomization flux-system/demo",
      "  Ready=False HealthCheckFailed: health check failed",
      "  HelmRelease demo/kbot",
      "    Ready=False InstallFailed: no such chart",
    ]);
  });

  it("is that it is not there", async () => {
    expect(await diagnose(clusterOf(), reference)).to.deep.equal([
      "HelmRelease flux-system/loki is not in the cluster",
    ]);
  });
});
