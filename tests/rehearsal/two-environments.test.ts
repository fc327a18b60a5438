/**
 * Two environments of one owner at once on one host: they share GitHub, its repository, the registry and the lock of kind, and
 * one that goes leaves the other alone.
 */
import { expect } from "chai";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { openRehearsal, type Rehearsal } from "../../rehearsal/rehearsal.ts";
import { fleet, owner } from "../../rehearsal/surroundings.ts";
import { flux, isReady, TestCluster } from "./support/cluster.ts";
import { leftovers } from "./support/leftovers.ts";

describe("two environments on one host", function () {
  this.timeout("20m");
  /** What differs most: the one with kbot, the demo that comes by Git, three stores of logs and traces in one of them, and the one with replicas and without a demo. */
  const stacks = ["dev", "production"] as const;
  const numberOfReleases = { dev: 10, production: 7 } as const;
  const rehearsals: Rehearsal[] = [];

  before(async () => {
    for (const stack of stacks) {
      const [grafana, prometheus, alertmanager, jaeger] = await freePorts(4);
      rehearsals.push(
        await openRehearsal({
          stack,
          checkpoints: false,
          ...(rehearsals[0] === undefined ? {} : { beside: rehearsals[0] }),
          settings: {
            cluster: {
              kind: { ports: { dashboards: grafana, metrics: prometheus, alerts: alertmanager, traces: jaeger } },
            },
            ...(stack === "dev"
              ? {
                  demo: { app: "kbot" },
                  logs: ["loki", "victoriaLogs", "elasticsearch"],
                  elasticsearch: { logstash: { replicas: 1 } },
                  metricbeat: { enabled: true },
                  jaeger: { storage: { type: "elasticsearch" } },
                }
              : {}),
          },
        }),
      );
    }
    const auths = { "registry.example.com": { username: "robot", password: "planted" } };
    await rehearsals[0]?.environment.configure({
      "observability:registryCredentials": { secret: JSON.stringify({ auths }) },
    });
  });
  const titles = () => rehearsals[0]?.surroundings.github.deployKeys(owner, fleet).map(({ title }) => title);
  after(async () => {
    for (const rehearsal of rehearsals.toReversed()) await rehearsal.close();
  });

  it("are made at the same time, each with its own cluster, key and kubeconfig (reliability 10)", async () => {
    await Promise.all(rehearsals.map(({ environment }) => environment.up()));
    const uids = new Set<string>();
    for (const [index, { kubeconfigPath }] of rehearsals.entries()) {
      const stack = stacks[index] ?? "dev";
      const cluster = new TestCluster(kubeconfigPath);
      try {
        uids.add((await cluster.get("/api/v1/namespaces/kube-system")).metadata.uid);
        await cluster.untilFluxIsReady();
        const releases = await cluster.list(flux.helmReleases);
        expect(releases.length, stack).to.equal(numberOfReleases[stack]);
        for (const release of releases) expect(isReady(release), release.metadata.name).to.equal(true);
      } finally {
        cluster.close();
      }
    }
    expect(uids.size).to.equal(2);
    expect(titles()).to.have.members(stacks.map((stack) => `flux observability/${stack} #1`));
  });

  it("of which one has kbot: its chart, Service and monitor by Git, its token by the program", async () => {
    const [{ kubeconfigPath, environment, surroundings } = expect.fail("no rehearsal")] = rehearsals;
    const cluster = new TestCluster(kubeconfigPath);
    try {
      for (const path of [
        "/api/v1/namespaces/demo/services/kbot",
        "/apis/monitoring.coreos.com/v1/namespaces/demo/servicemonitors/kbot",
        "/apis/helm.toolkit.fluxcd.io/v2/namespaces/demo/helmreleases/kbot",
      ]) {
        const { labels } = (await cluster.get(path)).metadata;
        expect(labels, path).to.include({ "kustomize.toolkit.fluxcd.io/name": "demo" });
      }
      const deployment = await cluster.get("/apis/apps/v1/namespaces/demo/deployments/kbot");
      expect(deployment.metadata.labels).to.include({ "helm.toolkit.fluxcd.io/name": "kbot" });
      expect(deployment.status?.["readyReplicas"]).to.equal(1);
      expect(deployment).to.have.nested.property("spec.template.spec.imagePullSecrets[0].name", "registry-credentials");
      // Its Go agent needs a privileged sidecar.
      const { labels } = (await cluster.get("/api/v1/namespaces/demo")).metadata;
      expect(labels?.["pod-security.kubernetes.io/enforce"]).to.equal("privileged");
      const { telegramToken } = surroundings.planted;
      const { data } = (await cluster.get("/api/v1/namespaces/demo/secrets/kbot")) as unknown as {
        data: Record<string, string>;
      };
      expect(Buffer.from(data["token"] ?? "", "base64").toString()).to.equal(telegramToken);
      expect((await environment.stateText()).includes(telegramToken)).to.equal(false);
    } finally {
      cluster.close();
    }
  });

  it("and one that is destroyed leaves the other as it was (reliability 10)", async () => {
    const [first, second] = rehearsals as [Rehearsal, Rehearsal];
    await first.environment.destroy();
    expect(await leftovers(first)).to.deep.equal([]);
    expect(titles()).to.deep.equal(["flux observability/production #1"]);
    expect(Object.keys((await second.environment.refresh()).changes)).to.deep.equal(["same"]);
    expect(Object.keys((await second.environment.up()).changes)).to.deep.equal(["same"]);
    await second.environment.destroy();
    expect(await leftovers(second)).to.deep.equal([]);
  });
});
