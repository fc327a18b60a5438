/** The stand-in providers and the engine wrapper, on the real engine. What these promise, every other engine test relies on. */
import { after, before, beforeEach, describe, it } from "mocha";
import { expect } from "chai";
import * as command from "@pulumi/command";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import { openEnvironment, type EngineEvent, type Environment } from "../../rehearsal/engine.ts";
import {
  InitializationFailed,
  startStandIns,
  type CallHook,
  type RecordedCall,
  type StandIns,
} from "../../rehearsal/providers/index.ts";
import { obtain } from "../../toolchain/obtain.ts";
import { failure } from "../support/failure.ts";

const planted = "planted-7b1c6e";

describe("stand-in providers on the real engine", function () {
  let cli: string;
  let standIns: StandIns;
  let environment: Environment;
  let hook: CallHook = () => undefined;
  let onEvent: (event: EngineEvent) => void = () => undefined;
  let shown = "";

  before(async function () {
    this.timeout(20 * 60_000); // The first time the CLI may have to be built.
    cli = (await obtain(["pulumi"])).pulumi;
    standIns = await startStandIns({ kubernetes: "memory", onCall: (call) => hook(call) });
    environment = await open("lifecycle", () => program({}));
  });

  after(async () => {
    await environment.close();
    await standIns.close();
  });

  beforeEach(() => {
    hook = () => undefined;
    onEvent = () => undefined;
  });

  function open(stack: string, program: () => Promise<Record<string, unknown>>): Promise<Environment> {
    return openEnvironment({
      stack,
      pulumi: cli,
      env: standIns.env,
      config: { "observability:token": { secret: planted } },
      program,
      parallel: 16,
      onEvent: (event) => {
        onEvent(event);
      },
      onOutput: (text) => (shown += text),
    });
  }

  /** A small environment of the project's kind. */
  function program(settings: { generation?: string; retention?: string; withoutPrometheus?: boolean }) {
    const token = new pulumi.Config("observability").requireSecret("token");
    const cluster = new command.local.Command(
      "cluster",
      { create: "echo kubeconfig-of-$NAME", delete: "true", environment: { NAME: "dev" }, logging: "none" },
      { additionalSecretOutputs: ["stdout"] },
    );
    const provider = new k8s.Provider("cluster", {
      kubeconfig: cluster.stdout,
      context: "kind-dev",
      clusterIdentifier: "dev",
      enableSecretMutable: true,
      upsertExistingObjects: true,
    });
    const opts = { provider, deletedWith: cluster };
    const namespace = new k8s.core.v1.Namespace("monitoring", { metadata: { name: "monitoring" } }, opts);
    const key = new tls.PrivateKey(`key-${settings.generation ?? "1"}`, { algorithm: "ED25519" });
    const password = new random.RandomPassword("password", { length: 24 });
    new k8s.core.v1.Secret(
      "git",
      {
        metadata: { name: "git", namespace: namespace.metadata.name },
        stringData: { identity: key.privateKeyOpenssh, password: password.result, token },
      },
      opts,
    );
    const release = (name: string, dependsOn: pulumi.Resource[], values: Record<string, string> = {}) =>
      new k8s.apiextensions.CustomResource(
        name,
        {
          apiVersion: "helm.toolkit.fluxcd.io/v2",
          kind: "HelmRelease",
          metadata: { name, namespace: namespace.metadata.name },
          spec: { interval: "1m", values },
        },
        { ...opts, dependsOn },
      );
    const certManager = release("cert-manager", []);
    if (settings.withoutPrometheus !== true) release("prometheus", [], { retention: settings.retention ?? "2d" });
    release("operator", [certManager]);
    return Promise.resolve({ password: password.result, publicKey: key.publicKeyOpenssh });
  }

  const callsTo = (method: string, since = 0): RecordedCall[] =>
    standIns.calls.slice(since).filter((call) => call.method === method && !call.preview);
  const called = (method: string, name: string, since = 0): RecordedCall =>
    callsTo(method, since).find((call) => call.name === name) ?? expect.fail(`no ${method} of ${name}`);
  const end = (call: RecordedCall): number => call.end ?? expect.fail(`${call.name} has not ended`);

  /** Names in the state, each with what a clean run would also have. */
  async function summary(state: "settled" | "with pending" = "settled"): Promise<string[]> {
    const { resources = [], pending_operations: pending = [] } = await environment.exportDeployment();
    if (state === "settled") expect(pending).to.deep.equal([]);
    return resources
      .map(({ urn, delete: leaving }) => `${urn.split("::").slice(2).join("::")}${leaving ? " (old)" : ""}`)
      .sort();
  }

  it("previews everything from nothing, with a kubeconfig that is not known yet", async () => {
    const { changes, output } = await environment.preview();
    expect(changes).to.deep.equal({ create: 10 });
    expect(output).to.contain("stand-in for the command provider 1.2.1: not the released plugin");
    expect(output).not.to.match(/warning/i);
    expect(callsTo("create")).to.deep.equal([]);
  });

  it("creates in the order of dependencies, and what is independent at the same time", async () => {
    hook = async (call) => {
      if (call.method === "create" && call.type.endsWith(":HelmRelease"))
        await new Promise((done) => setTimeout(done, 600));
    };
    expect((await environment.up()).changes).to.deep.equal({ create: 10 });
    const [cluster, namespace, git, certManager, prometheus, operator] = [
      "cluster",
      "monitoring",
      "git",
      "cert-manager",
      "prometheus",
      "operator",
    ].map((name) => called("create", name)) as [
      RecordedCall,
      RecordedCall,
      RecordedCall,
      RecordedCall,
      RecordedCall,
      RecordedCall,
    ];
    expect(namespace.start).to.be.greaterThan(end(cluster));
    expect(git.start).to.be.greaterThan(end(namespace));
    expect(operator.start).to.be.greaterThan(end(certManager));
    expect(prometheus.start).to.be.lessThan(end(certManager));
    expect(certManager.start).to.be.lessThan(end(prometheus));
  });

  it("changes nothing in a second run, nor in a refresh", async () => {
    const since = standIns.calls.length;
    expect((await environment.up()).changes).to.deep.equal({ same: 10 });
    expect((await environment.refresh()).changes).to.deep.equal({ same: 10 });
    for (const method of ["create", "update", "delete"]) expect(callsTo(method, since)).to.deep.equal([]);
  });

  it("keeps secrets out of the state file and of everything that is printed", async () => {
    const outputs = await environment.outputs();
    expect(outputs["password"]).to.include({ secret: true });
    const secret = standIns.cluster.find({ apiVersion: "v1", kind: "Secret", namespace: "monitoring", name: "git" });
    const { token = "", identity = "", password = "" } = secret?.["data"] as unknown as Record<string, string>;
    const plain = (text: string): string => Buffer.from(text, "base64").toString();
    // They did arrive in the cluster.
    expect(plain(token)).to.equal(planted);
    expect(plain(identity)).to.match(/^-----BEGIN OPENSSH PRIVATE KEY-----\n/);
    const state = await environment.stateText();
    const needles = [planted, plain(password), token, password, identity, "PRIVATE KEY", "kubeconfig-of-dev"];
    for (const needle of needles) {
      expect(state.includes(needle), "in the state").to.equal(false);
      expect(shown.includes(needle), "in the output").to.equal(false);
    }
    expect(state.includes("ciphertext")).to.equal(true);
  });

  it("updates only what a changed setting touches", async () => {
    environment.use(() => program({ retention: "7d" }));
    const { changes } = await environment.up();
    expect(changes).to.deep.equal({ same: 9, update: 1 });
    environment.use(() => program({}));
    await environment.up();
  });

  it("brings a rotated key in before the old one goes", async () => {
    const since = standIns.calls.length;
    environment.use(() => program({ generation: "2" }));
    expect((await environment.up()).changes).to.deep.equal({ same: 8, create: 1, update: 1, delete: 1 });
    expect(called("delete", "key-1", since).start).to.be.greaterThan(end(called("update", "git", since)));
    expect(called("update", "git", since).start).to.be.greaterThan(end(called("create", "key-2", since)));
  });

  it("puts back in a run what was changed or removed by hand, after a refresh", async () => {
    const release = { apiVersion: "helm.toolkit.fluxcd.io/v2", kind: "HelmRelease", namespace: "monitoring" };
    const prometheus = standIns.cluster.find({ ...release, name: "prometheus" }) ?? expect.fail("no prometheus");
    standIns.cluster.put({ ...prometheus, spec: { interval: "1m", values: { retention: "1h" } } });
    standIns.cluster.remove({ ...release, name: "operator" });
    expect((await environment.refresh()).changes).to.deep.equal({ same: 8, update: 1, delete: 1 });
    expect((await environment.up()).changes).to.deep.equal({ same: 8, update: 1, create: 1 });
    const restored = standIns.cluster.find({ ...release, name: "prometheus" });
    expect(restored).to.nested.include({ "spec.values.retention": "2d" });
  });

  it("lets the siblings of a failed release finish, and heals in the next run", async () => {
    environment.use(() => program({ generation: "2", withoutPrometheus: true }));
    await environment.up();
    environment.use(() => program({ generation: "2", retention: "9d" }));
    const release = { apiVersion: "helm.toolkit.fluxcd.io/v2", kind: "HelmRelease", namespace: "monitoring" };
    standIns.cluster.remove({ ...release, name: "cert-manager" });
    await environment.refresh();
    // Once something has failed the engine begins nothing more.
    const begun = Promise.withResolvers<undefined>();
    hook = async (call) => {
      if (call.method !== "create" || call.preview) return;
      if (call.name === "cert-manager") begun.resolve(undefined);
      if (call.name !== "prometheus") return;
      await begun.promise;
      throw new Error("chart not found: injected");
    };
    const message = await failure(environment.up());
    expect(message).to.contain("chart not found: injected");
    expect(standIns.cluster.find({ ...release, name: "cert-manager" })).not.to.equal(undefined);
    expect(standIns.cluster.find({ ...release, name: "prometheus" })).to.equal(undefined);
    hook = () => undefined;
    expect((await environment.up()).changes).to.deep.equal({ same: 9, create: 1 });
  });

  it("records an object that was made but is not ready, with the reasons, and waits again in the next run", async () => {
    environment.use(() => program({ generation: "2", retention: "10d" }));
    hook = (call) => {
      if (call.method === "update" && call.name === "prometheus" && !call.preview) {
        throw new InitializationFailed("timed out waiting for the condition", "Ready=False: pods crash");
      }
    };
    const message = await failure(environment.up());
    expect(message).to.contain("Ready=False: pods crash");
    const state = await environment.exportDeployment();
    const prometheus = state.resources?.find(({ urn }) => urn.endsWith("::prometheus"));
    expect(prometheus?.initErrors?.join()).to.contain("timed out waiting for the condition");
    // The engine keeps the old inputs beside the new object, so that the next run sees the difference again.
    expect(prometheus?.inputs).to.nested.include({ "spec.values.retention": "9d" });
    expect(prometheus?.outputs).to.nested.include({ "spec.values.retention": "10d" });
    hook = () => undefined;
    expect((await environment.up()).changes).to.deep.equal({ same: 9, update: 1 });
    expect((await environment.up()).changes).to.deep.equal({ same: 10 });
  });

  it("ends after a kill, a recovery and a run where a clean run ends", async () => {
    const clean = await summary();
    standIns.cluster.clear();
    await environment.destroy();
    let resources = 0;
    hook = (call) => {
      // While two objects are being made: the worst moment.
      if (call.method === "create" && call.name === "git" && !call.preview) environment.kill();
    };
    onEvent = (event) => {
      if (event.resOutputsEvent !== undefined) resources++;
    };
    await failure(environment.up());
    expect(resources).to.be.greaterThan(0);
    const { pending_operations: pending = [] } = await environment.exportDeployment();
    expect(pending.map(({ type }) => type)).to.include("creating");
    hook = () => undefined;
    // The kill may have cut off what the engine was writing, too (toolchain/state.ts).
    expect(await failure(environment.up())).to.match(/the stack is currently locked|failed to load checkpoint: EOF/);

    // What was being made when the engine died is there, and nobody recorded it: the next run adopts it.
    const git = { apiVersion: "v1", kind: "Secret", namespace: "monitoring", name: "git" };
    expect(standIns.cluster.find(git)).not.to.equal(undefined);
    expect((await summary("with pending")).join()).not.to.contain("Secret::git");
    await environment.recover();
    await environment.up();
    expect(await summary()).to.deep.equal(clean);
    expect((await environment.up()).changes).to.deep.equal({ same: 10 });
  });

  it("destroys in reverse order and calls no cluster for what goes with it", async () => {
    const since = standIns.calls.length;
    expect((await environment.destroy()).changes).to.deep.equal({ delete: 10 });
    const deleted = callsTo("delete", since);
    expect(deleted.map(({ name }) => name).sort()).to.deep.equal(["cluster", "key-2", "password"]);
    expect((await environment.exportDeployment()).resources ?? []).to.deep.equal([]);
  });
});
