import * as fs from "node:fs";

import { expect } from "chai";

import { configOf, type Host, hostForEachTest, owner } from "../../support/fake-kind/host.ts";

describe("cluster script: delete and list", () => {
  let host: Host;
  hostForEachTest((started) => (host = started));

  it("leaves no cluster, network, kubeconfig, temporary file or lock, and works twice", async () => {
    await host.made();
    for (const suffix of [".tmp", ".lock", ".kind", ".kind.lock"]) fs.writeFileSync(host.kubeconfigFile + suffix, "");
    const first = await host.run("delete").ended;
    expect(first.code, first.stderr).to.equal(0);
    expect(first.stdout).to.equal("");
    expect(host.leftovers()).to.deep.equal([]);
    const second = await host.delete();
    expect(second.code, second.stderr).to.equal(0);
    expect(second.stderr).to.include("nothing to delete");
  });

  it("needs neither the Kind configuration nor its hash", async () => {
    await host.made();
    const run = await host.delete({
      KIND_CONFIG: undefined,
      KIND_CONFIG_HASH: undefined,
      KIND_READY_TIMEOUT: undefined,
    });
    expect(run.code, run.stderr).to.equal(0);
    expect(host.leftovers()).to.deep.equal([]);
  });

  it("keeps kind's network while another cluster or container is on it", async () => {
    await host.made();
    host.world.setCluster("mine", { step: "kubeconfig", running: true, labels: [{}] });
    expect((await host.delete()).code).to.equal(0);
    expect(host.world.network).to.equal(true);
    expect(host.world.clusters()).to.deep.equal(["mine"]);
    host.world.setCluster("mine", undefined);
    host.world.plan = { others: ["registry"] };
    expect((await host.delete()).code).to.equal(0);
    expect(host.world.network).to.equal(true);
  });

  it("with Docker down: fails, says what to do, and keeps the kubeconfig for the next try", async () => {
    await host.made();
    host.world.plan = {
      engine: {
        says: "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
      },
    };
    const run = await host.delete();
    expect(run.code).to.equal(1);
    expect(run.stderr)
      .to.include("Docker does not run")
      .and.to.include("systemctl start docker")
      .and.to.include("pulumi state delete");
    expect(fs.existsSync(host.kubeconfigFile)).to.equal(true);
    expect(fs.existsSync(host.lockFolder)).to.equal(false);
    host.world.plan = {};
    expect((await host.delete()).code).to.equal(0);
    expect(host.leftovers()).to.deep.equal([]);
  });

  it("without any container engine there is nothing to delete", async () => {
    host.world.plan = { engine: { says: 'exec: "docker": executable file not found in $PATH' } };
    expect((await host.delete()).code).to.equal(0);
    host.uninstall("kind");
    host.uninstall("docker");
    const run = await host.delete();
    expect(run.code, run.stderr).to.equal(0);
    expect(run.stderr).to.include("no container engine is installed");
  });

  it("without kind: fails while Docker has the cluster's containers, else succeeds", async () => {
    await host.made();
    host.uninstall("kind");
    const run = await host.delete();
    expect(run.code).to.equal(1);
    expect(run.stderr).to.include("kind is not installed");
    host.world.setCluster("dev", undefined);
    expect((await host.delete()).code).to.equal(0);
    expect(fs.existsSync(host.kubeconfigFile)).to.equal(false);
  });

  /** Deletes, which must leave the cluster and every file as they were, and succeed: nothing of this environment is there. */
  async function leaves(sentence: string, env: Readonly<Record<string, string | undefined>> = {}): Promise<void> {
    const before = host.leftovers();
    const run = await host.delete(env);
    expect(run.code, run.stderr).to.equal(0);
    expect(run.stderr).to.include(sentence).and.to.include("it stays");
    expect(host.leftovers()).to.deep.equal(before);
  }

  it("leaves a cluster of that name alone that somebody else made", async () => {
    host.world.setCluster("dev", { step: "kubeconfig", running: true, labels: [{}] });
    await leaves("somebody who did not use this project");
  });

  it("leaves another environment's cluster of that name alone, running, stopped or released", async () => {
    await host.made();
    const other = { KIND_OWNER: "0ce4bc9c-0000-4000-8000-000000000000" };
    await leaves(`belongs to stack "dev" of "observability" (owner ${owner})`, other);
    // A state of an earlier version, whose cluster is long gone.
    await leaves(`(owner ${owner})`, { KIND_OWNER: undefined });
    const cluster = host.world.cluster("dev");
    if (cluster !== undefined) host.world.setCluster("dev", { ...cluster, running: false });
    await leaves(`(owner ${owner})`, other);
    expect((await host.script("release")).code).to.equal(0);
    await leaves("belongs to nobody any more", other);
  });

  it("deletes a stopped cluster of its own, and one of an earlier version for a state of that version", async () => {
    await host.made();
    const cluster = host.world.cluster("dev");
    if (cluster !== undefined) host.world.setCluster("dev", { ...cluster, running: false });
    expect((await host.delete()).code).to.equal(0);
    expect(host.leftovers()).to.deep.equal([]);
    host.world.setCluster("dev", {
      step: "kubeconfig",
      running: true,
      labels: [{ "observability.dev/config-hash": "aaaa" }],
    });
    await leaves("an earlier version of this project");
    expect((await host.delete({ KIND_OWNER: undefined })).code).to.equal(0);
    expect(host.leftovers()).to.deep.equal([]);
  });

  it("refuses to judge one that is half made and cannot say whose it is", async () => {
    host.world.setCluster("dev", { step: "containers", running: true, labels: [{}] });
    const run = await host.delete();
    expect(run.code).to.equal(1);
    expect(run.stderr).to.include("does not say whose it is").and.to.include("kind delete cluster --name dev");
    expect(host.world.clusters()).to.deep.equal(["dev"]);
  });

  it("lists our clusters and those that do not tell, not the user's", async () => {
    await host.made({ KIND_CONFIG: configOf({ workers: 1 }), KIND_GENERATION: "11111111" });
    host.world.setCluster("mine", { step: "kubeconfig", running: true, labels: [{}] });
    host.world.setCluster("half", { step: "containers", running: false, labels: [{}] });
    const run = await host.run("list").ended;
    expect(run.code, run.stderr).to.equal(0);
    const identity = { owner, project: "observability", stack: "dev", hash: "aaaa", generation: "11111111" };
    expect(JSON.parse(run.stdout)).to.deep.equal([
      { name: "dev", ...identity, running: true },
      { name: "half", running: false },
    ]);
  });
});
