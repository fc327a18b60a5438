import {
  choice,
  colors,
  dashboard,
  high,
  limits,
  line,
  lines,
  logLines,
  none,
  perSecond,
  range,
  redAbove,
  stack,
  stat,
} from "../kit.ts";
import { jobs, logJob } from "../names.ts";

const collector = `job="${jobs.collector}"`;
const fluentBit = `job="${jobs.fluentBit}", pod=~"$pod"`;
const loki = `job="${jobs.loki}"`;
const routes = 'route=~"loki_api_v1_push|otlp_v1_logs|loki_api_v1_query|loki_api_v1_query_range"';

/** Any loss is too much; below this it is what rates leave of a single event. */
const loss = none("red", 0.001);
const rate = (metric: string, matchers: string) => `rate(${metric}{${matchers}}[$__rate_interval])`;
const agent = (what: string) => `sum(pod:fluentbit_${what}:rate5m{pod=~"$pod"})`;

/** What came in, was turned away, went out and was lost, for one signal of the collector. */
function signal(name: "traces" | "metrics" | "logs", unit: string) {
  const rule = (operation: string, by: string) =>
    `sum(job_${by}_signal:otelcol_${operation}:rate5m{${collector}, signal="${name}"})`;
  return lines(
    {
      title: `Collector: ${name}`,
      description: `Received and sent should run together. Refused means the memory limiter, failed and dropped are lost ${name}.`,
      unit: perSecond(unit),
      width: 8,
    },
    range(rule("receiver_accepted", "receiver"), "received"),
    range(rule("exporter_sent", "exporter"), "sent"),
    range(rule("receiver_refused", "receiver"), "refused"),
    range(rule("exporter_send_failed", "exporter"), "failed"),
    range(rule("exporter_enqueue_failed", "exporter"), "dropped"),
  )
    .noValue(`no ${name}`)
    .overrides(colors({ received: "blue", sent: "green", refused: "yellow", failed: "orange", dropped: "red" }));
}

export default dashboard(
  {
    uid: "telemetry-pipeline",
    title: "Telemetry pipeline",
    description:
      "Does everything that is written arrive: where do logs, traces and metrics wait, and where are they lost?",
    folder: "platform",
    tags: ["platform"],
    variables: [
      choice(
        { name: "pod", label: "Fluent Bit pod", description: "One pod a node." },
        `label_values(fluentbit_uptime{job="${jobs.fluentBit}"}, pod)`,
      ),
    ],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Log records dropped",
          description: "Records that Fluent Bit threw away, a second. FluentBitDropsRecords fires above zero.",
          unit: perSecond("lines"),
          width: 4,
        },
        range(`${agent("output_dropped_records")} or vector(0)`, "dropped"),
      ).thresholds(loss),
      stat(
        {
          title: "Lines Loki discards",
          description: "Lines that Loki refused for good, a second.",
          unit: perSecond("lines"),
          width: 4,
        },
        range(`sum(${rate("loki_discarded_samples_total", loki)}) or vector(0)`, "discarded"),
      ).thresholds(loss),
      stat(
        {
          title: "Spans lost",
          description: "Spans that the collector or Jaeger failed to pass on, a second.",
          unit: perSecond("spans"),
          width: 4,
        },
        range(
          `(sum(job_exporter_signal:otelcol_exporter_send_failed:rate5m{signal="traces"}) or vector(0)) + ` +
            `(sum(job_exporter_signal:otelcol_exporter_enqueue_failed:rate5m{signal="traces"}) or vector(0))`,
          "lost",
        ),
      ).thresholds(loss),
      stat(
        {
          title: "Fullest queue",
          description: "The exporter queue of the collector that is nearest to full. At 100 % data is lost.",
          unit: "percentunit",
          width: 4,
        },
        range("max(job_exporter:otelcol_exporter_queue:ratio)", "queue"),
      )
        .decimals(0)
        .thresholds(high(0.3, 0.7)),
      stat(
        {
          title: "Log lines into Loki",
          description: "Lines that reach Loki a second. Zero for 15 minutes: LokiReceivesNothing.",
          unit: perSecond("lines"),
          width: 4,
        },
        range(`sum(${rate("loki_distributor_lines_received_total", loki)})`, "lines"),
      ),
      stat(
        {
          title: "Spans into Jaeger",
          description: "Spans that reach Jaeger a second.",
          unit: perSecond("spans"),
          width: 4,
        },
        range(
          `sum(job_receiver_signal:otelcol_receiver_accepted:rate5m{job="${jobs.jaeger}", signal="traces"})`,
          "spans",
        ),
      ).noValue("no spans"),
    ],
    "OpenTelemetry Collector": [
      signal("traces", "spans"),
      signal("logs", "lines"),
      signal("metrics", "samples"),
      line(
        lines(
          {
            title: "Queues",
            description:
              "Data that waits in each exporter's queue as a share of its size. The store behind a full queue is slow or down.",
            unit: "percentunit",
            width: 12,
          },
          range("job_exporter:otelcol_exporter_queue:ratio", "{{job}} {{exporter}}"),
        )
          .min(0)
          .max(1),
        redAbove(0.7),
      ),
      lines(
        {
          title: "Memory",
          description: "Resident memory of the collector; near its limit (dashed) the memory limiter refuses data.",
          unit: "bytes",
          width: 12,
        },
        range(`sum by (pod) (otelcol_process_memory_rss{${collector}})`, "{{pod}}"),
        range(
          `max(kube_pod_container_resource_limits{namespace="monitoring", container="otc-container", resource="memory"})`,
          "limit",
        ),
      )
        .min(0)
        .overrides(limits({ limit: "red" })),
    ],
    "Fluent Bit": [
      lines(
        {
          title: "Records read and delivered",
          description: "Of the chosen pods. Read without delivered: records wait on the node's disk.",
          unit: perSecond("lines"),
          width: 8,
        },
        range(agent("input_records"), "read"),
        range(agent("output_proc_records"), "delivered"),
        range(agent("output_dropped_records"), "dropped"),
      ).overrides(colors({ read: "blue", delivered: "green", dropped: "red" })),
      lines(
        {
          title: "Retries and errors",
          description: "Chunks that had to be sent again, that failed for good, and whose retries ran out.",
          unit: "ops",
          width: 8,
        },
        range(`sum(${rate("fluentbit_output_retries_total", fluentBit)})`, "retries"),
        range(`sum(${rate("fluentbit_output_errors_total", fluentBit)})`, "errors"),
        range(`sum(${rate("fluentbit_output_retries_failed_total", fluentBit)})`, "retries failed"),
      ).overrides(colors({ retries: "yellow", errors: "orange", "retries failed": "red" })),
      stack(
        {
          title: "Chunks that wait",
          description: "Chunks buffered in memory and on disk. A steady climb means that Loki takes too little.",
          unit: "short",
          width: 8,
        },
        range(`sum(fluentbit_storage_mem_chunks{${fluentBit}})`, "in memory"),
        range(`sum(fluentbit_storage_fs_chunks{${fluentBit}})`, "on disk"),
      ),
    ],
    Loki: [
      lines(
        {
          title: "Requests by answer",
          description: "Requests to Loki by route and status code.",
          unit: "reqps",
          width: 12,
        },
        range(
          `sum by (route, status_code) (${rate("loki_request_duration_seconds_count", `${loki}, ${routes}`)})`,
          "{{route}} {{status_code}}",
        ),
      ),
      lines(
        {
          title: "Request duration, p99",
          description: "How long Loki takes to accept lines and to answer queries.",
          unit: "s",
          width: 12,
        },
        range(
          `histogram_quantile(0.99, sum by (route, le) (${rate("loki_request_duration_seconds_bucket", `${loki}, ${routes}`)}))`,
          "{{route}}",
        ),
      ),
      logLines(
        {
          title: "Errors of the pipeline itself",
          description: "Error lines of Loki, Fluent Bit, the collector and Jaeger: they name the cause.",
          width: 24,
        },
        [
          `{job="${logJob}", namespace=~"monitoring|node-agents", container=~"loki|fluent-bit|otc-container|jaeger"} | detected_level=~"error|critical|fatal"`,
        ],
        { before: "container" },
      ).noValue("no errors"),
    ],
  },
);
