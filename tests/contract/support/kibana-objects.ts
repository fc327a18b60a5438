/**
 * A strict reader of the saved objects that Kibana is given, whose licence keeps it out: keys of their attributes, of a dashboard's panels and of Lens' state (9.5,
 * read off exported objects), references that lead to objects of the file, and fields that log lines and metrics have.
 */
import { shown } from "../../../components/metrics/metricbeat/names.ts";
import { asMap, at, textAt } from "../../../contract/finding.ts";
import { flag, list, map, strict, text } from "../../../contract/handed-on.ts";
import type { Schema } from "../../../contract/schemas.ts";

interface Reference {
  readonly type: string;
  readonly id: string;
  readonly name: string;
}

/** One whose texts of JSON are read. */
export interface SavedObject {
  readonly type: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly references: readonly Reference[];
}

const all = (properties: Readonly<Record<string, Schema>>): Schema => strict(properties, Object.keys(properties));
const one = (value: unknown): Schema => ({ const: value });

/** Fields of a line in OpenTelemetry's form (x-pack/plugin/otel-data), and labels of a sample as Metricbeat keeps them. */
const label = ["job", "pod", "instance", "service_name"].map((name) => `prometheus.labels.${name}`);
const fields: Schema = {
  enum: [
    ...["severity_text", "body.text", "resource.attributes.k8s.namespace.name", "resource.attributes.k8s.pod.name"],
    ...label,
  ],
};
/** What Metricbeat makes of metrics of its default: of a counter what it has grown by, of any other its value. */
const grown: Schema = {
  enum: shown.filter((name) => name.endsWith("_total")).map((name) => `prometheus.${name}.rate`),
};
const measured: Schema = {
  enum: shown.filter((name) => !name.endsWith("_total")).map((name) => `prometheus.${name}.value`),
};
const kuery = (query: Schema) => all({ query, language: one("kuery") });
/** Queries of ours; there is no program here that reads Kibana's language. */
const asked = {
  enum: [
    "",
    "prometheus.up.value < 1",
    "prometheus.labels.container : *",
    "not prometheus.labels.fstype : (tmpfs or ramfs)",
  ],
};
const searchSource = { query: kuery(one("")), filter: { type: "array", maxItems: 0 } };
const reference = all({ type: { enum: ["index-pattern", "search"] }, id: text, name: text });

const column = (
  operation: string,
  dataType: string,
  scale: string,
  sourceField: Schema,
  params: Schema,
  more: Readonly<Record<string, Schema>> = {},
) =>
  all({
    ...{ label: text, dataType: one(dataType), operationType: one(operation), isBucketed: flag, scale: one(scale) },
    ...{ sourceField, params, ...more },
  });
const bytes = all({ format: all({ id: one("bytes"), params: all({ decimals: { type: "integer" } }) }) });

const columns = map({
  oneOf: [
    column("count", "number", "ratio", one("___records___"), all({ emptyAsNull: flag })),
    column("sum", "number", "ratio", grown, all({ emptyAsNull: flag })),
    column("sum", "number", "ratio", grown, all({ emptyAsNull: flag }), { timeScale: one("s") }),
    column("max", "number", "ratio", measured, bytes),
    column("min", "number", "ratio", measured, bytes),
    column(
      "date_histogram",
      "date",
      "interval",
      one("@timestamp"),
      all({ interval: one("auto"), includeEmptyRows: flag, dropPartials: flag }),
    ),
    column(
      "terms",
      "string",
      "ordinal",
      fields,
      all({
        size: { type: "integer", minimum: 1, maximum: 1000 },
        orderBy: all({ type: one("column"), columnId: one("value") }),
        orderDirection: { enum: ["asc", "desc"] },
        otherBucket: flag,
        missingBucket: flag,
        parentFormat: all({ id: one("terms") }),
      }),
    ),
  ],
});

const seriesType: Schema = { enum: ["bar_stacked", "line"] };

const lens = all({
  attributes: all({
    title: text,
    type: one("lens"),
    visualizationType: one("lnsXY"),
    references: list(reference),
    state: all({
      query: kuery(asked),
      ...Object.fromEntries(["filters", "internalReferences"].map((key) => [key, { type: "array", maxItems: 0 }])),
      adHocDataViews: all({}),
      datasourceStates: all({
        formBased: all({
          layers: map(all({ columnOrder: list(text), columns, incompleteColumns: all({}) })),
        }),
      }),
      visualization: all({
        legend: all({ isVisible: flag, position: one("right") }),
        preferredSeriesType: seriesType,
        layers: list(
          all({
            ...{ layerId: text, layerType: one("data"), seriesType },
            ...{ xAccessor: text, splitAccessor: text, accessors: list(text) },
          }),
        ),
      }),
    }),
  }),
  enhancements: all({}),
});

const cell: Schema = { type: "integer", minimum: 0, maximum: 48 };
const panel = { title: text, panelIndex: text, gridData: all({ x: cell, y: cell, w: cell, h: cell, i: text }) };

const saved = (type: string, version: string, attributes: Readonly<Record<string, Schema>>) =>
  all({
    ...{ type: one(type), id: text, attributes: all(attributes), references: list(reference) },
    ...{ coreMigrationVersion: one("8.8.0"), typeMigrationVersion: one(version) },
  });

export const savedObjectsSchema: Schema = list({
  oneOf: [
    saved("index-pattern", "8.0.0", { title: text, name: text, timeFieldName: one("@timestamp") }),
    saved("search", "8.0.0", {
      ...{ title: text, description: { type: "string" }, columns: list(fields) },
      sort: one([["@timestamp", "desc"]]),
      kibanaSavedObjectMeta: all({ searchSourceJSON: all({ ...searchSource, indexRefName: text }) }),
    }),
    saved("dashboard", "10.2.0", {
      ...{ title: text, description: text, timeRestore: flag },
      optionsJSON: all({ useMargins: flag, syncColors: flag, hidePanelTitles: flag }),
      kibanaSavedObjectMeta: all({ searchSourceJSON: all(searchSource) }),
      panelsJSON: list({
        oneOf: [
          all({ ...panel, type: one("lens"), embeddableConfig: lens }),
          all({ ...panel, type: one("search"), embeddableConfig: all({ enhancements: all({}) }), panelRefName: text }),
        ],
      }),
    }),
  ],
});

/** Names of references that a panel of a dashboard asks for, as the dashboard has them. */
function referred(panel: unknown): string[] {
  const index = textAt(panel, "panelIndex") ?? "?";
  const layers = (at(panel, "embeddableConfig", "attributes", "state", "visualization", "layers") ?? []) as unknown[];
  const names = layers.map((layer) => `indexpattern-datasource-layer-${textAt(layer, "layerId") ?? "?"}`);
  return [...names, textAt(panel, "panelRefName") ?? []].flat().map((name) => `${index}:${name}`);
}

/** Columns that a layer of Lens asks for and has not. */
function missing(panel: unknown): string[] {
  const state = at(panel, "embeddableConfig", "attributes", "state");
  return ((at(state, "visualization", "layers") ?? []) as unknown[]).flatMap((shown) => {
    const layer = at(state, "datasourceStates", "formBased", "layers", textAt(shown, "layerId") ?? "?");
    const has = Object.keys(asMap(at(layer, "columns")) ?? {});
    const accessors = (at(shown, "accessors") ?? []) as string[];
    const wanted = [textAt(shown, "xAccessor"), textAt(shown, "splitAccessor"), ...accessors];
    const order = at(layer, "columnOrder") as string[];
    return [...wanted, ...order].filter((name) => name === undefined || !has.includes(name)).map(String);
  });
}

/** Objects of a file, a line each. @throws Error for references that lead nowhere, and panels that lie over each other */
export function readSavedObjects(file: string): SavedObject[] {
  const objects = file
    .trim()
    .split("\n")
    .map(
      (line) =>
        JSON.parse(line, (key, value: unknown) =>
          key.endsWith("JSON") && typeof value === "string" ? (JSON.parse(value) as unknown) : value,
        ) as SavedObject,
    );
  const ids = objects.map(({ type, id }) => `${type} ${id}`);
  for (const { type, id, attributes, references } of objects) {
    const panels = (at(attributes, "panelsJSON") ?? []) as unknown[];
    const source = textAt(attributes, "kibanaSavedObjectMeta", "searchSourceJSON", "indexRefName");
    const wanted = [...panels.flatMap(referred), ...(source === undefined ? [] : [source])];
    const faults = [
      ...references.filter((to) => !ids.includes(`${to.type} ${to.id}`)).map((to) => `${to.id} is not in the file`),
      ...wanted.filter((name) => !references.some((to) => to.name === name)).map((name) => `${name} is no reference`),
      ...references.filter(({ name }) => !wanted.includes(name)).map(({ name }) => `nothing asks for ${name}`),
      ...panels.flatMap(missing).map((name) => `${name} is no column`),
      ...panels.flatMap((one, index) =>
        panels.slice(index + 1).flatMap((other) => (overlap(one, other) ? [`panel ${index} lies over another`] : [])),
      ),
    ];
    if (faults.length > 0) throw new Error(`${type} ${id}: ${faults.join(", ")}`);
  }
  return objects;
}

function overlap(one: unknown, other: unknown): boolean {
  const [a, b] = [one, other].map((panel) => at(panel, "gridData") as Record<"x" | "y" | "w" | "h", number>);
  if (a === undefined || b === undefined) return false;
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
