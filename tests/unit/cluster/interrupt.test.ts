import * as path from "node:path";

import { expect } from "chai";

import { processMark } from "../../../components/cluster/lock.ts";
import { configOf, type Host, hostForEachTest } from "../../support/fake-kind/host.ts";
import { type FakeCluster, type Step } from "../../support/fake-kind/world.ts";
import { until } from "../../support/until.ts";

describe("cluster script: interrupted", () => {
  const two = { KIND_CONFIG: configOf({ workers: 1 }) };
  let host: Host;
  hostForEachTest((started) => (host = started));

  const creates = (): number => host.world.events().filter((event) => event.startsWith("create ")).length;
  const whole = (cluster: FakeCluster | undefined): boolean =>
    (cluster?.step === "kubeconfig" || cluster?.step === "join") && cluster.labels.length === 2;

  /** The next run must end well, whatever was there. */
  async function heals(): Promise<string> {
    host.world.plan = {};
    const next = await host.ensure(two);
    expect(next.code, next.stderr).to.equal(0);
    expect(next.stdout).to.equal(host.kubeconfig);
    expect(whole(host.world.cluster("dev")), "the cluster is whole").to.equal(true);
    return next.stderr;
  }

  // Before anything is there, with containers that nothing runs in, in the middle, and when kind is done.
  for (const step of ["image", "containers", "init", "join", "kubeconfig"] satisfies Step[]) {
    it(`SIGINT after "${step}": kind is stopped and nothing is left`, async () => {
      host.world.plan = { pauseAfter: step };
      const run = host.begin("ensure", two);
      const kind = await host.paused(step);
      run.interrupt("SIGINT");
      const { code, stdout, stderr } = await run.ended;
      expect(code, stderr).to.equal(130);
      expect(stdout).to.equal("");
      expect(stderr).to.include("removing the half-made cluster").and.to.include("interrupted by SIGINT");
      expect(processMark(kind), "kind").to.equal(undefined);
      host.world.network = false; // kind keeps its network, which belongs to no cluster
      expect(host.leftovers()).to.deep.equal([]);
    });

    it(`SIGKILL of script and kind after "${step}": the next run heals`, async () => {
      host.world.plan = { pauseAfter: step };
      const run = host.run("ensure", two);
      const kind = await host.paused(step);
      run.child.kill("SIGKILL");
      process.kill(kind, "SIGKILL");
      await run.ended;
      const said = await heals();
      // Only a cluster that kind finished may be adopted.
      expect(creates(), said).to.equal(step === "kubeconfig" || step === "join" ? 1 : 2);
    });
  }

  for (const step of ["image", "containers", "init", "kubeconfig"] satisfies Step[]) {
    it(`SIGKILL of the script after "${step}": the next run waits for kind and adopts its cluster`, async () => {
      host.world.plan = { pauseAfter: step };
      const run = host.run("ensure", two);
      const kind = await host.paused(step);
      run.child.kill("SIGKILL");
      expect((await run.ended).signal).to.equal("SIGKILL");
      const next = host.begin("ensure", two);
      await until("the next run to say what it waits for", () => next.stderr().includes("still runs"));
      expect(next.stderr()).to.include(`pid ${kind}`).and.to.include(`kill ${kind}`);
      expect(processMark(kind), "kind").not.to.equal(undefined);
      host.world.letGo();
      const { code, stdout, stderr } = await next.ended;
      expect(code, stderr).to.equal(0);
      expect(stdout).to.equal(host.kubeconfig);
      expect(stderr).to.include("adopted");
      expect(creates()).to.equal(1);
    });
  }

  for (const step of ["containers", "storage"] satisfies Step[]) {
    it(`SIGKILL of the script after "${step}", then delete: kind is stopped, nothing is left`, async () => {
      host.world.plan = { pauseAfter: step };
      const run = host.run("ensure", two);
      const kind = await host.paused(step);
      run.child.kill("SIGKILL");
      await run.ended;
      const removed = await host.delete(two);
      expect(removed.code, removed.stderr).to.equal(0);
      expect(removed.stderr).to.include("stopping it");
      expect(processMark(kind), "kind").to.equal(undefined);
      expect(host.leftovers()).to.deep.equal([]);
    });
  }

  it("a delete for another environment of that name stops no kind of a killed run, and takes nothing", async () => {
    host.world.plan = { pauseAfter: "cni" };
    const run = host.run("ensure", two);
    const kind = await host.paused("cni");
    run.child.kill("SIGKILL");
    await run.ended;
    const other = host.begin("delete", { ...two, KIND_OWNER: "0ce4bc9c-0000-4000-8000-000000000000" });
    await until("the other to wait", () => other.stderr().includes("still runs"));
    expect(processMark(kind), "kind").not.to.equal(undefined);
    host.world.letGo();
    const { code, stderr } = await other.ended;
    expect(code, stderr).to.equal(0);
    expect(stderr).to.include("it stays");
    expect(whole(host.world.cluster("dev"))).to.equal(true);
  });

  it("SIGKILL before the lock names kind: kind does not start", async () => {
    host.world.plan = { pauseAfter: "image" };
    const hook = path.resolve(import.meta.dirname, "../../support/fake-kind/die-before-record.ts");
    const { signal } = await host.run("ensure", { ...two, NODE_OPTIONS: `--import ${hook}` }).ended;
    expect(signal).to.equal("SIGKILL");
    const next = host.begin("ensure", two);
    await until("the next run's kind", () => next.stderr().includes("✓ image"));
    expect(creates(), "kinds that started").to.equal(1);
    host.world.letGo();
    expect((await next.ended).code).to.equal(0);
  });

  it("SIGKILL during delete: the next ensure waits for kind, then makes the cluster", async () => {
    await host.made(two);
    host.world.plan = { pauseDelete: true };
    const run = host.run("delete", two);
    await host.paused("delete");
    run.child.kill("SIGKILL");
    await run.ended;
    const next = host.begin("ensure", two);
    await until("the next run to wait", () => next.stderr().includes('"kind delete cluster --name dev" still runs'));
    expect(creates()).to.equal(1);
    host.world.letGo();
    expect((await next.ended).code).to.equal(0);
    expect(creates()).to.equal(2);
    expect(whole(host.world.cluster("dev"))).to.equal(true);
  });

  it("SIGTERM while waiting for readiness: the cluster nobody got is removed", async () => {
    host.world.plan = { api: { nodesReady: false } };
    const run = host.run("ensure", two);
    await until("the wait", () => run.stderr().includes("waiting for: nodes"));
    run.child.kill("SIGTERM");
    const { code, stderr } = await run.ended;
    expect(code, stderr).to.equal(143);
    host.world.network = false;
    expect(host.leftovers()).to.deep.equal([]);
  });

  it("SIGINT while an existing cluster is looked at: it stays", async () => {
    await host.made(two);
    host.world.plan = { api: { readyz: 500 } };
    const run = host.begin("ensure", two);
    await until("the wait", () => run.stderr().includes("waiting for: API server"));
    run.interrupt("SIGINT");
    expect((await run.ended).code).to.equal(130);
    expect(whole(host.world.cluster("dev"))).to.equal(true);
    expect(creates()).to.equal(1);
  });

  it("kind killed under a living script: an error, nothing is left, the next run heals", async () => {
    host.world.plan = { pauseAfter: "cni" };
    const run = host.begin("ensure", two);
    process.kill(await host.paused("cni"), "SIGKILL");
    const { code, stdout, stderr } = await run.ended;
    expect(code, stderr).to.equal(1);
    expect(stdout).to.equal("");
    expect(stderr).to.include("ended by a signal").and.to.include("removing the half-made cluster");
    host.world.network = false;
    expect(host.leftovers()).to.deep.equal([]);
    await heals();
  });

  it("SIGINT while waiting for the lock: ends at once, the other run goes on", async () => {
    host.world.plan = { pauseAfter: "init" };
    const first = host.begin("ensure", two);
    await host.paused("init");
    const second = host.run("ensure", two);
    await until("the second run to wait", () => second.stderr().includes("another run holds the lock"));
    second.child.kill("SIGINT");
    expect((await second.ended).code).to.equal(130);
    host.world.letGo();
    const { code, stderr } = await first.ended;
    expect(code, stderr).to.equal(0);
  });
});
