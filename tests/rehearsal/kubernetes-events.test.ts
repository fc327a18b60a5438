/**
 * Kubernetes' events as log lines: a real API server with the rights that are declared, and a real collector with the declared
 * configuration. Its receiver is the newest that can be built (0.111, contract/collector), which watches and hands on the same objects, but
 * keeps no version: that a restart sends none again and loses none is seen nowhere.
 */
import { expect } from "chai";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { parse, stringify } from "yaml";
import { stateFolder } from "../../components/agents/kubernetes-events/values.ts";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { otlpConfig } from "../../components/logs/loki/api.ts";
import { render } from "../../contract/rendered.ts";
import { obtainBinaries } from "../../rehearsal/control-plane/binaries.ts";
import { type ControlPlane, startControlPlane } from "../../rehearsal/control-plane/control-plane.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { StoreStandIn } from "../support/log-node.ts";
import { programOrSkip } from "../support/program.ts";
import { Running } from "../support/running.ts";
import { apply } from "./support/apply.ts";
import { TestCluster } from "./support/cluster.ts";

type Tree = Record<string, unknown>;

const redact = { patterns: ["bearer [a-z0-9]+"], fields: [] };

/** Of an old recorder, which counts, and of a new one (events.k8s.io), which has a series. */
const old = (count: number): Manifest => ({
  apiVersion: "v1",
  kind: "Event",
  metadata: { name: "old.1", namespace: "shop" },
  involvedObject: {
    ...{ apiVersion: "v1", kind: "Pod", namespace: "shop", name: "cart-0", uid: "u" },
    fieldPath: "spec.containers{app}",
  },
  reason: "BackOff",
  message: "Back-off restarting failed container, bearer s3cr3t",
  type: "Warning",
  source: { component: "kubelet", host: "node-1" },
  firstTimestamp: "2026-01-01T00:00:00Z",
  lastTimestamp: `2026-01-01T00:0${count}:00Z`,
  count,
});
const recent = (series: object): Manifest => ({
  apiVersion: "events.k8s.io/v1",
  kind: "Event",
  metadata: { name: "recent.1", namespace: "shop" },
  eventTime: "2026-01-01T00:00:00.123456Z",
  regarding: { apiVersion: "v1", kind: "Pod", namespace: "shop", name: "cart-1" },
  ...{ action: "Binding", reason: "Scheduled", note: "Successfully assigned shop/cart-1", type: "Normal" },
  ...{ reportingController: "default-scheduler", reportingInstance: "default-scheduler-a" },
  ...series,
});

describe("Kubernetes' events, by a real collector from a real API server", function () {
  this.timeout("5m");
  const folder = mkdtempSync(join(tmpdir(), "kubernetes-events-"));
  const running = new Running();
  const auditLog = join(folder, "audit.log");
  let plane: ControlPlane | undefined;
  let store: StoreStandIn | undefined;
  /** Elasticsearch's. */
  let records: StoreStandIn | undefined;

  after(async () => {
    running.end();
    store?.close();
    records?.close();
    await plane?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("are lines with their fields, under the declared rights, each once, and without secrets", async function () {
    const otelcol = await programOrSkip(this, "otelcol");
    const binaries = await obtainBinaries();
    const { declared } = await render({
      settings: { kubernetesEvents: { enabled: true }, logs: ["loki", "elasticsearch"], redact },
    });
    plane = await startControlPlane({
      ...{ name: "events", dir: join(folder, "cluster"), binaries },
      ...{
        auditLog,
        auditPolicy: fileURLToPath(new URL("../../components/cluster/audit-policy.yaml", import.meta.url)),
      },
    });
    const { api } = new TestCluster(plane.kubeconfigPath);
    for (const name of ["monitoring", "shop"])
      await apply(api, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    const own = declared.filter(({ metadata }) => metadata.name === "kubernetes-events");
    for (const object of own) if (object.kind !== "OpenTelemetryCollector") await apply(api, object);
    const account = "/api/v1/namespaces/monitoring/serviceaccounts/kubernetes-events/token";
    const { body } = await api.call("POST", account, {
      ...{ apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 600 } },
    });
    const kubeconfig = parse(plane.kubeconfig) as { users: { user: object }[] };
    for (const one of kubeconfig.users) one.user = { token: (body as { status: { token: string } }).status.token };
    writeFileSync(join(folder, "kubeconfig"), stringify(kubeconfig), { mode: 0o600 });

    store = await StoreStandIn.start();
    records = await StoreStandIn.start();
    const [health = 0] = await freePorts(1);
    const object = own.find(({ kind }) => kind === "OpenTelemetryCollector");
    const { config } = object?.["spec"] as {
      config: {
        receivers: Tree;
        processors: Record<string, Tree>;
        exporters: Record<string, Tree>;
        extensions: Tree;
        service: Tree;
      };
    };
    // 0.111 says nothing of the namespace of what it watches (0.156 does: unstructured_to_logdata.go, getNamespace).
    const namespaced = 'set(resource.attributes["k8s.namespace.name"], log.body["object"]["metadata"]["namespace"])';
    const telling = ([name, processor]: [string, Tree]) => {
      const { log_statements } = processor as { log_statements?: string[] };
      return [
        name,
        log_statements === undefined ? processor : { ...processor, log_statements: [namespaced, ...log_statements] },
      ];
    };
    // Who asks, and the certificate, are no matter of this test.
    const { health_check, file_storage } = config.extensions;
    const { k8s_objects } = config.receivers as { k8s_objects: Tree };
    const changed = {
      ...config,
      receivers: { k8s_objects: { ...k8s_objects, auth_type: "kubeConfig" } },
      processors: Object.fromEntries(Object.entries(config.processors).map(telling)) as Tree,
      exporters: Object.fromEntries(
        Object.entries(config.exporters).map(([name, exporter], index) => [
          name,
          {
            ...exporter,
            auth: undefined,
            tls: undefined,
            endpoint: (index === 0 ? store : records)?.url,
            encoding: "json",
            compression: "none",
          },
        ]),
      ),
      extensions: { health_check, file_storage },
      service: {
        ...config.service,
        extensions: ["health_check", "file_storage"],
        telemetry: { metrics: { level: "none" } },
      },
    };
    const text = stringify(changed)
      .replaceAll(stateFolder, join(folder, "state"))
      .replaceAll("0.0.0.0:13133", `127.0.0.1:${health}`);
    writeFileSync(join(folder, "collector.yaml"), text);
    const env = { PATH: process.env["PATH"] ?? "", KUBECONFIG: join(folder, "kubeconfig") };
    running.start(otelcol, [`--config=${join(folder, "collector.yaml")}`], folder, env);
    await running.soon("events are watched", () => running.said.includes("Started collecting") || undefined);

    const got = () => (store?.got ?? []).filter(({ labels }) => labels["namespace"] === "shop");
    const times = (n: number) => running.soon(`${n} events`, () => got().length >= n || undefined);
    // The watch begins a moment after it says so, and what was there before it is not sent.
    let first = 0;
    await running.soon("the watch", async () => {
      const name = `first.${first++}`;
      await apply(api, { ...old(1), message: name, metadata: { name, namespace: "shop" } });
      await sleep(500);
      // The last one: then none is on its way.
      return (got().at(-1)?.body as { message?: string } | undefined)?.message === name || undefined;
    });
    const before = got().length;
    await apply(api, old(1));
    await times(before + 1);
    await apply(api, old(2));
    await times(before + 2);
    await apply(api, recent({}));
    await times(before + 3);
    await apply(api, recent({ series: { count: 2, lastObservedTime: "2026-01-01T00:05:00.654321Z" } }));
    await times(before + 4);
    // What expires is no event.
    await api.call("DELETE", "/api/v1/namespaces/shop/events/old.1");
    await apply(api, { ...old(3), metadata: { name: "last.1", namespace: "shop" } });
    await times(before + 5);

    const expected = { level: "warn", type: "Warning", reason: "BackOff", kind: "Pod", name: "cart-0" };
    const counted = (count: number) => ({
      ...{ ...expected, count, part: "spec.containers{app}", component: "kubelet", host: "node-1" },
      message: "Back-off restarting failed container, ****",
    });
    const scheduled = {
      ...{ level: "info", type: "Normal", reason: "Scheduled", action: "Binding", kind: "Pod", name: "cart-1" },
      ...{ message: "Successfully assigned shop/cart-1", component: "default-scheduler" },
    };
    expect(
      got()
        .slice(before)
        .map(({ body: is }) => is),
    ).to.deep.equal([...[counted(1), counted(2), scheduled], { ...scheduled, count: 2 }, counted(3)]);
    const at = (time: string) => Date.parse(`2026-01-01T00:0${time}Z`) / 1000;
    expect(
      got()
        .slice(before)
        .map(({ time }) => Number(time) / 1e9),
    ).to.deep.equal(
      ["1:00", "2:00", "0:00.123456", "5:00.654321", "3:00"].map((time) =>
        time.includes(".") ? Number(`${at(time.replace(/\..*/, ""))}.${time.replace(/.*\./, "")}`) : at(time),
      ),
    );
    expect(got()[before]?.labels).to.deep.equal({ job: "events", namespace: "shop" });
    const [{ attributes }] = otlpConfig.resource_attributes.attributes_config;
    expect(attributes).to.include.members(["job", "namespace"]);
    expect(running.said).not.to.match(/forbidden/i);

    // Elasticsearch has the same as a record: what its dashboard asks for.
    const kept = () =>
      (records?.got ?? []).filter(({ labels }) => labels["k8s.namespace.name"] === "shop").slice(before);
    await running.soon("the records", () => kept().length >= 5 || undefined);
    const { message, level, ...attributesOf } = counted(1);
    expect(kept()[0]).to.deep.include({ body: message, severity: level, attributes: attributesOf });
    expect(kept()[0]?.labels).to.deep.equal({ "data_stream.dataset": "events", "k8s.namespace.name": "shop" });
    expect(kept().map(({ time }) => time)).to.deep.equal(
      got()
        .slice(before)
        .map(({ time }) => time),
    );
  });

  it("leave an audit log, by the policy of a Kind cluster, that says who asked for what and has no secret in it", async () => {
    if (plane === undefined) throw new Error("there is no control plane");
    const { api } = new TestCluster(plane.kubeconfigPath);
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "db", namespace: "shop" } };
    await apply(api, { ...secret, stringData: { password: "s3cr3t" } });
    await api.get("/api/v1/namespaces/shop/secrets/db");
    await api.get("/api/v1/namespaces/shop/configmaps");
    interface Audited {
      readonly verb: string;
      readonly level: string;
      readonly stage: string;
      readonly user: { readonly username: string };
      readonly objectRef?: { readonly resource?: string; readonly namespace?: string; readonly name?: string };
    }
    const events = () =>
      readFileSync(auditLog, "utf8")
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Audited);
    const of = (verb: string, resource: string, namespace = "shop") =>
      events().filter(
        (one) => one.verb === verb && one.objectRef?.resource === resource && one.objectRef.namespace === namespace,
      );
    await running.soon("the log has it all", () => of("list", "configmaps").length > 0 || undefined);
    for (const [verb, resource] of [
      ["patch", "secrets"],
      ["get", "secrets"],
      ["list", "configmaps"],
    ] as const)
      expect(
        of(verb, resource).map(({ user: { username } }) => username),
        `${verb} ${resource}`,
      ).to.include("kubernetes-admin");
    // What is a line of its own, what asks all the time, and programs that look.
    expect(events().filter(({ objectRef }) => ["events", "leases"].includes(objectRef?.resource ?? ""))).to.deep.equal(
      [],
    );
    expect(events().filter(({ verb, user }) => verb === "watch" && user.username.startsWith("system:"))).to.deep.equal(
      [],
    );
    expect(new Set(events().map(({ level, stage }) => `${level} ${stage}`))).to.include("Metadata ResponseComplete");
    expect(events().filter(({ level, stage }) => level !== "Metadata" || stage === "RequestReceived")).to.deep.equal(
      [],
    );
    expect(readFileSync(auditLog, "utf8")).not.to.match(/s3cr3t|requestObject|responseObject/);
    console.log(`      ${events().length} events, ${Math.round(readFileSync(auditLog).length / 1024)} KiB`);
  });
});
