/**
 * The agents and stores of logs and traces that can run here, side by side, each a real program with its declared configuration: for
 * ten minutes 1,000 lines a second, of which a quarter is text that the container runtime cuts in two, and 200 spans a second. Lines come out of
 * files, by the collector on nodes, and from applications, by OTLP through the gateway, each to a VictoriaLogs of its own; spans
 * go through a gateway each to a Jaeger in memory and one on disk. Changed are addresses and folders, and the gateway asks
 * no API server for pods. Ends with 1 when anything is lost or there twice. Writes the table of docs/logs.md.
 *
 *   npm run bench:stores [-- --minutes N]
 */
import { randomBytes } from "node:crypto";
import { globSync, statSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { asMap, at } from "../../contract/finding.ts";
import { obtainProgram } from "../../contract/readers.ts";
import { releases, render } from "../../contract/rendered.ts";
import { call, eventually, post } from "../../rehearsal/http-client.ts";
import { byteCount } from "../../settings/formats.ts";
import { settingsSchema } from "../../settings/schema.ts";
import { agentConfig, LogNode } from "../support/log-node.ts";
import type { Used } from "../support/used.ts";
import { median, writeInto } from "./figures.ts";
import { Loopback } from "./loopback.ts";
import { nanoseconds, sendLogs, work, type Work } from "./telemetry/application.ts";
import { spansOf } from "./telemetry/stack.ts";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" } } });
const seconds = Number(values.minutes) * 60;
/** How often something is written; a tenth of a second's each time. */
const beats = 10;
const linesPerBeat = 100;
const tracesPerBeat = 5;
const spansPerTrace = 4;
/** Beats between two that are looked for at once. */
const looked = 5 * beats;
const page = join(import.meta.dirname, "../../docs/logs.md");

const json = (n: number) =>
  JSON.stringify({ level: "info", msg: `request handled ${n}`, path: `/api/v1/items/${n % 977}`, status: 200, n });
/** Lines of the container runtime: of text the first half, and the rest. */
const written = (n: number): string[] =>
  n % 4 !== 0
    ? [`stdout F ${json(n)}`]
    : [`stdout P INFO request handled ${n} `, `stdout F path=/api/v1/items/${n % 977} status=200`];

const bytesOf = (folder: string) =>
  globSync("**/*", { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).blocks * 512, 0);

/** A configuration whose addresses are the loopback's: those it listens at by their port, and one of a store. */
function onLoopback(loopback: Loopback, name: string, config: unknown, store: Readonly<Record<string, string>> = {}) {
  const text = Object.entries(store).reduce((all, [from, to]) => all.replaceAll(from, to), JSON.stringify(config));
  const moved = text
    .replaceAll(/0\.0\.0\.0:(\d+)/g, (_, port: string) => loopback.address(`${name}-${port}`))
    .replaceAll("/var/lib/otelcol/queue", join(loopback.dir, `${name}-queue`));
  const left = /[a-z0-9.-]+\.svc[a-z.]*(:\d+)?/.exec(moved)?.[0];
  if (left !== undefined) throw new Error(`The declared configuration names ${left}, which nothing here answers.`);
  return JSON.parse(moved) as Record<string, unknown>;
}

async function gateway(loopback: Loopback, name: string, declared: unknown, store: Readonly<Record<string, string>>) {
  const config = onLoopback(loopback, name, declared, store);
  const pipelines = asMap(at(config, "service", "pipelines")) ?? {};
  for (const one of Object.values(pipelines) as { processors: string[] }[])
    one.processors = one.processors.filter((processor) => processor !== "k8s_attributes");
  Reflect.deleteProperty(asMap(config["processors"]) ?? {}, "k8s_attributes");
  Object.assign(asMap(config["service"]) ?? {}, { telemetry: { metrics: { level: "none" } } });
  const { memoryLimit } = settingsSchema.parse({}).collector.resources;
  const file = loopback.write(`${name}.yaml`, stringify(config, { lineWidth: 0 }));
  await loopback.start(
    name,
    await obtainProgram("otelcol"),
    [`--config=${file}`],
    `http://${loopback.address(`${name}-13133`)}/`,
    { GOMEMLIMIT: String(byteCount(memoryLimit)) },
  );
  return `http://${loopback.address(`${name}-4318`)}`;
}

async function victoriaLogs(loopback: Loopback, name: string): Promise<string> {
  const folder = join(loopback.dir, `${name}-data`);
  const flags = [`-storageDataPath=${folder}`, `-httpListenAddr=${loopback.address(name)}`, "-loggerLevel=WARN"];
  const url = `http://${loopback.address(name)}`;
  await loopback.start(name, await obtainProgram("victorialogs"), flags, `${url}/health`);
  return url;
}

async function jaeger(loopback: Loopback, name: string, storage: { readonly type: "memory" | "badger" }) {
  const maxTraces = 2 * seconds * beats * tracesPerBeat;
  const { declared } = await render({ settings: { jaeger: { storage, maxTraces } } });
  const userconfig = at(releases(declared).find(({ chart }) => chart?.name === "jaeger")?.values, "userconfig");
  const config = onLoopback(loopback, name, userconfig, { '"/badger': `"${join(loopback.dir, `${name}-data`)}` });
  Object.assign(asMap(at(config, "service", "telemetry")) ?? {}, { metrics: { level: "none" } });
  const file = loopback.write(`${name}.yaml`, stringify(config, { lineWidth: 0 }));
  const program = await obtainProgram("jaeger");
  await loopback.start(name, program, [`--config=${file}`], `http://${loopback.address(`${name}-13133`)}/status`);
  return { otlp: loopback.address(`${name}-4317`), query: `http://${loopback.address(`${name}-16686`)}` };
}

/** Spans of a request: it, and what it calls. */
async function sendSpans(to: string, traces: readonly Work[]): Promise<void> {
  const end = Date.now();
  const spans = traces.flatMap(({ traceId, spanId }) =>
    Array.from({ length: spansPerTrace }, (_, index) => ({
      ...{ traceId, spanId: index === 0 ? spanId : randomBytes(8).toString("hex") },
      ...(index === 0 ? {} : { parentSpanId: spanId }),
      ...{ name: `step ${index}`, kind: index === 0 ? 2 : 1 },
      ...{ startTimeUnixNano: nanoseconds(end - 50), endTimeUnixNano: nanoseconds(end) },
      attributes: [{ key: "http.request.method", value: { stringValue: "GET" } }],
    })),
  );
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] };
  await post(`${to}/v1/traces`, { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
}

/** Milliseconds until something answers. @throws Error when it does not within a minute */
async function until(found: () => Promise<boolean>): Promise<number> {
  const from = Date.now();
  for (;;) {
    const asked = Date.now();
    if (await found().catch(() => false)) return asked - from;
    if (asked - from > 60_000) throw new Error("What was written a minute ago is not found.");
    await sleep(25);
  }
}

/** A way from who writes to a store. */
interface Way {
  readonly title: string;
  readonly agent: () => Used;
  readonly store: () => Used;
  readonly disk: () => number;
  /** Records, and those of them that the store has, each once. */
  readonly sent: () => number;
  readonly kept: () => Promise<number>;
  readonly write: (beat: number) => Promise<void> | void;
  /** Whether something of a beat can be found. */
  readonly finds: (beat: number) => Promise<boolean>;
}

function logWay(title: string, url: string, way: Pick<Way, "agent" | "store" | "disk" | "write">): Way {
  const rows = (query: string) => call(`${url}/select/logsql/query?${new URLSearchParams({ query }).toString()}`);
  return {
    ...{ title, ...way },
    sent: () => seconds * beats * linesPerBeat,
    finds: async (beat) =>
      (await rows(`_time:5m "request handled ${beat * linesPerBeat + 1}" | limit 1`)).trim() !== "",
    kept: async () => {
      await call(`${url}/internal/force_flush`);
      const { all, different } = JSON.parse(
        await rows(
          '"request handled" | extract "handled <n> " from _msg | stats count() all, count_uniq(_msg) different',
        ),
      ) as { readonly all: string; readonly different: string };
      if (all !== different) throw new Error(`${title}: of ${all} lines ${different} are different.`);
      return Number(all);
    },
  };
}

function traceWay(title: string, query: string, to: string, way: Pick<Way, "agent" | "store" | "disk">): Way {
  const traces: Work[] = [];
  const spans = async ({ traceId }: Work) => (await spansOf(query, traceId)).length;
  return {
    ...{ title, ...way },
    sent: () => Math.ceil(traces.length / 10) * spansPerTrace,
    write: async () => {
      const some = Array.from({ length: tracesPerBeat }, () => work());
      traces.push(...some);
      await sendSpans(to, some);
    },
    finds: async (beat) => (await spans(traces[beat * tracesPerBeat] ?? work())) === spansPerTrace,
    // A request each: of every tenth trace.
    kept: async () => {
      let found = 0;
      for (let index = 0; index < traces.length; index += 10)
        found += await spans(traces[index] ?? work()).catch(() => 0);
      return found;
    },
  };
}

await Loopback.use("stores", async (loopback) => {
  const { declared } = await render({ settings: { logs: "victoriaLogs", traces: "jaeger", logAgent: "collector" } });
  const gatewayConfig = at(
    declared.find(({ kind, metadata }) => kind === "OpenTelemetryCollector" && metadata.name === "otel"),
    "spec",
    "config",
  );
  const [logs, traces] = ["victoria-logs.monitoring.svc:9428", "jaeger-collector.monitoring.svc:4317"];
  const [fromFiles, fromApplications] = [await victoriaLogs(loopback, "files"), await victoriaLogs(loopback, "otlp")];
  const [memory, disk] = [
    await jaeger(loopback, "memory", { type: "memory" }),
    await jaeger(loopback, "badger", { type: "badger" }),
  ];
  const store = { [logs]: new URL(fromApplications).host };
  const otlpLogs = await gateway(loopback, "gateway-logs", gatewayConfig, { ...store, [traces]: memory.otlp });
  const toMemory = await gateway(loopback, "gateway-memory", gatewayConfig, { ...store, [traces]: memory.otlp });
  const toDisk = await gateway(loopback, "gateway-disk", gatewayConfig, { ...store, [traces]: disk.otlp });
  const node = await LogNode.make(
    await obtainProgram("otelcol"),
    agentConfig({ declared } as Parameters<typeof agentConfig>[0]),
    `${fromFiles}/insert/opentelemetry`,
  );
  try {
    await node.start();
    const numbers = (beat: number) => Array.from({ length: linesPerBeat }, (_, index) => beat * linesPerBeat + index);
    const used = (name: string) => () => loopback.used(name);
    const dataOf = (name: string) => () => bytesOf(join(loopback.dir, `${name}-data`));
    const ways: readonly Way[] = [
      logWay("lines in files: collector on nodes, VictoriaLogs", fromFiles, {
        ...{ agent: () => node.used(), store: used("files"), disk: dataOf("files") },
        write: (beat) => {
          node.write(`shop-${beat % 4}`, numbers(beat).flatMap(written));
        },
      }),
      logWay("records by OTLP: gateway, VictoriaLogs", fromApplications, {
        ...{ agent: used("gateway-logs"), store: used("otlp"), disk: dataOf("otlp") },
        write: (beat) =>
          sendLogs(
            otlpLogs,
            { "k8s.namespace.name": "shop", "k8s.pod.name": `shop-${beat % 4}` },
            numbers(beat).map((n) => ({ work: work(), text: `request handled ${n} path=/api/v1/items/${n % 977}` })),
          ),
      }),
      traceWay("spans: gateway, Jaeger in memory", memory.query, toMemory, {
        ...{ agent: used("gateway-memory"), store: used("memory"), disk: () => 0 },
      }),
      traceWay("spans: gateway, Jaeger on disk (Badger)", disk.query, toDisk, {
        ...{ agent: used("gateway-disk"), store: used("badger"), disk: dataOf("badger") },
      }),
    ];
    const waited = new Map(ways.map((way) => [way, [] as number[]]));
    const looking: Promise<unknown>[] = [];
    const load: number[] = [];
    const began = Date.now();
    for (let beat = 0; beat < seconds * beats; beat += 1) {
      await sleep(Math.max(0, began + (beat * 1000) / beats - Date.now()));
      for (const way of ways) {
        await way.write(beat);
        if (beat % looked === 0)
          looking.push(until(() => way.finds(beat)).then((after) => waited.get(way)?.push(after)));
      }
      if (beat % (60 * beats) === 0) {
        load.push(loadavg()[0] ?? 0);
        process.stderr.write(`minute ${beat / (60 * beats)}\n`);
      }
    }
    const took = (Date.now() - began) / 1000;
    await Promise.all(looking);
    const rows: string[] = [];
    for (const way of ways) {
      const sent = way.sent();
      let kept = 0;
      await eventually(60, async () => ((kept = await way.kept()) >= sent ? true : undefined));
      const times = (waited.get(way) ?? []).sort((a, b) => a - b);
      const [agent, keeper] = [way.agent(), way.store()];
      const mega = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MiB`;
      const use = ({ cpu, peak }: Used) => `${cpu.toFixed(1)} s, ${mega(peak)}`;
      const searchable = `${median(times)} ms, ${times.at(-1) ?? "?"} ms`;
      const cells = [way.title, use(agent), use(keeper), way.disk() === 0 ? "–" : mega(way.disk()), searchable];
      rows.push(`| ${[...cells, `${sent - kept} of ${sent}`].join(" | ")} |`);
      if (kept !== sent) process.exitCode = 1;
    }
    const lines = seconds * beats * linesPerBeat;
    const spans = seconds * beats * tracesPerBeat * spansPerTrace;
    const text = Array.from({ length: 1000 }, (_, n) => written(n).join("\n").length + 32).reduce((a, b) => a + b, 0);
    const where = `${availableParallelism()} processors (${cpus()[0]?.model.trim() ?? "unknown"}), ${Math.round(totalmem() / 1024 ** 3)} GiB, Linux; ${new Date().toISOString().slice(0, 10)}; load of the machine ${Math.min(...load).toFixed(1)} to ${Math.max(...load).toFixed(1)}`;
    const table = [
      `${lines} lines each way (of files ${Math.round((text * lines) / 1000 / 1024 ** 2)} MiB) and ${spans} spans each way in ${Math.round(took)} s. ${where}.`,
      "",
      "| way | agent: processor time, most memory | store: the same | disk | until it is found: median, longest | lost |",
      "| --- | --- | --- | --- | --- | --- |",
      ...rows,
    ].join("\n");
    console.log(table);
    await writeInto(page, "bench:stores", table);
  } finally {
    await node.close();
  }
});
