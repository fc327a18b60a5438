/**
 * The queries that Grafana builds from the links that the platform declares, as its front end does (Grafana 13,
 * public/app/core/components/../explore and plugins: "Configure trace to logs", "trace to metrics", "derived fields",
 * "exemplars", "Dashboard URL variables"). A link is followed only by what it says: which data source, which query.
 */
import { dataSourceUid } from "../../../components/capabilities.ts";
import type { GrafanaDataSource } from "../../../components/dashboards/grafana/data-sources.ts";
import type { Manifest } from "../../../components/kubernetes/manifest.ts";
import { at, textAt } from "../../../contract/finding.ts";
import type { Span } from "./stack.ts";

/** Where a link leads: a data source, what it is asked, and about which time (milliseconds since 1970). */
export interface Link {
  /** What the person clicks on. */
  readonly name: string;
  readonly uid: string;
  readonly query: string;
  readonly from: number;
  readonly to: number;
}

/** A log line as Grafana has it. */
export interface Line {
  readonly text: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** In provisioning files Grafana reads `$$` as `$`. */
const provisioned = (text: string) => text.replaceAll("$$", "$");

/** A length of time as Grafana writes it (`-5m`), in milliseconds. */
function milliseconds(text: string | undefined): number {
  const [, sign, number, unit] = /^(-?)(\d+)(ms|s|m|h)$/.exec(text ?? "0s") ?? [];
  if (number === undefined || unit === undefined) throw new Error(`${text ?? ""} is no length of time.`);
  const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit] ?? 0;
  return Number(number) * factor * (sign === "-" ? -1 : 1);
}

/** The time around a span that a link of its data source asks about. */
function aroundSpan(source: GrafanaDataSource, link: string, span: Span): Pick<Link, "from" | "to"> {
  return {
    from: span.start + milliseconds(textAt(source.jsonData, link, "spanStartTimeShift")),
    to: span.end + milliseconds(textAt(source.jsonData, link, "spanEndTimeShift")),
  };
}

interface Tag {
  readonly key: string;
  readonly value: string;
}

/** Replaces `${__tags}`, `${__trace.traceId}` and `${__span.spanId}`; any other variable would stay in the query. */
function fill(source: GrafanaDataSource, link: string, query: string, span: Span): string {
  const tags = ((at(source.jsonData, link, "tags") ?? []) as readonly Tag[])
    .filter(({ key }) => span.attributes.has(key))
    .map(({ key, value }) => `${value}="${span.attributes.get(key) ?? ""}"`)
    .join(", ");
  const filled = provisioned(query)
    .replaceAll("${__tags}", tags)
    .replaceAll("${__trace.traceId}", span.traceId)
    .replaceAll("${__span.spanId}", span.spanId);
  const left = /\$\{__[^}]*\}/.exec(filled)?.[0];
  if (left !== undefined) throw new Error(`The link ${link} has ${left}, which is not known here.`);
  return filled;
}

/** Trace to logs: the link of a span. */
export function logsOfSpan(source: GrafanaDataSource, span: Span): Link {
  const link = "tracesToLogsV2";
  return {
    name: "Logs for this span",
    uid: textAt(source.jsonData, link, "datasourceUid") ?? "",
    query: fill(source, link, textAt(source.jsonData, link, "query") ?? "", span),
    ...aroundSpan(source, link, span),
  };
}

/** Trace to metrics: the links of a span. */
export function metricsOfSpan(source: GrafanaDataSource, span: Span): Link[] {
  const link = "tracesToMetrics";
  const queries = (at(source.jsonData, link, "queries") ?? []) as readonly {
    readonly name: string;
    readonly query: string;
  }[];
  return queries.map(({ name, query }) => ({
    name,
    uid: textAt(source.jsonData, link, "datasourceUid") ?? "",
    query: fill(source, link, query, span),
    ...aroundSpan(source, link, span),
  }));
}

interface DerivedField {
  readonly name: string;
  readonly matcherType: "regex" | "label";
  readonly matcherRegex: string;
  readonly url: string;
  readonly datasourceUid: string;
}

/** Log to trace: the links of each derived field that fits a line. */
export function tracesOfLine(source: GrafanaDataSource, line: Line): Link[] {
  return ((at(source.jsonData, "derivedFields") ?? []) as readonly DerivedField[]).flatMap((field) => {
    const value =
      field.matcherType === "label"
        ? Object.entries(line.labels).find(([label]) => new RegExp(`^(?:${field.matcherRegex})$`).test(label))?.[1]
        : new RegExp(field.matcherRegex).exec(line.text)?.[1];
    if (value === undefined) return [];
    const query = provisioned(field.url).replaceAll("${__value.raw}", value);
    return [{ name: field.name, uid: field.datasourceUid, query, from: line.time, to: line.time }];
  });
}

/**
 * Metric to trace: the link of an exemplar.
 *
 * @param destination of `exemplarTraceIdDestinations` of the data source of metrics
 */
export function traceOfExemplar(destination: unknown, labels: Readonly<Record<string, string>>): Link | undefined {
  const query = labels[textAt(destination, "name") ?? ""];
  const uid = textAt(destination, "datasourceUid");
  if (query === undefined || uid === undefined) return undefined;
  return { name: "exemplar", uid, query, from: 0, to: 0 };
}

interface Target {
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly expr?: string;
  readonly exemplar?: boolean;
  readonly queryType?: string;
  readonly service?: string;
}

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly panels?: readonly Panel[];
  readonly targets?: readonly Target[];
}

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly type: string;
      readonly query?: unknown;
      readonly allValue?: string;
    }[];
  };
}

/** A query of a panel, with the variables of the dashboard's address filled in. */
export interface PanelQuery {
  readonly panel: string;
  readonly uid: string;
  readonly query: string;
  /** Whether Grafana asks for exemplars too. */
  readonly exemplar: boolean;
}

/**
 * Alert to dashboard: what the panels ask when somebody opens the address that an alert carries.
 *
 * Grafana takes the value of a variable from `var-<name>`; one that is not there is "All", `.*` for a regular expression.
 * A variable that stands for a data source is the one of that type. `$__rate_interval` is four times the scrape interval
 * of Prometheus at the zoom of an hour.
 *
 * @param address the alert's `dashboard_url`
 * @param objects of the environment, the ConfigMaps that Grafana's sidecar loads among them
 */
export function panelsOfAddress(
  address: string,
  objects: readonly Manifest[],
  scrapeSeconds: number,
): { readonly title: string; readonly queries: readonly PanelQuery[] } {
  const url = new URL(address, "http://grafana.invalid");
  const uid = /\/d\/([^/]+)/.exec(url.pathname)?.[1];
  const dashboard = objects
    .filter(({ kind, metadata }) => kind === "ConfigMap" && metadata.labels?.["grafana_dashboard"] === "1")
    .flatMap((object) => Object.values((at(object, "data") ?? {}) as Readonly<Record<string, string>>))
    .map((text) => JSON.parse(text) as Dashboard)
    .find((candidate) => candidate.uid === uid);
  if (dashboard === undefined) throw new Error(`${address} leads to no dashboard.`);
  const variables = new Map<string, string>();
  for (const variable of dashboard.templating.list) {
    if (variable.type === "datasource") {
      const type = String(variable.query);
      const known: Readonly<Record<string, string>> = {
        prometheus: dataSourceUid.metrics,
        loki: dataSourceUid.logs,
        jaeger: dataSourceUid.traces,
      };
      const found = known[type];
      if (found === undefined) throw new Error(`There is no data source of the type ${type}.`);
      variables.set(variable.name, found);
    } else variables.set(variable.name, url.searchParams.get(`var-${variable.name}`) ?? variable.allValue ?? ".*");
  }
  const filled = (text: string) =>
    text
      .replaceAll("$__rate_interval", `${4 * scrapeSeconds}s`)
      .replaceAll("$__range", "1h")
      .replaceAll("$__auto", "1m")
      .replaceAll(/\$\{(\w+)(?::\w+)?\}|\$(\w+)/g, (whole: string, braced?: string, bare?: string) => {
        const value = variables.get(braced ?? bare ?? "");
        if (value === undefined) throw new Error(`${dashboard.title} has no variable for ${whole}.`);
        return value;
      });
  const panels = dashboard.panels.flatMap((panel) => (panel.type === "row" ? (panel.panels ?? []) : [panel]));
  return {
    title: dashboard.title,
    queries: panels.flatMap((panel) =>
      (panel.targets ?? []).map((target) => ({
        panel: panel.title,
        uid: filled(target.datasource.uid),
        query: filled(target.expr ?? target.service ?? ""),
        exemplar: target.exemplar === true,
      })),
    ),
  };
}
