/**
 * A small typed builder of Grafana dashboards (the classic JSON model that Grafana 13 still imports). It knows only what
 * our dashboards use, lays panels out in reading order and refuses a panel that nobody could read: no unit, no
 * description, a data source that is written into the panel instead of chosen by a variable.
 */
import { dataSourceUid } from "../../components/capabilities.ts";

/** Grafana's `DASHBOARD_SCHEMA_VERSION` of the classic model in Grafana 12 and 13; the last one before the v2 model. */
const schemaVersion = 42;

/** Width of Grafana's grid, in columns. */
const gridColumns = 24;

/** Tag of every dashboard of ours; the links at the top of each dashboard are made of it. */
const commonTag = "observability";

/** The data source variables, named for capabilities. Their defaults are the UIDs that the platform provisions. */
export type Source = Exclude<keyof typeof dataSourceUid, "alerts">;

/** Grafana's type of each: the language that our queries are written in. */
const sourceTypes: Readonly<Record<Source, string>> = { metrics: "prometheus", logs: "loki", traces: "jaeger" };

/** Units by Grafana's own ids (its value format registry). */
export type Unit =
  | "short"
  | "none"
  | "string"
  | "percentunit"
  | "bool_yes_no"
  | "s"
  | "dtdurations"
  | "bytes"
  | "Bps"
  | "binBps"
  | "cores"
  | "ops"
  | "reqps"
  | "cps"
  | "messages/s"
  | "spans/s"
  | "samples/s"
  | "series/s"
  | "lines/s"
  | "dateTimeFromNow";

/** Units that Grafana's registry does not have are given as a suffix. */
const suffixUnits: readonly Unit[] = ["cores", "messages/s", "spans/s", "samples/s", "series/s", "lines/s"];

function unitId(unit: Unit): string {
  return suffixUnits.includes(unit) ? `suffix: ${unit}` : unit;
}

export interface Target {
  /** PromQL, LogQL, or for Jaeger the service that is searched. */
  readonly expr: string;
  /** Legend, in Grafana's form: `{{label}}`. */
  readonly legend?: string;
  /** One value at the end of the time range instead of a series. @default false */
  readonly instant?: boolean;
  /** Shape of the answer. @default "time_series" */
  readonly format?: "time_series" | "table" | "heatmap";
  /** Ask for exemplars too (histograms of instrumented programs). @default false */
  readonly exemplar?: boolean;
}

export interface Threshold {
  /** Lowest value that gets the colour; the first step of a panel has none. */
  readonly from: number;
  readonly color: "green" | "yellow" | "orange" | "red" | "blue" | "text";
}

export interface Link {
  readonly title: string;
  /** Path in Grafana that starts with `/`, or an address. */
  readonly url: string;
}

export interface FieldOverride {
  /** Exact name of the field (a column, a legend). */
  readonly field: string;
  readonly unit?: Unit;
  readonly rename?: string;
  readonly links?: readonly Link[];
  readonly thresholds?: readonly Threshold[];
  readonly color?: string;
  /** Column width in pixels. */
  readonly width?: number;
  /** Draw the line dashed and unfilled: a limit, not a measurement. */
  readonly limit?: boolean;
  /** Text instead of numbers. */
  readonly mappings?: Readonly<Record<string, { readonly text: string; readonly color: string }>>;
}

interface PanelBase {
  readonly title: string;
  /** What the panel shows and how to read it. */
  readonly description: string;
  readonly unit: Unit;
  /** Columns of the grid, of 24. */
  readonly width: number;
  /** Rows of the grid; a row is about 38 pixels high. */
  readonly height?: number;
  /** @default "metrics" */
  readonly source?: Source;
  readonly targets: readonly Target[];
  readonly links?: readonly Link[];
  readonly overrides?: readonly FieldOverride[];
  readonly thresholds?: readonly Threshold[];
  readonly min?: number;
  readonly max?: number;
  readonly decimals?: number;
  /** Shown instead of an empty panel. */
  readonly noValue?: string;
}

export interface TimeSeries extends PanelBase {
  readonly kind: "timeseries";
  /** @default false */
  readonly stack?: boolean;
  /** @default "line" */
  readonly draw?: "line" | "bars";
  /** Values in the legend's table. @default ["mean", "lastNotNull"] */
  readonly legendValues?: readonly ("min" | "mean" | "max" | "sum" | "lastNotNull")[];
  /** A row for each series, or one after the other: for few series whose numbers all matter. @default "table" */
  readonly legend?: "table" | "list";
  /** The legend starts with the smallest number instead of the largest: for what is left of something. @default false */
  readonly leastFirst?: boolean;
  /** How many points are asked for at most. @default as many as the panel is pixels wide */
  readonly points?: number;
  /** All series in shades of one colour. @default the palette */
  readonly shades?: "red";
  /** Draw the thresholds as lines. @default false */
  readonly showThresholds?: boolean;
}

export interface Stat extends PanelBase {
  readonly kind: "stat";
  /** @default "value" */
  readonly colorMode?: "value" | "background";
  /** How a series becomes one number. @default "lastNotNull" */
  readonly reduce?: "lastNotNull" | "max" | "mean";
  readonly mappings?: FieldOverride["mappings"];
}

export interface Table extends PanelBase {
  readonly kind: "table";
  /** Columns in this order; others are hidden. */
  readonly columns: readonly string[];
  readonly sortBy?: { readonly column: string; readonly descending: boolean };
  /** Several targets are joined by this label. */
  readonly joinBy?: string;
}

export interface BarGauge extends PanelBase {
  readonly kind: "bargauge";
}

export interface Heatmap extends PanelBase {
  readonly kind: "heatmap";
}

export interface Logs extends PanelBase {
  readonly kind: "logs";
}

/** A table of traces, as Grafana's Jaeger data source answers a search. */
export interface Traces extends PanelBase {
  readonly kind: "traces";
}

export type Panel = TimeSeries | Stat | Table | BarGauge | Heatmap | Logs | Traces;

export interface Row {
  readonly title: string;
  /** Closed until it is opened; its queries do not run before. @default false */
  readonly collapsed?: boolean;
  readonly panels: readonly Panel[];
}

export interface Variable {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly source?: Exclude<Source, "traces">;
  /** `label_values(metric, label)`; for Loki the label's name. */
  readonly query: string;
  /** For Loki: the streams whose label values are listed. */
  readonly stream?: string;
  /** @default true */
  readonly multi?: boolean;
  /** What "All" means in a query. @default ".*" */
  readonly all?: string;
  /** @default "All" */
  readonly initial?: string;
}

export interface TextVariable {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly text: true;
}

export interface ChoiceVariable {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  /** Shown text and the regular expression that it stands for. */
  readonly choices: Readonly<Record<string, string>>;
}

export interface Annotation {
  readonly name: string;
  readonly description: string;
  readonly expr: string;
  readonly title: string;
  readonly color: string;
}

export interface Dashboard {
  /** Part of the dashboard's address: never changes. */
  readonly uid: string;
  readonly title: string;
  /** The question that the dashboard answers. */
  readonly description: string;
  /** Folder of `flux-repo/dashboards`, and of Grafana. */
  readonly folder: keyof typeof folders;
  readonly tags: readonly string[];
  readonly sources: readonly Source[];
  readonly variables?: readonly (Variable | TextVariable | ChoiceVariable)[];
  readonly annotations?: readonly Annotation[];
  readonly rows: readonly Row[];
  /** Start of the time range. @default "now-1h" */
  readonly from?: string;
  /** @default "30s" */
  readonly refresh?: string;
}

/** Directory name and the folder's title in Grafana. */
export const folders = {
  "demo/kbot": "Applications",
  "demo/podinfo": "Applications",
  kubernetes: "Kubernetes",
  logs: "Logs",
  platform: "Platform",
} as const;

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

const sourceLabels: Readonly<Record<Source, string>> = { metrics: "Metrics", logs: "Logs", traces: "Traces" };

function dataSource(source: Source): Json {
  return { type: sourceTypes[source], uid: `\${${source}}` };
}

function steps(thresholds: readonly Threshold[] | undefined): Json {
  const list = thresholds ?? [{ from: Number.NEGATIVE_INFINITY, color: "green" }];
  return {
    mode: "absolute",
    steps: list.map((step, index) => ({ color: step.color, value: index === 0 ? null : step.from })),
  };
}

function valueMappings(mappings: FieldOverride["mappings"]): Json {
  if (mappings === undefined) return [];
  return [
    {
      type: "value",
      options: Object.fromEntries(
        Object.entries(mappings).map(([value, shown], index) => [value, { ...shown, index }]),
      ),
    },
  ];
}

function links(list: readonly Link[] | undefined): Json {
  return (list ?? []).map((link) => ({ title: link.title, url: link.url, targetBlank: link.url.startsWith("http") }));
}

function override(entry: FieldOverride): Json {
  const properties: Json[] = [];
  if (entry.unit !== undefined) properties.push({ id: "unit", value: unitId(entry.unit) });
  if (entry.rename !== undefined) properties.push({ id: "displayName", value: entry.rename });
  if (entry.links !== undefined) properties.push({ id: "links", value: links(entry.links) });
  if (entry.width !== undefined) properties.push({ id: "custom.width", value: entry.width });
  if (entry.mappings !== undefined) properties.push({ id: "mappings", value: valueMappings(entry.mappings) });
  if (entry.color !== undefined) {
    properties.push({ id: "color", value: { mode: "fixed", fixedColor: entry.color } });
  }
  if (entry.limit === true) {
    properties.push(
      { id: "custom.lineStyle", value: { fill: "dash", dash: [8, 8] } },
      { id: "custom.fillOpacity", value: 0 },
      { id: "custom.stacking", value: { mode: "none", group: "A" } },
    );
  }
  if (entry.thresholds !== undefined) {
    properties.push(
      { id: "thresholds", value: steps(entry.thresholds) },
      { id: "custom.cellOptions", value: { type: "color-text" } },
    );
  }
  return { matcher: { id: "byName", options: entry.field }, properties };
}

function refId(index: number): string {
  return String.fromCharCode("A".charCodeAt(0) + index);
}

function target(panel: Panel, entry: Target, index: number): Json {
  const source = panel.source ?? "metrics";
  const common = { refId: refId(index), datasource: dataSource(source) };
  if (source === "traces") return { ...common, queryType: "search", service: entry.expr, limit: 20 };
  const instant = entry.instant ?? false;
  if (source === "logs") {
    return {
      ...common,
      editorMode: "code",
      expr: entry.expr,
      legendFormat: entry.legend ?? "",
      queryType: instant ? "instant" : "range",
      ...(panel.kind === "logs" ? { maxLines: 500 } : {}),
    };
  }
  return {
    ...common,
    editorMode: "code",
    expr: entry.expr,
    legendFormat: entry.legend ?? "__auto",
    instant,
    range: !instant,
    format: entry.format ?? "time_series",
    exemplar: entry.exemplar ?? false,
  };
}

/** What Grafana writes above the columns of a legend, by which it also sorts. */
const legendTitles = { min: "Min", mean: "Mean", max: "Max", sum: "Total", lastNotNull: "Last *" } as const;

function options(panel: Panel): Json {
  switch (panel.kind) {
    case "timeseries": {
      const calcs = panel.legendValues ?? ["mean", "lastNotNull"];
      const mode = panel.legend ?? "table";
      return {
        legend: {
          showLegend: true,
          displayMode: mode,
          placement: panel.width >= 16 ? "right" : "bottom",
          calcs,
          // A legend shows few rows before it has to be scrolled: those that matter first.
          ...(mode === "table"
            ? { sortBy: legendTitles[calcs.at(-1) ?? "lastNotNull"], sortDesc: panel.leastFirst !== true }
            : {}),
        },
        tooltip: { mode: "multi", sort: "desc" },
      };
    }
    case "stat":
      return {
        reduceOptions: { calcs: [panel.reduce ?? "lastNotNull"], fields: "", values: false },
        colorMode: panel.colorMode ?? "value",
        graphMode: panel.targets.every((entry) => entry.instant === true) ? "none" : "area",
        justifyMode: "auto",
        orientation: "auto",
        textMode: "auto",
        wideLayout: true,
      };
    case "bargauge":
      return {
        reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
        displayMode: "basic",
        orientation: "horizontal",
        valueMode: "color",
        showUnfilled: true,
      };
    case "table":
      return {
        cellHeight: "sm",
        showHeader: true,
        ...(panel.sortBy === undefined
          ? {}
          : { sortBy: [{ displayName: panel.sortBy.column, desc: panel.sortBy.descending }] }),
      };
    case "heatmap":
      return {
        calculate: false,
        cellGap: 1,
        color: { mode: "scheme", scheme: "Oranges", steps: 64, exponent: 0.5, reverse: false },
        exemplars: { color: "rgba(255,0,255,0.7)" },
        filterValues: { le: 1e-9 },
        legend: { show: true },
        rowsFrame: { layout: "auto" },
        tooltip: { mode: "single", yHistogram: false },
        yAxis: { axisPlacement: "left", reverse: false, unit: unitId(panel.unit) },
      };
    case "logs":
      return {
        showTime: true,
        wrapLogMessage: true,
        prettifyLogMessage: false,
        enableLogDetails: true,
        dedupStrategy: "none",
        sortOrder: "Descending",
      };
    case "traces":
      return { cellHeight: "sm", showHeader: true };
  }
}

function custom(panel: Panel): Json {
  if (panel.kind !== "timeseries") return {};
  const bars = panel.draw === "bars";
  return {
    drawStyle: bars ? "bars" : "line",
    lineWidth: 1,
    fillOpacity: bars ? 70 : panel.stack === true ? 30 : 8,
    showPoints: "never",
    spanNulls: false,
    stacking: { mode: panel.stack === true ? "normal" : "none", group: "A" },
    thresholdsStyle: { mode: panel.showThresholds === true ? "dashed" : "off" },
  };
}

/** Columns of a table in the order that was asked for, the others hidden. */
function transformations(panel: Panel): Json {
  if (panel.kind !== "table") return [];
  const join: Json[] =
    panel.joinBy === undefined ? [] : [{ id: "joinByField", options: { byField: panel.joinBy, mode: "outer" } }];
  return [
    ...join,
    { id: "filterFieldsByName", options: { include: { names: [...panel.columns] } } },
    {
      id: "organize",
      options: {
        excludeByName: {},
        indexByName: Object.fromEntries(panel.columns.map((name, index) => [name, index])),
        renameByName: {},
      },
    },
  ];
}

function panelJson(panel: Panel, id: number, x: number, y: number): Json {
  for (const [what, text] of Object.entries({ title: panel.title, description: panel.description })) {
    if (text.trim() === "") throw new Error(`Panel "${panel.title}": its ${what} is empty. Say what it shows.`);
  }
  if (panel.targets.length === 0) throw new Error(`Panel "${panel.title}" asks nothing: give it a target.`);
  return {
    id,
    type: panel.kind === "traces" ? "table" : panel.kind,
    title: panel.title,
    description: panel.description,
    datasource: dataSource(panel.source ?? "metrics"),
    gridPos: { x, y, w: panel.width, h: panel.height ?? 8 },
    ...(panel.kind === "timeseries" && panel.points !== undefined ? { maxDataPoints: panel.points } : {}),
    targets: panel.targets.map((entry, index) => target(panel, entry, index)),
    fieldConfig: {
      defaults: {
        unit: unitId(panel.unit),
        custom: custom(panel),
        color: color(panel),
        thresholds: steps(panel.thresholds),
        mappings: panel.kind === "stat" ? valueMappings(panel.mappings) : [],
        links: links(panel.links),
        ...(panel.min === undefined ? {} : { min: panel.min }),
        ...(panel.max === undefined ? {} : { max: panel.max }),
        ...(panel.decimals === undefined ? {} : { decimals: panel.decimals }),
        ...(panel.noValue === undefined ? {} : { noValue: panel.noValue }),
      },
      overrides: (panel.overrides ?? []).map(override),
    },
    options: options(panel),
    transformations: transformations(panel),
  };
}

/** Series keep their own colours; numbers, gauges and cells are coloured by the thresholds. */
function color(panel: Panel): Json {
  if (panel.kind === "timeseries" && panel.shades !== undefined) return { mode: "shades", fixedColor: panel.shades };
  return { mode: panel.kind === "timeseries" || panel.thresholds === undefined ? "palette-classic" : "thresholds" };
}

/** Lays the panels of a row out from left to right, wrapping when the grid is full. */
function place(panels: readonly Panel[], firstId: number, top: number): { json: Json[]; bottom: number } {
  let x = 0;
  let y = top;
  let lineHeight = 0;
  const json: Json[] = [];
  for (const panel of panels) {
    if (panel.width < 1 || panel.width > gridColumns) {
      throw new Error(`Panel "${panel.title}": width ${panel.width} is not between 1 and ${gridColumns}.`);
    }
    if (x + panel.width > gridColumns) {
      x = 0;
      y += lineHeight;
      lineHeight = 0;
    }
    json.push(panelJson(panel, firstId + json.length, x, y));
    x += panel.width;
    lineHeight = Math.max(lineHeight, panel.height ?? 8);
  }
  return { json, bottom: y + lineHeight };
}

function variableJson(variable: Variable | TextVariable | ChoiceVariable): Json {
  const common = { name: variable.name, label: variable.label, description: variable.description, hide: 0 };
  if ("text" in variable) {
    return { ...common, type: "textbox", query: "", current: { text: "", value: "" }, options: [] };
  }
  if ("choices" in variable) {
    const entries = Object.entries(variable.choices);
    const all = [{ text: "All", value: "$__all", selected: true }];
    return {
      ...common,
      type: "custom",
      multi: true,
      includeAll: true,
      allValue: ".*",
      query: entries.map(([text, value]) => `${text} : ${value}`).join(","),
      current: { text: ["All"], value: ["$__all"] },
      options: [...all, ...entries.map(([text, value]) => ({ text, value, selected: false }))],
    };
  }
  const source = variable.source ?? "metrics";
  const multi = variable.multi ?? true;
  const initial = variable.initial;
  const chosen = initial ?? "$__all";
  const shown = initial ?? "All";
  return {
    ...common,
    type: "query",
    datasource: dataSource(source),
    definition: variable.query,
    query:
      source === "logs"
        ? { refId: variable.name, type: 1, label: variable.query, stream: variable.stream ?? "" }
        : { refId: variable.name, qryType: 1, query: variable.query },
    multi,
    includeAll: multi,
    ...(multi ? { allValue: variable.all ?? ".*" } : {}),
    refresh: 2,
    regex: "",
    sort: 1,
    current: multi ? { text: [shown], value: [chosen] } : initial === undefined ? {} : { text: shown, value: chosen },
    options: [],
  };
}

/** The dashboard as Grafana reads it. */
export function dashboardJson(dashboard: Dashboard): Json {
  const panels: Json[] = [];
  let id = 1;
  let y = 0;
  for (const row of dashboard.rows) {
    const collapsed = row.collapsed ?? false;
    const rowId = id++;
    const placed = place(row.panels, id, y + 1);
    id += row.panels.length;
    panels.push({
      id: rowId,
      type: "row",
      title: row.title,
      collapsed,
      gridPos: { x: 0, y, w: gridColumns, h: 1 },
      panels: collapsed ? placed.json : [],
    });
    if (!collapsed) panels.push(...placed.json);
    y = collapsed ? y + 1 : placed.bottom;
  }
  return {
    uid: dashboard.uid,
    title: dashboard.title,
    description: dashboard.description,
    tags: [commonTag, ...dashboard.tags],
    schemaVersion,
    version: 1,
    editable: true,
    graphTooltip: 1,
    timezone: "browser",
    time: { from: dashboard.from ?? "now-1h", to: "now" },
    refresh: dashboard.refresh ?? "30s",
    templating: {
      list: [
        ...dashboard.sources.map((source): Json => ({
          name: source,
          label: sourceLabels[source],
          description: `Data source of the ${sourceLabels[source].toLowerCase()}.`,
          type: "datasource",
          query: sourceTypes[source],
          regex: "",
          refresh: 1,
          hide: 0,
          multi: false,
          includeAll: false,
          current: { text: sourceLabels[source], value: dataSourceUid[source] },
          options: [],
        })),
        ...(dashboard.variables ?? []).map(variableJson),
      ],
    },
    annotations: {
      list: (dashboard.annotations ?? []).map((annotation) => ({
        name: annotation.name,
        datasource: dataSource("metrics"),
        enable: true,
        hide: false,
        iconColor: annotation.color,
        expr: annotation.expr,
        titleFormat: annotation.title,
        textFormat: annotation.description,
        step: "60s",
      })),
    },
    links: [
      {
        type: "dashboards",
        title: "Dashboards",
        tags: [commonTag],
        asDropdown: true,
        includeVars: true,
        keepTime: true,
        targetBlank: false,
        icon: "external link",
        tooltip: "The other dashboards of this environment, with the same variables and time range",
        url: "",
      },
    ],
    panels,
  };
}
