/**
 * The whole environment on the real Pulumi engine, from nothing to nothing. The steps build on each other: together they
 * are one life of a stack.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "chai";
import { chartNamed } from "../../components/catalogue.ts";
import { OperationFailed, type StateResource } from "../../rehearsal/engine.ts";
import { bare } from "../support/bare.ts";
import { failure } from "../support/failure.ts";
import { openStack, planted, type TestStack } from "../support/stack.ts";

const release = "kubernetes:helm.toolkit.fluxcd.io/v2:HelmRelease";
const nameOf = (urn: string) => urn.slice(urn.lastIndexOf("::") + 2);

describe("an environment on the real engine", function () {
  let stack: TestStack;

  before(async () => {
    stack = await openStack();
    await stack.environment.configure({ "observability:telegramToken": { secret: planted.telegramToken } });
  });
  after(async () => {
    await stack.close();
  });

  const resources = async (): Promise<readonly StateResource[]> =>
    (await stack.environment.exportDeployment()).resources ?? [];
  /** Calls since the last time this was asked, without previews. */
  let seen = 0;
  const callsSince = () => {
    const calls = stack.providers.calls.slice(seen).filter((call) => !call.preview);
    seen = stack.providers.calls.length;
    return calls;
  };
  /** Of the environment as it was made first. */
  let outputs: Awaited<ReturnType<typeof stack.environment.outputs>>;
  const created = () => callsSince().filter((call) => call.method === "create");

  it("previews from nothing, and touches nothing (reliability 1)", async () => {
    const { changes } = await stack.environment.preview();
    expect(Object.keys(changes)).to.deep.equal(["create"]);
    expect(changes["create"]).to.be.greaterThan(60);
    expect(created()).to.deep.equal([]);
    // Preflight only looks.
    expect(stack.host.world.events().filter((event) => !/^docker (ps|info) /.test(event))).to.deep.equal([]);
    expect(stack.github.requests.filter((request) => request.method !== "GET")).to.deep.equal([]);
  });

  it("is made in order of real need, and independent releases at the same time", async () => {
    // Each of these releases waits for all of them to have begun: were one behind another, none would end.
    const together = ["loki", "jaeger", "fluent-bit", "cert-manager", "kube-prometheus-stack"];
    const begun = new Set<string>();
    let allBegun: () => void;
    const gathered = new Promise<void>((resolve) => (allBegun = resolve));
    stack.onCall = async (call) => {
      if (call.preview || call.method !== "create") return;
      // The last of all that does not wait for it, so that no order comes by chance.
      if (call.name === "deploy-key-github-1") await gathered;
      const name = call.name.replace(/-release$/, "");
      if (call.type !== release || !together.includes(name)) return;
      begun.add(name);
      if (begun.size === together.length) allBegun();
      await gathered;
    };
    await stack.environment.up();
    stack.onCall = null;
    const calls = created();
    const of = (name: string) => {
      const call = calls.find((one) => one.name === name || one.name.replace(/-[0-9a-f]{8}$/, "") === name);
      if (call?.end === undefined) throw new Error(`${name} was not created`);
      return { start: call.start, end: call.end };
    };
    const before = (first: string, second: string) => {
      expect(of(first).end, `${first} before ${second}`).to.be.at.most(of(second).start);
    };
    before("cluster-kind", "flux-namespace-flux-system");
    before("prometheus-operator-crds-release", "loki-release");
    before("cert-manager-release", "opentelemetry-operator-release");
    before("opentelemetry-operator-release", "collector");
    before("grafana-admin-8c6976e5-1", "kube-prometheus-stack-release");
    before("deploy-key-github-1", "environment-secret");
    before("environment-secret", "environment-repository");
    before("opentelemetry-operator-release", "environment-kustomization-demo");
    // Charts are fetched before any release is Ready.
    before("chart-loki", "prometheus-operator-crds-release");
  });

  it("has outputs that keep their contract", async () => {
    const schema = JSON.parse(
      readFileSync(new URL("../../schemas/outputs.schema.json", import.meta.url), "utf8"),
    ) as object;
    outputs = await stack.environment.outputs();
    const plain = Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value as unknown]));
    const validate = new Ajv2020().compile(schema);
    validate(plain);
    expect(validate.errors ?? []).to.deep.equal([]);
    const secrets = Object.keys(outputs).filter((name) => outputs[name]?.secret);
    expect(secrets).to.have.members(["kubeconfig", "grafanaPassword"]);
  });

  it("changes nothing the second time, nor at refresh (reliability 1)", async () => {
    callsSince();
    expect(Object.keys((await stack.environment.up()).changes)).to.deep.equal(["same"]);
    expect(Object.keys((await stack.environment.refresh()).changes)).to.deep.equal(["same"]);
    expect(callsSince().filter((call) => ["create", "update", "delete"].includes(call.method))).to.deep.equal([]);
  });

  it("hands deletedWith to everything in the cluster, and not to the deploy key", async () => {
    const all = await resources();
    const inCluster = all.filter((resource) => resource.type.startsWith("kubernetes:"));
    expect(inCluster.length).to.be.greaterThan(50);
    for (const resource of inCluster) {
      expect(nameOf(resource.deletedWith ?? ""), resource.urn).to.equal("cluster-kind");
    }
    for (const resource of all.filter(({ type }) => /^(github|tls):/.test(type))) {
      expect(resource, resource.urn).to.not.have.property("deletedWith");
    }
  });

  it("registers the deploy key read-only, titled with project and stack (security 3)", () => {
    const keys = stack.keys();
    expect(keys).to.have.length(1);
    expect(keys[0]?.title).to.include("observability/dev");
    expect(keys[0]?.readOnly).to.equal(true);
  });

  it("keeps secrets out of the state file and of everything printed (security 1)", async () => {
    const hidden = {
      ...planted,
      password: String(outputs["grafanaPassword"]?.value),
      clusterKey: stack.host.api.clientKey,
    };
    const state = await stack.environment.stateText();
    expect(state).to.not.include("PRIVATE KEY");
    for (const [what, value] of Object.entries(hidden)) {
      expect(value, what).to.have.length.greaterThan(10);
      expect(state.includes(value), `${what} in the state`).to.equal(false);
      expect(stack.printed().includes(value), `${what} in the output`).to.equal(false);
      expect(state.includes(Buffer.from(value).toString("base64")), `${what} in the state, base64`).to.equal(false);
    }
  });

  it("takes away the components that are switched off, and nothing of the others", async () => {
    callsSince();
    // What follows is about these.
    const { logs, traces, dashboards, ...off } = bare;
    expect([logs, traces, dashboards]).to.deep.equal(["none", "none", "none"]);
    await stack.set(off);
    const asked = stack.github.requests.length;
    await stack.environment.up();
    expect(stack.github.requests.length, "preflight looks at what has changed").to.equal(asked);
    const calls = callsSince();
    expect(calls.filter(({ method }) => method === "create")).to.deep.equal([]);
    const deleted = calls.filter(({ method }) => method === "delete").map(({ name }) => name);
    expect(deleted).to.include.members(["fluent-bit-release", "cert-manager-release", "collector"]);
    for (const kept of [
      /^loki-release$/,
      /^jaeger-release$/,
      /^kube-prometheus-stack-release$/,
      /^grafana-/,
      /^deploy-key/,
    ])
      expect(deleted.filter((name) => kept.test(name))).to.deep.equal([]);
  });

  it("refuses another size for volumes that are there, in the preview too, until their StatefulSet is taken away", async () => {
    callsSince();
    const written = () =>
      callsSince()
        .filter(({ method }) => ["create", "update", "delete"].includes(method))
        .map(({ method, name }) => `${method} ${name}`);
    stack.host.world.plan = { api: { statefulSets: ["monitoring/loki"] } };
    await stack.set({ loki: { storage: { size: "7Gi" } } });
    for (const operation of ["preview", "up"] as const) {
      const printed = stack.printed().length;
      const said = `${await failure(stack.environment[operation]())}\n${stack.printed().slice(printed)}`;
      expect(said).to.include("loki.storage.size: is 7Gi, but the volumes were made with 5Gi");
      expect(said).to.include("--cascade=orphan");
    }
    expect(written()).to.deep.equal([]);
    stack.host.world.plan = {};
    const { changes } = await stack.environment.up();
    // One release for a changed setting, and nothing else.
    expect(changes).to.include({ update: 1 }).and.to.not.have.any.keys("create", "delete", "replace");
    expect(written()).to.deep.equal(["update loki-release"]);
  });

  /** Of one up with a new version of a chart, another deploy key, and another password and user of Grafana. */
  let changed: ReturnType<typeof callsSince>;
  const find = (method: string, name: string) => {
    const call = changed.find((one) => one.method === method && one.name.startsWith(name));
    if (call?.end === undefined) throw new Error(`no ${method} of ${name}`);
    return { start: call.start, end: call.end };
  };

  it("changes a release for a new version of its chart: Flux deploys that, and the old source goes last", async () => {
    const pin = chartNamed("loki") as { version: string };
    const before = pin.version;
    await stack.set({ deployKey: { rotation: 2 }, grafana: { passwordRotation: 2, adminUser: "olena" } });
    callsSince();
    let deployed: () => void;
    const loki = new Promise<void>((resolve) => (deployed = resolve));
    stack.onCall = async ({ method, name, preview }) => {
      if (preview) return;
      if (method === "update" && name === "loki-release") deployed();
      // As above: what does not wait for the registration has begun by then.
      if (method === "create" && name === "deploy-key-github-2") await loki;
    };
    try {
      pin.version = "99.0.0";
      await stack.environment.up();
    } finally {
      pin.version = before;
      stack.onCall = null;
    }
    changed = callsSince().filter(({ method }) => ["create", "update", "delete"].includes(method));
    const ours = changed.filter(
      ({ name }) => !/^(deploy-key|environment-|grafana-|kube-prometheus-stack-release$)/.test(name),
    );
    expect(ours.map(({ method, name }) => `${method} ${name.replace(/-[0-9a-f]{8}$/, "")}`)).to.deep.equal([
      "create chart-loki",
      "update loki-release",
      "delete chart-loki",
    ]);
  });

  it("rotates the deploy key: the new one works everywhere before the old one goes (reliability 9)", () => {
    const registered = find("create", "deploy-key-github-2");
    const inCluster = find("create", "environment-secret-");
    // Its end means that Flux has fetched with the new key.
    const fetched = find("update", "environment-repository");
    expect(registered.end).to.be.at.most(inCluster.start);
    expect(inCluster.end).to.be.at.most(fetched.start);
    for (const name of ["deploy-key-github-1", "environment-secret-"]) {
      expect(fetched.end, name).to.be.at.most(find("delete", name).start);
    }
    expect(stack.keys().map((key) => key.title)).to.deep.equal(["flux observability/dev #2"]);
  });

  it("rotates Grafana's password with a new Secret, so that Grafana restarts with it (security 4)", async () => {
    const rotated = await stack.environment.outputs();
    expect(rotated["grafanaPassword"]?.value).to.not.equal(outputs["grafanaPassword"]?.value);
    // Another user likewise: the output never names somebody whom Grafana does not know.
    expect(rotated["grafanaUser"]?.value).to.equal("olena");
    for (const [method, name] of [
      ["create", "grafana-admin-c608d1c4-2"],
      ["update", "kube-prometheus-stack-release"],
      ["delete", "grafana-admin-8c6976e5-1"],
    ] as const)
      find(method, name);
  });

  it("finishes the siblings of a release that fails, and heals when run again (reliability 7)", async () => {
    await stack.set({ loki: { retention: "72h" }, jaeger: { maxTraces: 500 } });
    // Once something has failed the engine begins nothing more.
    const begun = Promise.withResolvers<undefined>();
    stack.onCall = async (call) => {
      if (call.method !== "update" || call.preview) return;
      if (call.name === "jaeger-release") begun.resolve(undefined);
      if (call.name !== "loki-release") return;
      await begun.promise;
      throw new Error("injected failure");
    };
    const failure = await stack.environment.up().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(OperationFailed);
    expect((failure as OperationFailed).output).to.include("injected failure");
    expect(callsSince().some((call) => call.name === "jaeger-release" && call.method === "update")).to.equal(true);
    stack.onCall = null;
    await stack.environment.up();
    expect(
      callsSince()
        .filter((call) => call.method === "update")
        .map((call) => call.name),
    ).to.deep.equal(["loki-release"]);
  });

  it("replaces the cluster for a changed port, says so in preview, and deletes before it creates (reliability 6)", async () => {
    const { ports } = stack.settings.cluster.kind;
    await stack.set({ cluster: { kind: { ...stack.settings.cluster.kind, ports: { ...ports, traces: null } } } });
    const preview = await stack.environment.preview();
    expect(preview.changes["replace"]).to.be.greaterThan(0);
    expect(preview.output).to.match(/local:Command.*cluster-kind.*replace/);
    callsSince();
    const made = stack.host.world.events().length;
    await stack.environment.up();
    const deleted = callsSince().filter((call) => call.method === "delete");
    expect(deleted.map((call) => call.name)).to.deep.equal(["cluster-kind"]);
    const events = stack.host.world.events().slice(made);
    expect(events.filter((event) => /^(create|delete) /.test(event)).map((event) => event.split(" ")[0])).to.deep.equal(
      ["delete", "create"],
    );
    expect(stack.host.world.clusters()).to.deep.equal(["dev"]);
  });

  it("recovers from a killed engine: recover, up, and the state is that of a clean run (reliability 3)", async () => {
    const names = async () => (await resources()).map((resource) => resource.urn).sort();
    const clean = await names();
    await stack.set({ loki: { retention: "96h" }, jaeger: { maxTraces: 600 }, deployKey: { rotation: 3 } });
    stack.checkpoints = true;
    // The key is at GitHub and not in the state, and a release is half updated.
    const moments = ["create deploy-key-github-3", "update jaeger-release"];
    const begun = new Set<string>();
    let allBegun: () => void;
    const gathered = new Promise<void>((resolve) => (allBegun = resolve));
    stack.onCall = async (call) => {
      const moment = `${call.method} ${call.name}`;
      if (call.preview || !moments.includes(moment)) return;
      begun.add(moment);
      if (begun.size === moments.length) {
        stack.environment.kill();
        allBegun();
      }
      await gathered;
    };
    const killed = await stack.environment.up().then(
      () => "it survived",
      () => "killed",
    );
    expect(killed).to.equal("killed");
    stack.onCall = null;
    // The worst moment of a kill, which chance seldom meets: the storage library had just emptied this file.
    const attributes = join(stack.environment.workDir, "backend/.pulumi/stacks/observability/dev.json.attrs");
    expect(existsSync(attributes)).to.equal(true);
    writeFileSync(attributes, "");
    expect(await failure(stack.environment.up())).to.include("failed to load checkpoint: EOF");
    const { pending_operations: pending = [] } = await stack.environment.exportDeployment();
    expect(pending.map(({ type, resource }) => `${type} ${nameOf(resource.urn)}`)).to.include.members([
      "creating deploy-key-github-3",
      "updating jaeger-release",
    ]);
    await stack.environment.recover();
    expect(await stack.environment.exportDeployment()).to.not.have.property("pending_operations");
    stack.checkpoints = false;
    expect(stack.keys()).to.have.length.greaterThan(0);
    await stack.environment.up();
    const renumbered = (urns: readonly string[]) =>
      urns
        .map((urn) => urn.replace(/(deploy-key(?:-github)?)-\d$/, "$1-3").replace(/-secret-\w{8}$/, "-secret"))
        .sort();
    expect(renumbered(await names())).to.deep.equal(renumbered(clean));
    expect(Object.keys((await stack.environment.up()).changes)).to.deep.equal(["same"]);
    expect(stack.keys().map((key) => key.title)).to.deep.equal(["flux observability/dev #3"]);
  });

  it("is destroyed with its cluster: nothing in it is asked, the key goes, nothing is left (reliability 2, 8)", async () => {
    callsSince();
    await stack.environment.destroy();
    const deleted = callsSince().filter((call) => call.method === "delete");
    expect(deleted.filter((call) => call.type.startsWith("kubernetes:"))).to.deep.equal([]);
    expect(deleted.map((call) => call.name)).to.include.members(["cluster-kind", "deploy-key-github-3"]);
    expect(stack.keys()).to.deep.equal([]);
    expect(stack.host.leftovers()).to.deep.equal([]);
    expect(stack.host.decoyIsUntouched()).to.equal(true);
    const left = (await resources()).filter((resource) => resource.type !== "pulumi:pulumi:Stack");
    expect(left.map((resource) => resource.urn)).to.deep.equal([]);
  });
});
