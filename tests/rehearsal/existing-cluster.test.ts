/**
 * An environment in a cluster that was there before and stays: the program makes and removes its objects one by one. The
 * cluster is a control plane of local processes; the steps build on each other.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { obtainBinaries } from "../../rehearsal/control-plane/binaries.ts";
import { type ControlPlane, startControlPlane } from "../../rehearsal/control-plane/control-plane.ts";
import { openRehearsal, type Rehearsal } from "../../rehearsal/rehearsal.ts";
import { failure } from "../support/failure.ts";
import { until } from "../support/until.ts";
import { flux, type Listing, TestCluster } from "./support/cluster.ts";
import { leftovers } from "./support/leftovers.ts";

/** Objects that come and go in any cluster by themselves. */
const fleeting = /^(Event|Event\.events\.k8s\.io|Lease\.coordination\.k8s\.io) /;

describe("an environment in a cluster that is kept", function () {
  this.timeout("20m");
  let folder: string;
  let plane: ControlPlane;
  let rehearsal: Rehearsal;
  let cluster: TestCluster;
  let original: Listing;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "kept-cluster-"));
    plane = await startControlPlane({ name: "kept", dir: join(folder, "cluster"), binaries: await obtainBinaries() });
    cluster = new TestCluster(plane.kubeconfigPath);
    original = await cluster.everything();
    rehearsal = await openRehearsal({
      settings: {
        cluster: { type: "existing", existing: { kubeconfig: plane.kubeconfigPath, context: "kind-kept" } },
      },
    });
    // The controllers look for the cluster where the rehearsal would have made its own.
    mkdirSync(dirname(rehearsal.kubeconfigPath), { recursive: true, mode: 0o700 });
    copyFileSync(plane.kubeconfigPath, rehearsal.kubeconfigPath);
  });
  after(async () => {
    // Undefined when before() failed half-way.
    (cluster as TestCluster | undefined)?.close();
    await (rehearsal as Rehearsal | undefined)?.close();
    await (plane as ControlPlane | undefined)?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is made, and a second up and a refresh find nothing to do (reliability 1)", async () => {
    await rehearsal.environment.up();
    await cluster.untilFluxIsReady();
    expect(Object.keys((await rehearsal.environment.up()).changes)).to.deep.equal(["same"]);
    expect(Object.keys((await rehearsal.environment.refresh()).changes)).to.deep.equal(["same"]);
  });

  it("takes nothing over that is somebody else's", async () => {
    const after = await cluster.everything();
    expect(after.size).to.be.greaterThan(original.size + 100);
    for (const [key, { metadata }] of original) {
      if (fleeting.test(key)) continue;
      expect(after.get(key)?.metadata.uid, key).to.equal(metadata.uid);
    }
  });

  it("says what destroy cannot remove, and ends (reliability 8)", async () => {
    const repository = flux.gitRepository("environment");
    const { metadata } = await cluster.get(repository);
    const finalizers = (metadata as unknown as { finalizers: string[] }).finalizers;
    await cluster.patch(repository, { metadata: { finalizers: [...finalizers, "example.com/stuck"] } });
    const message = await failure(rehearsal.environment.destroy({ continueOnError: true }));
    expect(message).to.include("environment-repository").and.to.include("example.com/stuck");
    await cluster.patch(repository, { metadata: { finalizers: ["example.com/stuck"] } });
    await cluster.patch(repository, { metadata: { finalizers: [] } });
  });

  it("is destroyed to the last object, and everything else is as it was (reliability 12)", async () => {
    await rehearsal.environment.destroy();
    const isGone = async () => {
      const after = await cluster.everything();
      const left = [...after.keys()].filter((key) => !original.has(key) && !fleeting.test(key));
      const lost = [...original.keys()].filter((key) => !after.has(key) && !fleeting.test(key));
      return { left, lost };
    };
    // What belongs to a removed object is collected a moment later.
    let last = await isGone();
    await until("garbage to be collected", async () => (last = await isGone()).left.length === 0, 120).catch(
      () => undefined,
    );
    expect(last).to.deep.equal({ left: [], lost: [] });
    rmSync(rehearsal.kubeconfigPath);
    expect(await leftovers(rehearsal)).to.deep.equal([]);
  });
});
