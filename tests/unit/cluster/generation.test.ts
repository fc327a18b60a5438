import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { clusterGeneration } from "../../../components/cluster/generation.ts";
import { programEnvironment } from "../../../components/cluster/kind.ts";
import { kindConfig } from "../../../components/cluster/kind-config.ts";
import { parseSettings } from "../../../settings/parse.ts";
import { configOf, type Host, hostForEachTest, owner } from "../../support/fake-kind/host.ts";

describe("the generation of a Kind cluster", () => {
  let host: Host;
  hostForEachTest((started) => (host = started));

  const settings = (kind: object = {}) =>
    parseSettings(
      { cluster: { kind: { kubeconfigFolder: path.dirname(host.kubeconfigFile), ...kind } } },
      { file: "Pulumi.dev.yaml", secrets: ["telegramToken"] },
    ).cluster.kind;
  const look = (kind: object = {}) =>
    programEnvironment.run(host.environment, () => clusterGeneration("dev", settings(kind)));
  /** What the script gets for the cluster of the settings. */
  const wanted = (generation: string, kind: object = {}) => ({
    KIND_CONFIG: configOf({ workers: settings(kind).workers }),
    KIND_CONFIG_HASH: kindConfig(settings(kind), "dev").hash,
    KIND_GENERATION: generation,
  });

  it("is a new one where no container is, and a look changes nothing (reliability 1, 5)", async () => {
    const first = await look();
    expect(first.generation).to.match(/^[0-9a-f]{8}$/);
    expect(first.why).to.include("no container of it");
    expect((await look()).generation).to.not.equal(first.generation);
    expect(host.leftovers()).to.deep.equal([]);
  });

  it("is the cluster's own while its containers exist, in a fresh checkout and without a kubeconfig too", async () => {
    await host.made(wanted("11111111"));
    const here = await look();
    expect(here.generation).to.equal("11111111");
    expect(here).to.not.have.property("why");
    expect(here.found?.identity).to.include({ owner, generation: "11111111" });
    fs.rmSync(path.dirname(host.kubeconfigFile), { recursive: true });
    expect((await look()).generation).to.equal("11111111");
  });

  it("stays for a cluster that is stopped, or does not answer: nothing is torn down for that", async () => {
    await host.made(wanted("11111111", { workers: 1 }));
    host.world.plan = { api: { readyz: 500 } };
    expect(await look({ workers: 1 })).to.include({ generation: "11111111" });
    const cluster = host.world.cluster("dev");
    if (cluster !== undefined) host.world.setCluster("dev", { ...cluster, running: false });
    await host.api.close();
    const { generation, found } = await look({ workers: 1 });
    expect(generation).to.equal("11111111");
    expect(found?.nodes).to.deep.equal([
      { name: "dev-control-plane", state: "exited" },
      { name: "dev-worker", state: "exited" },
    ]);
  });

  it("is a new one for a cluster that lacks a node or was made from other settings, and says which", async () => {
    await host.made(wanted("11111111", { workers: 1 }));
    expect((await look({ workers: 2 })).why).to.include("other settings");
    const cluster = host.world.cluster("dev");
    if (cluster !== undefined) host.world.setCluster("dev", { ...cluster, labels: cluster.labels.slice(0, 1) });
    const lacking = await look({ workers: 1 });
    expect(lacking.why).to.include("1 of 2 nodes");
    expect(lacking.generation).to.not.equal("11111111");
  });

  it("is none for a cluster of an earlier version, which keeps its identifier", async () => {
    const labels = [{ "observability.dev/config-hash": kindConfig(settings(), "dev").hash }];
    host.world.setCluster("dev", { step: "kubeconfig", running: true, labels });
    expect(await look()).to.include({ generation: "" });
  });

  it("is not known where Docker does not answer or is not there", async () => {
    await host.made(wanted("11111111"));
    const says = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
    host.world.plan = { engine: { says } };
    const { generation, why, found } = await look();
    expect({ generation, found }).to.deep.equal({ generation: undefined, found: undefined });
    expect(why).to.include("Docker does not run").and.to.include("systemctl start docker");
    host.world.plan = {};
    host.uninstall("docker");
    expect((await look()).why).to.include("Docker is not installed");
  });

  it("of a cluster that took the place of another makes the other's delete harmless", async () => {
    await host.made(wanted("11111111"));
    expect((await host.ensure(wanted("22222222"))).code).to.equal(0);
    expect(await look()).to.include({ generation: "22222222" });
    expect((await host.delete()).code).to.equal(0);
    expect(host.leftovers()).to.deep.equal([]);
  });
});
