/** Values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import { asks, of, setting, why, type Pin } from "../../../contract/pin.ts";

export const pins: readonly Pin[] = [
  ...of("OpenTelemetryCollector monitoring/otel", [
    [
      "spec/replicas",
      setting((s) => (s.collector.autoscaling === undefined ? s.collector.replicas : undefined)),
      "collector.replicas; the autoscaler's where there is one",
    ],
    [
      "spec/autoscaler/minReplicas",
      setting((s) => (s.collector.autoscaling === undefined ? undefined : s.collector.replicas)),
      "collector.replicas",
    ],
    ...(
      [
        ["maxReplicas", "maxReplicas"],
        ["targetCPUUtilization", "cpu"],
        ["targetMemoryUtilization", "memory"],
      ] as const
    ).map(
      ([key, of]) =>
        [
          `spec/autoscaler/${key}`,
          setting((s) => s.collector.autoscaling?.[of]),
          `collector.autoscaling.${of}`,
        ] as const,
    ),
    ["spec/resources", setting((s) => asks(s.collector.resources)), why.sized],
    ["spec/podSecurityContext/runAsUser", 10001, why.contained],
    ["spec/observability/metrics/enableMetrics", true, why.unmeasured],
    [
      "spec/config/exporters/**/sending_queue/queue_size",
      128 * 1024 ** 2,
      "what an outage may fill, per store: claims",
    ],
    [
      "spec/config/exporters/otlp_http/*/sending_queue/num_consumers",
      1,
      "Loki refuses what comes too late: keep the order",
    ],
    ["spec/config/processors/memory_limiter/check_interval", "1s", "slower, and a burst is faster than the limiter"],
    [
      "spec/config/connectors/span_metrics/metrics_flush_interval",
      "30s",
      "an exemplar lasts until Prometheus has seen it",
    ],
    [
      "spec/config/connectors/span_metrics/histogram/explicit/buckets",
      ["10ms", "50ms", "100ms", "250ms", "500ms", "1s", "2500ms", "5s", "10s"],
      "another bound is another series: people's queries name them (le)",
    ],
    ["spec/config/connectors/span_metrics/metrics_expiration", "15m", "series of pods that are gone end"],
    [
      "spec/config/connectors/span_metrics/aggregation_cardinality_limit",
      200,
      "span names with an id in them would fail the scrape of all",
    ],
    ["spec/config/connectors/span_metrics/exemplars/max_per_data_point", 1, "Prometheus takes one for each bucket"],
    [
      "spec/podDisruptionBudget/maxUnavailable",
      setting((s) => ((s.collector.autoscaling?.maxReplicas ?? s.collector.replicas) > 1 ? 1 : undefined)),
      why.drained,
    ],
  ]),
];

// Its own metrics; what it exports for others is another job.
export const scraped: Scraped = { jobs: ["otel-collector-monitoring"], metrics: ["otelcol_"] };
