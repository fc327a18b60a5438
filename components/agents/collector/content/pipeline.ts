import {
  colors,
  dashboard,
  high,
  limits,
  line,
  lines,
  none,
  perSecond,
  range,
  redAbove,
  stat,
} from "../../../../dashboards/kit.ts";

const collector = 'job="otel-collector-monitoring"';
/** Any loss is too much; below this it is what rates leave of a single event. */
const loss = none("red", 0.001);
const lost = (signal: string) =>
  `(sum(job_exporter_signal:otelcol_exporter_send_failed:rate5m{signal="${signal}"}) or vector(0)) + ` +
  `(sum(job_exporter_signal:otelcol_exporter_enqueue_failed:rate5m{signal="${signal}"}) or vector(0))`;

/** What came in, was turned away, went out and was lost, for one signal of the collector. */
function signal(name: "traces" | "metrics" | "logs", unit: string) {
  // What replicas hand each other comes in and goes out once more.
  const between = { receiver: "otlp/balanced", exporter: "load_balancing" } as const;
  const rule = (operation: string, by: keyof typeof between) =>
    `sum(job_${by}_signal:otelcol_${operation}:rate5m{${collector}, signal="${name}", ${by}!="${between[by]}"})`;
  return lines(
    {
      title: `Collector: ${name}`,
      description: `Received and sent should run together, but for traces that are not kept (collector.sampling). Refused means the memory limiter, failed and dropped are lost ${name}.`,
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
      "Does everything that applications send arrive: where do logs, traces and metrics wait, and where are they lost?",
    folder: "Platform",
    of: "collector",
    needs: ["rules", "scraping"],
    tags: ["platform"],
  },
  {
    "At a glance": [
      ...(["traces", "logs", "metrics"] as const).map((name) =>
        stat(
          {
            title: `Lost: ${name}`,
            description: `Of ${name}, what the collector or a store built on it gave up or had no room for, a second.`,
            unit: perSecond("items"),
            width: 6,
          },
          range(lost(name), "lost"),
        ).thresholds(loss),
      ),
      stat(
        {
          title: "Fullest queue",
          description: "The exporter queue of the collector that is nearest to full. At 100 % data is lost.",
          unit: "percentunit",
          width: 6,
        },
        range("max(job_exporter:otelcol_exporter_queue:ratio)", "queue"),
      )
        .decimals(0)
        .thresholds(high(0.3, 0.7)),
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
  },
);
