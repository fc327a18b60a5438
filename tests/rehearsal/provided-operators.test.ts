/**
 * An environment in a cluster that has a cert-manager and a Prometheus Operator of others, which it uses, with a bucket of its own for
 * Thanos and Loki. The steps build on each other.
 */
import { rmSync } from "node:fs";
import { expect } from "chai";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";
import { failure } from "../support/failure.ts";
import { buildOnEachOther } from "../support/steps.ts";
import { flux, type Listing, type TestCluster } from "./support/cluster.ts";
import { type Kept, openKept } from "./support/kept.ts";
import { leftovers } from "./support/leftovers.ts";
import { aggregated, isDefinition, settled, sinceThen, versions } from "./support/listing.ts";
import { auditedSoFar, occupy, team, usable, writesIn } from "./support/others.ts";

const inBucket = { storage: { type: "objectStorage" } } as const;

describe("an environment in a cluster that has operators", function () {
  this.timeout("20m");
  buildOnEachOther(this);
  let kept: Kept;
  let rehearsal: Rehearsal;
  let cluster: TestCluster;
  let auditLog: string;
  let original: Listing;
  let start: number;
  /** What others have there that the environment uses. */
  let theirs: ReadonlyMap<string, string | undefined>;

  before(async () => {
    kept = await openKept({
      checkpoints: false,
      settings: {
        provided: ["certManager", "prometheusOperator"],
        ...{ thanos: { enabled: true }, objectStorage: "seaweedfs", loki: inBucket },
      },
    });
    ({ rehearsal, cluster, auditLog } = kept);
    original = await settled(cluster);
  });
  after(async () => {
    // Undefined when before() failed half-way.
    await (kept as Kept | undefined)?.close();
  });

  it("is refused where they are not there, and uses them where they are, with Thanos and its bucket", async () => {
    const message = await failure(rehearsal.environment.up());
    expect(message.replaceAll(/\s+/g, " ")).to.include("certManager is in provided, but the cluster has none");
    await occupy(cluster, usable);
    theirs = new Map([...versions(await settled(cluster))].filter(([key]) => !aggregated.test(key)));
    start = auditedSoFar(auditLog);
    await rehearsal.environment.up();
    await cluster.untilFluxIsReady();
    const during = await cluster.everything();
    const lost = [...theirs].filter(
      ([key, version]) =>
        (during.get(key)?.metadata as { resourceVersion?: string } | undefined)?.resourceVersion !== version,
    );
    expect(lost).to.deep.equal([]);
    expect(Object.keys((await rehearsal.environment.up()).changes)).to.deep.equal(["same"]);
    const releases = (await cluster.list(flux.helmReleases)).map(({ metadata }) => metadata.name);
    expect(releases).to.include.members(["kube-prometheus-stack", "opentelemetry-operator", "thanos", "seaweedfs"]);
    expect(releases).to.not.include.members(["cert-manager"]).and.to.not.include("prometheus-operator-crds");
    expect([...during.keys()]).to.include("Certificate.cert-manager.io monitoring/opentelemetry-operator-serving-cert");
    expect(
      [...during.keys()].filter((key) => /^Deployment.* monitoring\/kube-prometheus-stack-operator/.test(key)),
    ).to.deep.equal([]);
  });

  it("moves Loki from one program to its parts, and back: what there was goes when the others are Ready and agents send to them", async () => {
    const { calls } = rehearsal.surroundings.providers;
    for (const [mode, made, gone] of [
      ["distributed", "loki-distributed", "loki"],
      ["monolithic", "loki", "loki-distributed"],
    ] as const) {
      const from = calls.length;
      await rehearsal.set({ loki: { ...inBucket, mode } });
      await rehearsal.environment.up();
      await cluster.untilFluxIsReady();
      const done = (method: string, name: string) => {
        const [call] = calls.slice(from).filter((one) => !one.preview && one.method === method && one.name === name);
        if (call?.end === undefined) throw new Error(`${mode}: no ${method} of ${name}`);
        return { start: call.start, end: call.end };
      };
      const { start: goes } = done("delete", `${gone}-release`);
      expect(done("create", `${made}-release`).end, mode).to.be.below(goes);
      // What an agent reads before the others are Ready waits on its node.
      expect(done("update", "fluent-bit-release").end, mode).to.be.below(goes);
      const pods = [...(await cluster.everything()).keys()].filter((key) =>
        /^StatefulSet\.apps monitoring\/loki/.test(key),
      );
      expect(pods.includes("StatefulSet.apps monitoring/loki"), mode).to.equal(made === "loki");
      expect(pods.includes("StatefulSet.apps monitoring/loki-distributed-ingester"), mode).to.equal(made !== "loki");
    }
    expect(Object.keys((await rehearsal.environment.up()).changes)).to.deep.equal(["same"]);
  });

  it("leaves what others have there as it was, when it is destroyed", async () => {
    await rehearsal.environment.destroy();
    const left = await sinceThen(cluster, original, (key) => theirs.has(key) || isDefinition(key));
    expect(left).to.deep.equal({ left: [], lost: [] });
    const after = versions(await cluster.everything());
    expect([...theirs].filter(([key, version]) => after.get(key) !== version)).to.deep.equal([]);
    const namespaces = [team, ...usable.map(({ namespace }) => namespace)];
    expect(writesIn(auditLog, start).filter(({ namespace }) => namespaces.includes(namespace))).to.deep.equal([]);
    rmSync(rehearsal.kubeconfigPath);
    expect(await leftovers(rehearsal)).to.deep.equal([]);
  });
});
