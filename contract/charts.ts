/**
 * What is known of the values of the pinned charts: every key that a chart has, with the kinds of value that it takes. These
 * are facts of ours in `schema-facts.json` of its component, written by `npm run charts:refresh` off the chart's `values.yaml` (and
 * those of its dependencies) and its `values.schema.json`; a contract test holds them against the chart where it is at hand.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { merge } from "ts-deepmerge";
import { parse } from "yaml";
import type { ChartPin } from "../settings/versions.ts";
import { cacheFolder } from "../toolchain/cache.ts";
import { folderOfChart } from "./component-files.ts";
import { writeFacts } from "./facts.ts";
import { asMap } from "./finding.ts";

/**
 * What a value may be: kinds joined by `|` (`boolean`, `number`, `string`, `null`, `map`, `list`), or the keys of a map
 * with what they may be. A list that is not empty by default has its length and a digest: `list(5 3f2a9c1b)`.
 */
export type ValueFacts = string | { readonly [key: string]: ValueFacts };

export interface Chart {
  readonly name: string;
  readonly version: string;
  /** The version of the program that it deploys. */
  readonly appVersion?: string;
  /** Versions of Kubernetes that it accepts. @default all */
  readonly kubeVersion?: string;
  readonly values: ValueFacts;
}

interface ChartYaml extends Omit<Chart, "values"> {
  readonly dependencies?: readonly { readonly name: string; readonly alias?: string; readonly version: string }[];
}

/**
 * Charts of other projects that lie beside this one; OBSERVABILITY_SHARED=none hides them.
 */
export const sharedFolder =
  process.env["OBSERVABILITY_SHARED"] === "none" ? "/dev/null" : path.resolve(import.meta.dirname, "../../shared");

/** Where a fetched chart is kept. */
export function cachedChart(name: string, version: string): string {
  return path.join(cacheFolder(), "charts", `${name}-${version}`);
}

/** The version of the chart in a folder; undefined when there is none. */
function versionIn(folder: string): string | undefined {
  const file = path.join(folder, "Chart.yaml");
  return existsSync(file) ? (parse(readFileSync(file, "utf8")) as ChartYaml).version : undefined;
}

/** The folder with the files of exactly this version: in the cache, else beside this project; or undefined. */
export function chartFolder(name: string, version: string): string | undefined {
  const folders = [cachedChart(name, version), path.join(sharedFolder, "charts", name)];
  return folders.find((folder) => versionIn(folder) === version);
}

/** Dependencies that are off in every environment, so that nothing of them is ever set. */
const unused = [
  "prometheus-windows-exporter",
  "crds",
  "minio",
  "rollout-operator",
  "common",
  "vector",
  "eck-operator-crds",
  "grafana-agent-operator",
];

/** What is known of a list: how long it is, and a digest of its JSON, whatever the order of keys. */
export function listFact(list: readonly unknown[]): string {
  if (list.length === 0) return "list";
  const text = JSON.stringify(list, (_, value: unknown) => {
    const map = asMap(value);
    return map === undefined ? value : Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
  return `list(${list.length} ${createHash("sha256").update(text).digest("hex").slice(0, 8)})`;
}

/** What a value is; what a default says of the values that may take its place. */
export function factsOfValue(value: unknown): ValueFacts {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return listFact(value);
  const map = asMap(value);
  if (map === undefined) return typeof value;
  return Object.fromEntries(Object.entries(map).map(([key, below]) => [key, factsOfValue(below)]));
}

/** Kinds of value that facts allow; a map's own facts are not among them. */
export function kindsOf(facts: ValueFacts): string[] {
  return typeof facts === "string" ? facts.replaceAll(/\(.*?\)/g, "").split("|") : ["map"];
}

type Schema = Readonly<Record<string, unknown>>;

/** What a JSON Schema says of a value, as far as facts can say it: kinds and keys. */
function factsOfSchema(root: Schema, schema: Schema): ValueFacts {
  const reference = schema["$ref"];
  if (typeof reference === "string") {
    // A reference to another document describes one of Kubernetes' own types: anything of a map.
    if (!reference.startsWith("#/")) return "map";
    const found = reference
      .slice(2)
      .split("/")
      .reduce<unknown>((here, key) => asMap(here)?.[key.replaceAll("~1", "/")], root);
    return factsOfSchema(root, asMap(found) ?? {});
  }
  const properties = asMap(schema["properties"]);
  if (properties !== undefined && Object.keys(properties).length > 0)
    return Object.fromEntries(
      Object.entries(properties).map(([key, below]) => [key, factsOfSchema(root, asMap(below) ?? {})]),
    );
  const names: Readonly<Record<string, string>> = { object: "map", array: "list", integer: "number" };
  const types = [schema["type"] ?? ["boolean", "number", "string", "null", "object", "array"]].flat() as string[];
  return [...new Set(types.map((type) => names[type] ?? type))].sort().join("|");
}

/** What a schema and a default say together: the schema knows more kinds, the default more keys. */
function together(schema: ValueFacts, standard: ValueFacts | undefined): ValueFacts {
  if (standard === undefined || standard === "null") return schema;
  if (typeof schema !== "string" && typeof standard !== "string") {
    const keys = new Set([...Object.keys(schema), ...Object.keys(standard)]);
    return Object.fromEntries(
      [...keys].map((key) => {
        const known = schema[key];
        return [key, known === undefined ? (standard[key] ?? "null") : together(known, standard[key])];
      }),
    );
  }
  if (typeof standard !== "string") return standard;
  if (typeof schema !== "string") return schema;
  const list = /list\(.*?\)/.exec(standard)?.[0];
  return list === undefined ? schema : schema.replace(/\blist\b/, list);
}

/** A chart's own defaults, those of its dependencies under their names, the chart's last: as Helm merges them. */
function defaultsIn(folder: string): object {
  const { dependencies = [] } = parse(readFileSync(path.join(folder, "Chart.yaml"), "utf8")) as ChartYaml;
  const below = dependencies
    .filter(({ name }) => !unused.includes(name))
    .map(({ name, alias, version }) => {
      // A published chart brings its dependencies along; else they lie beside it.
      const found = [path.join(folder, "charts", name), path.join(path.dirname(folder), name)].find(
        (candidate) => versionIn(candidate) !== undefined,
      );
      if (found === undefined)
        throw new Error(`${folder}: the files of its dependency ${name} ${version} are not there.`);
      return { [alias ?? name]: defaultsIn(found) };
    });
  const own = parse(readFileSync(path.join(folder, "values.yaml"), "utf8")) as object;
  return merge.withOptions({ mergeArrays: false }, ...below, own);
}

/** Reads the facts off a chart's files. @throws Error when files of it or of a dependency are missing */
export function readChart(folder: string): Chart {
  const { name, version, ...chart } = parse(readFileSync(path.join(folder, "Chart.yaml"), "utf8")) as ChartYaml;
  const standard = factsOfValue(defaultsIn(folder));
  const file = path.join(folder, "values.schema.json");
  const schema = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Schema) : undefined;
  return {
    name,
    version,
    ...(chart.appVersion === undefined ? {} : { appVersion: chart.appVersion }),
    ...(chart.kubeVersion === undefined ? {} : { kubeVersion: chart.kubeVersion }),
    values: schema === undefined ? standard : together(factsOfSchema(schema, schema), standard),
  };
}

/** Where the facts of a chart's values are: with its component, or in a folder. */
const factsFile = (name: string, folder?: string) =>
  folder === undefined ? path.join(folderOfChart(name), "schema-facts.json") : path.join(folder, `${name}.json`);

/** What is known of a chart, and the day when it was read. */
export interface KeptChart extends Chart {
  readonly taken: string;
}

function keptChart(name: string, folder?: string): KeptChart | undefined {
  const file = factsFile(name, folder);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as KeptChart) : undefined;
}

/** Keeps what was read off a chart, with the day of it; what is kept already stays, with its day. */
export function keepChart(chart: Chart, folder?: string): void {
  const taken = keptChart(chart.name, folder)?.taken;
  const { values, ...rest } = chart;
  const on = (day: string): KeptChart => ({ ...rest, taken: day, values });
  if (taken !== undefined && isDeepStrictEqual(keptChart(chart.name, folder), on(taken))) return;
  writeFacts(factsFile(chart.name, folder), on(new Date().toISOString().slice(0, 10)));
}

const loaded = new Map<string, KeptChart>();

/**
 * What is known of a chart.
 * @throws Error when nothing is known of exactly this version
 */
export function loadChart({ name, version }: Pick<ChartPin, "name" | "version">): KeptChart {
  const chart = loaded.get(name) ?? keptChart(name);
  if (chart?.version !== version) {
    throw new Error(
      `schema-facts.json of its component has ${chart === undefined ? "nothing" : `version ${chart.version}`} of the chart ${name}, ` +
        `and ${version} is pinned. Run \`npm run charts:refresh\`, or \`npm run charts:refresh -- --from <folder with charts>\`.`,
    );
  }
  loaded.set(name, chart);
  return chart;
}
