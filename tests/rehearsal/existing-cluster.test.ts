/**
 * An environment in a cluster that was there before and stays: the program makes and removes its objects one by one. The
 * cluster is a control plane of local processes; the steps build on each other.
 */
import { readFileSync, rmSync } from "node:fs";
import { expect } from "chai";
import type { Rehearsal } from "../../rehearsal/rehearsal.ts";
import { failure } from "../support/failure.ts";
import { buildOnEachOther } from "../support/steps.ts";
import { openApi } from "../../components/kubernetes/api.ts";
import { ownHome } from "../../components/gitops/names.ts";
import { keptDefinitions } from "../../components/occupancy.ts";
import { fleet, owner } from "../../rehearsal/surroundings.ts";
import { flux, type Listing, type TestCluster } from "./support/cluster.ts";
import { context, type Kept, openKept } from "./support/kept.ts";
import { leftovers } from "./support/leftovers.ts";
import { keda, playOperators, scaledObjects } from "./support/operators.ts";
import { fleeting, isDefinition, settled, sinceThen, versions } from "./support/listing.ts";
import { addTeam, auditedSoFar, installations, occupy, team, undefine, vacate, writesIn } from "./support/others.ts";

describe("an environment in a cluster that is kept", function () {
  this.timeout("20m");
  buildOnEachOther(this);
  let kept: Kept;
  let rehearsal: Rehearsal;
  let cluster: TestCluster;
  let auditLog: string;
  let original: Listing;
  /** What is there, and where the audit log ends, before the first try to destroy it. */
  let atFirst: Listing;
  let start: number;
  /** Whether something is, on purpose. */
  let stuck = false;
  let stopOperators: () => Promise<readonly string[]>;

  const since = (expected: (key: string) => boolean) => sinceThen(cluster, original, expected);
  const definitionsKept = async () =>
    keptDefinitions(await openApi(readFileSync(kept.kubeconfig, "utf8"), context), ownHome);

  before(async () => {
    kept = await openKept({
      checkpoints: false,
      settings: { autoscaler: "keda" },
      // What is stuck stays so: there is nothing to see by waiting for the two minutes that the program gives it.
      onCall: (call) => {
        if (stuck && call.method === "delete" && call.name === "environment-repository") call.timeoutSeconds = 20;
      },
    });
    ({ rehearsal, cluster, auditLog } = kept);
    original = await settled(cluster);
    stopOperators = playOperators(cluster);
  });
  after(async () => {
    // Undefined when before() failed half-way.
    await (stopOperators as typeof stopOperators | undefined)?.();
    await (kept as Kept | undefined)?.close();
  });

  it("is refused before the first write where Flux, cert-manager and a Prometheus Operator are", async () => {
    await occupy(cluster, installations);
    const untouched = versions(await settled(cluster));
    const line = auditedSoFar(auditLog);
    const findings = [
      ...["Flux is there already", "cert-manager is there already", "Prometheus Operator is there already"],
      "Set provided to [flux, prometheusOperator, certManager] to use what is there",
    ];
    const names = ["namespaces cert-manager, flux-system", "ClusterRole kube-prometheus-stack-operator"];
    const message = await failure(rehearsal.environment.up());
    for (const finding of [...findings, ...names]) expect(message.replaceAll(/\s+/g, " ")).to.include(finding);
    expect(versions(await cluster.everything())).to.deep.equal(untouched);
    expect(writesIn(auditLog, line)).to.deep.equal([]);
    expect(rehearsal.surroundings.github.deployKeys(owner, fleet)).to.deep.equal([]);
    await vacate(cluster, installations);
    expect(await since(() => false)).to.deep.equal({ left: [], lost: [] });
  });

  it("is made, and a second up and a refresh find nothing to do (reliability 1)", async () => {
    await rehearsal.environment.up();
    await cluster.untilFluxIsReady();
    expect(Object.keys((await rehearsal.environment.up()).changes)).to.deep.equal(["same"]);
    expect(Object.keys((await rehearsal.environment.refresh()).changes)).to.deep.equal(["same"]);
  });

  it("leaves to an autoscaler how many replicas there are, through Flux's next look and another up", async () => {
    const deployment = "/apis/apps/v1/namespaces/demo/deployments/podinfo-frontend";
    const release = flux.helmRelease("podinfo-frontend");
    await cluster.patch(`${deployment}/scale`, { spec: { replicas: 3 } });
    const requested = async () => {
      await cluster.reconcile(release);
      const { metadata } = await cluster.get(release);
      return metadata.annotations?.["reconcile.fluxcd.io/requestedAt"];
    };
    const at = await requested();
    await cluster.untilObject(release, "has been looked at", ({ status }) => status?.["lastHandledReconcileAt"] === at);
    await cluster.untilFluxIsReady();
    expect(Object.keys((await rehearsal.environment.up()).changes)).to.deep.equal(["same"]);
    expect((await cluster.get(deployment)).spec?.["replicas"]).to.equal(3);
    const scaled = await cluster.get(`${scaledObjects("demo")}/podinfo-frontend`);
    expect((scaled.metadata as unknown as { finalizers: string[] }).finalizers).to.deep.equal([keda.finalizer]);
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
    await addTeam(cluster);
    // As KEDA leaves one: from then on nobody but its operator ends it.
    const { status } = await cluster.api.call("POST", scaledObjects(team), {
      apiVersion: "keda.sh/v1alpha1",
      kind: "ScaledObject",
      metadata: { name: "shop", finalizers: [keda.finalizer] },
      spec: { scaleTargetRef: { name: "shop" }, triggers: [{ type: "cron", metadata: {} }] },
    });
    expect(status).to.equal(201);
    atFirst = await cluster.everything();
    start = auditedSoFar(auditLog);
    const repository = flux.gitRepository("environment");
    const { metadata } = await cluster.get(repository);
    const finalizers = (metadata as unknown as { finalizers: string[] }).finalizers;
    await cluster.patch(repository, { metadata: { finalizers: [...finalizers, "example.com/stuck"] } });
    stuck = true;
    const message = await failure(rehearsal.environment.destroy({ continueOnError: true }));
    stuck = false;
    expect(message).to.include("environment-repository").and.to.include("example.com/stuck");
    await cluster.patch(repository, { metadata: { finalizers: ["example.com/stuck"] } });
    await cluster.patch(repository, { metadata: { finalizers: [] } });
  });

  it("keeps what others made of it, and every definition, when it is destroyed (reliability 12)", async () => {
    const theirs = (listing: Listing) =>
      [...versions(listing)].filter(([key]) => key.includes(` ${team}/`) || key.endsWith(` ${team}`)).sort();
    const made = [...atFirst.keys()].filter((key) => isDefinition(key) && !original.has(key));
    await rehearsal.environment.destroy();
    // The demo's went while KEDA was there to end it, and the team's, which it did not, held nothing up.
    expect(await stopOperators()).to.deep.equal(["scaledobjects/podinfo-frontend"]);
    stopOperators = playOperators(cluster);
    expect(await since((key) => isDefinition(key) || key.includes(team))).to.deep.equal({ left: [], lost: [] });
    const after = await cluster.everything();
    expect([...after.keys()].filter((key) => isDefinition(key) && !original.has(key))).to.have.members(made);
    expect(theirs(after)).to.deep.equal(theirs(atFirst));
    expect(theirs(after).length).to.be.greaterThan(2);
    const written = writesIn(auditLog, start);
    expect(written.length).to.be.greaterThan(50);
    expect(written.filter(({ namespace, object }) => namespace === team || object.endsWith(` ${team}`))).to.deep.equal(
      [],
    );
    const definitions = await definitionsKept();
    expect(definitions.map(({ name }) => `CustomResourceDefinition.apiextensions.k8s.io ${name}`)).to.have.members(
      made,
    );
    expect(definitions.filter(({ objects }) => objects > 0)).to.have.deep.members([
      { name: "certificates.cert-manager.io", objects: 1 },
      { name: "scaledobjects.keda.sh", objects: 1 },
      { name: "servicemonitors.monitoring.coreos.com", objects: 1 },
    ]);
  });

  it("is made once more with the definitions that were kept, the other store of metrics and the other autoscaler, and destroyed again", async () => {
    await rehearsal.set({ autoscaler: "prometheusAdapter", metrics: "victoriaMetrics" });
    await rehearsal.environment.up();
    await cluster.untilFluxIsReady();
    expect(Object.keys((await rehearsal.environment.up()).changes)).to.deep.equal(["same"]);
    const made = [...(await cluster.everything()).keys()];
    expect(made).to.include("HorizontalPodAutoscaler.autoscaling demo/podinfo-frontend");
    expect(made).to.include("APIService.apiregistration.k8s.io v1beta1.custom.metrics.k8s.io");
    await rehearsal.environment.destroy();
    // Their operator was there to end them.
    expect(await stopOperators()).to.have.members(["vmsingles/metrics", "vmagents/metrics", "vmalerts/metrics"]);
    expect(await since((key) => isDefinition(key) || key.includes(team))).to.deep.equal({ left: [], lost: [] });
  });

  it("leaves definitions that can be taken away, with what nobody else ends any more (docs/autoscaling.md)", async () => {
    await cluster.patch(`${scaledObjects(team)}/shop`, { metadata: { finalizers: null } });
    const { status } = await cluster.api.call("DELETE", `/api/v1/namespaces/${team}`);
    expect(status).to.equal(200);
    const kedas = (key: string) => key.endsWith(".keda.sh");
    await undefine(cluster, (await definitionsKept()).map(({ name }) => name).filter(kedas));
    expect(await since((key) => isDefinition(key) && !kedas(key))).to.deep.equal({ left: [], lost: [] });
    rmSync(rehearsal.kubeconfigPath);
    expect(await leftovers(rehearsal)).to.deep.equal([]);
  });
});
