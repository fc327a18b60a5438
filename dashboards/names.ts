/** Names that the queries of several dashboards have in common. */

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
