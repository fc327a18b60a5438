/** Panels that more than one dashboard has: what containers use, how often they start again, what they write. */
import type { Asked } from "../components/logs/asked.ts";
import { annotation, cores, limits, lines, link, none, range, now, type Shown, stat, states } from "./kit.ts";
import { type Line, logLines } from "./log-queries.ts";

/** Usage, and what one container requests and may use at most: each a query. */
interface Bounded {
  readonly usage: string;
  readonly request: string;
  readonly limit?: string;
}

const dashed = limits({ request: "gray", limit: "red" });

function bounded(shown: Shown, { usage, request, limit }: Bounded) {
  const queries = [range(usage, "{{pod}}"), range(request, "request")];
  if (limit !== undefined) queries.push(range(limit, "limit"));
  return lines(shown, ...queries)
    .min(0)
    .overrides(dashed)
    .dataLinks([toLogs, toWorkload]);
}

/** From a series of a pod. */
const object = { namespace: "${__field.labels.namespace}", pod: "${__field.labels.pod}" };
export const toLogs = link("Logs", "logs", object);
export const toWorkload = link("Workload", "workload", object);

/** CPU by pod. */
export const cpu = (width: number, queries: Bounded) =>
  bounded(
    {
      title: "CPU by pod",
      description: "CPU that each pod uses. Dashed: what one pod requests and, where it has a limit, may use at most.",
      unit: cores,
      width,
    },
    queries,
  ).decimals(3);

/** Memory by pod. */
export const memory = (width: number, queries: Bounded) =>
  bounded(
    {
      title: "Memory by pod",
      description: "Working set against request and limit (dashed); at the limit the kernel kills the container.",
      unit: "bytes",
      width,
    },
    queries,
  );

/** How often containers started again; `expr` counts them over the time range. */
export const restarts = (expr: string) =>
  stat(
    { title: "Restarts", description: "Container restarts within the time range.", unit: "short", width: 4 },
    now(expr, "restarts"),
  )
    .decimals(0)
    .thresholds(none("orange"));

/** Marks where a container of these started again. */
export const restartMarks = (what: string, containers: string) =>
  annotation(
    "Restarts",
    "A container started again",
    `restart of ${what}`,
    `changes(kube_pod_container_status_restarts_total{${containers}}[2m]) > 0`,
  );

/** Whether each pod was ready; `expr` is 1 or 0 for each. */
export const readiness = (width: number, expr: string) =>
  states(
    {
      title: "Ready, by pod",
      description: "When each pod was ready and when not; a gap: it was not there.",
      unit: "short",
      width,
    },
    { 1: ["ready", "green"], 0: ["not ready", "red"] },
    range(expr, "{{pod}}"),
  );

/** What containers write and send by OTLP. */
export const logPanel = (
  what: string,
  size: { readonly width: number; readonly height: number },
  asked: Asked,
  line: Line = {},
) =>
  logLines(
    {
      title: "Log lines",
      description: `${what} Open a line for its fields; a trace_id there carries a link to the trace.`,
      ...size,
    },
    "no line matches",
    asked,
    line,
  );
