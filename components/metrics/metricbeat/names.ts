/** What Metricbeat is called, and what it calls what it keeps. */
import { namespaces } from "../../kubernetes/namespaces.ts";

export const namespace = namespaces.monitoring.name;

/** Of the Beat object and of our Service; its user in Elasticsearch. */
export const name = "metricbeat";

/** Where it takes remote write (Metricbeat 9.5, module prometheus, metricset remote_write); any path will do. */
export const port = 9201;

/** As the operator labels its pods (ECK 3.5, pkg/apis/beat/v1beta1/labels.go). */
export const labels = { "common.k8s.elastic.co/type": "beat", "beat.k8s.elastic.co/name": name } as const;

/**
 * Its data stream. Not `metrics-*.prometheus-*`: for these Elasticsearch has a template of its own, in another form (x-pack/plugin/prometheus,
 * metrics-prometheus@template).
 */
export const stream = "metrics-prometheus.metricbeat-default";
export const streams = "metrics-prometheus.metricbeat-*";

/** Name of its queue in whoever sends: no DNS label, so that no server of `remoteWrite` has it. */
export const queueName = "metricbeat_elasticsearch";

/** Metrics that people see of each pod, node and service in Kibana without a setting. */
export const shown = [
  "up",
  "container_cpu_usage_seconds_total",
  "container_memory_working_set_bytes",
  "kube_pod_container_status_restarts_total",
  "node_memory_MemAvailable_bytes",
  "node_memory_MemTotal_bytes",
  "node_filesystem_avail_bytes",
  "node_filesystem_size_bytes",
  "traces_span_metrics_calls_total",
] as const;
