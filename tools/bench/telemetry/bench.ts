/**
 * Telemetry from an application to the stores and back by Grafana's links, through the real programs with the configuration
 * that the program declares.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { GrafanaDataSource } from "../../../components/monitoring/grafana-data-sources.ts";
import { obtainBinaries } from "../../../rehearsal/control-plane/binaries.ts";
import { startControlPlane } from "../../../rehearsal/control-plane/control-plane.ts";
import { guard, logFile } from "../../../rehearsal/control-plane/processes.ts";
import { logLabels } from "../../contract/checks/fluent-bit.ts";
import { at, textAt } from "../../contract/finding.ts";
import { releases, render } from "../../contract/rendered.ts";
import { nanoseconds, sendLogs, sendMetric, sendTraces, serveMetrics, type Work, work } from "./application.ts";
import { applicationPod, collectorAccount, type Pod } from "./cluster.ts";
import { call, eventually, getJson, post } from "./http.ts";
import { logsOfSpan, metricsOfSpan, tracesOfLine } from "./links.ts";
import { type Span, type Stack, startStack } from "./stack.ts";

/** Something that the environment promises, and how it was seen. */
export interface Claim {
  readonly claim: string;
  /** What was asked. */
  readonly query: string;
  /** What was answered, in a few words. */
  readonly answer: string;
  readonly holds: boolean;
}

export interface BenchArgs {
  /** Gets one line at a time. @default nobody */
  readonly onProgress?: (line: string) => void;
  /** How long stores are down, in seconds. @default 60 */
  readonly outage?: number;
}

interface Line {
  readonly text: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** A line as the log agent would push it, with the labels of its configuration. */
async function pushLine(loki: string, pod: Pod, text: string): Promise<void> {
  const values: Readonly<Record<string, string>> = {
    namespace: pod.namespace,
    pod: pod.name,
    container: pod.container,
  };
  const stream = Object.fromEntries(Object.entries(logLabels).map(([label, value]) => [label, values[label] ?? value]));
  await post(`${loki}/loki/api/v1/push`, { streams: [{ stream, values: [[nanoseconds(), text]] }] });
}

class Bench {
  readonly claims: Claim[] = [];
  private readonly stack: Stack;
  private readonly onProgress: (line: string) => void;

  constructor(stack: Stack, onProgress: (line: string) => void) {
    this.stack = stack;
    this.onProgress = onProgress;
  }

  private add(claim: Claim): void {
    this.claims.push(claim);
    this.onProgress(`${claim.holds ? "holds" : "DOES NOT HOLD"}: ${claim.claim}`);
  }

  /** Records a claim that holds when there is an answer within some seconds. */
  async see<T>(
    claim: string,
    query: string,
    ask: () => Promise<T | undefined>,
    say: (answer: T) => string,
    seconds = 30,
  ): Promise<T | undefined> {
    const answer = await eventually(seconds, ask);
    const text = answer === undefined ? `nothing within ${seconds} s` : say(answer);
    this.add({ claim, query, answer: text, holds: answer !== undefined });
    return answer;
  }

  async lines(query: string, limit = 5000): Promise<Line[]> {
    interface Answer {
      readonly data: {
        readonly result: readonly {
          readonly stream: Readonly<Record<string, string>>;
          readonly values: readonly (readonly [string, string])[];
        }[];
      };
    }
    const minutes = (count: number) => nanoseconds(Date.now() + count * 60_000);
    const url = `${this.stack.loki}/loki/api/v1/query_range`;
    const answer = await getJson<Answer>(url, { query, start: minutes(-10), end: minutes(5), limit: String(limit) });
    return answer.data.result.flatMap(({ stream, values }) => values.map(([, text]) => ({ text, labels: stream })));
  }

  /** Sees a line, and says its labels. */
  async seeLine(claim: string, query: string, text: string): Promise<Line | undefined> {
    return this.see(
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

  /** Sees at least one series. Two scrapes may have to pass: the collector's and Prometheus's. */
  async seeSamples(claim: string, query: string): Promise<Sample | undefined> {
    return this.see(
      claim,
      `PromQL ${query}`,
      async () => (await this.samples(query))[0],
      ({ metric, value }) => `${value[1]} with ${Object.keys(metric).length} labels`,
      150,
    );
  }

  async exemplar(query: string): Promise<Readonly<Record<string, string>> | undefined> {
    interface Answer {
      readonly data: readonly {
        readonly exemplars: readonly { readonly labels: Readonly<Record<string, string>> }[];
      }[];
    }
    const answer = await getJson<Answer>(`${this.stack.prometheus}/api/v1/query_exemplars`, {
      query,
      start: String(Date.now() / 1000 - 600),
      end: String(Date.now() / 1000 + 60),
    });
    return answer.data.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels))[0];
  }

  /** Sees the trace that a link leads to. */
  async seeTrace(claim: string, query: string, traceId: string): Promise<Span | undefined> {
    return this.see(
      claim,
      `trace ${query}`,
      () => Promise.resolve(query === traceId ? this.stack.spans.get(query)?.[0] : undefined),
      (span) => `span "${span.name}"`,
    );
  }
}

/** Pod attributes that every signal has to carry. */
const podAttributes = (pod: Pod): Readonly<Record<string, string>> => ({
  "k8s.namespace.name": pod.namespace,
  "k8s.pod.name": pod.name,
  "k8s.pod.uid": pod.uid,
  "k8s.deployment.name": pod.deployment,
  "k8s.node.name": pod.node,
  "k8s.container.name": pod.container,
});

const label = (attribute: string) => attribute.replaceAll(".", "_");

/** Every signal arrives where it should, with what it needs to be found. */
async function arrival(bench: Bench, stack: Stack, pod: Pod, done: Work) {
  const { traceId } = done;
  const text = "said hello over OTLP";
  const line = JSON.stringify({ level: "info", msg: "said hello on standard output", trace_id: traceId });
  await bench.see(
    "The collector knows the pods of the API server with the rights that are declared",
    "a span without a word about its pod, until it arrives with one",
    async () => {
      const probe = work();
      await sendTraces(stack.collector, {}, [probe]);
      await sleep(1000);
      return stack.spans.get(probe.traceId)?.[0]?.attributes.get("k8s.pod.name");
    },
    (name) => name,
    60,
  );
  // Each signal tells its pod in another of the three ways that the processor knows.
  await sendTraces(stack.collector, {}, [done]);
  await sendLogs(stack.collector, { "k8s.pod.uid": pod.uid }, [{ work: done, text }]);
  await sendMetric(stack.collector, { "k8s.pod.ip": "127.0.0.1" }, "bench.messages", done);
  await pushLine(stack.loki, pod, line);

  const wanted = Object.entries(podAttributes(pod));
  const span = await bench.see(
    "A span arrives with its namespace, pod, deployment, node and container",
    `trace ${traceId}`,
    () =>
      Promise.resolve(
        stack.spans
          .get(traceId)
          ?.find(({ attributes }) => wanted.every(([key, value]) => attributes.get(key) === value)),
      ),
    ({ attributes }) => wanted.map(([key]) => `${key}=${attributes.get(key) ?? ""}`).join(" "),
  );
  const otlpSelector = `{k8s_namespace_name="${pod.namespace}", k8s_pod_name="${pod.name}"}`;
  const otlpLine = await bench.seeLine("A log record sent by OTLP is found by its labels", otlpSelector, text);
  await bench.seeLine(
    "A log record sent by OTLP is found by its trace",
    `{service_name="kbot"} | trace_id="${traceId}"`,
    text,
  );
  const agentSelector = `{job="fluentbit", namespace="${pod.namespace}", pod="${pod.name}", container="${pod.container}"}`;
  const agentLine = await bench.seeLine("A line of the log agent is found by its labels", agentSelector, line);
  await bench.seeLine(
    "A line of the log agent is found by its trace",
    `{namespace="${pod.namespace}"} | json | trace_id="${traceId}"`,
    line,
  );
  return { span, otlpLine, agentLine, otlpText: text, agentText: line };
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
    "A metric that the collector scrapes from an annotated pod is in Prometheus with its pod",
    `kbot_commands_total{exported_namespace="${pod.namespace}", exported_pod="${pod.name}"}`,
  );
  for (const metric of collectorMetrics) {
    await bench.seeSamples(`${metric}, which dashboards and alerts of the collector name, is in Prometheus`, metric);
  }
  await bench.see(
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

async function links(
  bench: Bench,
  sources: readonly GrafanaDataSource[],
  exemplarLabel: string,
  done: Work,
  seen: Awaited<ReturnType<typeof arrival>>,
): Promise<void> {
  const logs = sources.find(({ type }) => type === "loki");
  const traces = sources.find(({ type }) => type === "jaeger");
  if (logs === undefined || traces === undefined) throw new Error("Grafana has no data source for logs or for traces.");
  for (const [what, metric] of [
    ["a scraped histogram", "kbot_command_duration_seconds_bucket"],
    ["a scraped counter", "kbot_commands_total"],
    ["a metric sent by OTLP", "bench_messages_total"],
  ] as const) {
    const exemplar = await bench.see(
      `Prometheus keeps the exemplar of ${what}`,
      `query_exemplars ${metric}`,
      async () => bench.exemplar(metric),
      (labels) => `trace_id=${labels["trace_id"] ?? "missing"}`,
      90,
    );
    await bench.seeTrace(
      `Metric to trace: the exemplar of ${what} leads to its span`,
      exemplar?.[exemplarLabel] ?? "?",
      done.traceId,
    );
  }
  for (const [what, line] of [
    ["a log record sent by OTLP", seen.otlpLine],
    ["a line of the log agent", seen.agentLine],
  ] as const) {
    const [link] = line === undefined ? [] : tracesOfLine(logs, line);
    await bench.seeTrace(
      `Log to trace: ${what} leads to its span (field ${link?.field ?? "?"})`,
      link?.query ?? "?",
      done.traceId,
    );
  }
  const query = logsOfSpan(traces, { traceId: done.traceId, attributes: seen.span?.attributes ?? new Map() });
  await bench.seeLine("Trace to logs: a span leads to its line of the log agent", query, seen.agentText);
  await bench.seeLine("Trace to logs: a span leads to its log record sent by OTLP", query, seen.otlpText);
  for (const { name, query: promql } of metricsOfSpan(traces, seen.span?.attributes ?? new Map())) {
    await bench.seeSamples(`Trace to metrics: ${name}`, promql);
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

/** How long the collector's exporters try to send the same data, in seconds (their `retry_on_failure.max_elapsed_time`). */
const retryFor = 300;

/** Both stores are gone for a while; what was sent meanwhile arrives when they are back. */
async function outage(bench: Bench, stack: Stack, pod: Pod, seconds: number): Promise<void> {
  await stack.kill("loki");
  await stack.kill("traces");
  const works: Work[] = [];
  let queued = 0;
  for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
    const done = work();
    await sendTraces(stack.collector, {}, [done]);
    await sendLogs(stack.collector, { "k8s.pod.uid": pod.uid }, [{ work: done, text: `outage ${works.length}` }]);
    works.push(done);
    queued = Math.max(queued, await own(stack, "otelcol_exporter_queue_size"));
    await sleep(1000);
  }
  await stack.start("traces");
  await stack.start("loki");
  await bench.see(
    `Stores down for ${seconds} s: the collector accepts everything and queues it`,
    "otelcol_exporter_queue_size of the collector, greatest",
    () => Promise.resolve(queued > 0 ? queued : undefined),
    (size) => `${size} requests of ${works.length} spans and as many log records`,
    0,
  );
  const query = `{k8s_pod_name="${pod.name}"} |= "outage"`;
  const arrived: Readonly<Record<string, () => Promise<number>>> = {
    spans: () => Promise.resolve(works.filter(({ traceId }) => stack.spans.has(traceId)).length),
    log_records: async () => {
      const ids = new Set((await bench.lines(query)).map(({ labels }) => labels["trace_id"]));
      return works.filter(({ traceId }) => ids.has(traceId)).length;
    },
  };
  for (const [items, count] of Object.entries(arrived)) {
    const metrics = [`otelcol_exporter_send_failed_${items}`, `otelcol_exporter_enqueue_failed_${items}`];
    const dropped = async () =>
      (await Promise.all(metrics.map((metric) => own(stack, metric)))).reduce((a, b) => a + b);
    const asked = items === "spans" ? "spans by trace id" : `LogQL ${query}`;
    await bench.see(
      `After it, every one of the ${items.replace("_", " ")} has arrived or is counted as dropped`,
      `${asked}; ${metrics.join(" + ")}`,
      async () => {
        const [there, gone] = [await count(), await dropped()];
        return there + gone === works.length ? { there, gone } : undefined;
      },
      ({ there, gone }) => `${there} arrived + ${gone} dropped of ${works.length}`,
      120,
    );
    if (seconds > retryFor - 60) continue;
    await bench.see(
      `Nothing of the ${items.replace("_", " ")} is dropped when stores are down for less than ${retryFor} s`,
      metrics.join(" + "),
      async () => ((await dropped()) === 0 ? "0" : undefined),
      (answer) => answer,
      0,
    );
  }
}

/** Runs it all, for the default settings. */
export async function telemetryBench(args: BenchArgs = {}): Promise<readonly Claim[]> {
  const onProgress = args.onProgress ?? (() => undefined);
  const { declared, settings } = await render();
  const values = releases(declared).find(({ chart }) => chart?.name === "kube-prometheus-stack")?.values;
  const sources = (at(values, "grafana", "additionalDataSources") ?? []) as readonly GrafanaDataSource[];
  const exemplars = at(values, "grafana", "sidecar", "datasources", "exemplarTraceIdDestinations");
  const namespace = settings.demo.enabled ? "demo" : undefined;
  if (namespace === undefined) throw new Error("The bench needs the demo's namespace.");

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
    const stack = await startStack({ dir, declared, kubeconfig, application: pages.port, onProgress });
    stop.push(() => stack.close());
    const bench = new Bench(stack, onProgress);
    const seen = await arrival(bench, stack, pod, done);
    await metrics(bench, stack, dir, pod);
    await links(bench, sources, textAt(exemplars, "traceIdLabelName") ?? "", done, seen);
    await outage(bench, stack, pod, args.outage ?? 60);
    return bench.claims;
  } finally {
    for (const end of stop.reverse()) await end();
    await watcher.release();
    rmSync(dir, { recursive: true, force: true });
  }
}
