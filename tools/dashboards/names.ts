/**
 * Names that the queries of dashboards and the objects of the platform must agree on. A Service's name is its scrape job
 * unless the monitor says otherwise.
 */

/** Values of the label `job`, by what is scraped. */
export const jobs = {
  kbot: "kbot",
  /** The collector's own metrics (port 8888); what it exports for others is another job. */
  collector: "otel-collector-monitoring",
  fluentBit: "fluent-bit",
  /** The Loki chart puts the namespace before the Service's name. */
  loki: "monitoring/loki",
  jaeger: "jaeger",
  flux: "flux",
  prometheus: "kube-prometheus-stack-prometheus",
  kubeStateMetrics: "kube-state-metrics",
  nodeExporter: "node-exporter",
  kubelet: "kubelet",
  apiServer: "apiserver",
} as const;

/** Label `job` that Fluent Bit puts on every log stream. */
export const logJob = "fluentbit";

/** Address of a dashboard with variables; the time range goes along. */
export function dashboardUrl(uid: string, variables: Readonly<Record<string, string>>): string {
  const query = Object.entries(variables).map(([name, value]) => `var-${name}=${value}`);
  return `/d/${uid}?${[...query, "${__url_time_range}"].join("&")}`;
}
