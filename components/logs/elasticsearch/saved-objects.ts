/**
 * What people find in Kibana: a data view of the log lines, a search of them and a dashboard, as Kibana imports them (9.5, "Saved objects", and
 * Lens' embeddable). The versions are those of the formats, from which a newer Kibana takes them on by itself.
 */
import { streams } from "./api.ts";

interface Reference {
  readonly type: "index-pattern" | "search";
  readonly id: string;
  readonly name: string;
}

export interface SavedObject {
  readonly type: "index-pattern" | "search" | "dashboard";
  readonly id: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly references: readonly Reference[];
  readonly coreMigrationVersion: "8.8.0";
  readonly typeMigrationVersion: "8.0.0" | "10.2.0";
}

const dataView = "observability-logs";
const lines = "observability-log-lines";
const core = { coreMigrationVersion: "8.8.0" } as const;
const fields = {
  time: "@timestamp",
  level: "severity_text",
  namespace: "resource.attributes.k8s.namespace.name",
  pod: "resource.attributes.k8s.pod.name",
  text: "body.text",
} as const;

const everything = { query: { query: "", language: "kuery" }, filter: [] };

const count = {
  label: "Lines",
  dataType: "number",
  operationType: "count",
  isBucketed: false,
  scale: "ratio",
  sourceField: "___records___",
  params: { emptyAsNull: true },
};

const overTime = {
  label: "Time",
  dataType: "date",
  operationType: "date_histogram",
  isBucketed: true,
  scale: "interval",
  sourceField: fields.time,
  params: { interval: "auto", includeEmptyRows: true, dropPartials: false },
};

const by = (label: string, sourceField: string) => ({
  label,
  dataType: "string",
  operationType: "terms",
  isBucketed: true,
  scale: "ordinal",
  sourceField,
  params: {
    size: 10,
    orderBy: { type: "column", columnId: "count" },
    orderDirection: "desc",
    otherBucket: true,
    missingBucket: true,
    parentFormat: { id: "terms" },
  },
});

interface Panel {
  readonly type: "lens" | "search";
  readonly title: string;
  readonly gridData: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly config: object;
  readonly reference: Reference;
}

/** Lines over time as bars, by a field. */
function bars(title: string, label: string, field: string, x: number): Panel {
  const columns = { time: overTime, by: by(label, field), count };
  const reference = { type: "index-pattern", id: dataView, name: "indexpattern-datasource-layer-lines" } as const;
  return {
    type: "lens",
    title,
    gridData: { x, y: 0, w: 24, h: 12 },
    reference,
    config: {
      attributes: {
        title,
        type: "lens",
        visualizationType: "lnsXY",
        references: [reference],
        state: {
          ...{ query: everything.query, filters: [], internalReferences: [], adHocDataViews: {} },
          datasourceStates: {
            formBased: { layers: { lines: { columnOrder: Object.keys(columns), columns, incompleteColumns: {} } } },
          },
          visualization: {
            legend: { isVisible: true, position: "right" },
            preferredSeriesType: "bar_stacked",
            layers: [
              {
                ...{ layerId: "lines", layerType: "data", seriesType: "bar_stacked" },
                ...{ xAccessor: "time", splitAccessor: "by", accessors: ["count"] },
              },
            ],
          },
        },
      },
      enhancements: {},
    },
  };
}

const panels: readonly Panel[] = [
  bars("Lines by level", "Level", fields.level, 0),
  bars("Lines by namespace", "Namespace", fields.namespace, 24),
  {
    type: "search",
    title: "Lines",
    gridData: { x: 0, y: 12, w: 48, h: 24 },
    config: { enhancements: {} },
    reference: { type: "search", id: lines, name: "panel_2" },
  },
];

export const savedObjects: readonly SavedObject[] = [
  {
    type: "index-pattern",
    id: dataView,
    attributes: { title: streams, name: "Log lines", timeFieldName: fields.time },
    references: [],
    ...core,
    typeMigrationVersion: "8.0.0",
  },
  {
    type: "search",
    id: lines,
    attributes: {
      title: "Log lines",
      description: "",
      columns: [fields.level, fields.namespace, fields.pod, fields.text],
      sort: [[fields.time, "desc"]],
      kibanaSavedObjectMeta: {
        searchSourceJSON: JSON.stringify({
          ...everything,
          indexRefName: "kibanaSavedObjectMeta.searchSourceJSON.index",
        }),
      },
    },
    references: [{ type: "index-pattern", id: dataView, name: "kibanaSavedObjectMeta.searchSourceJSON.index" }],
    ...core,
    typeMigrationVersion: "8.0.0",
  },
  {
    type: "dashboard",
    id: "observability-logs",
    attributes: {
      title: "Log lines",
      description: "What do applications and the platform write?",
      timeRestore: false,
      optionsJSON: JSON.stringify({ useMargins: true, syncColors: true, hidePanelTitles: false }),
      kibanaSavedObjectMeta: { searchSourceJSON: JSON.stringify(everything) },
      panelsJSON: JSON.stringify(
        panels.map(({ type, title, gridData, config, reference }, index) => ({
          type,
          title,
          panelIndex: String(index),
          gridData: { ...gridData, i: String(index) },
          embeddableConfig: config,
          ...(type === "search" ? { panelRefName: reference.name } : {}),
        })),
      ),
    },
    references: panels.map(({ reference }, index) => ({ ...reference, name: `${index}:${reference.name}` })),
    ...core,
    typeMigrationVersion: "10.2.0",
  },
];
