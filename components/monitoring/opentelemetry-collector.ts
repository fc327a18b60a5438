import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { containerResources } from "../../settings/resources.ts";
import type { Settings } from "../../settings/schema.ts";
import type { LogStore, Prerequisite, TelemetryGateway, TraceStore } from "../capabilities.ts";
import { imagePullSecrets } from "../kubernetes/registry-credentials.ts";
import { hardened, spread } from "../kubernetes/hardened.ts";
import { declare } from "../kubernetes/manifest.ts";
import { namespaces } from "./namespaces.ts";
import { retryWebhook } from "./retry-webhook.ts";

/** Name of the OpenTelemetryCollector object; the operator calls its Service `<name>-collector`. */
const collectorName = "otel";
const serviceAccount = "otel-collector";

/** The collector's offer to applications. */
export const collectorGateway: TelemetryGateway = {
  otlpGrpc: { namespace: namespaces.monitoring, service: `${collectorName}-collector`, port: 4317, path: "" },
  otlpHttp: { namespace: namespaces.monitoring, service: `${collectorName}-collector`, port: 4318, path: "" },
};

/** Where telemetry goes. */
export interface Stores {
  readonly logs: LogStore;
  readonly traces: TraceStore;
}

const processors = ["memory_limiter", "k8s_attributes", "batch"] as const;

/** Folder of the collector's pod in which data waits for a store; it outlives the container, not the pod. */
const queueFolder = "/var/lib/otelcol/queue";
const queueVolume = "queue";
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

/**
 * Configuration of the collector. Component names are those of 0.149 and later (`k8s_attributes`, `otlp_grpc`, `otlp_http`,
 * `span_metrics`); the older spellings are aliases that warn.
 */
export function collectorConfig(stores: Stores) {
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
      "otlp_grpc/traces": { endpoint: stores.traces.otlpAddress, tls: { insecure: true }, ...queueAndRetry },
      "otlp_http/logs": {
        endpoint: stores.logs.otlpUrl,
        ...queueAndRetry,
        // In the order in which they came: several at a time would overtake each other after an outage.
        sending_queue: { ...queueAndRetry.sending_queue, num_consumers: 1 },
      },
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
        traces: { receivers: ["otlp"], processors: [...processors], exporters: ["otlp_grpc/traces", "span_metrics"] },
        metrics: { receivers: ["otlp", "span_metrics"], processors: [...processors], exporters: ["prometheus"] },
        logs: { receivers: ["otlp"], processors: [...processors], exporters: ["otlp_http/logs"] },
      },
    },
  };
}

/** What the collector may read: pods and their owners, for attributes. */
const rules = [
  { apiGroups: [""], resources: ["pods", "namespaces", "nodes"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["apps"], resources: ["replicasets", "deployments"], verbs: ["get", "list", "watch"] },
];

/** The collector between applications and stores, run by the OpenTelemetry operator. */
export class OpentelemetryCollector extends pulumi.ComponentResource {
  constructor(
    name: string,
    args: Stores & {
      readonly settings: Settings["opentelemetry"]["collector"];
      /** Whether its image is pulled with the credentials of private registries. */
      readonly credentials: boolean;
      readonly prerequisites: readonly Prerequisite[];
    },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("observability:monitoring:OpentelemetryCollector", name, {}, opts);
    const child = { parent: this, dependsOn: [...args.prerequisites] };
    const metadata = { name: serviceAccount, namespace: namespaces.monitoring };
    const account = new k8s.core.v1.ServiceAccount(
      `${name}-account`,
      // The operator's CRD has no place for pull secrets.
      { metadata, ...(args.credentials ? { imagePullSecrets } : {}) },
      child,
    );
    const role = new k8s.rbac.v1.ClusterRole(`${name}-role`, { metadata: { name: serviceAccount }, rules }, child);
    const binding = new k8s.rbac.v1.ClusterRoleBinding(
      `${name}-binding`,
      {
        metadata: { name: serviceAccount },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: serviceAccount },
        subjects: [{ kind: "ServiceAccount", ...metadata }],
      },
      { parent: this, dependsOn: [account, role] },
    );
    declare(
      `${name}-collector`,
      {
        apiVersion: "opentelemetry.io/v1beta1",
        kind: "OpenTelemetryCollector",
        metadata: { name: collectorName, namespace: namespaces.monitoring },
        spec: {
          mode: "deployment",
          replicas: args.settings.replicas,
          image: args.settings.image,
          serviceAccount,
          resources: containerResources(args.settings.resources),
          // The operator's own policy opens these ports to everybody (gate `operand.networkpolicy`, on by default at 0.158).
          networkPolicy: { enabled: false },
          // Makes the ServiceMonitors of the collector's own metrics and of its prometheus exporter.
          observability: { metrics: { enableMetrics: true } },
          podSecurityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: "RuntimeDefault" } },
          securityContext: hardened,
          ...(args.settings.replicas > 1
            ? {
                affinity: spread({ "app.kubernetes.io/instance": `${namespaces.monitoring}.${collectorName}` }),
                podDisruptionBudget: { maxUnavailable: 1 },
              }
            : {}),
          // Both queues, and as much again for free pages and compaction; with more the kubelet would evict the pod.
          volumes: [{ name: queueVolume, emptyDir: { sizeLimit: "1Gi" } }],
          volumeMounts: [{ name: queueVolume, mountPath: queueFolder }],
          config: collectorConfig(args),
        },
      },
      { parent: this, dependsOn: [...args.prerequisites, binding], hooks: { onError: [retryWebhook(name)] } },
    );
    this.registerOutputs();
  }
}
