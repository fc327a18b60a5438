/**
 * KEDA's own operator and metrics API, and Kubernetes' own autoscaler, before what an environment declares: a real API server, a real
 * Prometheus that scrapes a counter, and the demo's Deployment, whose pods are simulated. The operator has the rights that the stand-in
 * of its chart gives it. Played: who counts requests, the name of Prometheus' Service (by a proxy), and cert-manager.
 */
import { expect } from "chai";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse, stringify } from "yaml";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { keda } from "../../contract/crds.ts";
import { at, textAt } from "../../contract/finding.ts";
import { prometheusStart } from "../../contract/prometheus-config.ts";
import { releases, render, type Rendered } from "../../contract/rendered.ts";
import { obtainBinaries } from "../../rehearsal/control-plane/binaries.ts";
import { type ControlPlane, startControlPlane } from "../../rehearsal/control-plane/control-plane.ts";
import { makePki } from "../../rehearsal/control-plane/pki.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { moduleDir } from "../../toolchain/obtain.ts";
import { apply } from "../rehearsal/support/apply.ts";
import { type KubeObject, TestCluster } from "../rehearsal/support/cluster.ts";
import { keda as played, scaledObjects, triggerAuthentications } from "../rehearsal/support/operators.ts";
import { templated } from "../rehearsal/support/templated.ts";
import { programOrSkip } from "../support/program.ts";
import { Running } from "../support/running.ts";
import { until } from "../support/until.ts";

const host = "127.0.0.1";
const namespace = "monitoring";
const demo = "demo";
const frontend = "podinfo-frontend";
/** Requests a second that the demo's pods count; each pod is to have `demo.scaling.requestsPerSecond`. */
const [counted, perPod] = [12, 5];
const [min, max] = [2, 4];

interface Autoscaler extends KubeObject {
  readonly spec: {
    readonly minReplicas: number;
    readonly maxReplicas: number;
    readonly scaleTargetRef: object;
    readonly metrics: readonly [
      {
        readonly external: {
          readonly metric: { readonly name: string; readonly selector: { readonly matchLabels: object } };
          readonly target: object;
        };
      },
    ];
  };
}

describe("KEDA's operator, before what an environment declares", function () {
  this.timeout("10m");
  const folder = mkdtempSync(join(tmpdir(), "keda-"));
  const running = new Running();
  let operator: Running;
  let plane: ControlPlane;
  let cluster: TestCluster;
  let rendered: Rendered;
  const servers: Server[] = [];
  /** What the store was asked, in the order in which it was. */
  const asked: URL[] = [];
  /** Ports of a Prometheus with the counter and of one without, and which of them answers. */
  let [full, empty, answering] = [0, 0, 0];
  let metricsPort = 0;
  let startOperator: () => void;

  const listen = async (server: Server) => {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    return (server.address() as AddressInfo).port;
  };
  const ready = async (what: string, url: string) =>
    await running.soon(what, () =>
      fetch(url).then(
        ({ ok }) => ok || undefined,
        () => undefined,
      ),
    );

  /** One that scrapes a target, with what the environment declares for its own. */
  async function prometheus(program: string, name: string, target: number): Promise<number> {
    const values =
      releases(rendered.declared).find((release) => release.name === "kube-prometheus-stack")?.values ?? {};
    const { config, flags } = prometheusStart(values);
    const [port = 0] = await freePorts(1);
    const scraped = { job_name: "demo", scrape_interval: "1s", honor_labels: true };
    const file = join(folder, `${name}.yaml`);
    const jobs = [{ ...scraped, static_configs: [{ targets: [`${host}:${target}`] }] }];
    writeFileSync(file, stringify({ ...config, scrape_configs: jobs }));
    const data = `--storage.tsdb.path=${join(folder, name)}`;
    running.start(program, [`--config.file=${file}`, data, `--web.listen-address=${host}:${port}`, ...flags], folder);
    await ready(name, `http://${host}:${port}/prometheus/-/ready`);
    return port;
  }

  /** A kubeconfig with the rights of a ServiceAccount. */
  async function kubeconfigOf(account: string): Promise<string> {
    const { body } = await cluster.api.call(
      "POST",
      `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
      {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {},
      },
    );
    const config = parse(plane.kubeconfig) as { users: { user: object }[] };
    for (const one of config.users) one.user = { token: textAt(body, "status", "token") };
    const file = join(folder, `${account}.kubeconfig`);
    writeFileSync(file, stringify(config), { mode: 0o600 });
    return file;
  }

  const declared = (kind: string) =>
    rendered.declared.find((object) => object.kind === kind && object.metadata.name === frontend) as Manifest;
  const scaledObject = `${scaledObjects(demo)}/${frontend}`;
  const deployment = `/apis/apps/v1/namespaces/${demo}/deployments/${frontend}`;
  const autoscalers = `/apis/autoscaling/v2/namespaces/${demo}/horizontalpodautoscalers`;
  const finalizers = async (path: string) =>
    ((await cluster.get(path)).metadata as { readonly finalizers?: readonly string[] }).finalizers;
  const soon = async <T>(what: string, look: () => Promise<T | undefined | false>) =>
    await operator.soon(what, () =>
      look().then(
        (result) => result || undefined,
        () => undefined,
      ),
    );

  before(async function () {
    this.timeout("60m");
    const programs = {
      operator: await programOrSkip(this, "keda-operator"),
      adapter: await programOrSkip(this, "keda-adapter"),
      prometheus: await programOrSkip(this, "prometheus"),
    };
    rendered = await render({
      settings: { autoscaler: "keda", demo: { scaling: { min, max, requestsPerSecond: perPod } } },
    });

    const start = Date.now();
    const target = await listen(
      createServer((_, response) => {
        const each = (((Date.now() - start) / 1000) * counted) / 2;
        const series = ["a", "b"].map(
          (pod) =>
            `http_requests_total{namespace="${demo}", job="${frontend}", pod="${frontend}-${pod}", status="200"} ${each}\n`,
        );
        // Another Deployment's, which are none of its business.
        const others = `http_requests_total{namespace="${demo}", job="podinfo-backend", pod="podinfo-backend-a"} ${each * 100}\n`;
        response.setHeader("content-type", "text/plain; version=0.0.4").end([...series, others].join(""));
      }),
    );
    const nothing = await listen(createServer((_, response) => response.end()));
    [full, empty] = [
      await prometheus(programs.prometheus, "full", target),
      await prometheus(programs.prometheus, "empty", nothing),
    ];
    answering = full;
    const store = "kube-prometheus-stack-prometheus.monitoring.svc:9090";
    const proxy = await listen(
      createServer(({ url = "", method, headers }, response) => {
        const address = new URL(url);
        asked.push(address);
        if (address.host !== store) return response.writeHead(502).end();
        const path = address.pathname + address.search;
        return request({ host, port: answering, method, path, headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        })
          .on("error", () => response.destroy())
          .end();
      }),
    );

    plane = await startControlPlane({ name: "keda", dir: join(folder, "cluster"), binaries: await obtainBinaries() });
    cluster = new TestCluster(plane.kubeconfigPath);
    for (const name of [namespace, demo])
      await apply(cluster.api, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    const definitions = join(await moduleDir(keda.module, keda.version), keda.folder);
    for (const file of readdirSync(definitions).filter(
      (name) => name.startsWith("keda.sh_") || name.startsWith("eventing."),
    ))
      await apply(cluster.api, parse(readFileSync(join(definitions, file), "utf8")) as Manifest);

    const chart = await templated(rendered, "keda", folder);
    const kinds = /^(ServiceAccount|(Cluster)?Role(Binding)?)$/;
    for (const object of chart.filter(({ kind }) => kinds.test(kind)))
      await apply(cluster.api, { ...object, metadata: { namespace, ...object.metadata } });

    // As cert-manager would issue them, for the names of the Services.
    const services = ["keda-operator", "keda-operator-metrics-apiserver"].map((name) => `${name}.${namespace}.svc`);
    const { ca, server } = await makePki(join(folder, "pki"), services);
    const certificates = join(folder, "certs");
    mkdirSync(certificates);
    for (const [file, name] of [
      [ca.certificate, "ca.crt"],
      [server.certificate, "tls.crt"],
      [server.key, "tls.key"],
    ] as const)
      cpSync(file, join(certificates, name));

    const [metrics = 0, probes = 0, grpc = 0, secure = 0, plain = 0] = await freePorts(5);
    metricsPort = metrics;
    const environment = {
      WATCH_NAMESPACE: "",
      POD_NAMESPACE: namespace,
      KEDA_CLUSTER_OBJECT_NAMESPACE: namespace,
      HTTP_PROXY: `http://${host}:${proxy}`,
    };
    const kubeconfigs = {
      operator: await kubeconfigOf("keda-operator"),
      adapter: await kubeconfigOf("keda-metrics-server"),
    };
    // As its chart starts them (keda 2.20.2, templates/manager/deployment.yaml, templates/metrics-server/deployment.yaml).
    startOperator = () => {
      operator = new Running();
      operator.start(
        programs.operator,
        [
          ...["--leader-elect", `--cert-dir=${certificates}`, "--enable-cert-rotation=false", "--zap-log-level=info"],
          ...[`--metrics-bind-address=${host}:${metrics}`, `--health-probe-bind-address=${host}:${probes}`],
          ...[`--metrics-service-bind-address=${host}:${grpc}`, "--k8s-cluster-name=dev"],
        ],
        folder,
        { ...environment, KUBECONFIG: kubeconfigs.operator },
      );
    };
    startOperator();
    running.start(
      programs.adapter,
      [
        ...[`--secure-port=${secure}`, `--bind-address=${host}`, `--port=${plain}`, `--cert-dir=${certificates}`],
        ...[`--metrics-service-address=${host}:${grpc}`, `--client-ca-file=${ca.certificate}`],
        ...[`--tls-cert-file=${server.certificate}`, `--tls-private-key-file=${server.key}`],
        ...["authentication", "authorization", "lister"].map((of) => `--${of}-kubeconfig=${kubeconfigs.adapter}`),
      ],
      folder,
      { ...environment, KUBECONFIG: kubeconfigs.adapter },
    );
    // The Service leads to this machine.
    const [service, api] = ["Service", "APIService"].map((kind) =>
      chart.find((object) => object.kind === kind && /metrics/.test(object.metadata.name)),
    ) as [Manifest, Manifest];
    await apply(cluster.api, {
      ...{ apiVersion: "v1", kind: "Service", metadata: { name: service.metadata.name, namespace } },
      spec: { type: "ExternalName", externalName: "localhost" },
    });
    const spec = api["spec"] as { readonly service: object };
    await apply(cluster.api, {
      ...api,
      spec: {
        ...spec,
        service: { ...spec.service, port: secure },
        caBundle: readFileSync(ca.certificate).toString("base64"),
      },
    });
    for (const object of await templated(rendered, frontend, folder))
      if (object.kind === "Deployment") await apply(cluster.api, object);
    await apply(cluster.api, declared("ScaledObject"));
  });
  after(async () => {
    (operator as Running | undefined)?.end();
    running.end();
    for (const server of servers) server.close();
    (cluster as TestCluster | undefined)?.close();
    await (plane as ControlPlane | undefined)?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What Kubernetes' autoscaler is told, by the API server. */
  const metric = async (name: string) => {
    const path = `/apis/external.metrics.k8s.io/v1beta1/namespaces/${demo}/${name}`;
    const selector = new URLSearchParams({ labelSelector: `scaledobject.keda.sh/name=${frontend}` });
    const { status, body } = await cluster.api.call("GET", `${path}?${selector.toString()}`);
    const value = status === 200 ? textAt(body, "items", 0, "value") : undefined;
    return value === undefined ? undefined : Number(value.replace(/m$/, "")) / (value.endsWith("m") ? 1000 : 1);
  };
  const replicas = async () => (await cluster.get(deployment)).spec?.["replicas"];
  const autoscaler = async () =>
    await soon("an autoscaler", async () => (await cluster.list(autoscalers))[0] as Autoscaler | undefined);

  it("makes a HorizontalPodAutoscaler of the demo's ScaledObject, which goes with it", async () => {
    const { metadata, spec } = await autoscaler();
    expect(metadata.labels).to.include({ "app.kubernetes.io/version": keda.version.slice(1) });
    expect(metadata.ownerReferences?.map(({ kind, name }) => `${kind} ${name}`)).to.deep.equal([
      `ScaledObject ${frontend}`,
    ]);
    expect(spec).to.deep.include({ minReplicas: min, maxReplicas: max });
    expect(spec.scaleTargetRef).to.deep.equal({ apiVersion: "apps/v1", kind: "Deployment", name: frontend });
    const [{ external }] = spec.metrics;
    expect(external.target).to.deep.equal({ type: "AverageValue", averageValue: String(perPod) });
    expect(external.metric.selector.matchLabels).to.deep.equal({ "scaledobject.keda.sh/name": frontend });
    const { status } = await soon("the ScaledObject is ready", async () => {
      const object = await cluster.get(scaledObject);
      return object.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") && object;
    });
    expect(status?.["hpaName"]).to.equal(metadata.name);
  });

  it("asks the store the declared query, and Kubernetes scales the demo by the answer", async () => {
    const [{ external }] = (await autoscaler()).spec.metrics;
    // The window of the query has to fill.
    await until(
      "the rate of the whole window",
      async () => ((await metric(external.metric.name)) ?? 0) > counted * 0.95,
      300,
    );
    expect(await metric(external.metric.name)).to.be.closeTo(counted, counted * 0.05);
    await until("as many pods as that takes", async () => (await replicas()) === Math.ceil(counted / perPod), 120);
    const trigger = at(declared("ScaledObject"), "spec", "triggers", 0, "metadata");
    const queries = asked.map((url) => [url.origin + url.pathname, url.searchParams.get("query")].join(" "));
    expect([...new Set(queries)]).to.deep.equal([
      `${textAt(trigger, "serverAddress") ?? ""}/api/v1/query ${textAt(trigger, "query") ?? ""}`,
    ]);
  });

  it("leaves the replicas where they are when the store has no answer, and says so in what rules and dashboards ask", async () => {
    answering = empty;
    const inactive = await soon("Kubernetes knows that there is no metric", async () =>
      (await autoscaler()).status?.conditions?.find(
        ({ type, status }) => type === "ScalingActive" && status === "False",
      ),
    );
    expect(inactive.reason).to.equal("FailedGetExternalMetric");
    expect(await replicas()).to.equal(Math.ceil(counted / perPod));
    const names = rendered.content.flatMap((object) => JSON.stringify(object).match(/\bkeda_\w+/g) ?? []);
    expect(names).to.include("keda_scaled_object_errors_total").and.include("keda_scaler_metrics_latency_seconds");
    await soon("metrics", async () => {
      const text = await (await fetch(`http://${host}:${metricsPort}/metrics`)).text();
      return names.every((name) => new RegExp(`^${name}\\{`, "m").test(text));
    });
    answering = full;
  });

  it("has the finalizer that is played elsewhere: an object ends with it alone", async () => {
    const authentication = `${triggerAuthentications(demo)}/store`;
    await apply(cluster.api, {
      ...{
        apiVersion: "keda.sh/v1alpha1",
        kind: "TriggerAuthentication",
        metadata: { name: "store", namespace: demo },
      },
      spec: { secretTargetRef: [{ parameter: "bearerToken", name: "store", key: "token" }] },
    });
    const objects = [scaledObject, authentication];
    for (const path of objects)
      await soon(`the finalizer of ${path}`, async () => (await finalizers(path))?.join() === played.finalizer);
    expect((await cluster.get(scaledObject)).metadata.labels).to.include(played.labels(frontend));
    operator.end();
    for (const path of objects) await cluster.api.call("DELETE", path);
    // Long enough for who would not wait: whoever collects the autoscaler looks at once.
    await sleep(5_000);
    for (const path of objects) expect(await finalizers(path), path).to.deep.equal([played.finalizer]);
    expect(await cluster.list(autoscalers)).to.have.length(1);
    startOperator();
    for (const path of objects) await soon(`${path} is gone`, async () => !(await cluster.exists(path)));
    await soon("its autoscaler is gone", async () => (await cluster.list(autoscalers)).length === 0);
    expect(await replicas()).to.equal(Math.ceil(counted / perPod));
  });
});
