import { expect } from "chai";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { stringify } from "yaml";
import { lineTemplate } from "../../components/agents/alloy/line.ts";
import { scripts } from "../../components/agents/fluentd/records.ts";
import { templated } from "../../contract/alloy-reader.ts";
import { releases, render } from "../../contract/rendered.ts";
import { freePorts, guard, lastLines, launch, reap } from "../../rehearsal/control-plane/processes.ts";
import { call, eventually, post } from "../../rehearsal/http-client.ts";
import { read } from "../bench/telemetry/log-agent.ts";
import { fluentdOrSkip, podLine } from "../support/fluentd.ts";
import { programOrSkip } from "../support/program.ts";

type Any = { readonly [key: string]: Any } | readonly Any[] | string | number | boolean;

/** As OTLP in JSON says a value. */
function value(of: Any): object {
  if (typeof of === "string") return { stringValue: of };
  if (typeof of === "boolean") return { boolValue: of };
  if (typeof of === "number") return { intValue: String(of) };
  if (Array.isArray(of)) return { arrayValue: { values: (of as Any[]).map(value) } };
  return { kvlistValue: { values: attributes(of as Readonly<Record<string, Any>>) } };
}
const attributes = (of: Readonly<Record<string, Any>>) =>
  Object.entries(of).map(([key, is]) => ({ key, value: value(is) }));

/** And back. */
function plain(of: Readonly<Record<string, unknown>>): unknown {
  const [[kind, is] = []] = Object.entries(of);
  const values = () => (is as { values?: Record<string, never>[] }).values ?? [];
  if (kind === "kvlistValue")
    return Object.fromEntries(values().map(({ key, value: inner = {} }) => [key, plain(inner)]));
  if (kind === "arrayValue") return values().map(plain);
  return kind === "intValue" ? Number(is) : is;
}

/** What RE2 knows, each behind what no record has. */
const known = [
  ...[
    String.raw`\pL\PN\p{Greek}`,
    "[[:alpha:]][[:^digit:]]",
    String.raw`\Qa.b\E`,
    "(?P<n>b)(?<m>c)",
    String.raw`\x{1F600}\x41\t`,
  ],
  ...[
    String.raw`\A\d\D\s\S\w\W\z`,
    "(?i-s:a)(?U)b+",
    "a??b*?c{2,3}?",
    String.raw`[\d\-a\]]`,
    "[^\\\\/]",
    "(?m:^$)x",
    "é",
  ],
].map((pattern) => `zqzq${pattern}`);

const redact = {
  patterns: [...known, String.raw`(?i)\bbearer\s+[\w.~+/-]+=*`, String.raw`\b4\d{15}\b`, "hunter2$", "[$]{2}HOME"],
  fields: ["password", "x-api-key"],
};

/** Each with a secret that begins with `s3cr3t`, or is `hunter2` or a number. */
const records: readonly Readonly<Record<string, Any>>[] = [
  { msg: "login with BEARER s3cr3t.a-b== went well", user: "u" },
  { msg: "it is hunter2", then: "hunter2 stays", home: "$$HOME" },
  {
    msg: "paid",
    card: 4111111111111111,
    deep: { list: [{ Password: "s3cr3t" }, "bearer s3cr3t"], "X-API-KEY": 12345 },
  },
  { msg: `sent {"password": "s3cr3t\\"s3cr3t", "user":"u"}, then {"x-api-key":{"of":["s3cr3t"]}}` },
  { log: "plain: Authorization: Bearer s3cr3t" },
  { msg: "nothing here", passwords: "stay" },
];

const clean = [
  { msg: "login with **** went well", user: "u" },
  { msg: "it is ****", then: "hunter2 stays", home: "****" },
  { msg: "paid", card: "****", deep: { list: [{ Password: "****" }, "****"], "X-API-KEY": "****" } },
  { msg: 'sent {****, "user":"u"}, then {****' },
  { log: "plain: Authorization: ****" },
  { msg: "nothing here", passwords: "stay" },
];

const written = records.map((record) => (typeof record["log"] === "string" ? record["log"] : JSON.stringify(record)));

describe("Secrets in log records", () => {
  const dir = mkdtempSync(join(tmpdir(), "redaction-"));
  const watcher = guard(dir);
  const gathered: Any[] = [];
  const store = createServer((request, response) => {
    void json(request).then((body) => {
      gathered.push(body as Any);
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  after(async () => {
    await reap(dir);
    await watcher.release();
    store.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it("are taken out alike by the gateway, a real collector, by Fluent Bit, by its stand-in with its script in Lua, and by Alloy, by its template", async function () {
    const otelcol = await programOrSkip(this, "otelcol");
    const { declared } = await render({ settings: { redact } });
    const config = (
      declared.find(({ kind }) => kind === "OpenTelemetryCollector")?.["spec"] as { config: { processors: object } }
    ).config;
    await new Promise<void>((resolve) => store.listen(0, "127.0.0.1", resolve));
    const [http = 0, health = 0] = await freePorts(2);
    const file = join(dir, "collector.yaml");
    const pipeline = { receivers: ["otlp"], processors: ["redaction"], exporters: ["otlp_http"] };
    writeFileSync(
      file,
      stringify({
        receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${http}` } } } },
        processors: { redaction: (config.processors as Record<string, unknown>)["redaction"] },
        exporters: {
          otlp_http: {
            ...{ endpoint: `http://127.0.0.1:${(store.address() as AddressInfo).port}`, encoding: "json" },
            compression: "none",
          },
        },
        extensions: { health_check: { endpoint: `127.0.0.1:${health}` } },
        service: {
          ...{ extensions: ["health_check"], pipelines: { logs: pipeline, traces: pipeline } },
          telemetry: { metrics: { level: "none" } },
        },
      }),
    );
    launch(dir, { name: "collector", command: otelcol, args: [`--config=${file}`] });
    if ((await eventually(180, () => call(`http://127.0.0.1:${health}/`))) === undefined)
      throw new Error(`the collector is not ready:\n${lastLines(dir, "collector")}`);

    const resource = {
      attributes: attributes({ "k8s.pod.name": "hunter2", "service.name": "shop", token: "Bearer s3cr3t" }),
    };
    const parsed = records.map((record) => ({ body: value(record) }));
    // What an SDK sends: a text, and attributes, of which one is a map.
    const sent = {
      body: value('{"password":"s3cr3t"}'),
      attributes: attributes({ "x-api-key": "s3cr3t", card: 4111111111111111, deep: { password: "s3cr3t", a: "b" } }),
    };
    await post(`http://127.0.0.1:${http}/v1/logs`, {
      resourceLogs: [{ resource, scopeLogs: [{ logRecords: [...parsed, sent] }] }],
    });
    const ids = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
    const span = { ...ids, name: "a", kind: 1, startTimeUnixNano: "1", endTimeUnixNano: "2" };
    const more = {
      attributes: attributes({ url: "/?t=bearer s3cr3t" }),
      events: [{ name: "e", timeUnixNano: "1", attributes: attributes({ password: "s3cr3t" }) }],
    };
    await post(`http://127.0.0.1:${http}/v1/traces`, {
      resourceSpans: [{ resource, scopeSpans: [{ spans: [{ ...span, ...more }] }] }],
    });
    await eventually(180, () => Promise.resolve(gathered.length >= 2 || undefined));

    type Logs = {
      resourceLogs: {
        resource: { attributes: object[] };
        scopeLogs: { logRecords: { body: Record<string, unknown>; attributes?: object[] }[] }[];
      }[];
    };
    const [logs] = gathered.filter((one) => "resourceLogs" in (one as object)) as unknown as Logs[];
    const [of] = logs?.resourceLogs ?? [];
    const kept = of?.scopeLogs[0]?.logRecords ?? [];
    // Who it is of stays, or nobody would find it.
    expect(of?.resource.attributes).to.deep.equal(
      attributes({ "k8s.pod.name": "hunter2", "service.name": "shop", token: "****" }),
    );
    expect(kept.at(-1)?.body).to.deep.equal(value("{****}"));
    expect(kept.at(-1)?.attributes).to.deep.equal(
      attributes({ "x-api-key": "****", card: "****", deep: '{"a":"b",****}' }),
    );
    const byCollector = kept.slice(0, -1).map(({ body }) => plain(body));

    const values = releases(declared).find(({ chart }) => chart?.name === "fluent-bit")?.values ?? {};
    const pod = { namespace: "shop", name: "hunter2", uid: "u", container: "c", deployment: "d", node: "n" };
    const byFluentBit: unknown[] = [];
    for (const line of written) {
      const { text, stream } = await read(values, pod, `2026-01-01T00:00:00Z stdout F ${line}`);
      expect(stream).to.include({ pod: "hunter2", namespace: "shop" });
      byFluentBit.push(JSON.parse(text));
    }
    expect(byFluentBit).to.deep.equal(byCollector);
    const alloy = await programOrSkip(this, "alloy-check");
    const byAlloy = templated(alloy, lineTemplate(redact), written).map((text) => JSON.parse(text) as unknown);
    expect(byAlloy).to.deep.equal(byCollector);
    expect(byCollector).to.deep.equal(clean);
    expect(JSON.stringify([gathered, byFluentBit])).not.to.match(/s3cr3t|4111111111111111/);
  });

  it("are taken out by Fluentd, by its script in a real Ruby", function () {
    const lines = written.map((line) => podLine(`2026-01-01T00:00:00Z stdout F ${line}`));
    const kept = fluentdOrSkip(this, scripts(redact), lines).map(({ record }) => record);
    expect(kept.map((record) => ({ ...record, kubernetes: undefined, "@timestamp": undefined }))).to.deep.equal(
      clean.map((record) => ({ ...record, kubernetes: undefined, "@timestamp": undefined })),
    );
  });
});
