/** Values against charts: every key that is set exists in the chart, with the same kind of value. */
import { type Chart, loadChart } from "../charts.ts";
import { asMap, type Finding } from "../finding.ts";
import { type Release, releases, type Rendered } from "../rendered.ts";
import { validate } from "../schemas.ts";
import { freeFormAt } from "./free-form.ts";

/** What a value is, for a comparison of kinds. */
function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "list" : typeof value === "object" ? "map" : typeof value;
}

/** Findings about the values of one release of a chart. */
export function checkValues(release: Pick<Release, "name" | "values">, chart: Chart): Finding[] {
  const findings: Finding[] = [];
  const add = (path: readonly string[], message: string) =>
    findings.push({ check: "values", object: `HelmRelease ${release.name}`, path: path.join("/"), message });
  const id = `${chart.name} ${chart.version}`;

  const walk = (value: unknown, standard: unknown, path: readonly string[]): void => {
    const free = freeFormAt(chart.name, path);
    if (free !== undefined) {
      for (const { path: below, message } of validate(free.schema(), value)) {
        add(below === "" ? path : [...path, ...below.split(".")], message);
      }
      return;
    }
    const kind = kindOf(value);
    const wanted = kindOf(standard);
    // A key that is null in the chart says nothing of its kind; what is set there is a scalar, never a structure.
    if (wanted === "null") {
      if (kind === "map" || kind === "list") add(path, `is a ${kind}, where ${id} has null: list it as free-form.`);
      return;
    }
    if (kind !== wanted) {
      add(path, `is a ${kind}, but ${id} has a ${wanted} there.`);
      return;
    }
    if (kind === "list" && (value as unknown[]).length > 0) {
      add(path, `is a list that nothing describes: list it as free-form.`);
    }
    if (kind !== "map") return;
    const defaults = asMap(standard) ?? {};
    for (const [key, child] of Object.entries(asMap(value) ?? {})) {
      const below = [...path, key];
      if (key in defaults || freeFormAt(chart.name, below) !== undefined) walk(child, defaults[key], below);
      else add(below, `is no key of ${id}.`);
    }
  };

  walk(release.values, chart.defaults, []);
  if (chart.schema !== undefined) {
    for (const { path, message } of validate(chart.schema, merged(chart.defaults, release.values))) {
      add(path.split("."), `by the schema of ${id}: ${message}`);
    }
  }
  return findings;
}

/** Values over defaults, as Helm merges them before it asks the schema. */
function merged(defaults: unknown, values: unknown): unknown {
  const over = asMap(values);
  const under = asMap(defaults);
  if (over === undefined || under === undefined) return values;
  const result: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) result[key] = key in under ? merged(under[key], value) : value;
  return result;
}

/** Findings about the values of every release whose chart comes from a registry. */
export function checkAllValues({ declared }: Rendered): Finding[] {
  return releases(declared).flatMap((release) => {
    if (release.chart !== undefined) return checkValues(release, loadChart(release.chart.name, release.chart.version));
    return [{ check: "values", object: `HelmRelease ${release.name}`, path: "", message: "names no chart version." }];
  });
}
