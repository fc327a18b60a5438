/**
 * Names that the queries of dashboards and the objects of the platform must agree on. A Service's name is its scrape job
 * unless the monitor says otherwise.
 */

/** Values of the label `job`, by what is scraped. */
export const jobs = {
  kbot: "kbot",
  /** A regular expression: the frontend and the backend. */
  podinfo: "podinfo-(frontend|backend)",
  /** The collector's own metrics (port 8888); what it exports for others is another job. */
  collector: "otel-collector-monitoring",
  fluentBit: "fluent-bit",
  /** The Loki chart puts the namespace before the Service's name. */
  loki: "monitoring/loki",
  jaeger: "jaeger",
  tempo: "tempo",
  flux: "flux",
  prometheus: "kube-prometheus-stack-prometheus",
  kubeStateMetrics: "kube-state-metrics",
  nodeExporter: "node-exporter",
  kubelet: "kubelet",
  apiServer: "apiserver",
  /** Of all checks (components/metrics/blackbox-exporter). */
  checks: "checks",
} as const;

/** Label `job` that Fluent Bit puts on every log stream. */
export const logJob = "fluentbit";

/**
 * Streams of the same pods, by the two ways in which lines reach Loki, which label them differently: the log agent's, and
 * log records that came by OTLP. Values are regular expressions.
 */
export function logStreams(of: { readonly namespace: string; readonly pod?: string; readonly container?: string }): {
  readonly agent: string;
  readonly otlp: string;
} {
  const matchers = Object.entries(of).map(([label, value]) => [label, `=~"${value}"`] as const);
  const agent = matchers.map(([label, value]) => label + value);
  const otlp = matchers.map(([label, value]) => `k8s_${label}_name${value}`);
  return { agent: `{job="${logJob}", ${agent.join(", ")}}`, otlp: `{${otlp.join(", ")}}` };
}

/** Colours in which Grafana shows the levels of log lines. */
export const levelColors: Readonly<Record<string, string>> = {
  critical: "purple",
  fatal: "purple",
  error: "red",
  warn: "orange",
  info: "green",
  debug: "blue",
  trace: "light-blue",
};
