/**
 * What people find in Kibana, in the form in which it imports objects (9.5, "Saved objects", and Lens' embeddable). The versions are those of
 * the formats, from which a newer Kibana takes them on by itself.
 */

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

const time = "@timestamp";
const core = { coreMigrationVersion: "8.8.0" } as const;
const found = (query: string) => ({ query, language: "kuery" });

/** What is looked for, before people say so. */
const everything = { query: found(""), filter: [] };

/** Streams that people look into, by a pattern of their names. */
export const dataView = (id: string, title: string, name: string): SavedObject => ({
  type: "index-pattern",
  id,
  attributes: { title, name, timeFieldName: time },
  references: [],
  ...core,
  typeMigrationVersion: "8.0.0",
});

/** Documents of a data view, the newest first, with some of their fields. */
export const search = (id: string, title: string, view: string, columns: readonly string[]): SavedObject => ({
  type: "search",
  id,
  attributes: {
    title,
    description: "",
    columns,
    sort: [[time, "desc"]],
    kibanaSavedObjectMeta: {
      searchSourceJSON: JSON.stringify({ ...everything, indexRefName: "kibanaSavedObjectMeta.searchSourceJSON.index" }),
    },
  },
  references: [{ type: "index-pattern", id: view, name: "kibanaSavedObjectMeta.searchSourceJSON.index" }],
  ...core,
  typeMigrationVersion: "8.0.0",
});

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

interface Panel {
  readonly type: "lens" | "search";
  readonly title: string;
  readonly gridData: Place;
  readonly config: object;
  readonly reference: Reference;
}

/** A saved search on a dashboard. */
export const searchPanel = (title: string, id: string, gridData: Place): Panel => ({
  type: "search",
  title,
  gridData,
  config: { enhancements: {} },
  reference: { type: "search", id, name: "panel" },
});

const value = (label: string, operationType: string, sourceField: string, params: object) => ({
  ...{ label, dataType: "number", operationType, isBucketed: false, scale: "ratio", sourceField, params },
});

/** How many documents there are. */
export const count = (label: string) => value(label, "count", "___records___", { emptyAsNull: true });

/** What a field adds up to. */
export const sum = (label: string, field: string) => value(label, "sum", field, { emptyAsNull: true });

/** The same, a second. */
export const perSecond = (label: string, field: string) => ({ ...sum(label, field), timeScale: "s" });

const bytes = { format: { id: "bytes", params: { decimals: 1 } } };

/** The largest or the smallest of a field, in bytes. */
export const extreme = (label: string, which: "max" | "min", field: string) => value(label, which, field, bytes);

const overTime = {
  ...{ label: "Time", dataType: "date", operationType: "date_histogram", isBucketed: true, scale: "interval" },
  sourceField: time,
  params: { interval: "auto", includeEmptyRows: true, dropPartials: false },
};

/** A value over time, by the ten values of a field that have most of it, or least where it is a minimum. */
export function chart(of: {
  readonly title: string;
  readonly view: string;
  readonly gridData: Place;
  readonly value: ReturnType<typeof value>;
  readonly by: { readonly label: string; readonly field: string };
  /** All others count as one more, and documents without the field as another: then they are bars that lie upon each other. */
  readonly rest: boolean;
  /** Of what, in Kibana's query language. @default everything */
  readonly where?: string;
}): Panel {
  const by = {
    ...{ label: of.by.label, dataType: "string", operationType: "terms", isBucketed: true, scale: "ordinal" },
    sourceField: of.by.field,
    params: {
      size: 10,
      orderBy: { type: "column", columnId: "value" },
      orderDirection: of.value.operationType === "min" ? "asc" : "desc",
      otherBucket: of.rest,
      missingBucket: of.rest,
      parentFormat: { id: "terms" },
    },
  };
  const columns = { time: overTime, by, value: of.value };
  const seriesType = of.rest ? "bar_stacked" : "line";
  const reference = { type: "index-pattern", id: of.view, name: "indexpattern-datasource-layer-lines" } as const;
  return {
    type: "lens",
    title: of.title,
    gridData: of.gridData,
    reference,
    config: {
      attributes: {
        title: of.title,
        type: "lens",
        visualizationType: "lnsXY",
        references: [reference],
        state: {
          ...{ query: found(of.where ?? ""), filters: [], internalReferences: [], adHocDataViews: {} },
          datasourceStates: {
            formBased: { layers: { lines: { columnOrder: Object.keys(columns), columns, incompleteColumns: {} } } },
          },
          visualization: {
            legend: { isVisible: true, position: "right" },
            preferredSeriesType: seriesType,
            layers: [
              {
                ...{ layerId: "lines", layerType: "data", seriesType },
                ...{ xAccessor: "time", splitAccessor: "by", accessors: ["value"] },
              },
            ],
          },
        },
      },
      enhancements: {},
    },
  };
}

export const dashboard = (id: string, title: string, description: string, panels: readonly Panel[]): SavedObject => {
  const named = (name: string, index: number) => (name === "panel" ? `panel_${index}` : name);
  return {
    type: "dashboard",
    id,
    attributes: {
      ...{ title, description, timeRestore: false },
      optionsJSON: JSON.stringify({ useMargins: true, syncColors: true, hidePanelTitles: false }),
      kibanaSavedObjectMeta: { searchSourceJSON: JSON.stringify(everything) },
      panelsJSON: JSON.stringify(
        panels.map(({ type, title: called, gridData, config, reference }, index) => ({
          ...{ type, title: called, panelIndex: String(index) },
          gridData: { ...gridData, i: String(index) },
          embeddableConfig: config,
          ...(type === "search" ? { panelRefName: named(reference.name, index) } : {}),
        })),
      ),
    },
    references: panels.map(({ reference }, index) => ({
      ...reference,
      name: `${index}:${named(reference.name, index)}`,
    })),
    ...core,
    typeMigrationVersion: "10.2.0",
  };
};
