/** What a panel asks, as Grafana asks it: variables filled in, the step chosen by the panel's width. */
import { getJson } from "../../rehearsal/http-client.ts";
import type { Entry } from "../../contract/logql/entries.ts";
import { ask as askLogql } from "../../contract/logql/evaluate.ts";
import { end, interval as scrapeInterval, type Labels } from "../../dashboards/sample/cluster.ts";
import type { Dashboard, Panel, Target } from "./model.ts";

/** Seconds that are drawn. */
export const range = 3600;
export const begin = end - range;

export interface Stores {
  /** Base URLs. */
  readonly prometheus: string;
  readonly jaeger: string;
  readonly logs: readonly Entry[];
}

/** A series that was answered. */
export interface Answered {
  readonly refId: string;
  /** As the legend names it. */
  readonly name: string;
  readonly labels: Labels;
  /** Unix seconds and values, in the order of time. */
  readonly points: readonly (readonly [time: number, value: number])[];
}

export interface LogLine {
  /** Unix milliseconds. */
  readonly time: number;
  readonly text: string;
  readonly labels: Labels;
}

/** A trace that a search found. */
export interface FoundTrace {
  readonly traceId: string;
  /** Service and first span. */
  readonly name: string;
  /** Unix milliseconds. */
  readonly start: number;
  /** Seconds. */
  readonly duration: number;
}

export interface ExemplarPoint {
  readonly time: number;
  readonly value: number;
}

export interface Answer {
  readonly series: readonly Answered[];
  readonly lines: readonly LogLine[];
  readonly traces: readonly FoundTrace[];
  readonly exemplars: readonly ExemplarPoint[];
  /** Seconds between two points. */
  readonly step: number;
}

/** What a person has chosen: variables by name. */
export type Choices = Readonly<Record<string, string>>;

/** Steps that Grafana rounds to, in seconds (rangeutil.roundInterval). */
const steps = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600] as const;
/** Where Grafana changes from one to the next. */
const bounds = [1.5, 3.5, 7.5, 12.5, 17.5, 25, 45, 90, 210, 450, 750, 1050, 1500, 2700] as const;

/** The step of a panel, in seconds. */
function stepOf(panel: Panel, width: number, source: string): number {
  const wanted = range / (panel.maxDataPoints ?? width);
  const index = bounds.findIndex((bound) => wanted < bound);
  const rounded = steps[index === -1 ? steps.length - 1 : index] ?? 1;
  return Math.max(rounded, source === "prometheus" ? scrapeInterval : 1);
}

function seconds(count: number): string {
  return count % 60 === 0 ? `${count / 60}m` : `${count}s`;
}

/** A query as Grafana sends it. */
function filledIn(expr: string, dashboard: Dashboard, chosen: Choices, step: number): string {
  return expr
    .replaceAll("$__rate_interval", seconds(Math.max(step + scrapeInterval, 4 * scrapeInterval)))
    .replaceAll("$__range", seconds(range))
    .replaceAll("$__auto", seconds(step))
    .replaceAll("$__interval", seconds(step))
    .replaceAll(/\$\{(\w+)(?::\w+)?\}|\$(\w+)/g, (_, braced?: string, bare?: string) => {
      const name = braced ?? bare ?? "";
      const variable = dashboard.templating.list.find((candidate) => candidate.name === name);
      if (variable === undefined) throw new Error(`${dashboard.uid} has no variable ${name}.`);
      const value = chosen[name];
      if (value !== undefined) return value;
      if (variable.type === "textbox") return "";
      if (variable.allValue === undefined) throw new Error(`Nothing is chosen for ${name} of ${dashboard.uid}.`);
      return variable.allValue;
    });
}

interface Result {
  readonly metric?: Labels;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

interface Response {
  readonly data: { readonly result: readonly Result[] };
}

function legend(target: Target, labels: Labels): string {
  const format = target.legendFormat ?? "";
  if (format !== "" && format !== "__auto") {
    return format.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (_, label: string) => labels[label] ?? "");
  }
  const own = Object.entries(labels).filter(([label]) => label !== "__name__");
  return `{${own.map(([label, value]) => `${label}="${value}"`).join(", ")}}`;
}

function seriesOf(target: Target, result: readonly Result[]): Answered[] {
  return result
    .map(({ metric = {}, value, values }): Answered => ({
      refId: target.refId,
      name: legend(target, metric),
      labels: metric,
      points: (values ?? (value === undefined ? [] : [value])).map(([time, text]) => [time, Number(text)]),
    }))
    .filter(({ points }) => points.some(([, value]) => Number.isFinite(value)));
}

async function askPrometheus(stores: Stores, target: Target, query: string, step: number) {
  const base = `${stores.prometheus}/api/v1`;
  const times = { start: String(begin), end: String(end) };
  const response =
    target.instant === true
      ? await getJson<Response>(`${base}/query`, { query, time: String(end) })
      : await getJson<Response>(`${base}/query_range`, { query, ...times, step: String(step) });
  const series = seriesOf(target, response.data.result);
  if (target.exemplar !== true) return { series, exemplars: [] };
  interface Exemplars {
    readonly data: readonly { readonly exemplars: readonly { timestamp: number; value: string }[] }[];
  }
  const found = await getJson<Exemplars>(`${base}/query_exemplars`, { query, ...times });
  const exemplars = found.data
    .flatMap((one) => one.exemplars)
    .map(({ timestamp, value }) => ({ time: timestamp, value: Number(value) }));
  return { series, exemplars };
}

/** Log lines or series of what a stand-in for Loki's engine answers. */
function askLogs(stores: Stores, target: Target, query: string, step: number) {
  const asked = askLogql(query, stores.logs);
  if (asked.kind === "rows") {
    const lines = asked.rows
      .filter(({ time }) => time >= begin * 1000 && time < end * 1000)
      .map(({ time, line, labels }) => ({ time, text: line, labels }))
      .sort((a, b) => b.time - a.time)
      .slice(0, target.maxLines ?? 500);
    return { series: [], lines };
  }
  // As Loki aligns queries (query_range.align_queries_with_step, which the chart sets).
  const first = target.queryType === "instant" ? end : Math.floor(begin / step) * step;
  const found = new Map<string, { readonly metric: Labels; readonly values: [number, string][] }>();
  for (let time = first; time <= end; time += step) {
    for (const { labels, value } of asked.at(time * 1000)) {
      const key = JSON.stringify(labels);
      const known = found.get(key) ?? { metric: labels, values: [] };
      known.values.push([time, String(value)]);
      found.set(key, known);
    }
  }
  return { series: seriesOf(target, [...found.values()]), lines: [] };
}

/** A search for traces, the newest first. */
async function askJaeger(stores: Stores, { service = "", limit = 20 }: Target): Promise<FoundTrace[]> {
  interface Found {
    readonly data: readonly {
      readonly traceID: string;
      readonly spans: readonly {
        readonly operationName: string;
        readonly startTime: number;
        readonly duration: number;
      }[];
    }[];
  }
  const found = await getJson<Found>(`${stores.jaeger}/api/traces`, {
    service,
    limit: String(limit),
    start: `${begin}000000`,
    end: `${end}000000`,
  });
  return found.data
    .flatMap(({ traceID, spans }) => {
      const [first] = spans.toSorted((a, b) => a.startTime - b.startTime);
      if (first === undefined) return [];
      const name = `${service}: ${first.operationName}`;
      return [{ traceId: traceID, name, start: first.startTime / 1000, duration: first.duration / 1e6 }];
    })
    .sort((a, b) => b.start - a.start);
}

/** Asks everything that a panel asks. */
export async function ask(
  stores: Stores,
  dashboard: Dashboard,
  panel: Panel,
  chosen: Choices,
  width: number,
): Promise<Answer> {
  const series: Answered[] = [];
  const lines: LogLine[] = [];
  const traces: FoundTrace[] = [];
  const exemplars: ExemplarPoint[] = [];
  let step: number = scrapeInterval;
  for (const target of panel.targets ?? []) {
    const source = target.datasource.type;
    if (source === "jaeger") traces.push(...(await askJaeger(stores, target)));
    if (target.expr === undefined) continue;
    step = stepOf(panel, width, source);
    const query = filledIn(target.expr, dashboard, chosen, step);
    try {
      if (source === "prometheus") {
        const answer = await askPrometheus(stores, target, query, step);
        series.push(...answer.series);
        exemplars.push(...answer.exemplars);
      } else {
        const answer = askLogs(stores, target, query, step);
        series.push(...answer.series.toSorted((a, b) => (a.name < b.name ? -1 : 1)));
        lines.push(...answer.lines);
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`${dashboard.uid}, panel "${panel.title}": ${message}`, { cause: error });
    }
  }
  lines.sort((a, b) => b.time - a.time || (a.text < b.text ? -1 : 1));
  return { series, lines, traces, exemplars: exemplars.sort((a, b) => a.time - b.time || a.value - b.value), step };
}

/** Times of a dashboard's annotations, with their colours. */
export async function askAnnotations(stores: Stores, dashboard: Dashboard, chosen: Choices) {
  const found: { readonly time: number; readonly color: string }[] = [];
  for (const { expr, iconColor } of dashboard.annotations.list) {
    const response = await getJson<Response>(`${stores.prometheus}/api/v1/query_range`, {
      query: filledIn(expr, dashboard, chosen, 60),
      start: String(begin),
      end: String(end),
      step: "60",
    });
    for (const { values = [] } of response.data.result) {
      let last = 0;
      for (const [time] of values) {
        // Points that follow each other are one event, of which Grafana draws the region.
        if (time - last > 60) found.push({ time, color: iconColor });
        last = time;
      }
    }
  }
  return found;
}
