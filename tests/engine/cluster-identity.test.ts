/**
 * Whose cluster it is, on the real engine: the unchanged program, several state backends that all have a stack `dev`, and one
 * Docker (a fake).
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { processMark } from "../../components/cluster/lock.ts";
import { failure } from "../support/failure.ts";
import { Host } from "../support/fake-kind/host.ts";
import { bare } from "../support/bare.ts";
import { openStack, type TestStack } from "../support/stack.ts";

describe("whose cluster it is", function () {
  let host: Host;
  let first: TestStack;
  let second: TestStack;
  before(async () => {
    host = await Host.start("dev");
    first = await openStack(bare, host);
    second = await openStack({ ...bare, cluster: first.settings.cluster }, host);
  });
  after(async () => {
    await (second as TestStack | undefined)?.close();
    await (first as TestStack | undefined)?.close();
    await host.stop();
  });

  /** Clusters that kind began to make or to delete since the last call. */
  let seen = 0;
  const changes = (): string[] => {
    const events = host.world.events();
    const found = events.slice(seen).flatMap((event) => /^(?:create|delete) \S+/.exec(event)?.[0] ?? []);
    seen = events.length;
    return found;
  };
  const unchanged = async (stack: TestStack): Promise<string> => {
    const { changes: made, output } = await stack.environment.up();
    expect(Object.keys(made)).to.deep.equal(["same"]);
    return output;
  };
  const kubeconfigFile = () => path.join(host.folder, "private/dev.yaml");
  const stop = (): void => {
    const cluster = host.world.cluster("dev");
    if (cluster === undefined) throw new Error("no cluster");
    host.world.setCluster("dev", { ...cluster, running: false });
  };

  it("a second state backend with the same stack is refused, and its destroy takes nothing", async () => {
    await first.environment.up();
    expect(changes()).to.deep.equal(["create dev"]);
    const labels = host.world.cluster("dev");
    const refused = await failure(second.environment.up());
    expect(refused).to.include('the Kind cluster "dev" belongs to stack "dev" of "observability" (owner ');
    expect(refused).to.include("--adopt").and.to.include("nothing was changed");
    expect(second.keys(), "deploy keys").to.deep.equal([]);
    expect((await second.environment.preview()).output)
      .to.include("belongs to stack")
      .and.to.include("will refuse");
    await second.environment.destroy();
    expect(changes()).to.deep.equal([]);
    expect(host.world.cluster("dev")).to.deep.equal(labels);
    expect(fs.existsSync(kubeconfigFile()), "the first one's kubeconfig").to.equal(true);
  });

  it("a fresh checkout keeps the cluster, also a stopped one: up writes the kubeconfig again and starts it, a preview only says so", async () => {
    const text = fs.readFileSync(kubeconfigFile(), "utf8");
    fs.rmSync(path.dirname(kubeconfigFile()), { recursive: true });
    stop();
    const { changes: planned, output } = await first.environment.preview();
    expect(Object.keys(planned)).to.deep.equal(["same"]);
    expect(output).to.include('Cluster "dev" is stopped: `up` starts it (dev-control-plane)');
    expect(host.world.cluster("dev")?.running).to.equal(false);
    expect(fs.existsSync(kubeconfigFile()), "after a preview").to.equal(false);
    await unchanged(first);
    expect(host.world.cluster("dev")?.running).to.equal(true);
    expect(fs.readFileSync(kubeconfigFile(), "utf8")).to.equal(text);
    expect(fs.statSync(kubeconfigFile()).mode & 0o777).to.equal(0o600);
    expect(changes()).to.deep.equal([]);
  });

  it("with Docker down nothing is planned for the cluster: preview says so, up refuses", async () => {
    host.world.plan = {
      engine: { says: "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?" },
    };
    const { changes: planned, output } = await first.environment.preview();
    // The environment's own resource is, so that the preflight looks, and the provider, which lacks its identifier.
    expect(planned).to.have.all.keys("same", "update").and.to.include({ update: 2 });
    expect(output.match(/Docker does not run/g)).to.have.length.greaterThan(0);
    expect(await failure(first.environment.up()))
      .to.include("Docker does not run")
      .and.to.include("nothing was changed");
    host.world.plan = {};
    expect(changes()).to.deep.equal([]);
  });

  it("a cluster whose containers are gone is made anew, which the preview says", async () => {
    host.world.setCluster("dev", undefined);
    const { changes: planned, output } = await first.environment.preview();
    expect(planned["replace"]).to.be.greaterThan(0);
    expect(output).to.include("made anew (Docker has no container of it any more): what was in the old one is lost");
    await first.environment.up();
    expect(changes()).to.deep.equal(["create dev"]);
  });

  it("a forced replacement of its resource leaves a healthy cluster as it is", async () => {
    const { resources = [] } = await first.environment.exportDeployment();
    const urn = resources.find((resource) => resource.urn.endsWith("::cluster-kind"))?.urn ?? "";
    await first.environment.up({ replace: [urn] });
    expect(changes()).to.deep.equal([]);
  });

  // That it is not before, the first test has shown.
  it("a cluster whose state was lost is taken over when that is said", async () => {
    const release = await host.run("release").ended;
    expect(release.code, release.stderr).to.equal(0);
    const { output } = await second.environment.up();
    expect(output).to.include("taken over").and.to.include("adopted");
    // Whoever had it is told.
    expect((await first.environment.preview()).output).to.include("belongs to stack");
    await first.environment.destroy();
    expect(changes()).to.deep.equal([]);
  });

  it("one that was released needlessly is taken back by an up that has nothing else to do", async () => {
    expect((await host.run("release").ended).code).to.equal(0);
    await unchanged(second);
    await second.environment.destroy();
    expect(changes()).to.deep.equal(["delete dev"]);
    expect(host.leftovers()).to.deep.equal([]);
  });

  it("a half-made cluster that the state has no record of goes with destroy, by plain Pulumi", async () => {
    host.world.plan = { pauseAfter: "cni" };
    second.checkpoints = true;
    const up = failure(second.environment.up());
    const kind = await host.paused("cni");
    second.environment.kill();
    await up;
    await second.environment.recover();
    host.world.plan = {};
    expect(
      (await second.environment.exportDeployment()).resources?.some(({ urn }) => urn.endsWith("cluster-kind")),
    ).to.equal(false);
    await second.environment.destroy();
    expect(processMark(kind), "kind").to.equal(undefined);
    expect(host.leftovers()).to.deep.equal([]);
  });
});
