/** The stand-in Kubernetes provider against a real API server: what the released provider does, this one does. */
import { createServer } from "node:http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import { expect } from "chai";
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { connect, type Api } from "../../rehearsal/control-plane/api.ts";
import { obtainBinaries } from "../../rehearsal/control-plane/binaries.ts";
import { startControlPlane, type ControlPlane } from "../../rehearsal/control-plane/control-plane.ts";
import { openEnvironment, type Environment } from "../../rehearsal/engine.ts";
import { startStandIns, type StandIns } from "../../rehearsal/providers/index.ts";
import { obtain } from "../../toolchain/obtain.ts";
import { failure } from "../support/failure.ts";
import { until } from "../support/until.ts";

type Program = (provider: k8s.Provider) => void;

interface LiveObject {
  readonly metadata: {
    readonly uid: string;
    readonly labels?: Record<string, string>;
    readonly managedFields?: readonly { readonly manager: string; readonly operation: string }[];
  };
  readonly data?: Record<string, string>;
  readonly spec?: Record<string, unknown>;
}

describe("the stand-in Kubernetes provider on a real API server", function () {
  let folder: string;
  let plane: ControlPlane;
  let api: Api;
  let standIns: StandIns;
  let environment: Environment;
  let program: Program;
  let providerArgs: k8s.ProviderArgs;
  const engineEnvironment: NodeJS.ProcessEnv = { ...process.env };

  before(async function () {
    this.timeout(20 * 60_000); // The first time its programs may have to be built.
    folder = await mkdtemp(join(tmpdir(), "kubernetes-stand-in-"));
    plane = await startControlPlane({ name: "stand-in", dir: join(folder, "plane"), binaries: await obtainBinaries() });
    api = connect(plane.kubeconfig);
    standIns = await startStandIns({ kubernetes: "api", environment: engineEnvironment });
    const { pulumi } = await obtain(["pulumi"]);
    environment = await openEnvironment({
      stack: "api",
      pulumi,
      env: standIns.env,
      workDir: join(folder, "pulumi"),
      program: () => {
        // An argument of the plugin that the SDK does not know, as the environment gives it.
        const strict: pulumi.ResourceTransformation = ({ props, opts }) => ({
          props: { ...props, strictMode: "true" },
          opts,
        });
        program(new k8s.Provider("cluster", providerArgs, { transformations: [strict] }));
        return Promise.resolve({});
      },
    });
    resetProvider();
  });

  after(async function () {
    await environment.close();
    await standIns.close();
    api.close();
    await plane.stop();
    await rm(folder, { recursive: true, force: true });
  });

  afterEach(async () => {
    resetProvider();
    program = () => undefined;
    await environment.up();
  });

  function resetProvider(): void {
    providerArgs = {
      kubeconfig: plane.kubeconfig,
      context: "kind-stand-in",
      clusterIdentifier: "stand-in",
      enableSecretMutable: true,
    };
  }

  async function live(path: string): Promise<LiveObject | undefined> {
    return (await api.get(path)) as LiveObject | undefined;
  }

  const configMap =
    (
      data: Record<string, string>,
      labels: Record<string, string> = {},
      annotations: Record<string, string> = {},
    ): Program =>
    (provider) => {
      new k8s.core.v1.ConfigMap(
        "settings",
        { metadata: { name: "settings", namespace: "default", labels, annotations }, data },
        { provider },
      );
    };
  const configMapPath = "/api/v1/namespaces/default/configmaps/settings";

  it("makes the usual kinds, waits for them, and finds nothing to change afterwards", async () => {
    program = (provider) => {
      const opts = { provider };
      const namespace = new k8s.core.v1.Namespace("apps", { metadata: { name: "apps" } }, opts);
      const inNamespace = (name: string): k8s.types.input.meta.v1.ObjectMeta => ({
        name,
        namespace: namespace.metadata.name,
      });
      const pod = (image: string): k8s.types.input.core.v1.PodTemplateSpec => ({
        metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "web", image, resources: { requests: { cpu: "1000m", memory: "1024Mi" } } }] },
      });
      const selector = { matchLabels: { app: "web" } };
      const deployment = new k8s.apps.v1.Deployment(
        "web",
        { metadata: inNamespace("web"), spec: { replicas: 2, selector, template: pod("web:1") } },
        opts,
      );
      new k8s.core.v1.Service(
        "web",
        { metadata: inNamespace("web"), spec: { selector: { app: "web" }, ports: [{ port: 80 }] } },
        { ...opts, dependsOn: deployment },
      );
      new k8s.batch.v1.Job(
        "once",
        {
          metadata: inNamespace("once"),
          spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "once", image: "once:1" }] } } },
        },
        opts,
      );
      new k8s.core.v1.Secret(
        "secret",
        { metadata: inNamespace("secret"), stringData: { password: "planted-password" } },
        opts,
      );
      new k8s.core.v1.ServiceAccount("account", { metadata: inNamespace("account") }, opts);
      new k8s.rbac.v1.ClusterRole(
        "reader",
        { metadata: { name: "reader" }, rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }] },
        opts,
      );
      // The definition and an object of it at once: the object's creation is retried until its kind is there.
      new k8s.apiextensions.v1.CustomResourceDefinition("widgets", widgetDefinition, opts);
      new k8s.apiextensions.CustomResource(
        "widget",
        { apiVersion: "example.com/v1", kind: "Widget", metadata: inNamespace("widget"), spec: { size: 1 } },
        opts,
      );
    };
    const first = await environment.up();
    expect(first.changes).to.deep.equal({ create: 11 });
    expect((await live("/apis/apps/v1/namespaces/apps/deployments/web"))?.spec).to.include({ replicas: 2 });
    expect(await live("/apis/example.com/v1/namespaces/apps/widgets/widget")).to.nested.include({ "spec.size": 1 });
    const state = await environment.stateText();
    expect(state).not.to.contain("planted-password");
    expect(state).not.to.contain(Buffer.from("planted-password").toString("base64"));

    // The server writes "1" for "1000m": a difference in the released provider, too, so it may show, but only there.
    const refreshed = await environment.refresh();
    const second = await environment.up();
    expect([refreshed.changes, second.changes]).to.deep.equal([{ same: 11 }, { same: 11 }]);
  });

  it("shows an object that was changed by hand, puts it back, and makes one anew that was removed", async () => {
    program = configMap({ colour: "blue" });
    await environment.up();
    const byHand = `${configMapPath}?fieldManager=kubectl-edit`;
    await api.call("PATCH", byHand, { data: { colour: "red" } }, "application/merge-patch+json");
    expect((await environment.refresh()).changes).to.include({ update: 1 });
    providerArgs = { ...providerArgs, enableConfigMapMutable: true };
    await environment.up();
    expect((await live(configMapPath))?.data).to.deep.equal({ colour: "blue" });

    await api.call("DELETE", configMapPath);
    expect((await environment.refresh()).changes).to.include({ delete: 1 });
    expect((await environment.up()).changes).to.include({ create: 1 });
    expect((await live(configMapPath))?.data).to.deep.equal({ colour: "blue" });
  });

  it("removes a field that is no longer declared, also the first time", async () => {
    providerArgs = { ...providerArgs, enableConfigMapMutable: true };
    program = configMap({ one: "1", two: "2" }, { tier: "demo" });
    await environment.up();
    const before = await live(configMapPath);
    program = configMap({ one: "1" });
    await environment.up();
    const after = await live(configMapPath);
    expect(after?.data).to.deep.equal({ one: "1" });
    expect(after?.metadata.labels).to.equal(undefined);
    expect(after?.metadata.uid).to.equal(before?.metadata.uid);
  });

  it("replaces what cannot be changed in place, the old object first", async () => {
    program = configMap({ one: "1" });
    await environment.up();
    const before = await live(configMapPath);
    program = configMap({ one: "2" });
    const { changes } = await environment.up();
    expect(changes).to.include({ replace: 1 });
    const after = await live(configMapPath);
    expect(after?.data).to.deep.equal({ one: "2" });
    expect(after?.metadata.uid).not.to.equal(before?.metadata.uid);
  });

  it("reports a field that somebody else owns by the owner's name, and takes it over when told to", async () => {
    providerArgs = { ...providerArgs, enableConfigMapMutable: true };
    program = configMap({ owner: "pulumi" });
    await environment.up();
    program = configMap({ owner: "pulumi", extra: "1" });
    await environment.up(); // From here on our field manager owns the fields.
    const theirs = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" }, data: { owner: "gitops" } };
    await api.call("PATCH", `${configMapPath}?fieldManager=gitops&force=true`, theirs, "application/apply-patch+yaml");

    program = configMap({ owner: "pulumi again", extra: "1" });
    const message = await failure(environment.up());
    expect(message).to.contain("server-side apply field conflict detected");
    expect(message).to.contain('conflict with "gitops"');
    expect((await live(configMapPath))?.data).to.deep.equal({ owner: "gitops", extra: "1" });

    program = configMap({ owner: "pulumi again", extra: "1" }, {}, { "pulumi.com/patchForce": "true" });
    await environment.up();
    expect((await live(configMapPath))?.data).to.deep.equal({ owner: "pulumi again", extra: "1" });
  });

  it("refuses to create what exists, and adopts it with upsertExistingObjects", async () => {
    const existing = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" }, data: { left: "over" } };
    await api.call("POST", "/api/v1/namespaces/default/configmaps", existing);
    program = configMap({ one: "1" });
    const message = await failure(environment.up());
    expect(message).to.contain('configmaps "settings" already exists');
    expect(message).to.contain("upsertExistingObjects");
    providerArgs = { ...providerArgs, upsertExistingObjects: true };
    expect((await environment.up()).changes).to.include({ create: 1 });
    expect((await live(configMapPath))?.data).to.deep.equal({ left: "over", one: "1" });
  });

  const widgetPath = "/apis/example.com/v1/namespaces/default/widgets/widget";
  const widget =
    (metadata: k8s.types.input.meta.v1.ObjectMeta, timeouts: { create?: string; delete?: string }): Program =>
    (provider) => {
      const definition = new k8s.apiextensions.v1.CustomResourceDefinition("widgets", widgetDefinition, { provider });
      new k8s.apiextensions.CustomResource(
        "widget",
        {
          apiVersion: "example.com/v1",
          kind: "Widget",
          metadata: { name: "widget", namespace: "default", ...metadata },
          spec: { size: 1 },
        },
        { provider, dependsOn: definition, customTimeouts: { update: "20s", ...timeouts } },
      );
    };

  it("keeps an object that did not become ready and waits for it again in the next run", async () => {
    program = widget({ annotations: { "pulumi.com/waitFor": "condition=Ready" } }, { create: "4s" });
    const first = environment.up();
    const { metadata } = await until("the widget is there", () => live(widgetPath));
    const condition = { type: "Ready", status: "False", reason: "ImageMissing", message: "no such image" };
    await api.call(
      "PATCH",
      `${widgetPath}/status`,
      { status: { conditions: [condition] } },
      "application/merge-patch+json",
    );
    const message = await failure(first);
    expect(message).to.contain("timed out waiting for the condition after 4 s");
    // As the released provider, it does not say why.
    expect(message).not.to.contain("no such image");
    const saved = (await environment.exportDeployment()).resources?.find(({ urn }) => urn.endsWith("::widget"));
    expect(saved?.initErrors).to.have.lengthOf.at.least(1);

    const repaired = { ...condition, status: "True", reason: "Done", message: "" };
    await api.call(
      "PATCH",
      `${widgetPath}/status`,
      { status: { conditions: [repaired] } },
      "application/merge-patch+json",
    );
    expect((await environment.up()).changes).to.include({ update: 1 });
    expect((await environment.up()).changes).to.deep.equal({ same: 4 });
    expect((await live(widgetPath))?.metadata.uid).to.equal(metadata.uid);
  });

  it("is not fooled by a condition about an older generation", async () => {
    program = widget({}, {});
    await environment.up();
    const conditions = [{ type: "Ready", status: "True", observedGeneration: 1 }];
    await api.call("PATCH", `${widgetPath}/status`, { status: { conditions } }, "application/merge-patch+json");
    const changed = (provider: k8s.Provider): void => {
      const definition = new k8s.apiextensions.v1.CustomResourceDefinition("widgets", widgetDefinition, { provider });
      new k8s.apiextensions.CustomResource(
        "widget",
        {
          apiVersion: "example.com/v1",
          kind: "Widget",
          metadata: { name: "widget", namespace: "default", annotations: { "pulumi.com/waitFor": "condition=Ready" } },
          spec: { size: 2 },
        },
        { provider, dependsOn: definition, customTimeouts: { update: "3s" } },
      );
    };
    program = changed;
    expect(await failure(environment.up())).to.contain("timed out waiting for the condition");
  });

  it("names the finalizers of an object that does not go, and ends", async () => {
    program = widget({ finalizers: ["example.com/stuck"] }, { delete: "3s" });
    await environment.up();
    program = () => undefined;
    const message = await failure(environment.up());
    expect(message).to.contain("finalizers might be preventing deletion (example.com/stuck");
    await api.call("PATCH", widgetPath, { metadata: { finalizers: null } }, "application/merge-patch+json");
    await environment.up();
    expect(await live(widgetPath)).to.equal(undefined);
  });

  it("refuses an empty or wrong kubeconfig and an unknown context, and asks no other cluster", async () => {
    let requests = 0;
    const decoy = createServer((_request, response) => {
      requests++;
      response.end("{}");
    });
    await new Promise<void>((done) => decoy.listen(0, "127.0.0.1", done));
    const server = `http://127.0.0.1:${(decoy.address() as AddressInfo).port}`;
    const ambient = join(folder, "ambient-kubeconfig");
    await writeFile(ambient, plane.kubeconfig.replace(/server: .*/, `server: ${server}`));
    process.env["KUBECONFIG"] = ambient;
    try {
      program = configMap({ one: "1" });
      const said = async (args: k8s.ProviderArgs): Promise<string> => {
        providerArgs = { clusterIdentifier: "stand-in", ...args };
        return failure(environment.up());
      };
      expect(await said({ kubeconfig: "", context: "kind-stand-in" })).to.contain('requires Provider "kubeconfig"');
      expect(await said({ kubeconfig: plane.kubeconfig })).to.contain('requires Provider "context"');
      expect(await said({ kubeconfig: "garbage: [", context: "kind-stand-in" })).to.contain("is not a kubeconfig");
      const other = await said({ kubeconfig: plane.kubeconfig, context: "kind-other" });
      expect(other).to.contain('no context "kind-other"; it has: kind-stand-in');
      expect(requests).to.equal(0);
    } finally {
      delete process.env["KUBECONFIG"];
      decoy.close();
    }
  });

  it("says that a cluster is unreachable, and drops its objects when told that it is gone for good", async () => {
    program = configMap({ one: "1" });
    await environment.up();
    const dead = plane.kubeconfig.replace(/server: .*/, "server: https://127.0.0.1:1");
    providerArgs = { ...providerArgs, kubeconfig: dead };
    await environment.up(); // Only the provider's own settings change.
    const stuck = await failure(environment.destroy());
    expect(stuck).to.contain("https://127.0.0.1:1 cannot be reached");
    expect(stuck).to.contain("PULUMI_K8S_DELETE_UNREACHABLE=true");
    engineEnvironment["PULUMI_K8S_DELETE_UNREACHABLE"] = "true";
    await environment.destroy();
    delete engineEnvironment["PULUMI_K8S_DELETE_UNREACHABLE"];
    expect((await environment.exportDeployment()).resources ?? []).to.deep.equal([]);
    await api.call("DELETE", configMapPath);
  });
});

const widgetDefinition = {
  metadata: { name: "widgets.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        },
      },
    ],
  },
};
