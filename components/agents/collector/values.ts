import type { z } from "zod";
import {
  clusterUrl,
  isRemote,
  type LogStore,
  type MetricsReceiver,
  type Place,
  type TraceStore,
} from "../../capabilities.ts";
import type { Known } from "../../remote.ts";

import { service as probeService } from "../../probe/telemetry.ts";
import { asked, authenticators, exporters, fileStorage, type Named, otlp, queueAndRetry } from "../exporters.ts";
import { isRedacted, redactionProcessor, type Redaction } from "../redaction.ts";
import { byteCount, durationSeconds } from "../../../settings/formats.ts";
import { olderProtocols, type OlderProtocol } from "./protocols.ts";
import type { collector } from "./settings.ts";

/** Folder of the collector's pod in which data waits for a store; it outlives the container, not the pod. */
export const queueFolder = "/var/lib/otelcol/queue";
const mebibyte = 1024 * 1024;

/** What is taken out goes first: nothing else, and no queue, sees it. */
const processors = (redacted: boolean) =>
  ["memory_limiter", ...(redacted ? ["redaction"] : []), "k8s_attributes", "batch"] as const;

/**
 * Rate, errors and duration of what applications do, counted from their spans, each with a trace as its exemplar; so an application
 * without metrics of its own has these. They say of which pod, as metrics that are sent do. (connector/spanmetricsconnector 0.158)
 */
export const spanMetrics = {
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

/**
 * Who calls whom, from the spans of both sides (connector/servicegraphconnector 0.158). It names series as Tempo's own generator does, which
 * is what Grafana asks for.
 */
const serviceGraph = {
  latency_histogram_buckets: spanMetrics.histogram.explicit.buckets,
  // The other side of a call is waited for: SDKs send what they have every 5 s.
  store: { ttl: "15s", max_items: 10_000 },
  // What a caller says of one that sends no spans, in the conventions of before and of today.
  virtual_node_peer_attributes: ["peer.service", "db.name", "db.namespace", "db.system", "db.system.name"],
  database_name_attributes: ["db.name", "db.namespace"],
  metrics_flush_interval: spanMetrics.metrics_flush_interval,
} as const;

/** Port on which replicas hand each other the spans of a trace. */
const balancedPort = 4319;

/** Spans of one trace get to one replica, whichever took them (exporter/loadbalancingexporter 0.158). */
const balancing = (replicas: string) => ({
  routing_key: "traceID",
  protocol: {
    otlp: {
      tls: { insecure: true },
      sending_queue: { enabled: false },
      // Until DNS names those who are there (every 5 s). After that the queue tries all of the batch again, other replicas' part, too.
      retry_on_failure: { enabled: true, initial_interval: "500ms", max_interval: "2s", max_elapsed_time: "10s" },
    },
  },
  resolver: { dns: { hostname: replicas, port: String(balancedPort) } },
  ...queueAndRetry,
  // Of this exporter alone it is off by default, and all of its times are zero then (factory.go).
  retry_on_failure: {
    ...{ enabled: true, initial_interval: "1s", max_interval: "30s", multiplier: 1.5, randomization_factor: 0.5 },
    ...queueAndRetry.retry_on_failure,
  },
});

/** Where telemetry goes: to none, one or several of each. */
export interface Stores {
  /** Where samples are written; none where somebody scrapes the collector. */
  readonly metrics: readonly Named<MetricsReceiver>[];
  readonly logs: readonly Named<LogStore>[];
  readonly traces: readonly Named<TraceStore>[];
}

/** How samples are written. What waits does so in memory: the exporter has no queue on disk (0.158, factory.go). */
function remoteWrite(to: Place, known: Known) {
  return {
    endpoint: clusterUrl(to),
    ...(isRemote(to) ? asked(to, known) : {}),
    // The store may have series of several clusters; the name of a stack is letters, digits, dots and dashes, which nothing expands.
    external_labels: { cluster: known.name },
    // As they are when they are scraped: each series says of which pod it is.
    resource_to_telemetry_conversion: { enabled: true },
    retry_on_failure: { max_elapsed_time: "0s" },
    // Batches of 8192 points at most, one after the other: a store that takes samples in order refuses those overtaken.
    remote_write_queue: { queue_size: 100, num_consumers: 1 },
    max_batch_request_parallelism: 1,
  };
}

/** Whether traces are decided over: there is a store, and not all go there. */
const isSampled = ({ sampling }: z.output<typeof collector>, { traces }: Stores) =>
  sampling.ratio < 1 && traces.length > 0;

/** How many replicas there may be. */
export const mostReplicas = ({ replicas, autoscaling }: Pick<z.output<typeof collector>, "replicas" | "autoscaling">) =>
  autoscaling?.maxReplicas ?? replicas;

/** Whether replicas hand each other spans: who looks at whole traces has to have them. */
export function isBalanced(settings: z.output<typeof collector>, stores: Stores): boolean {
  return mostReplicas(settings) > 1 && (settings.serviceGraph || isSampled(settings, stores));
}

/** Decides over whole traces (processor/tailsamplingprocessor 0.158). */
function tailSampling({ ratio, slowerThan, wait, maxTraces }: z.output<typeof collector>["sampling"]) {
  return {
    decision_wait: wait,
    num_traces: maxTraces,
    // What comes late is treated as the rest of its trace was.
    decision_cache: { sampled_cache_size: 2 * maxTraces, non_sampled_cache_size: 2 * maxTraces },
    // One that says yes is enough.
    policies: [
      { name: "errors", type: "status_code", status_code: { status_codes: ["ERROR"] } },
      { name: "slow", type: "latency", latency: { threshold_ms: Math.round(durationSeconds(slowerThan) * 1000) } },
      // `up` looks for its own in the store.
      { name: "probe", type: "string_attribute", string_attribute: { key: "service.name", values: [probeService] } },
      { name: "rest", type: "probabilistic", probabilistic: { sampling_percentage: ratio * 100 } },
    ],
  };
}

/** What one sender may do, by its protocol (config/configgrpc, config/confighttp 0.158). */
function limited({ limits, ...settings }: z.output<typeof collector>) {
  const size = byteCount(limits.requestSize);
  return {
    http: { max_request_body_size: size },
    grpc: {
      max_recv_msg_size_mib: Math.ceil(size / mebibyte),
      max_concurrent_streams: limits.streams,
      // A connection stays where it is: one that ends now and then finds replicas that came later.
      ...(mostReplicas(settings) > 1
        ? { keepalive: { server_parameters: { max_connection_age: "5m", max_connection_age_grace: "30s" } } }
        : {}),
    },
  };
}

/** Receivers of what older clients send. */
function olderReceivers(names: readonly OlderProtocol[], limits: ReturnType<typeof limited>) {
  const limitsOf = { zipkin: limits.http, jaegerGrpc: limits.grpc, jaegerThriftHttp: limits.http } as const;
  const endpoint = (name: OlderProtocol) => ({
    endpoint: `0.0.0.0:${olderProtocols[name].port}`,
    ...(name in limitsOf ? limitsOf[name as keyof typeof limitsOf] : {}),
  });
  const protocols = Object.fromEntries(
    names.flatMap((name) => {
      const protocol = olderProtocols[name];
      return "jaeger" in protocol ? [[protocol.jaeger, endpoint(name)]] : [];
    }),
  );
  return {
    ...(names.includes("zipkin") ? { zipkin: endpoint("zipkin") } : {}),
    ...(Object.keys(protocols).length === 0 ? {} : { jaeger: { protocols } }),
  };
}

/** Tells the replica of a series. */
const replica = { key: "collector.instance.id", value: "${env:POD_NAME:-collector}", action: "insert" } as const;

/** Where the collector sends. */
export function targets({ metrics, logs, traces }: Stores): Place[] {
  return [...metrics.map(({ offer }) => offer.place), ...[...logs, ...traces].map(({ offer }) => offer.otlp.place)];
}

/**
 * Configuration of the collector. Component names are those of 0.149 and later (`k8s_attributes`, `otlp_grpc`, `otlp_http`,
 * `span_metrics`); the older spellings are aliases that warn.
 */
export function collectorConfig(
  settings: z.output<typeof collector>,
  stores: Stores,
  known: Known & { readonly redact: Redaction },
  /** Name that has the address of each replica. */
  replicas: string,
) {
  const limits = limited(settings);
  const older = olderReceivers(settings.receivers, limits);
  const sampled = isSampled(settings, stores);
  const graph = settings.serviceGraph;
  const balanced = isBalanced(settings, stores);
  const received = ["otlp", ...Object.keys(older)];
  const traces = exporters("traces", stores.traces, (store) => {
    const { kind, config } = otlp(store.otlp, known);
    return { kind, config: { ...config, ...queueAndRetry } };
  });
  const logs = exporters("logs", stores.logs, (store) => {
    const { kind, config } = otlp(store.otlp, known);
    // In the order in which they came: several at a time would overtake each other after an outage.
    const sending_queue = { ...queueAndRetry.sending_queue, num_consumers: 1 };
    return { kind, config: { ...config, ...queueAndRetry, sending_queue } };
  });
  const written = stores.metrics.map(({ offer }) => offer.place);
  const metrics = Object.fromEntries(written.map((to) => ["prometheusremotewrite/metrics", remoteWrite(to, known)]));
  const authenticating = authenticators(targets(stores), known);
  const { exclude_dimensions, ...counted } = spanMetrics;
  const redacted = isRedacted(known.redact);
  /** Where whole traces go. */
  const whole = [...(sampled ? ["forward"] : Object.keys(traces)), ...(graph ? ["service_graph"] : [])];
  return {
    receivers: {
      otlp: {
        protocols: {
          grpc: { endpoint: "0.0.0.0:4317", ...limits.grpc },
          http: { endpoint: "0.0.0.0:4318", ...limits.http },
        },
      },
      ...older,
      ...(balanced
        ? {
            "otlp/balanced": {
              protocols: {
                grpc: {
                  endpoint: `0.0.0.0:${balancedPort}`,
                  // What one replica took the other takes.
                  max_recv_msg_size_mib: limits.grpc.max_recv_msg_size_mib,
                },
              },
            },
          }
        : {}),
    },
    connectors: {
      // Series that are written carry no pod of the collector: there only the id tells replicas apart.
      span_metrics: written.length === 0 ? { ...counted, exclude_dimensions } : counted,
      ...(graph ? { service_graph: serviceGraph } : {}),
      ...(sampled ? { forward: {} } : {}),
    },
    processors: {
      // The same for those that have no id: the operator names the pod.
      ...(graph && written.length > 0 ? { "resource/replica": { attributes: [replica] } } : {}),
      ...(redacted ? { redaction: redactionProcessor(known.redact) } : {}),
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
      ...(sampled ? { tail_sampling: tailSampling(settings.sampling) } : {}),
      batch: {},
    },
    exporters: {
      ...(balanced ? { load_balancing: balancing(replicas) } : {}),
      ...traces,
      ...logs,
      ...metrics,
      prometheus: {
        endpoint: "0.0.0.0:8889",
        // Exemplars exist in this format only.
        enable_open_metrics: true,
        resource_to_telemetry_conversion: { enabled: true },
      },
    },
    extensions: {
      health_check: { endpoint: "0.0.0.0:13133" },
      file_storage: fileStorage(queueFolder),
      ...authenticating,
    },
    service: {
      extensions: ["health_check", "file_storage", ...Object.keys(authenticating)],
      pipelines: {
        // Spans are counted where they come in, each once; who looks at whole traces gets them from all replicas.
        ...(balanced
          ? {
              "traces/received": {
                receivers: received,
                processors: processors(redacted),
                exporters: ["load_balancing", "span_metrics"],
              },
              // Of the pods they know already; who connects here is another replica.
              traces: {
                receivers: ["otlp/balanced"],
                processors: ["memory_limiter", "batch"],
                exporters: whole,
              },
            }
          : {
              traces: {
                receivers: received,
                processors: processors(redacted),
                exporters: ["span_metrics", ...whole],
              },
            }),
        ...(sampled
          ? {
              "traces/sampled": {
                receivers: ["forward"],
                processors: ["tail_sampling", "batch"],
                exporters: Object.keys(traces),
              },
            }
          : {}),
        metrics: {
          receivers: ["otlp", "span_metrics", ...(graph && written.length === 0 ? ["service_graph"] : [])],
          processors: processors(false),
          exporters: ["prometheus", ...Object.keys(metrics)],
        },
        ...(graph && written.length > 0
          ? {
              "metrics/service_graph": {
                receivers: ["service_graph"],
                processors: ["memory_limiter", "resource/replica", "batch"],
                exporters: ["prometheus", ...Object.keys(metrics)],
              },
            }
          : {}),
        // Without an exporter it would be refused.
        ...(stores.logs.length === 0
          ? {}
          : { logs: { receivers: ["otlp"], processors: processors(redacted), exporters: Object.keys(logs) } }),
      },
    },
  };
}
