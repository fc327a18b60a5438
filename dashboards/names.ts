/** Names that the queries of several dashboards have in common. */

/** Label `job` that the log agent puts on every log stream. */
export { lineJob as logJob } from "../components/agents/lines.ts";

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
