import type { LogStore, TraceStore } from "../../capabilities.ts";

const processors = ["memory_limiter", "k8s_attributes", "batch"] as const;

/** Folder of the collector's pod in which data waits for a store; it outlives the container, not the pod. */
export const queueFolder = "/var/lib/otelcol/queue";
const mebibyte = 1024 * 1024;

/**
 * How data waits for its store. The one limit is the queue's size: with the default (`max_elapsed_time` 300 s) an outage
 * that takes longer loses what the queue still has room for. What does not fit is counted in
 * `otelcol_exporter_enqueue_failed_*`.
 *
 * A batch that a store refuses for its size would now be tried for ever, so none is larger than the 4 MiB that a gRPC
 * server takes, nor than Loki's `ingestion_burst_size_mb` of 6.
 */
const queueAndRetry = {
  retry_on_failure: { max_elapsed_time: "0s" },
  sending_queue: {
    storage: "file_storage",
    sizer: "bytes",
    queue_size: 128 * mebibyte,
    // No wait for more: the batch processor did that.
    batch: { sizer: "bytes", min_size: 0, max_size: 3 * mebibyte },
  },
} as const;

/**
 * Rate, errors and duration of what applications do, counted from their spans, each with a trace as its exemplar; so an application
 * without metrics of its own has these. They say of which pod, as metrics that are sent do. (connector/spanmetricsconnector 0.158)
 */
const spanMetrics = {
  histogram: {
    unit: "s",
    explicit: { buckets: ["10ms", "50ms", "100ms", "250ms", "500ms", "1s", "2500ms", "5s", "10s"] },
  },
  // An exemplar is there until the next flush: not shorter than the time between two scrapes.
  exemplars: { enabled: true, max_per_data_point: 1 },
  metrics_flush_interval: "30s",
  // Of a pod that sends no more.
  metrics_expiration: "15m",
  // Combinations of span name, kind and status per pod; what is beyond is counted together.
  aggregation_cardinality_limit: 200,
  // Prometheus knows collectors apart by their pods, and this is another one after each restart.
  exclude_dimensions: ["collector.instance.id"],
} as const;

/** Where telemetry goes: to none, one or several of each. */
export interface Stores {
  readonly logs: readonly Named<LogStore>[];
  readonly traces: readonly Named<TraceStore>[];
}

interface Named<S> {
  /** Key of the component. */
  readonly key: string;
  readonly offer: S;
}

/** An exporter for each store of a capability. The first has the capability's name, which rules and dashboards ask for. */
function exporters<S>(kind: string, name: string, stores: readonly Named<S>[], config: (store: S) => object) {
  return Object.fromEntries(
    stores.map(({ key, offer }, index) => [`${kind}/${index === 0 ? name : `${name}-${key}`}`, config(offer)]),
  );
}

/**
 * Configuration of the collector. Component names are those of 0.149 and later (`k8s_attributes`, `otlp_grpc`, `otlp_http`,
 * `span_metrics`); the older spellings are aliases that warn.
 */
export function collectorConfig(stores: Stores) {
  const traces = exporters("otlp_grpc", "traces", stores.traces, ({ otlpAddress }) => ({
    endpoint: otlpAddress,
    tls: { insecure: true },
    ...queueAndRetry,
  }));
  const logs = exporters("otlp_http", "logs", stores.logs, ({ otlpUrl }) => ({
    endpoint: otlpUrl,
    ...queueAndRetry,
    // In the order in which they came: several at a time would overtake each other after an outage.
    sending_queue: { ...queueAndRetry.sending_queue, num_consumers: 1 },
  }));
  return {
    receivers: {
      otlp: { protocols: { grpc: { endpoint: "0.0.0.0:4317" }, http: { endpoint: "0.0.0.0:4318" } } },
    },
    connectors: { span_metrics: spanMetrics },
    processors: {
      memory_limiter: { check_interval: "1s", limit_percentage: 75, spike_limit_percentage: 15 },
      k8s_attributes: {
        extract: {
          metadata: [
            "k8s.namespace.name",
            "k8s.pod.name",
            "k8s.pod.uid",
            "k8s.deployment.name",
            "k8s.node.name",
            "k8s.container.name",
          ],
        },
        pod_association: [
          { sources: [{ from: "resource_attribute", name: "k8s.pod.uid" }] },
          { sources: [{ from: "resource_attribute", name: "k8s.pod.ip" }] },
          { sources: [{ from: "connection" }] },
        ],
      },
      batch: {},
    },
    exporters: {
      ...traces,
      ...logs,
      prometheus: {
        endpoint: "0.0.0.0:8889",
        // Exemplars exist in this format only.
        enable_open_metrics: true,
        resource_to_telemetry_conversion: { enabled: true },
      },
    },
    extensions: {
      health_check: { endpoint: "0.0.0.0:13133" },
      file_storage: {
        directory: queueFolder,
        // The folder is there in the pod; elsewhere the configuration could not even be validated.
        create_directory: true,
        // A file that a power failure broke is put aside: the collector would not start with it.
        recreate: true,
        // Gives the disk back when the queue is empty again.
        compaction: { directory: queueFolder, on_rebound: true, cleanup_on_start: true },
      },
    },
    service: {
      extensions: ["health_check", "file_storage"],
      pipelines: {
        traces: {
          receivers: ["otlp"],
          processors: [...processors],
          exporters: [...Object.keys(traces), "span_metrics"],
        },
        metrics: { receivers: ["otlp", "span_metrics"], processors: [...processors], exporters: ["prometheus"] },
        // Without an exporter it would be refused.
        ...(stores.logs.length === 0
          ? {}
          : { logs: { receivers: ["otlp"], processors: [...processors], exporters: Object.keys(logs) } }),
      },
    },
  };
}
