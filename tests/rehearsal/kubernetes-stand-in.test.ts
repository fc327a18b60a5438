/** The stand-in Kubernetes provider against a real API server: what the released provider does, this one does. */
import { createServer } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import { expect } from "chai";
import * as k8s from "@pulumi/kubernetes";
import { connect, type Api } from "../../rehearsal/control-plane/api.ts";
import { obtainBinaries } from "../../rehearsal/control-plane/binaries.ts";
import { startControlPlane, type ControlPlane } from "../../rehearsal/control-plane/control-plane.ts";
import { openEnvironment, OperationFailed, type Environment } from "../../rehearsal/engine.ts";
import { startStandIns, type StandIns } from "../../rehearsal/providers/index.ts";
import { obtain } from "../../tools/tools.ts";

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
  this.timeout(120_000);
  let folder: string;
  let plane: ControlPlane;
  let api: Api;
  let standIns: StandIns;
  let environment: Environment;
  let program: Program;
  let providerArgs: k8s.ProviderArgs;

  before(async function () {
    this.timeout(20 * 60_000); // The first time its programs may have to be built.
    folder = await mkdtemp(join(tmpdir(), "kubernetes-stand-in-"));
    plane = await startControlPlane({ name: "stand-in", dir: join(folder, "plane"), binaries: await obtainBinaries() });
    api = connect(plane.kubeconfig);
    standIns = await startStandIns({ kubernetes: "api" });
    const { pulumi } = await obtain(["pulumi"]);
    environment = await openEnvironment({
      stack: "api",
      pulumi,
      env: standIns.env,
      workDir: join(folder, "pulumi"),
      program: () => {
        program(new k8s.Provider("cluster", providerArgs));
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

  async function failure(operation: Promise<unknown>): Promise<string> {
    try {
      await operation;
    } catch (error) {
      if (error instanceof OperationFailed) return error.output;
      throw error;
    }
    throw new Error("it succeeded, although it should fail");
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
