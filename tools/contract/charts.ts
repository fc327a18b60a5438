/**
 * The files of charts that contracts are checked against: `Chart.yaml`, `values.yaml` and `values.schema.json` of an exact
 * version. They come from the user's cache (`npm run charts:refresh`), else from `../shared/charts`.
 */
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { merge } from "ts-deepmerge";
import { cacheFolder } from "../cache.ts";

export interface Chart {
  readonly name: string;
  readonly version: string;
  /** The chart's own defaults, those of its dependencies under their names, the chart's last: as Helm merges them. */
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly schema: Readonly<Record<string, unknown>> | undefined;
}

interface ChartYaml {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: readonly { readonly name: string; readonly alias?: string; readonly version: string }[];
}

/** Data of other projects that lies beside this one; absent where only this one is checked out. */
export const sharedFolder = path.resolve(import.meta.dirname, "../../../shared");

/** Where `npm run charts:refresh` keeps a chart. */
export function cachedChart(name: string, version: string): string {
  return path.join(cacheFolder(), "charts", `${name}-${version}`);
}

/** The folder with the files of exactly this version, or undefined. */
export function chartFolder(name: string, version: string): string | undefined {
  return [cachedChart(name, version), path.join(sharedFolder, "charts", name)].find((folder) => {
    const file = path.join(folder, "Chart.yaml");
    return existsSync(file) && (parse(readFileSync(file, "utf8")) as ChartYaml).version === version;
  });
}

/** Dependencies that are off in every environment, so that nothing of them is ever set. */
const unused = ["prometheus-windows-exporter", "crds", "minio", "rollout-operator", "common"];

const loaded = new Map<string, Chart>();

/**
 * The chart of exactly this version.
 * @throws MissingChart when its files, or those of a dependency, are not at hand
 */
export function loadChart(name: string, version: string): Chart {
  const id = `${name} ${version}`;
  const known = loaded.get(id);
  if (known !== undefined) return known;
  const folder = chartFolder(name, version);
  if (folder === undefined) throw new MissingChart(name, version);
  const chart = readChart(folder, name, version);
  loaded.set(id, chart);
  return chart;
}

function readChart(folder: string, name: string, version: string): Chart {
  const read = (file: string) => readFileSync(path.join(folder, file), "utf8");
  const { dependencies = [] } = parse(read("Chart.yaml")) as ChartYaml;
  const below = dependencies
    .filter((dependency) => !unused.includes(dependency.name))
    .map((dependency) => {
      // A published chart brings its dependencies along, of the versions that it was published with.
      const packed = path.join(folder, "charts", dependency.name);
      const chart = existsSync(packed)
        ? readChart(packed, dependency.name, dependency.version)
        : loadChart(dependency.name, dependency.version);
      return { [dependency.alias ?? dependency.name]: chart.defaults };
    });
  return {
    name,
    version,
    defaults: merge.withOptions({ mergeArrays: false }, ...below, parse(read("values.yaml")) as object),
    schema: existsSync(path.join(folder, "values.schema.json"))
      ? (JSON.parse(read("values.schema.json")) as Chart["schema"])
      : undefined,
  };
}

/** The files of a chart are not on this machine. */
export class MissingChart extends Error {
  override readonly name = "MissingChart";
  constructor(chart: string, version: string) {
    super(`The files of ${chart} ${version} are not here. Run \`npm run charts:refresh\`.`);
  }
}
