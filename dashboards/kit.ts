/**
 * What our dashboards have in common, on top of Grafana's own builders (`@grafana/grafana-foundation-sdk`): how a panel of
 * each kind looks, what its legend shows, what colours mean. A dashboard is a file of its own that uses these and nothing of
 * another dashboard.
 */
import { PanelBuilder as BarGauge } from "@grafana/grafana-foundation-sdk/bargauge";
import type { Builder, Dataquery } from "@grafana/grafana-foundation-sdk/cog";
import * as common from "@grafana/grafana-foundation-sdk/common";
import * as sdk from "@grafana/grafana-foundation-sdk/dashboard";
import * as heat from "@grafana/grafana-foundation-sdk/heatmap";
import { PanelBuilder as Logs } from "@grafana/grafana-foundation-sdk/logs";
import * as loki from "@grafana/grafana-foundation-sdk/loki";
import {
  EdgeOptionsBuilder,
  NodeOptionsBuilder,
  PanelBuilder as NodeGraph,
} from "@grafana/grafana-foundation-sdk/nodegraph";
import * as prometheus from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as Stat } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as StateTimeline } from "@grafana/grafana-foundation-sdk/statetimeline";
import { PanelBuilder as Table } from "@grafana/grafana-foundation-sdk/table";
import * as tempo from "@grafana/grafana-foundation-sdk/tempo";
import { PanelBuilder as TimeSeries } from "@grafana/grafana-foundation-sdk/timeseries";
import { askedIn, dataSourceUid } from "../components/capabilities.ts";

/** Languages that queries are written in, by Grafana's type of data source, and the capability of whoever is asked. */
const capabilityOf = {
  prometheus: "metrics",
  loki: "logs",
  "victoriametrics-logs-datasource": "logs",
  elasticsearch: "logs",
  jaeger: "traces",
  tempo: "traces",
} as const;
export type Language = keyof typeof capabilityOf;
const labels = { metrics: "Metrics", logs: "Logs", traces: "Traces" } as const;

/** A data source that the dashboard's reader chooses. */
const chosen = (language: Language): common.DataSourceRef => ({
  type: language,
  uid: `\${${capabilityOf[language]}}`,
});

/** Grafana's ids of units; those with a colon it shows as they are. */
export type Unit =
  ("short" | "string" | "percentunit" | "s" | "dtdurations" | "bytes" | "Bps" | "ops" | "reqps") | `suffix: ${string}`;

export const cores: Unit = "suffix: cores";
export const perSecond = (what: string): Unit => `suffix: ${what}/s`;

/** What a panel asks: the query's builder, whom it asks, and its legend. */
export interface Query {
  readonly language: Language;
  readonly build: Builder<Dataquery> & { refId(id: string): unknown; datasource(ref: common.DataSourceRef): unknown };
  readonly legend: string;
}

function promql(expr: string, legend: string): prometheus.DataqueryBuilder {
  return new prometheus.DataqueryBuilder()
    .editorMode(prometheus.QueryEditorMode.Code)
    .format(prometheus.PromQueryFormat.TimeSeries)
    .expr(expr)
    .legendFormat(legend);
}

/** PromQL over the time range. @param legend in Grafana's form: `{{label}}` */
export const range = (expr: string, legend: string): Query => ({
  language: "prometheus",
  build: promql(expr, legend).range(),
  legend,
});

/** PromQL over the time range, with the exemplars that lead to traces. */
export const withExemplars = (expr: string, legend: string): Query => ({
  language: "prometheus",
  build: promql(expr, legend).range().exemplar(true),
  legend,
});

/** PromQL at the end of the time range. */
export const now = (expr: string, legend = "__auto"): Query => ({
  language: "prometheus",
  build: promql(expr, legend).instant(),
  legend,
});

/** PromQL at the end of the time range, a row for each series. */
export const rows = (expr: string): Query => ({
  language: "prometheus",
  build: promql(expr, "__auto").instant().format(prometheus.PromQueryFormat.Table),
  legend: "",
});

/** LogQL. @param lines at most, where it asks for lines */
export const logql = (expr: string, legend: string, type: "range" | "instant", lines?: number): Query => {
  const build = new loki.DataqueryBuilder()
    .editorMode(loki.QueryEditorMode.Code)
    .expr(expr)
    .legendFormat(legend)
    .queryType(type);
  return { language: "loki", build: lines === undefined ? build : build.maxLines(lines), legend };
};

/** LogsQL, as the plugin for VictoriaLogs 0.30 has it (src/types.ts). @param lines at most, where it asks for lines */
export const logsql = (
  expr: string,
  legend: string,
  type: "instant" | "stats" | "statsRange",
  lines?: number,
): Query => ({
  language: "victoriametrics-logs-datasource",
  legend,
  build: plainQuery({
    ...{ expr, queryType: type, editorMode: "code", legendFormat: legend },
    ...(lines === undefined ? {} : { maxLines: lines }),
  }),
});

/** Counted lines of Elasticsearch, a series for each of some fields' values over the time range, or a row at its end. */
export interface Counted {
  readonly by: readonly string[];
  /** Values of each field at most, those with most lines. */
  readonly most: number;
  readonly over: "range" | "instant";
  /** A field with a number of each line, whose sum a second is counted in place of lines. */
  readonly summed?: string;
}

/**
 * Lucene, as Grafana's data source of Elasticsearch has it; the library's builders of metrics say `unknown` in place of their type (0.0.21).
 * @param of lines at most, or what is counted
 */
export const lucene = (query: string, of: number | Counted, legend = ""): Query => {
  const asked = (metric: object, bucketAggs: readonly object[]): Query => ({
    language: "elasticsearch",
    legend,
    build: plainQuery({
      ...{ query, queryType: "lucene", timeField: "@timestamp", alias: legend },
      ...{ metrics: [{ id: "1", ...metric }], bucketAggs },
    }),
  });
  if (typeof of === "number") return asked({ type: "logs", settings: { limit: String(of) } }, []);
  const { by, most, over, summed } = of;
  const terms = by.map((field, index) => ({
    id: String(index + 2),
    type: "terms",
    field,
    settings: { order: "desc", orderBy: "_count", size: String(most), min_doc_count: "1" },
  }));
  const time = {
    id: String(by.length + 2),
    type: "date_histogram",
    field: "@timestamp",
    settings: { interval: "auto", min_doc_count: "0" },
  };
  return asked(
    summed === undefined
      ? { type: "count" }
      : { type: "rate", field: summed, settings: { unit: "second", mode: "sum" } },
    [...terms, ...(over === "range" ? [time] : [])],
  );
};

/** A query for which the library has no builder. */
function plainQuery(of: object): Query["build"] {
  const query = { ...of, refId: "", datasource: {} };
  return {
    build: () => ({ ...query, _implementsDataqueryVariant: () => undefined }),
    refId: (id) => (query.refId = id),
    datasource: (ref) => (query.datasource = ref),
  };
}

/** Traces that a search lists at most. */
const limit = 20;

const jaegerSearch = (service: string): Query => ({
  language: "jaeger",
  legend: "",
  build: plainQuery({ queryType: "search", service, limit }),
});

/** Without the hint Tempo stops at the first traces that it finds, whichever they are. */
const traceql = (service: string): Query => ({
  language: "tempo",
  legend: "",
  build: new tempo.DataqueryBuilder()
    .queryType(tempo.TempoQueryType.Traceql)
    .query(`{ resource.service.name = ${JSON.stringify(service)} } with (most_recent=true)`)
    .tableType(tempo.SearchTableType.Traces)
    .limit(limit),
});

/** What Grafana's builders of panels share. */
interface AnyPanel extends Builder<sdk.Panel> {
  title(text: string): this;
  description(text: string): this;
  unit(unit: string): this;
  span(columns: number): this;
  height(rows: number): this;
  datasource(ref: common.DataSourceRef): this;
  withTarget(target: Builder<Dataquery>): this;
  colorScheme(color: Builder<sdk.FieldColor>): this;
}

/** What every panel has. */
export interface Shown {
  readonly title: string;
  /** What it shows and how to read it. */
  readonly description: string;
  /** @default none: words, or a unit for each column */
  readonly unit?: Unit;
  /** Columns of the grid, of 24. */
  readonly width: number;
  /** Rows of the grid; a row is about 38 pixels high. @default 8, of single numbers 4 */
  readonly height?: number;
}

function panel<P extends AnyPanel>(
  builder: P,
  { title, description, unit, width, height }: Shown,
  queries: Query[],
): P {
  const [first] = queries;
  if (first === undefined) throw new Error(`Panel "${title}" asks nothing.`);
  builder
    .title(title)
    .description(description)
    .unit(unit ?? "string")
    .span(width)
    .height(height ?? 8)
    .datasource(chosen(first.language));
  for (const [index, { language, build }] of queries.entries()) {
    build.refId(String.fromCharCode("A".charCodeAt(0) + index));
    build.datasource(chosen(language));
    builder.withTarget(build);
  }
  return builder;
}

const color = (mode: sdk.FieldColorModeId) => new sdk.FieldColorBuilder().mode(mode);

/** Colours from a value up; the first one holds below all of them. */
export function steps(base: string, ...above: readonly (readonly [from: number, color: string])[]) {
  return new sdk.ThresholdsConfigBuilder()
    .mode(sdk.ThresholdsMode.Absolute)
    .steps([{ value: null, color: base }, ...above.map(([value, name]) => ({ value, color: name }))]);
}

/** More is worse: red from `bad` up. */
export const high = (warn: number, bad: number) => steps("green", [warn, "yellow"], [bad, "red"]);
/** Less is worse: red below `bad`. */
export const low = (bad: number, warn: number) => steps("red", [bad, "yellow"], [warn, "green"]);
/** There should be none. */
export const none = (bad = "red", from = 1) => steps("green", [from, bad]);

/** One number. Colours are thresholds and nothing else: without any it is in the colour of text. */
export function stat(shown: Shown, ...queries: Query[]): Stat {
  const moments = queries.every(({ build }) => (build.build() as { instant?: boolean }).instant === true);
  return panel(new Stat(), { height: 4, ...shown }, queries)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
    .graphMode(moments ? common.BigValueGraphMode.None : common.BigValueGraphMode.Area)
    .colorScheme(color(sdk.FieldColorModeId.Thresholds))
    .thresholds(steps("text"));
}

/** What Grafana writes above the columns of a legend, by which it also sorts. */
const legendTitles: Readonly<Record<string, string>> = { lastNotNull: "Last *", max: "Max", sum: "Total" };

/**
 * Our one rule of legends: below the chart. Series that the panel names itself stand in a list with their last number, for
 * all of them matter; series by label stand in a table that starts with those that matter most.
 */
function legend(queries: readonly Query[], calcs: readonly string[], leastFirst = false) {
  const built = new common.VizLegendOptionsBuilder().showLegend(true).placement(common.LegendPlacement.Bottom);
  if (!queries.some(({ legend: text }) => text.includes("{{")))
    return built.displayMode(common.LegendDisplayMode.List).calcs(calcs.slice(-1));
  return built
    .displayMode(common.LegendDisplayMode.Table)
    .calcs([...calcs])
    .sortBy(legendTitles[calcs.at(-1) ?? ""] ?? "Last *")
    .sortDesc(!leastFirst);
}

function timeSeries(shown: Shown, queries: Query[], calcs: readonly string[]): TimeSeries {
  return panel(new TimeSeries(), shown, queries)
    .legend(legend(queries, calcs))
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    )
    .colorScheme(color(sdk.FieldColorModeId.PaletteClassic))
    .lineWidth(1)
    .fillOpacity(0)
    .showPoints(common.VisibilityMode.Never)
    .spanNulls(false);
}

const stacked = new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group("A");

/** Lines without a fill: filled ones that overlap mix their colours. */
export const lines = (shown: Shown, ...queries: Query[]): TimeSeries =>
  timeSeries(shown, queries, ["mean", "lastNotNull"]);

/** Lines of what is left of something: the legend starts with the least. */
export const remaining = (shown: Shown, ...queries: Query[]): TimeSeries =>
  lines(shown, ...queries).legend(legend(queries, ["mean", "lastNotNull"], true));

/** Parts of a whole, one on the other. */
export const stack = (shown: Shown, ...queries: Query[]): TimeSeries =>
  lines(shown, ...queries)
    .stacking(stacked)
    .fillOpacity(60);

/** How many happened: bars on each other. @param total what the legend says: of counts that overlap, the largest */
export const bars = (shown: Shown, total: "sum" | "max", ...queries: Query[]): TimeSeries =>
  timeSeries(shown, queries, [total]).drawStyle(common.GraphDrawStyle.Bars).stacking(stacked).fillOpacity(80);

/** The line of an alert's or the kubelet's threshold. Grafana draws it in the colour of the side that is not transparent. */
export const line = (builder: TimeSeries, at: ReturnType<typeof steps>): TimeSeries =>
  builder
    .thresholds(at)
    .thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed));
export const redAbove = (value: number) => steps("transparent", [value, "red"]);
export const redBelow = (value: number) => steps("red", [value, "transparent"]);

/** What a state is called, and its colour; the number is the query's. */
export type States = Readonly<Record<number, readonly [text: string, color: string]>>;

/** Values shown as words. */
export function words(of: Readonly<Record<string, readonly [text: string, color: string]>>): sdk.ValueMap {
  const options = Object.entries(of).map(
    ([value, [text, name]], index) => [value, { text, color: name, index }] as const,
  );
  return { type: sdk.MappingType.ValueToText, options: Object.fromEntries(options) };
}

/** Up or down, ready or not, over time: a row for each series. */
export const states = (shown: Shown, of: States, ...queries: Query[]): StateTimeline =>
  panel(new StateTimeline(), shown, queries)
    .mappings([words(of)])
    .colorScheme(color(sdk.FieldColorModeId.Thresholds))
    .thresholds(steps("text"))
    .mergeValues(true)
    .showValue(common.VisibilityMode.Never)
    .fillOpacity(80)
    .legend(new common.VizLegendOptionsBuilder().showLegend(true).displayMode(common.LegendDisplayMode.List));

export const upOrDown: States = { 1: ["up", "green"], 0: ["down", "red"] };

/** Values side by side, the largest bar full. */
export const barGauge = (shown: Shown, ...queries: Query[]): BarGauge =>
  panel(new BarGauge(), shown, queries)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .orientation(common.VizOrientation.Horizontal)
    .colorScheme(color(sdk.FieldColorModeId.Thresholds));

/** The buckets of a histogram over time. */
export function heatmap(shown: Shown, expr: string): heat.PanelBuilder {
  const buckets = promql(expr, "{{le}}").range().format(prometheus.PromQueryFormat.Heatmap);
  return panel(new heat.PanelBuilder(), shown, [{ language: "prometheus", build: buckets, legend: "" }])
    .color(
      new heat.HeatmapColorOptionsBuilder()
        .mode(heat.HeatmapColorMode.Scheme)
        .scheme("Oranges")
        .exponent(0.5)
        .steps(64),
    )
    .rowsFrame(new heat.RowsHeatmapOptionsBuilder().layout(common.HeatmapCellLayout.Auto))
    .yAxis(new heat.YAxisConfigBuilder().axisPlacement(common.AxisPlacement.Left).unit(shown.unit ?? ""))
    .showLegend();
}

/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly unit?: Unit;
  /** Pixels. */
  readonly width?: number;
  readonly thresholds?: ReturnType<typeof steps>;
  readonly words?: Parameters<typeof words>[0];
  readonly links?: readonly sdk.DashboardLinkBuilder[];
}

/** Several queries of a table are joined by this column. */
export type Columns = Readonly<Record<string, string | Column>>;

function cells({ title, unit, width, thresholds, words: texts, links }: Column): sdk.DynamicConfigValue[] {
  const text = { id: "custom.cellOptions", value: { type: "color-text" } };
  return [
    { id: "displayName", value: title },
    ...(unit === undefined ? [] : [{ id: "unit", value: unit }]),
    ...(width === undefined ? [] : [{ id: "custom.width", value: width }]),
    ...(links === undefined ? [] : [{ id: "links", value: links.map((link) => link.build()) }]),
    ...(texts === undefined ? [] : [{ id: "mappings", value: [words(texts)] }, text]),
    ...(thresholds === undefined ? [] : [{ id: "thresholds", value: thresholds.build() }, text]),
  ];
}

/**
 * A table with these columns in this order, and no other.
 *
 * @param sort title of the column that decides the order, `-` before it for the largest first
 */
export function table(shown: Shown, columns: Columns, sort: string | undefined, ...queries: Query[]): Table {
  const fields = Object.keys(columns);
  const builder = panel(new Table(), shown, queries)
    .colorScheme(color(sdk.FieldColorModeId.Thresholds))
    .thresholds(steps("text"));
  for (const [field, column] of Object.entries(columns))
    builder.overrideByName(field, cells(typeof column === "string" ? { title: column } : column));
  if (queries.length > 1)
    builder.withTransformation({ id: "joinByField", options: { byField: fields[0], mode: "outer" } });
  builder.withTransformation({ id: "filterFieldsByName", options: { include: { names: fields } } });
  const indexByName = Object.fromEntries(fields.map((name, index) => [name, index]));
  builder.withTransformation({ id: "organize", options: { excludeByName: {}, indexByName, renameByName: {} } });
  if (sort === undefined) return builder;
  return builder.sortBy([
    new common.TableSortByFieldStateBuilder().displayName(sort.replace("-", "")).desc(sort.startsWith("-")),
  ]);
}

/**
 * Who calls whom: an arrow for each series with its number, and what comes to each at its end. Grafana makes the nodes of
 * the arrows' fields `id`, `source`, `target` and `mainstat` (public/app/plugins/panel/nodeGraph/utils.ts).
 *
 * @param expr numbers by `client` and `server`
 */
export function nodeGraph(shown: Shown, expr: string): NodeGraph {
  const copied = (from: string, to: string, of: string) => `label_join(${of}, "${to}", "", "${from}")`;
  const edges = copied("client", "source", copied("server", "target", expr));
  const unit = shown.unit ?? "short";
  return panel(new NodeGraph(), shown, [rows(`label_join(${edges}, "id", " ", "client", "server")`)])
    .nodes(new NodeOptionsBuilder().mainStatUnit(unit))
    .edges(new EdgeOptionsBuilder().mainStatUnit(unit))
    .withTransformation({
      id: "organize",
      options: { excludeByName: { Time: true }, indexByName: {}, renameByName: { Value: "mainstat" } },
    });
}

/** A panel in each language that it can be asked in: where a store is chosen that knows one of them, it comes in that one. */
export interface Translated {
  readonly in: readonly Builder<sdk.Panel>[];
}

/** The newest traces of a service. */
export const traces = (shown: Shown, service: string): Translated => ({
  in: [jaegerSearch(service), traceql(service)].map((query) => panel(new Table(), shown, [query])),
});

/** Log lines, the newest first. */
export const logsPanel = (shown: Shown, queries: Query[]): Logs =>
  panel(new Logs(), shown, queries)
    .showTime(true)
    .wrapLogMessage(true)
    .enableLogDetails(true)
    .dedupStrategy(common.LogsDedupStrategy.None)
    .sortOrder(common.LogsSortOrder.Descending);

/** Overrides that give named series their colour. */
export const colors = (of: Readonly<Record<string, string>>) =>
  Object.entries(of).map(([name, fixedColor]) => ({
    matcher: { id: "byName", options: name },
    properties: [{ id: "color", value: { mode: "fixed", fixedColor } }],
  }));

/** Overrides that draw named series dashed and by themselves: limits, not measurements. */
export const limits = (of: Readonly<Record<string, string>>) =>
  colors(of).map(({ matcher, properties }) => ({
    matcher,
    properties: [
      ...properties,
      { id: "custom.lineStyle", value: { fill: "dash", dash: [8, 8] } },
      { id: "custom.fillOpacity", value: 0 },
      { id: "custom.stacking", value: { mode: "none", group: "A" } },
    ],
  }));

/** A link to a dashboard with variables, or to an address; the time range goes along to a dashboard. */
export function link(title: string, to: string, variables: Readonly<Record<string, string>> = {}) {
  const query = Object.entries(variables).map(([name, value]) => `var-${name}=${value}`);
  return new sdk.DashboardLinkBuilder(title).url(
    to.startsWith("/") ? to : `/d/${to}?${[...query, "${__url_time_range}"].join("&")}`,
  );
}

export interface Named {
  readonly name: string;
  readonly label: string;
  readonly description: string;
}

const everything = { text: ["All"], value: ["$__all"] };

/** A variable whose values are a label's. */
export function choice(
  { name, label, description }: Named,
  query: string,
  options: {
    /** What "All" stands for in a query; `each` for every value that there is. @default ".*" */
    readonly all?: string;
    /** One value at a time, without "All". */
    readonly single?: true;
  } = {},
) {
  const variable = new sdk.QueryVariableBuilder(name)
    .label(label)
    .description(description)
    .datasource(chosen("prometheus"))
    .definition(query)
    .query({ refId: name, qryType: 1, query })
    .refresh(sdk.VariableRefresh.OnTimeRangeChanged)
    .sort(sdk.VariableSort.AlphabeticalAsc);
  if (options.single === true) return variable;
  variable.multi(true).includeAll(true).current(everything);
  return options.all === "each" ? variable : variable.allValue(options.all ?? ".*");
}

/** A variable whose values a log store knows. @param query as the language's plugin has it */
export const logChoice = (of: Named, language: Language, all: string, query: object | string) =>
  choice(of, of.name, { all })
    .datasource(chosen(language))
    .query(typeof query === "string" ? query : { refId: of.name, ...query });

/** A variable with values of our own: a shown text, and the regular expression that it stands for. */
export const fixedChoice = ({ name, label, description }: Named, values: Readonly<Record<string, string>>) =>
  new sdk.CustomVariableBuilder(name)
    .label(label)
    .description(description)
    .values(
      Object.entries(values)
        .map(([text, value]) => `${text} : ${value}`)
        .join(","),
    )
    .multi(true)
    .includeAll(true)
    .allValue(".*")
    .current(everything);

/** A variable into which one writes. */
export const textInput = ({ name, label, description }: Named) =>
  new sdk.TextBoxVariableBuilder(name)
    .label(label)
    .description(description)
    .defaultValue("")
    .current({ text: "", value: "" });

/** Marks on every chart of a dashboard, where a query returns something. */
export const annotation = (name: string, description: string, title: string, expr: string) =>
  new sdk.AnnotationQueryBuilder()
    .name(name)
    .datasource(chosen("prometheus"))
    .iconColor("orange")
    .expr(expr)
    .titleFormat(title)
    .textFormat(description)
    .step("60s");

/** Titles of Grafana's folders. */
export type Folder = "Applications" | "Kubernetes" | "Logs" | "Platform";

export interface Meta {
  /** Part of the dashboard's address: never changes. */
  readonly uid: string;
  readonly title: string;
  /** The question that the dashboard answers. */
  readonly description: string;
  readonly folder: Folder;
  /** Folder of `flux-repo/content/` that it belongs to: the component that it is about, or the language that it is asked in. */
  readonly of: string;
  /**
   * Without what it does not come: capabilities, components (by their key) and languages (`askedIn`), beside that component and
   * `dashboards`. It comes without panels whose language is not among them where no store knows it.
   */
  readonly needs: readonly string[];
  /** Without what it comes without a row, by the row's title. */
  readonly rowNeeds?: Readonly<Record<string, readonly string[]>>;
  readonly tags: readonly string[];
  readonly variables?: readonly Builder<sdk.VariableModel>[];
  readonly annotations?: readonly Builder<sdk.AnnotationQuery>[];
  /** @default "now-1h" */
  readonly from?: string;
  /** @default "30s" */
  readonly refresh?: string;
}

/** A dashboard as it comes where some capabilities, components and languages are there. */
export interface Variant {
  readonly needs: readonly string[];
  /** JSON, as Grafana reads it. */
  readonly text: string;
}

export interface Dashboard {
  readonly meta: Meta;
  /** Those with more panels take the place of those with fewer, which come first. */
  readonly variants: readonly Variant[];
}

/** Tag of every dashboard of ours; the links at the top of each dashboard are made of it. */
const commonTag = "observability";

type Rows = Readonly<Record<string, readonly (Builder<sdk.Panel> | Translated)[]>>;

interface Placed {
  readonly row: string;
  readonly panel: sdk.Panel;
  /** Beside those of the dashboard. */
  readonly needs: readonly string[];
}

/** Languages of a panel's queries. */
const languages = ({ targets = [] }: sdk.Panel): Language[] =>
  targets.map((target) => (target as unknown as { readonly datasource: { readonly type: Language } }).datasource.type);

/** Every union of some of the sets, the smallest first, but for those in which a capability is asked in two languages. */
function unions(sets: readonly (readonly string[])[]): string[][] {
  const found = new Map<string, string[]>([["", []]]);
  for (const set of sets) {
    for (const one of [...found.values()]) {
      const union = [...new Set([...one, ...set])].sort();
      found.set(union.join("+"), union);
    }
  }
  return [...found.values()]
    .filter((one) => {
      const asked = one.filter((need) => need.includes(".")).map((need) => need.split(".")[0]);
      return new Set(asked).size === asked.length;
    })
    .sort((a, b) => a.length - b.length);
}

/** A dashboard of rows; its data source variables are those that its panels ask. */
export function dashboard(meta: Meta, rowsOf: Rows): Dashboard {
  const { rowNeeds = {}, needs } = meta;
  const placed = Object.entries(rowsOf).flatMap(([row, panels]) =>
    panels
      .flatMap((one) => ("in" in one ? one.in : [one]))
      .map((one): Placed => {
        const panel = one.build();
        // Every store of metrics knows PromQL.
        const spoken = languages(panel)
          .filter((language) => language !== "prometheus")
          .map((language) => askedIn(capabilityOf[language], language))
          .filter((language) => language !== meta.of);
        const all = new Set([...(rowNeeds[row] ?? []), ...spoken]);
        return { row, panel, needs: [...all].filter((need) => !needs.includes(need)) };
      }),
  );
  return {
    meta,
    variants: unions(placed.map((one) => one.needs))
      .map((more) => ({ more, shown: placed.filter((one) => one.needs.every((need) => more.includes(need))) }))
      .filter(({ shown }) => shown.length > 0)
      .map(({ more, shown }) => ({ needs: [...needs, ...more], text: json(meta, shown) })),
  };
}

function json(meta: Meta, placed: readonly Placed[]): string {
  // The classic model, which Grafana's file provisioning reads; the library would have everybody use the v2 resources.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const builder = new sdk.DashboardBuilder(meta.title)
    .uid(meta.uid)
    .description(meta.description)
    .tags([commonTag, ...meta.tags])
    .version(1)
    .tooltip(sdk.DashboardCursorSync.Crosshair)
    .time({ from: meta.from ?? "now-1h", to: "now" })
    .refresh(meta.refresh ?? "30s")
    .annotations([...(meta.annotations ?? [])])
    .link(
      new sdk.DashboardLinkBuilder("Dashboards")
        .type(sdk.DashboardLinkType.Dashboards)
        .icon("external link")
        .tooltip("The other dashboards of this environment, with the same variables and time range")
        .tags([commonTag])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    );
  const asked = new Set(placed.flatMap(({ panel }) => languages(panel)));
  for (const language of (Object.keys(capabilityOf) as Language[]).filter((one) => asked.has(one))) {
    const capability = capabilityOf[language];
    builder.withVariable(
      new sdk.DatasourceVariableBuilder(capability)
        .label(labels[capability])
        .description(`Data source of the ${capability}.`)
        .type(language)
        .current({ text: labels[capability], value: dataSourceUid[capability] }),
    );
  }
  for (const variable of meta.variables ?? []) builder.withVariable(variable);
  for (const [title, own] of Map.groupBy(placed, ({ row }) => row)) {
    builder.withRow(new sdk.RowBuilder(title));
    // A copy: the library puts a panel where the rows before it end, and keeps that for the next dashboard.
    for (const { panel } of own)
      builder.withPanel({ build: () => ({ ...panel, ...(panel.gridPos && { gridPos: { ...panel.gridPos } }) }) });
  }
  const built = builder.build();
  for (const [index, one] of (built.panels ?? []).entries()) one.id = index + 1;
  // The library sets `placement` everywhere (grafana/grafana-foundation-sdk#1272): Grafana would hide links and marks in a menu.
  return JSON.stringify(built, (key, value: unknown) => (value === "inControlsMenu" ? undefined : value));
}
