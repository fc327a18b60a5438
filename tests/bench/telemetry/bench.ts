/**
 * Telemetry from an application to the stores and back by Grafana's links, through the real programs with the configuration
 * that the program declares.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { olderProtocols, type OlderProtocol } from "../../../components/agents/collector/protocols.ts";
import { dataSourceUid } from "../../../components/capabilities.ts";
import type { Manifest } from "../../../components/kubernetes/manifest.ts";
import type { GrafanaDataSource } from "../../../components/dashboards/grafana/data-sources.ts";
import { obtainBinaries } from "../../../rehearsal/control-plane/binaries.ts";
import { startControlPlane } from "../../../rehearsal/control-plane/control-plane.ts";
import { guard, logFile } from "../../../rehearsal/control-plane/processes.ts";
import { at, textAt } from "../../../contract/finding.ts";
import { releases, render } from "../../../contract/rendered.ts";
import { sendLogs, sendMetric, sendTraces, serveMetrics, type Work, work } from "./application.ts";
import { applicationPod, collectorAccount, type Pod } from "./cluster.ts";
import { call, eventually, getJson } from "../../../rehearsal/http-client.ts";
import {
  type Line,
  type Link,
  logsOfSpan,
  metricsOfSpan,
  panelsOfAddress,
  traceOfExemplar,
  tracesOfLine,
} from "./links.ts";
import { tail } from "./log-agent.ts";
import { sendByOlderClients } from "./older-clients.ts";
import { type Entry, stored, type StoredRow } from "../../../contract/logql/entries.ts";
import { ask } from "../../../contract/logql/evaluate.ts";
import { type ProgramName, type Span, spansOf, type Stack, startStack } from "./stack.ts";

/** Something that the environment promises, and how it was seen. */
export interface Claim {
  readonly claim: string;
  /** What was asked. */
  readonly query: string;
  /** Which program answered, with its version. */
  readonly judge: string;
  /** What was answered, in a few words. */
  readonly answer: string;
  readonly holds: boolean;
}

/** What a run of the bench saw. */
export interface Seen {
  readonly claims: readonly Claim[];
  /** Names that are others in each run, and what they stand for. */
  readonly names: Readonly<Record<string, string>>;
}

export interface BenchArgs {
  /** Gets one line at a time. @default nobody */
  readonly onProgress?: (line: string) => void;
  /** How long stores are down, in seconds. @default 60 */
  readonly outage?: number;
}

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

type Labels = Readonly<Record<string, string>>;

const minutes = (count: number) => Date.now() + count * 60_000;

class Bench {
  readonly claims: Claim[] = [];
  private readonly stack: Stack;
  private readonly onProgress: (line: string) => void;

  constructor(stack: Stack, onProgress: (line: string) => void) {
    this.stack = stack;
    this.onProgress = onProgress;
  }

  /** Records a claim that holds when there is an answer within some seconds. */
  async see<T>(
    judge: ProgramName,
    claim: string,
    query: string,
    ask: () => Promise<T | undefined>,
    say: (answer: T) => string,
    seconds = 30,
  ): Promise<T | undefined> {
    const answer = await eventually(seconds, ask);
    const holds = answer !== undefined;
    const text = holds ? say(answer) : `nothing within ${seconds} s`;
    this.claims.push({ claim, query, judge: this.stack.versions[judge], answer: text, holds });
    this.onProgress(`${holds ? "holds" : "DOES NOT HOLD"}: ${claim}`);
    return answer;
  }

  /** What the store has of a time (milliseconds since 1970), as Loki would have it. */
  private async entries(from: number, to: number): Promise<Entry[]> {
    const query = `_time:[${new Date(from).toISOString()}, ${new Date(to).toISOString()}]`;
    const text = await call(`${this.stack.logs}/select/logsql/query?${new URLSearchParams({ query }).toString()}`);
    return text
      .split("\n")
      .filter(Boolean)
      .map((row) => stored(JSON.parse(row) as StoredRow));
  }

  async lines(query: string, from = minutes(-10), to = minutes(5)): Promise<Line[]> {
    const asked = ask(query, await this.entries(from, to));
    if (asked.kind !== "rows") throw new Error(`${query} answers no lines.`);
    return asked.rows.map(({ line, labels, time }) => ({ text: line, labels, time }));
  }

  /** The number that a LogQL query of metrics answers. */
  async count(query: string): Promise<number> {
    const asked = ask(query, await this.entries(minutes(-15), Date.now()));
    if (asked.kind !== "metric") throw new Error(`${query} answers no number.`);
    return asked.at(Date.now())[0]?.value ?? 0;
  }

  /** Sees a line, and says its labels. */
  async seeLine(claim: string, query: string, text: string): Promise<Line | undefined> {
    return this.see(
      "logs",
      claim,
      `LogQL ${query}`,
      async () => (await this.lines(query)).find((line) => line.text === text),
      () => text,
    );
  }

  async samples(query: string): Promise<Sample[]> {
    const answer = await getJson<{ readonly data: { readonly result: readonly Sample[] } }>(
      `${this.stack.prometheus}/api/v1/query`,
      { query },
    );
    return [...answer.data.result];
  }

  /** How many samples a query has in a time (milliseconds since 1970), one in 15 s at most. */
  async samplesWithin(query: string, from: number, to: number): Promise<number> {
    const answer = await getJson<{
      readonly data: { readonly result: readonly { readonly values: readonly unknown[] }[] };
    }>(`${this.stack.prometheus}/api/v1/query_range`, {
      query,
      start: String(from / 1000),
      end: String(to / 1000),
      step: "15",
    });
    return answer.data.result.reduce((sum, { values }) => sum + values.length, 0);
  }

  /** Sees at least one series. Two scrapes may have to pass, and a flush of the collector. */
  async seeSamples(claim: string, query: string): Promise<Sample | undefined> {
    return this.see(
      "prometheus",
      claim,
      `PromQL ${query}`,
      async () => (await this.samples(query))[0],
      ({ metric, value }) => `${value[1]} with ${Object.keys(metric).length} labels`,
      150,
    );
  }

  async exemplars(query: string): Promise<Labels[]> {
    interface Answer {
      readonly data: readonly { readonly exemplars: readonly { readonly labels: Labels }[] }[];
    }
    const answer = await getJson<Answer>(`${this.stack.prometheus}/api/v1/query_exemplars`, {
      query,
      start: String(minutes(-10) / 1000),
      end: String(minutes(1) / 1000),
    });
    return answer.data.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels));
  }

  /** Follows a link to a trace: sees that it leads to the work that was done. */
  async followToTrace(claim: string, link: Link | undefined, done: Work): Promise<Span | undefined> {
    return this.see(
      "jaeger",
      claim,
      `GET /api/traces/${link?.query ?? "?"}`,
      async () => {
        if (link?.uid !== dataSourceUid.traces) return undefined;
        return (await spansOf(this.stack.jaeger, link.query)).find(
          ({ traceId, spanId }) => traceId === done.traceId && spanId === done.spanId,
        );
      },
      (span) => `span "${span.name}"`,
    );
  }

  /** Follows a link to log lines: sees one of them. */
  async followToLine(claim: string, link: Link, text: string): Promise<Line | undefined> {
    return this.see(
      "logs",
      claim,
      `LogQL ${link.query}`,
      async () => {
        if (link.uid !== dataSourceUid.logs) return undefined;
        return (await this.lines(link.query, link.from, link.to)).find((line) => line.text === text);
      },
      () => text,
    );
  }

  /** Follows a link to metrics: sees samples of the time around the span. */
  async followToSamples(claim: string, link: Link): Promise<void> {
    await this.see(
      "prometheus",
      claim,
      `PromQL ${link.query}`,
      async () => {
        if (link.uid !== dataSourceUid.metrics) return undefined;
        const count = await this.samplesWithin(link.query, link.from, link.to);
        return count > 0 ? count : undefined;
      },
      (count) => `${count} samples`,
    );
  }
}

/** Pod attributes that every signal has to carry. */
const podAttributes = (pod: Pod): Labels => ({
  "k8s.namespace.name": pod.namespace,
  "k8s.pod.name": pod.name,
  "k8s.pod.uid": pod.uid,
  "k8s.deployment.name": pod.deployment,
  "k8s.node.name": pod.node,
  "k8s.container.name": pod.container,
});

const label = (attribute: string) => attribute.replaceAll(".", "_");

/** What one request left: the text of its log record, and its line on standard output as the store has it. */
interface Left {
  readonly otlp: string;
  readonly agent: string;
  /** The message in that line: what log panels show. */
  readonly message: string;
}

/** Every signal arrives where it should, with what it needs to be found. */
async function arrival(
  bench: Bench,
  stack: Stack,
  pod: Pod,
  done: Work,
  logAgent: Readonly<Record<string, unknown>>,
): Promise<Left> {
  const { traceId } = done;
  const otlp = "said hello over OTLP";
  await bench.see(
    "jaeger",
    "The collector knows the pods of the API server with the rights that are declared",
    "a span without a word about its pod, until it arrives with one",
    async () => {
      const probe = work();
      await sendTraces(stack.collector, {}, [probe]);
      await sleep(1000);
      return (await spansOf(stack.jaeger, probe.traceId))[0]?.attributes.get("k8s.pod.name");
    },
    (name) => name,
    60,
  );
  // Each signal tells its pod in another of the three ways that the processor knows.
  await sendTraces(stack.collector, {}, [done]);
  await sendLogs(stack.collector, { "k8s.pod.uid": pod.uid }, [{ work: done, text: otlp }]);
  await sendMetric(stack.collector, { "k8s.pod.ip": "127.0.0.1" }, "bench.messages", done);
  const message = "said hello on standard output";
  const written = JSON.stringify({ level: "error", msg: message, trace_id: traceId });
  const agent = await tail(logAgent, stack.logs, pod, `${new Date().toISOString()} stdout F ${written}`);

  const wanted = Object.entries(podAttributes(pod));
  await bench.see(
    "jaeger",
    "A span arrives with its namespace, pod, deployment, node and container",
    `GET /api/traces/${traceId}`,
    async () =>
      (await spansOf(stack.jaeger, traceId)).find(({ attributes }) =>
        wanted.every(([key, value]) => attributes.get(key) === value),
      ),
    ({ attributes }) => wanted.map(([key]) => `${key}=${attributes.get(key) ?? ""}`).join(" "),
  );
  const otlpSelector = `{k8s_namespace_name="${pod.namespace}", k8s_pod_name="${pod.name}"}`;
  await bench.seeLine("A log record sent by OTLP is found by its labels", otlpSelector, otlp);
  await bench.seeLine(
    "A log record sent by OTLP is found by its trace",
    `{service_name="kbot"} | trace_id="${traceId}"`,
    otlp,
  );
  const agentSelector = `{job="containers", namespace="${pod.namespace}", pod="${pod.name}", container="${pod.container}"}`;
  await bench.seeLine("A line of the log agent is found by its labels", agentSelector, agent);
  await bench.seeLine(
    "A line of the log agent is found by its trace",
    `{namespace="${pod.namespace}"} | json | trace_id="${traceId}"`,
    agent,
  );
  return { otlp, agent, message };
}

/** Spans of older clients arrive, and by TCP with their pod. */
async function olderClients(bench: Bench, stack: Stack, pod: Pod): Promise<void> {
  const sent = await sendByOlderClients(stack.olderPorts);
  for (const [protocol, { over }] of Object.entries(olderProtocols)) {
    const traceId = sent[protocol as OlderProtocol];
    await bench.see(
      "jaeger",
      `A span sent by ${protocol} arrives${over === "TCP" ? " with its pod" : ""}`,
      `GET /api/traces/${traceId}`,
      async () =>
        (await spansOf(stack.jaeger, traceId)).find(
          ({ attributes }) => over === "UDP" || attributes.get("k8s.pod.name") === pod.name,
        ),
      ({ name, attributes }) => `span "${name}" of ${attributes.get("service.name") ?? "?"}`,
    );
  }
}

/** What a collector that works tells of itself, of what dashboards and alerts name. */
const collectorMetrics = ["receiver_accepted", "receiver_refused", "exporter_sent"]
  .flatMap((of) => [`${of}_spans`, `${of}_log_records`, `${of}_metric_points`])
  .concat("exporter_queue_size", "exporter_queue_capacity", "process_memory_rss")
  .map((metric) => `otelcol_${metric}`);

async function metrics(bench: Bench, stack: Stack, dir: string, pod: Pod): Promise<void> {
  const labels = Object.entries(podAttributes(pod))
    .map(([key, value]) => `${label(key)}="${value}"`)
    .join(", ");
  await bench.seeSamples("A metric sent by OTLP is in Prometheus with its pod", `bench_messages_total{${labels}}`);
  await bench.seeSamples(
    "A metric of an annotated pod is in Prometheus with its pod",
    `kbot_messages_processed_total{job="application-pods", namespace="${pod.namespace}", pod="${pod.name}"}`,
  );
  await bench.seeSamples(
    "Requests, errors and durations are counted from the spans of an application, with its pod",
    `traces_span_metrics_duration_seconds_count{k8s_pod_name="${pod.name}"}`,
  );
  await bench.seeSamples(
    "A call from outside is on the service graph",
    'traces_service_graph_request_total{client="user", server="kbot"}',
  );
  await bench.seeSamples(
    "A metric that Prometheus scrapes by a ServiceMonitor is there with its pod",
    `kbot_messages_processed_total{job="kbot", namespace="${pod.namespace}", pod="${pod.name}"}`,
  );
  for (const metric of collectorMetrics) {
    await bench.seeSamples(`${metric}, which dashboards and alerts of the collector name, is in Prometheus`, metric);
  }
  await bench.see(
    "prometheus",
    "Prometheus answers under its route prefix and nowhere else",
    "GET /api/v1/status/buildinfo with and without it",
    async () => {
      const info = await getJson<unknown>(`${stack.prometheus}/api/v1/status/buildinfo`);
      const root = await fetch(`${stack.prometheusRoot}/api/v1/status/buildinfo`);
      return root.status === 404 ? textAt(info, "data", "version") : undefined;
    },
    (version) => `version ${version}; 404`,
  );
  await bench.seeSamples("The feature extra-scrape-metrics is one", "scrape_timeout_seconds");
  await bench.see(
    "prometheus",
    "Prometheus knows every feature that is switched on",
    "its log",
    () => {
      const log = readFileSync(logFile(dir, "prometheus"), "utf8");
      return Promise.resolve(
        /unknown option for --enable-feature/i.test(log) ? undefined : "no word of an unknown one",
      );
    },
    (answer) => answer,
    0,
  );
}

/** What the platform declares of links. */
interface Linked {
  readonly sources: readonly GrafanaDataSource[];
  /** The one of `exemplarTraceIdDestinations` of the data source of metrics. */
  readonly exemplars: unknown;
  /** Objects that Flux applies: dashboards. */
  readonly content: readonly Manifest[];
  readonly scrapeSeconds: number;
}

/** Whichever way a metric comes, its exemplar leads to the trace. */
async function exemplars(bench: Bench, { exemplars: destination }: Linked, done: Work): Promise<void> {
  for (const [what, metric] of [
    ["a histogram of an annotated pod", 'kbot_message_duration_seconds_bucket{job="application-pods"}'],
    ["a counter of an annotated pod", 'kbot_messages_processed_total{job="application-pods"}'],
    ["the durations of spans", "traces_span_metrics_duration_seconds_bucket"],
    ["the number of spans", "traces_span_metrics_calls_total"],
    ["a histogram of a ServiceMonitor", 'kbot_message_duration_seconds_bucket{job="kbot"}'],
    ["a metric sent by OTLP", "bench_messages_total"],
  ] as const) {
    const seen = await bench.see(
      "prometheus",
      `Prometheus keeps the exemplar of ${what}`,
      `query_exemplars ${metric}`,
      async () => {
        const [labels] = await bench.exemplars(metric);
        const link = labels === undefined ? undefined : traceOfExemplar(destination, labels);
        return link && { link, span: labels?.["span_id"] ?? "" };
      },
      ({ link }) => `trace ${link.query}`,
      90,
    );
    // Of several requests in one interval the collector chooses the span.
    const own = metric.startsWith("traces_") && seen !== undefined;
    const of = own ? { traceId: seen.link.query, spanId: seen.span } : done;
    await bench.followToTrace(`Metric to trace: the exemplar of ${what} leads to its span`, seen?.link, of);
  }
}

/**
 * From an alert to everything that is known of one request that caused it, by nothing but the links that the platform
 * made: the alert's address of a dashboard, the dashboard's queries, the exemplar's trace, the span's links to logs and to
 * metrics, the lines' links back to the trace.
 */
async function journey(bench: Bench, stack: Stack, linked: Linked, done: Work, left: Left): Promise<void> {
  const source = (uid: string): GrafanaDataSource => {
    const found = linked.sources.find((candidate) => candidate.uid === uid);
    if (found === undefined) throw new Error(`Grafana has no data source ${uid}.`);
    return found;
  };
  interface Alert {
    readonly labels: Labels;
    readonly annotations: Labels;
  }
  for (const alertname of ["KbotErrorRatioHigh", "KbotLatencyHigh"]) {
    const address = await bench.see(
      "prometheus",
      `${alertname} is on its way when messages are slow and fail, with the address of a dashboard`,
      "GET /api/v1/alerts",
      async () => {
        const { data } = await getJson<{ readonly data: { readonly alerts: readonly Alert[] } }>(
          `${stack.prometheus}/api/v1/alerts`,
        );
        return data.alerts.find(({ labels }) => labels["alertname"] === alertname)?.annotations["dashboard_url"];
      },
      (url) => url.replace(/^https?:\/\/[^/]+/, ""),
      // Two scrapes and two evaluations.
      180,
    );
    if (address === undefined) continue;
    const opened = panelsOfAddress(address, linked.content, linked.scrapeSeconds);
    const asked = opened.queries.find(({ exemplar, uid }) => exemplar && uid === dataSourceUid.metrics);
    const toTrace = await bench.see(
      "prometheus",
      `Alert to metric: the dashboard of ${alertname} shows the request's exemplar`,
      `query_exemplars ${asked?.query ?? "?"}`,
      async () => {
        const all = asked === undefined ? [] : await bench.exemplars(asked.query);
        return all
          .map((labels) => traceOfExemplar(linked.exemplars, labels))
          .find((link) => link?.query === done.traceId);
      },
      ({ query }) => `trace ${query} in the panel "${asked?.panel ?? ""}" of "${opened.title}"`,
    );
    const span = await bench.followToTrace(
      `Metric to trace: the exemplar on the dashboard of ${alertname} leads to the request's span`,
      toTrace,
      done,
    );
    if (span === undefined || alertname === "KbotErrorRatioHigh") continue;

    const toLogs = logsOfSpan(source(toTrace?.uid ?? ""), span);
    for (const [what, text] of [
      ["its line of the log agent", left.agent],
      ["its log record sent by OTLP", left.otlp],
    ] as const) {
      const line = await bench.followToLine(`Trace to logs: the span leads to ${what}`, toLogs, text);
      const [toTraceAgain] = line === undefined ? [] : tracesOfLine(source(toLogs.uid), line);
      await bench.followToTrace(
        `Log to trace: ${what} leads back to the span (field ${toTraceAgain?.name ?? "?"})`,
        toTraceAgain,
        done,
      );
    }
    for (const link of metricsOfSpan(source(toTrace?.uid ?? ""), span)) {
      await bench.followToSamples(`Trace to metrics: the span leads to "${link.name}"`, link);
    }

    const logPanel = opened.queries.find(({ uid }) => uid === dataSourceUid.logs);
    const shown = await bench.seeLine(
      "Alert to logs: the dashboard shows the request's line",
      logPanel?.query ?? "?",
      left.message,
    );
    const [fromPanel] = shown === undefined ? [] : tracesOfLine(source(logPanel?.uid ?? ""), shown);
    await bench.followToTrace("Log to trace: the line on the dashboard leads to the span", fromPanel, done);
    const tracePanel = opened.queries.find(({ uid }) => uid === dataSourceUid.traces);
    await bench.see(
      "jaeger",
      "Alert to trace: the dashboard lists the request's trace",
      `GET /api/traces?service=${tracePanel?.query ?? "?"}`,
      async () => {
        const { data } = await getJson<{ readonly data: readonly { readonly traceID: string }[] }>(
          `${stack.jaeger}/api/traces`,
          {
            service: tracePanel?.query ?? "",
            limit: "1000",
            // Microseconds.
            start: String(minutes(-60) * 1000),
            end: String(minutes(1) * 1000),
          },
        );
        return data.find(({ traceID }) => traceID === done.traceId);
      },
      ({ traceID }) => `trace ${traceID}`,
    );
  }
}

/** A number of the collector about itself, summed over its series; 0 where it has none. */
async function own(stack: Stack, metric: string): Promise<number> {
  const text = await call(stack.collectorMetrics);
  return [...text.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );
}

/** What the collector says it has dropped, by the metrics that the alerts name. */
async function dropped(stack: Stack, items: string): Promise<number> {
  const metrics = [`otelcol_exporter_send_failed_${items}`, `otelcol_exporter_enqueue_failed_${items}`];
  return (await Promise.all(metrics.map((metric) => own(stack, metric)))).reduce((a, b) => a + b);
}

/** Work that belongs to one trace. */
const spanOf = ({ traceId }: Work): Work => ({ traceId, spanId: work().spanId });

/**
 * Both stores are gone for a while, and in the middle of it the collector is killed: what was sent meanwhile arrives when
 * they are back.
 */
async function outage(bench: Bench, stack: Stack, pod: Pod, seconds: number): Promise<void> {
  await stack.kill("logs");
  await stack.kill("jaeger");
  const all = work();
  const spans: Work[] = [];
  let queued = 0;
  const send = async (until: number) => {
    while (Date.now() < until) {
      const done = spanOf(all);
      await sendTraces(stack.collector, {}, [done]);
      await sendLogs(stack.collector, { "k8s.pod.uid": pod.uid }, [{ work: done, text: `outage ${spans.length}` }]);
      spans.push(done);
      queued = Math.max(queued, await own(stack, "otelcol_exporter_queue_size"));
      await sleep(1000);
    }
  };
  const start = Date.now();
  await send(start + (seconds * 1000) / 2);
  const before = { spans: await dropped(stack, "spans"), log_records: await dropped(stack, "log_records") };
  await stack.kill("collector");
  await stack.start("collector");
  await send(start + seconds * 1000);
  await stack.start("jaeger");
  await stack.start("logs");
  await bench.see(
    "collector",
    "While stores are down the collector accepts everything and keeps it",
    "otelcol_exporter_queue_size of the collector, greatest",
    () => Promise.resolve(queued > 0 ? queued : undefined),
    (size) => `${size} bytes of ${spans.length} spans and as many log records`,
    0,
  );
  const query = `{service_name="kbot"} |= "outage"`;
  const arrived = {
    spans: async () => {
      const ids = new Set((await spansOf(stack.jaeger, all.traceId)).map(({ spanId }) => spanId));
      return spans.filter(({ spanId }) => ids.has(spanId)).length;
    },
    log_records: async () => {
      const texts = new Set((await bench.lines(query, start - 60_000)).map(({ text }) => text));
      return spans.filter((_, index) => texts.has(`outage ${index}`)).length;
    },
  } as const;
  for (const [items, judge, asked] of [
    ["spans", "jaeger", `GET /api/traces/${all.traceId}`],
    ["log_records", "logs", `LogQL ${query}`],
  ] as const) {
    const what = items.replace("_", " ");
    await bench.see(
      judge,
      `Stores are down, the collector is killed meanwhile: every one of the ${what} arrives`,
      asked,
      async () => ((await arrived[items]()) === spans.length ? spans.length : undefined),
      (count) => `${count} of ${spans.length}`,
      120,
    );
    await bench.see(
      "collector",
      `The collector says that it dropped none of the ${what}`,
      `otelcol_exporter_send_failed_${items} + otelcol_exporter_enqueue_failed_${items}`,
      async () => (before[items] + (await dropped(stack, items)) === 0 ? "0" : undefined),
      (answer) => answer,
      0,
    );
  }
}

const mebibyte = 1024 * 1024;
const large = "x".repeat(100_000);

/** Batches that are larger than a store takes at once arrive in parts. */
async function largeBatches(bench: Bench, stack: Stack): Promise<void> {
  const all = work();
  const count = 80;
  const works = Array.from({ length: count }, () => spanOf(all));
  await sendTraces(stack.collector, {}, works, large);
  await bench.see(
    "jaeger",
    "A batch of spans that is larger than Jaeger takes at once arrives, in parts",
    `GET /api/traces/${all.traceId}`,
    async () => ((await spansOf(stack.jaeger, all.traceId)).length >= count ? count : undefined),
    (found) => `${found} spans of ${large.length} bytes; Jaeger takes ${4 * mebibyte} bytes`,
    60,
  );
  await sendLogs(
    stack.collector,
    {},
    works.map((done, index) => ({ work: done, text: `large ${index} ${large}` })),
  );
  const query = `sum(count_over_time({service_name="kbot"} |= "large " [10m]))`;
  await bench.see(
    "logs",
    "A batch of log records that is larger than Loki takes at once arrives, in parts",
    `LogQL ${query}`,
    async () => ((await bench.count(query)) >= count ? count : undefined),
    (found) => `${found} lines of ${large.length} bytes; Loki's burst is 6 MiB, and the stand-in's`,
    120,
  );
}

/** More than the queue has room for: the collector says how much it dropped, and the rest arrives. */
async function overflow(bench: Bench, stack: Stack): Promise<void> {
  const capacity = await own(stack, "otelcol_exporter_queue_capacity");
  await stack.kill("jaeger");
  // Half as much again as one of the two queues holds.
  const each = 80;
  const requests = Math.ceil((1.5 * (capacity / 2)) / (each * large.length));
  const traces = Array.from({ length: requests }, work);
  for (const trace of traces) {
    await sendTraces(
      stack.collector,
      {},
      Array.from({ length: each }, () => spanOf(trace)),
      large,
    );
  }
  // The batch processor hands on after a fifth of a second.
  await sleep(2000);
  const sent = requests * each;
  await bench.see(
    "collector",
    "What the queue has no room for is dropped, and the collector says how much",
    "otelcol_exporter_enqueue_failed_spans",
    async () => {
      const count = await own(stack, "otelcol_exporter_enqueue_failed_spans");
      return count > 0 ? count : undefined;
    },
    (count) => `${count} of ${sent} spans of ${large.length} bytes; the queue has ${capacity / 2} bytes`,
  );
  await stack.start("jaeger");
  await bench.see(
    "jaeger",
    "Of more than the queue holds, all that is not counted as dropped arrives",
    `GET /api/traces/<each trace>; otelcol_exporter_enqueue_failed_spans`,
    async () => {
      const counts = await Promise.all(
        traces.map(async ({ traceId }) =>
          spansOf(stack.jaeger, traceId).then(
            (spans) => new Set(spans.map(({ spanId }) => spanId)).size,
            () => 0,
          ),
        ),
      );
      const there = counts.reduce((a, b) => a + b);
      const gone = await dropped(stack, "spans");
      const enough = there * large.length > 0.8 * (capacity / 2);
      return there + gone === sent && enough ? { there, gone } : undefined;
    },
    ({ there, gone }) => `${there} arrived + ${gone} dropped of ${sent}`,
    120,
  );
}

/** kbot, whose metrics carry exemplars; the bench plays it. */
const demo = {
  app: "kbot",
  repository: "https://github.com/acme/kbot",
  image: { repository: "ghcr.io/acme/kbot" },
} as const;

/** Runs it all, for the default settings but for the demo and older clients. */
export async function telemetryBench(args: BenchArgs = {}): Promise<Seen> {
  const onProgress = args.onProgress ?? (() => undefined);
  const { declared, content } = await render({
    settings: { demo, collector: { receivers: Object.keys(olderProtocols) as OlderProtocol[] } },
  });
  const valuesOf = (name: string) => {
    const values = releases(declared).find(({ chart }) => chart?.name === name)?.values;
    if (values === undefined) throw new Error(`The program declares no release of ${name}.`);
    return values;
  };
  const values = valuesOf("kube-prometheus-stack");
  const namespace = "demo";
  const sources = (at(values, "grafana", "additionalDataSources") ?? []) as readonly GrafanaDataSource[];
  const ofMetrics = sources.find(({ uid }) => uid === dataSourceUid.metrics);
  const linked: Linked = {
    sources,
    exemplars: at(ofMetrics, "jsonData", "exemplarTraceIdDestinations", 0),
    content,
    scrapeSeconds: Number.parseInt(textAt(values, "prometheus", "prometheusSpec", "scrapeInterval") ?? "", 10),
  };

  const dir = mkdtempSync(path.join(tmpdir(), "telemetry-bench-"));
  const watcher = guard(dir);
  const done = work();
  const stop: (() => Promise<void> | void)[] = [];
  try {
    onProgress("control plane: starting");
    const binaries = await obtainBinaries({ onProgress });
    const plane = await startControlPlane({ name: "telemetry", dir: path.join(dir, "plane"), binaries });
    stop.push(() => plane.stop());
    // The pod's name is known when it runs, and it runs when its port is known.
    const container: Record<string, string> = { namespace, container: "kbot" };
    const pages = await serveMetrics(done, container);
    stop.push(() => {
      pages.close();
    });
    const pod = await applicationPod(plane, namespace, pages.port);
    container["pod"] = pod.name;
    const kubeconfig = await collectorAccount(plane, declared, path.join(dir, "otel-collector.kubeconfig"));
    const application = { port: pages.port, pod };
    const stack = await startStack({ dir, declared, content, kubeconfig, application, onProgress });
    stop.push(() => stack.close());
    const bench = new Bench(stack, onProgress);
    const left = await arrival(bench, stack, pod, done, valuesOf("fluent-bit"));
    await metrics(bench, stack, dir, pod);
    await exemplars(bench, linked, done);
    await journey(bench, stack, linked, done, left);
    // Last of those that arrive: an exemplar may be any span's.
    await olderClients(bench, stack, pod);
    await outage(bench, stack, pod, args.outage ?? 60);
    await largeBatches(bench, stack);
    await overflow(bench, stack);
    return { claims: bench.claims, names: { [done.traceId]: "<trace id>", [pod.name]: "<pod>", [pod.uid]: "<uid>" } };
  } finally {
    for (const end of stop.reverse()) await end();
    await watcher.release();
    rmSync(dir, { recursive: true, force: true });
  }
}
