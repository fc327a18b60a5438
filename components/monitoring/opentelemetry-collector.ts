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
const patience = {
  retry_on_failure: { max_elapsed_time: "0s" },
  sending_queue: {
    storage: "file_storage",
    sizer: "bytes",
    queue_size: 128 * mebibyte,
    // No wait for more: the batch processor did that.
    batch: { sizer: "bytes", min_size: 0, max_size: 3 * mebibyte },
  },
} as const;

/** Metrics that a scrape adds to those of its target (prometheus.io/docs, "Automatically generated labels and time series"). */
const ownMetrics = [
  "up",
  "scrape_duration_seconds",
  "scrape_samples_scraped",
  "scrape_samples_post_metric_relabeling",
  "scrape_series_added",
] as const;

/** A pod's `prometheus.io/*` annotation as the label that service discovery gives it. */
const annotation = (name: string) => `__meta_kubernetes_pod_annotation_prometheus_io_${name}`;

/** The job that scrapes pods of applications by their annotations. Namespaces that do not exist yet are waited for. */
function annotatedPods(applications: readonly string[]) {
  return {
    job_name: "application-pods",
    scrape_interval: "30s",
    kubernetes_sd_configs: [{ role: "pod", namespaces: { names: [...applications] } }],
    relabel_configs: [
      { source_labels: [annotation("scrape")], action: "keep", regex: "true" },
      // Prometheus scrapes it by a monitor: whoever has one says so, for a pod does not know who selects it.
      { source_labels: [annotation("monitor")], action: "drop", regex: "true" },
      {
        source_labels: [annotation("path")],
        action: "replace",
        target_label: "__metrics_path__",
        regex: "(.+)",
      },
      {
        source_labels: ["__meta_kubernetes_pod_ip", annotation("port")],
        action: "replace",
        regex: "(.+);(\\d+)",
        replacement: "$$1:$$2",
        target_label: "__address__",
      },
      // A pod has a target for each container port; all of them lead to the annotated one.
      { source_labels: ["__meta_kubernetes_pod_container_init"], action: "drop", regex: "true" },
      { source_labels: ["__meta_kubernetes_namespace"], action: "replace", target_label: "namespace" },
      { source_labels: ["__meta_kubernetes_pod_name"], action: "replace", target_label: "pod" },
    ],
  };
}

/**
 * Configuration of the collector. The collector replaces `${NAME}` and reads `$$` as `$`, so capture groups of Prometheus
 * relabelling are written `$$1`. Component names are those of 0.149 and later (`k8s_attributes`, `otlp_grpc`,
 * `otlp_http`); the older spellings are aliases that warn.
 */
export function collectorConfig(stores: Stores, applications: readonly string[]) {
  // To service discovery no name is every namespace.
  const discovers = applications.length > 0;
  return {
    receivers: {
      otlp: { protocols: { grpc: { endpoint: "0.0.0.0:4317" }, http: { endpoint: "0.0.0.0:4318" } } },
      ...(discovers ? { prometheus: { config: { scrape_configs: [annotatedPods(applications)] } } } : {}),
    },
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
      // What Prometheus says of its own targets: as series of the collector they would tell TargetDown of the collector.
      filter: {
        error_mode: "propagate",
        metrics: { metric: ownMetrics.map((name) => `name == "${name}"`) },
      },
      batch: {},
    },
    exporters: {
      "otlp_grpc/traces": { endpoint: stores.traces.otlpAddress, tls: { insecure: true }, ...patience },
      "otlp_http/logs": {
        endpoint: stores.logs.otlpUrl,
        ...patience,
        // In the order in which they came: several at a time would overtake each other after an outage.
        sending_queue: { ...patience.sending_queue, num_consumers: 1 },
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
        traces: { receivers: ["otlp"], processors: [...processors], exporters: ["otlp_grpc/traces"] },
        metrics: {
          receivers: ["otlp", ...(discovers ? ["prometheus"] : [])],
          processors: ["memory_limiter", "filter", "k8s_attributes", "batch"],
          exporters: ["prometheus"],
        },
        logs: { receivers: ["otlp"], processors: [...processors], exporters: ["otlp_http/logs"] },
      },
    },
  };
}

/** What the collector may read: pods and their owners for attributes, pods for discovery. */
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
      /** Namespaces whose annotated pods are scraped. */
      readonly applications: readonly string[];
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
          config: collectorConfig(args, args.applications),
        },
      },
      { parent: this, dependsOn: [...args.prerequisites, binding], hooks: { onError: [retryWebhook(name)] } },
    );
    this.registerOutputs();
  }
}
