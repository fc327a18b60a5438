/**
 * The real collector and the real Prometheus, with the rendered configuration, ask a server that is there already: behind a certificate of
 * the company's, with a password of awkward characters. The server is a stand-in that keeps what it is sent. Only ports, folders and
 * what needs a cluster are replaced.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Context } from "mocha";
import { stringify } from "yaml";
import { isRemote } from "../../components/capabilities.ts";
import { fetchOutside, trust } from "../../components/company-network.ts";
import { externalFolder } from "../../components/metrics/thanos-ruler/config.ts";
import { plan } from "../../components/plan.ts";
import { probedStores } from "../../components/probe/telemetry-probe.ts";
import { probe } from "../../components/probe/telemetry.ts";
import { headersOf } from "../../components/remote.ts";
import { at } from "../../contract/finding.ts";
import { prometheusStart } from "../../contract/prometheus-config.ts";
import { releases, render, type Rendered } from "../../contract/rendered.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { parseSettings } from "../../settings/parse.ts";
import type { SettingsInput } from "../../settings/schema.ts";
import { type Authority, makeAuthority } from "../support/authority.ts";
import { awkward, hashed, token } from "../support/awkward.ts";
import { programOrSkip } from "../support/program.ts";
import { Running } from "../support/running.ts";

interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly tenant: string | string[] | undefined;
}

const series = JSON.stringify({
  status: "success",
  data: { resultType: "vector", result: [{ metric: { job: "a" }, value: [1, "1"] }] },
});

describe("Servers that are there already, asked by the real programs", function () {
  let folder: string;
  let authority: Authority;
  let server: Http2SecureServer;
  let url: string;
  let asked: Asked[];
  let running: Running;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "external-"));
    authority = makeAuthority(folder);
  });
  beforeEach(async () => {
    asked = [];
    running = new Running();
    server = createSecureServer({ key: authority.key, cert: authority.cert, allowHTTP1: true }, (request, response) => {
      const { url: path, headers } = request;
      asked.push({ path, authorization: headers.authorization, tenant: headers["x-scope-orgid"] });
      const grpc = headers["content-type"] === "application/grpc";
      request.resume().on("end", () => {
        response.writeHead(200, { "content-type": grpc ? "application/grpc" : "application/json" });
        if (grpc) response.addTrailers({ "grpc-status": "0" });
        // Of gRPC an empty message; of a query a series, over which alerts fire.
        response.end(grpc ? Buffer.alloc(5) : path.includes("/api/v1/query") ? series : "{}");
      });
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    running.end();
    server.close();
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** The files of a Secret as its pod has them. */
  function mounted({ declared, settings }: Rendered, secret: string): string {
    const object = declared.find(({ kind, metadata }) => kind === "Secret" && metadata.name === secret);
    const keys = Object.keys(object?.["stringData"] ?? {});
    expect(keys, secret).not.to.deep.equal([]);
    const files = mkdtempSync(join(folder, "secret-"));
    const servers: Readonly<Record<string, object | undefined>> = settings.external;
    for (const key of keys) {
      const text = "user" in (servers[key] ?? {}) ? awkward : token;
      writeFileSync(join(files, key), key.endsWith(".crt") ? readFileSync(authority.ca, "utf8") : text);
    }
    return files;
  }

  const arrived = async (path: string) =>
    await running.soon(`a request for ${path}`, () => asked.find((one) => one.path === path));

  const network = { ca: "company.pem" };
  const basic = (user: string) => `Basic ${Buffer.from(`${user}:${awkward}`).toString("base64")}`;

  /** A collector with the configuration of some settings; returns where it takes OTLP over HTTP. */
  async function startCollector(context: Context, settings: SettingsInput): Promise<string> {
    const otelcol = await programOrSkip(context, "otelcol");
    const rendered = await render({ settings });
    const object = rendered.declared.find(({ kind }) => kind === "OpenTelemetryCollector");
    const ports = await freePorts(4);
    const queue = mkdtempSync(join(folder, "queue-"));
    const text = JSON.stringify(at(object, "spec", "config"))
      .replaceAll("/etc/otelcol/external", mounted(rendered, "otel-collector-external"))
      .replaceAll("/var/lib/otelcol/queue", queue)
      .replace(/0\.0\.0\.0:4317/, `127.0.0.1:${ports[0]}`)
      .replace(/0\.0\.0\.0:4318/, `127.0.0.1:${ports[1]}`)
      .replace(/0\.0\.0\.0:8889/, `127.0.0.1:${ports[2]}`)
      .replace(/0\.0\.0\.0:13133/, `127.0.0.1:${ports[3]}`)
      .replaceAll('"metrics_flush_interval":"30s"', '"metrics_flush_interval":"1s"')
      // It asks the API server.
      .replaceAll(/"k8s_attributes":\{.*?\}\]\}\]\},|"k8s_attributes",/g, "");
    const config = JSON.parse(text) as { service: object };
    Object.assign(config.service, { telemetry: { metrics: { level: "none" } } });
    const file = join(queue, "collector.yaml");
    writeFileSync(file, stringify(config));
    running.start(otelcol, [`--config=${file}`], folder);
    return `http://127.0.0.1:${ports[1]}`;
  }

  it("take traces, log records and samples from the collector", async function () {
    const collector = await startCollector(this, {
      ...{ metrics: "external", logs: "external", traces: "external", network },
      external: {
        metrics: { queryUrl: url, writeUrl: `${url}/api/v1/push`, tenant: "team-m", ca: "company" },
        logs: { type: "elasticsearch", url: `${url}/search`, ca: "company" },
        traces: { otlpUrl: url, user: "spans", tenant: "team-t", ca: "company" },
      },
    });
    const timeUnixNano = `${Date.now()}000000`;
    const span = {
      traceId: "1".repeat(32),
      spanId: "2".repeat(16),
      name: "a",
      kind: 2,
      startTimeUnixNano: timeUnixNano,
    };
    const sent: Readonly<Record<string, object>> = {
      traces: { resourceSpans: [{ scopeSpans: [{ spans: [{ ...span, endTimeUnixNano: timeUnixNano }] }] }] },
      logs: { resourceLogs: [{ scopeLogs: [{ logRecords: [{ timeUnixNano, body: { stringValue: "a" } }] }] }] },
      metrics: {
        resourceMetrics: [
          { scopeMetrics: [{ metrics: [{ name: "a", gauge: { dataPoints: [{ timeUnixNano, asInt: 1 }] } }] }] },
        ],
      },
    };
    for (const [signal, body] of Object.entries(sent))
      await running.soon(`the collector takes ${signal}`, async () => {
        const options = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
        const response = await fetch(`${collector}/v1/${signal}`, options).catch(() => undefined);
        return response?.ok === true ? true : undefined;
      });
    expect(await arrived("/api/v1/push")).to.include({ authorization: `Bearer ${token}`, tenant: "team-m" });
    expect(await arrived("/search/_otlp/v1/logs")).to.include({ authorization: `ApiKey ${token}` });
    const spans = await arrived("/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    expect(spans).to.include({ authorization: basic("spans"), tenant: "team-t" });
  });

  it("keep samples under the labels that queries ask for, and the probe finds its own", async function () {
    const prometheus = await programOrSkip(this, "prometheus");
    const [port = 0] = await freePorts(1);
    const store = `https://127.0.0.1:${port}`;
    const metrics = { queryUrl: store, writeUrl: `${store}/api/v1/write`, user: "samples", ca: "company" } as const;
    const settings: SettingsInput = { metrics: "external", traces: "none", external: { metrics }, network };
    const collector = await startCollector(this, settings);
    const web = join(folder, "web.yaml");
    const [cert_file, key_file] = [join(folder, "server.crt"), join(folder, "server.key")];
    writeFileSync(
      web,
      stringify({ tls_server_config: { cert_file, key_file }, basic_auth_users: { samples: hashed } }),
    );
    writeFileSync(join(folder, "empty.yaml"), "{}");
    running.start(
      prometheus,
      [
        ...[`--config.file=${join(folder, "empty.yaml")}`, `--storage.tsdb.path=${join(folder, "store")}`],
        ...[`--web.listen-address=127.0.0.1:${port}`, `--web.config.file=${web}`, "--web.enable-remote-write-receiver"],
      ],
      folder,
    );
    trust(authority.ca);
    const { chosen } = plan(parseSettings(settings, { file: "test", secrets: ["externalMetricsSecret"] }));
    const sought = probedStores(chosen).flatMap(({ endpoint, ...one }) =>
      isRemote(endpoint) ? [{ ...one, url: endpoint.url, headers: headersOf(endpoint.access, awkward) }] : [],
    );
    expect(sought).to.have.length(1);
    expect(Object.keys(await probe(collector, sought, 60, () => undefined))).to.deep.equal([sought[0]?.title]);
    const asOf = async (query: string) => {
      const address = `${store}/api/v1/query?${new URLSearchParams({ query }).toString()}`;
      const response = await fetchOutside(address, { headers: sought[0]?.headers ?? {} });
      return (await response.json()) as { data?: { result: { metric: Record<string, string> }[] } };
    };
    const found = await running.soon("metrics of spans", async () => {
      const { data } = await asOf('traces_span_metrics_calls_total{service_name="telemetry-probe"}');
      return data?.result[0]?.metric;
    });
    expect(found).to.include({ span_name: "probe", job: "telemetry-probe", cluster: "dev" });
    // Replicas write beside each other.
    expect(found).to.have.any.keys("collector_instance_id");
    const refused = await fetchOutside(`${store}/api/v1/query?query=1`, {
      headers: headersOf({ of: "metrics", ca: "public", user: "samples" }, "wrong"),
    });
    expect(refused.status, "without the password").to.equal(401);
  });

  it("take alerts from Prometheus", async function () {
    const prometheus = await programOrSkip(this, "prometheus");
    const alerts = { url: `${url}/alertmanager`, user: "alerts", tenant: "team-a", ca: "company" } as const;
    const rendered = await render({ settings: { alerts: "external", external: { alerts }, network } });
    const release = releases(rendered.declared).find(({ chart }) => chart?.name === "kube-prometheus-stack");
    const { config } = prometheusStart(release?.values ?? {});
    const rule = { alert: "Always", expr: "vector(1)" };
    writeFileSync(join(folder, "rules.yaml"), stringify({ groups: [{ name: "a", rules: [rule] }] }));
    const text = JSON.stringify({
      ...config,
      global: { evaluation_interval: "1s" },
      rule_files: [join(folder, "rules.yaml")],
    }).replaceAll("/etc/prometheus/secrets/prometheus-external", mounted(rendered, "prometheus-external"));
    const file = join(folder, "prometheus.yaml");
    writeFileSync(file, text);
    const [port = 0] = await freePorts(1);
    running.start(
      prometheus,
      [
        ...[`--config.file=${file}`, `--web.listen-address=127.0.0.1:${port}`],
        // An alert that fires before the server is discovered is sent no earlier than after this.
        ...[`--storage.tsdb.path=${join(folder, "tsdb")}`, "--rules.alert.resend-delay=1s"],
      ],
      folder,
    );
    const got = await arrived("/alertmanager/api/v2/alerts");
    expect(got).to.include({ authorization: basic("alerts"), tenant: "team-a" });
  });

  it("are asked by Thanos Ruler, which tells them of alerts", async function () {
    const thanos = await programOrSkip(this, "thanos");
    const rendered = await render({
      settings: {
        ...{ metrics: "external", scraper: "prometheusAgent", ruler: "thanosRuler", alerts: "external", network },
        external: {
          metrics: { queryUrl: `${url}/base`, writeUrl: `${url}/write`, user: "rules", ca: "company" },
          alerts: { url: `${url}/alertmanager`, ca: "company" },
        },
      },
    });
    const own = rendered.declared.find(({ kind, metadata }) => kind === "Secret" && metadata.name === "thanos-ruler");
    const files = mounted(rendered, "thanos-ruler-external");
    const file = (key: string) => {
      const text = String(at(own, "stringData", key)).replaceAll(externalFolder, files);
      writeFileSync(join(files, key), text);
      return join(files, key);
    };
    const rule = { alert: "Always", expr: "up" };
    writeFileSync(join(files, "rules.yaml"), stringify({ groups: [{ name: "a", rules: [rule] }] }));
    running.start(
      thanos,
      [
        ...[
          "rule",
          `--data-dir=${join(files, "data")}`,
          "--eval-interval=1s",
          `--rule-file=${join(files, "rules.yaml")}`,
        ],
        ...["--http-address=127.0.0.1:0", "--grpc-address=127.0.0.1:0", '--label=thanos_ruler_replica="a"'],
        ...[`--query.config-file=${file("query.yaml")}`, `--alertmanagers.config-file=${file("alertmanagers.yaml")}`],
        `--alert.relabel-config-file=${file("alert-relabelings.yaml")}`,
      ],
      folder,
    );
    expect(await arrived("/base/api/v1/query")).to.include({ authorization: basic("rules") });
    expect(await arrived("/alertmanager/api/v2/alerts")).to.include({ authorization: `Bearer ${token}` });
  });
});
