/**
 * The real collector and the real Prometheus, with the rendered configuration, ask a server that is there already: behind a certificate of
 * the company's, with a password of awkward characters. The server is a stand-in that keeps what it is sent. Only ports, folders and
 * what needs a cluster are replaced.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { at } from "../../contract/finding.ts";
import { prometheusStart } from "../../contract/prometheus-config.ts";
import { releases, render, type Rendered } from "../../contract/rendered.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import type { SettingsInput } from "../../settings/schema.ts";
import { type Authority, makeAuthority } from "../support/authority.ts";
import { programOrSkip } from "../support/program.ts";
import { until } from "../support/until.ts";

/** What YAML, shells, Helm and every kind of expansion would take for their own. */
const awkward = `p@ss $HOME \${HOME} $$ #1 "'\\ %41 {{ a }} : \`b\` *&!|>-,=`;

/** A token is one word: a blank ends it. */
const token = awkward.replaceAll(" ", "");

interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly tenant: string | string[] | undefined;
}

describe("Servers that are there already, asked by the real programs", function () {
  this.timeout("2m");
  let folder: string;
  let authority: Authority;
  let server: Http2SecureServer;
  let url: string;
  let asked: Asked[];
  let running: ChildProcess | undefined;
  let said: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "external-"));
    authority = makeAuthority(folder);
  });
  beforeEach(async () => {
    asked = [];
    said = "";
    server = createSecureServer({ key: authority.key, cert: authority.cert, allowHTTP1: true }, (request, response) => {
      const { url: path, headers } = request;
      asked.push({ path, authorization: headers.authorization, tenant: headers["x-scope-orgid"] });
      const grpc = headers["content-type"] === "application/grpc";
      request.resume().on("end", () => {
        response.writeHead(200, { "content-type": grpc ? "application/grpc" : "application/json" });
        if (grpc) response.addTrailers({ "grpc-status": "0" });
        // Of gRPC an empty message.
        response.end(grpc ? Buffer.alloc(5) : "{}");
      });
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    running?.kill("SIGKILL");
    running = undefined;
    server.close();
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** The files of a Secret as its pod has them. */
  function mounted({ declared }: Rendered, secret: string): string {
    const object = declared.find(({ kind, metadata }) => kind === "Secret" && metadata.name === secret);
    const keys = Object.keys(object?.["stringData"] ?? {});
    expect(keys, secret).not.to.deep.equal([]);
    const files = join(folder, secret);
    mkdirSync(files, { recursive: true });
    const ca = readFileSync(authority.ca, "utf8");
    for (const key of keys)
      writeFileSync(join(files, key), key.endsWith(".crt") ? ca : key === "metrics" ? token : awkward);
    return files;
  }

  function start(program: string, args: readonly string[]): void {
    running = spawn(program, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [running.stdout, running.stderr]) stream?.on("data", (chunk) => (said += String(chunk)));
  }

  /** Waits, and says what the program said when it was in vain. */
  async function soon<T>(what: string, condition: () => Promise<T | undefined> | T | undefined): Promise<T> {
    try {
      return await until(what, condition, 60);
    } catch (error) {
      throw new Error(`${String(error)}: ${said.slice(-2000)}`, { cause: error });
    }
  }

  const arrived = async (path: string) =>
    await soon(`a request for ${path}`, () => asked.find((one) => one.path === path));

  const network = { ca: "company.pem" };
  const basic = (user: string) => `Basic ${Buffer.from(`${user}:${awkward}`).toString("base64")}`;

  it("take traces, log records and samples from the collector", async function () {
    const otelcol = await programOrSkip(this, "otelcol");
    this.timeout("2m");
    const settings: SettingsInput = {
      ...{ metrics: "external", logs: "external", traces: "external", network },
      external: {
        metrics: { queryUrl: url, writeUrl: `${url}/api/v1/push`, tenant: "team-m", ca: "company" },
        logs: { url: `${url}/loki`, user: "lines", tenant: "team-l", ca: "company" },
        traces: { otlpUrl: url, user: "spans", tenant: "team-t", ca: "company" },
      },
    };
    const rendered = await render({ settings });
    const object = rendered.declared.find(({ kind }) => kind === "OpenTelemetryCollector");
    const ports = await freePorts(4);
    const text = JSON.stringify(at(object, "spec", "config"))
      .replaceAll("/etc/otelcol/external", mounted(rendered, "otel-collector-external"))
      .replaceAll("/var/lib/otelcol/queue", join(folder, "queue"))
      .replace(/0\.0\.0\.0:4317/, `127.0.0.1:${ports[0]}`)
      .replace(/0\.0\.0\.0:4318/, `127.0.0.1:${ports[1]}`)
      .replace(/0\.0\.0\.0:8889/, `127.0.0.1:${ports[2]}`)
      .replace(/0\.0\.0\.0:13133/, `127.0.0.1:${ports[3]}`)
      // It asks the API server.
      .replaceAll(/"k8s_attributes":\{.*?\}\]\}\]\},|"k8s_attributes",/g, "");
    const config = JSON.parse(text) as { service: object };
    Object.assign(config.service, { telemetry: { metrics: { level: "none" } } });
    const file = join(folder, "collector.yaml");
    writeFileSync(file, stringify(config));
    start(otelcol, [`--config=${file}`]);
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
      await soon(`the collector takes ${signal}`, async () => {
        const options = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
        const response = await fetch(`http://127.0.0.1:${ports[1]}/v1/${signal}`, options).catch(() => undefined);
        return response?.ok === true ? true : undefined;
      });
    expect(await arrived("/api/v1/push")).to.include({ authorization: `Bearer ${token}`, tenant: "team-m" });
    expect(await arrived("/loki/otlp/v1/logs")).to.include({ authorization: basic("lines"), tenant: "team-l" });
    const spans = await arrived("/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    expect(spans).to.include({ authorization: basic("spans"), tenant: "team-t" });
  });

  it("take alerts from Prometheus", async function () {
    const prometheus = await programOrSkip(this, "prometheus");
    this.timeout("2m");
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
    start(prometheus, [
      ...[`--config.file=${file}`, `--web.listen-address=127.0.0.1:${port}`],
      `--storage.tsdb.path=${join(folder, "tsdb")}`,
    ]);
    const got = await arrived("/alertmanager/api/v2/alerts");
    expect(got).to.include({ authorization: basic("alerts"), tenant: "team-a" });
  });
});
