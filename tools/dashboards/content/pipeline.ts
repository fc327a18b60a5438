import type { Dashboard, Panel, Unit } from "../builder.ts";
import { jobs } from "../names.ts";

const collector = `job="${jobs.collector}"`;
const fluentBit = `job="${jobs.fluentBit}", pod=~"$pod"`;
const loki = `job="${jobs.loki}"`;

const noneIsGood = [
  { from: 0, color: "green" },
  { from: 0.001, color: "red" },
] as const;

/** What came in, was turned away, went out and was lost, for one signal of the collector. */
function signalPanel(signal: "traces" | "metrics" | "logs", unit: Unit): Panel {
  const rule = (operation: string, by: string): string =>
    `sum(job_${by}_signal:otelcol_${operation}:rate5m{${collector}, signal="${signal}"})`;
  return {
    kind: "timeseries",
    title: `Collector: ${signal}`,
    description: `Received and sent should run together. Refused means the memory limiter, failed and dropped are lost ${signal}.`,
    unit,
    width: 8,
    legend: "list",
    legendValues: ["lastNotNull"],
    noValue: `no ${signal}`,
    targets: [
      { expr: rule("receiver_accepted", "receiver"), legend: "received" },
      { expr: rule("exporter_sent", "exporter"), legend: "sent" },
      { expr: rule("receiver_refused", "receiver"), legend: "refused" },
      { expr: rule("exporter_send_failed", "exporter"), legend: "failed" },
      { expr: rule("exporter_enqueue_failed", "exporter"), legend: "dropped" },
    ],
    overrides: [
      { field: "received", color: "blue" },
      { field: "sent", color: "green" },
      { field: "refused", color: "yellow" },
      { field: "failed", color: "orange" },
      { field: "dropped", color: "red" },
    ],
  };
}

export const pipeline: Dashboard = {
  uid: "telemetry-pipeline",
  title: "Telemetry pipeline",
  description:
    "Does everything that is written arrive: where do logs, traces and metrics wait, and where are they lost?",
  folder: "platform",
  tags: ["platform"],
  sources: ["metrics", "logs"],
  variables: [
    {
      name: "pod",
      label: "Fluent Bit pod",
      description: "One pod a node.",
      query: `label_values(fluentbit_uptime{job="${jobs.fluentBit}"}, pod)`,
    },
  ],
  rows: [
    {
      title: "At a glance",
      panels: [
        {
          kind: "stat",
          title: "Log records dropped",
          description: "Records that Fluent Bit threw away, a second. FluentBitDropsRecords fires above zero.",
          unit: "lines/s",
          width: 4,
          height: 4,
          thresholds: noneIsGood,
          targets: [
            { expr: `sum(pod:fluentbit_output_dropped_records:rate5m{pod=~"$pod"}) or vector(0)`, legend: "dropped" },
          ],
        },
        {
          kind: "stat",
          title: "Lines Loki discards",
          description: "Lines that Loki refused for good, a second.",
          unit: "lines/s",
          width: 4,
          height: 4,
          thresholds: noneIsGood,
          targets: [
            {
              expr: `sum(rate(loki_discarded_samples_total{${loki}}[$__rate_interval])) or vector(0)`,
              legend: "discarded",
            },
          ],
        },
        {
          kind: "stat",
          title: "Spans lost",
          description: "Spans that the collector or Jaeger failed to pass on, a second.",
          unit: "spans/s",
          width: 4,
          height: 4,
          thresholds: noneIsGood,
          targets: [
            {
              expr:
                `(sum(job_exporter_signal:otelcol_exporter_send_failed:rate5m{signal="traces"}) or vector(0)) + ` +
                `(sum(job_exporter_signal:otelcol_exporter_enqueue_failed:rate5m{signal="traces"}) or vector(0))`,
              legend: "lost",
            },
          ],
        },
        {
          kind: "stat",
          title: "Fullest queue",
          description: "The exporter queue of the collector that is nearest to full. At 100 % data is lost.",
          unit: "percentunit",
          width: 4,
          height: 4,
          decimals: 0,
          thresholds: [
            { from: 0, color: "green" },
            { from: 0.3, color: "yellow" },
            { from: 0.7, color: "red" },
          ],
          targets: [{ expr: `max(job_exporter:otelcol_exporter_queue:ratio)`, legend: "queue" }],
        },
        {
          kind: "stat",
          title: "Log lines into Loki",
          description: "Lines that reach Loki a second. Zero for 15 minutes: LokiReceivesNothing.",
          unit: "lines/s",
          width: 4,
          height: 4,
          targets: [
            { expr: `sum(rate(loki_distributor_lines_received_total{${loki}}[$__rate_interval]))`, legend: "lines" },
          ],
        },
        {
          kind: "stat",
          title: "Spans into Jaeger",
          description: "Spans that reach Jaeger a second.",
          unit: "spans/s",
          width: 4,
          height: 4,
          noValue: "no spans",
          targets: [
            {
              expr: `sum(job_receiver_signal:otelcol_receiver_accepted:rate5m{job="${jobs.jaeger}", signal="traces"})`,
              legend: "spans",
            },
          ],
        },
      ],
    },
    {
      title: "OpenTelemetry Collector",
      panels: [
        signalPanel("traces", "spans/s"),
        signalPanel("logs", "lines/s"),
        signalPanel("metrics", "samples/s"),
        {
          kind: "timeseries",
          title: "Queues",
          description:
            "Data that waits in each exporter's queue as a share of its size. The store behind a full queue is slow or down.",
          unit: "percentunit",
          width: 12,
          min: 0,
          max: 1,
          showThresholds: true,
          thresholds: [
            { from: 0, color: "green" },
            { from: 0.7, color: "red" },
          ],
          targets: [{ expr: "job_exporter:otelcol_exporter_queue:ratio", legend: "{{job}} {{exporter}}" }],
        },
        {
          kind: "timeseries",
          title: "Memory",
          description: "Resident memory of the collector; near its limit the memory limiter refuses data.",
          unit: "bytes",
          width: 12,
          min: 0,
          targets: [
            { expr: `sum by (pod) (otelcol_process_memory_rss{${collector}})`, legend: "{{pod}}" },
            {
              expr: `max(kube_pod_container_resource_limits{namespace="monitoring", container="otc-container", resource="memory"})`,
              legend: "limit",
            },
          ],
          overrides: [{ field: "limit", limit: true, color: "red" }],
        },
      ],
    },
    {
      title: "Fluent Bit",
      panels: [
        {
          kind: "timeseries",
          title: "Records read and delivered",
          description: "By pod. Read without delivered: records wait on the node's disk.",
          unit: "lines/s",
          width: 8,
          targets: [
            { expr: `sum(pod:fluentbit_input_records:rate5m{pod=~"$pod"})`, legend: "read" },
            { expr: `sum(pod:fluentbit_output_proc_records:rate5m{pod=~"$pod"})`, legend: "delivered" },
            { expr: `sum(pod:fluentbit_output_dropped_records:rate5m{pod=~"$pod"})`, legend: "dropped" },
          ],
          overrides: [
            { field: "read", color: "blue" },
            { field: "delivered", color: "green" },
            { field: "dropped", color: "red" },
          ],
        },
        {
          kind: "timeseries",
          title: "Retries and errors",
          description: "Chunks that had to be sent again, that failed for good, and whose retries ran out.",
          unit: "ops",
          width: 8,
          targets: [
            { expr: `sum(rate(fluentbit_output_retries_total{${fluentBit}}[$__rate_interval]))`, legend: "retries" },
            { expr: `sum(rate(fluentbit_output_errors_total{${fluentBit}}[$__rate_interval]))`, legend: "errors" },
            {
              expr: `sum(rate(fluentbit_output_retries_failed_total{${fluentBit}}[$__rate_interval]))`,
              legend: "retries failed",
            },
          ],
        },
        {
          kind: "timeseries",
          title: "Chunks that wait",
          description: "Chunks buffered in memory and on disk. A steady climb means that Loki takes too little.",
          unit: "short",
          width: 8,
          stack: true,
          targets: [
            { expr: `sum(fluentbit_storage_mem_chunks{${fluentBit}})`, legend: "in memory" },
            { expr: `sum(fluentbit_storage_fs_chunks{${fluentBit}})`, legend: "on disk" },
          ],
        },
      ],
    },
    {
      title: "Loki",
      panels: [
        {
          kind: "timeseries",
          title: "Requests by answer",
          description: "Requests to Loki by route and status code.",
          unit: "reqps",
          width: 12,
          targets: [
            {
              expr: `sum by (route, status_code) (rate(loki_request_duration_seconds_count{${loki}, route=~"loki_api_v1_push|otlp_v1_logs|loki_api_v1_query|loki_api_v1_query_range"}[$__rate_interval]))`,
              legend: "{{route}} {{status_code}}",
            },
          ],
        },
        {
          kind: "timeseries",
          title: "Request duration, p99",
          description: "How long Loki takes to accept lines and to answer queries.",
          unit: "s",
          width: 12,
          targets: [
            {
              expr: `histogram_quantile(0.99, sum by (route, le) (rate(loki_request_duration_seconds_bucket{${loki}, route=~"loki_api_v1_push|otlp_v1_logs|loki_api_v1_query|loki_api_v1_query_range"}[$__rate_interval])))`,
              legend: "{{route}}",
            },
          ],
        },
        {
          kind: "logs",
          title: "Errors of the pipeline itself",
          description: "Error lines of Loki, Fluent Bit, the collector and Jaeger: they name the cause.",
          unit: "string",
          width: 24,
          source: "logs",
          noValue: "no errors",
          targets: [
            {
              expr: `{job="fluentbit", namespace=~"monitoring|node-agents", container=~"loki|fluent-bit|otc-container|jaeger"} | detected_level=~"error|critical|fatal"`,
            },
          ],
        },
      ],
    },
  ],
};
