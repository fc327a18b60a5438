/** Values against charts: every key that is set exists in the chart, with the same kind of value. */
import { remembered } from "../../components/remembered.ts";
import { type Chart, factsOfValue, kindsOf, loadChart, type ValueFacts } from "../charts.ts";
import { asMap, type Finding } from "../finding.ts";
import { type Release, releases, type Rendered } from "../rendered.ts";
import { validate } from "../schemas.ts";
import { freeFormAt } from "./free-form.ts";

/** Findings about the values of one release of a chart. */
export function checkValues({ name, values }: Pick<Release, "name" | "values">, chart: Chart): Finding[] {
  return readers(chart)(values).map((finding) => ({ check: "values", object: `HelmRelease ${name}`, ...finding }));
}

type Wrong = Pick<Finding, "path" | "message">;

/** What is wrong with values of a chart: many environments have the same. */
const readers = remembered((chart: Chart) =>
  remembered((values: Release["values"]) => wrongIn(values, chart), new WeakMap<Release["values"], Wrong[]>()),
);

function wrongIn(values: Release["values"], chart: Chart): Wrong[] {
  const findings: Wrong[] = [];
  const add = (path: readonly string[], message: string) => findings.push({ path: path.join("/"), message });
  const id = `${chart.name} ${chart.version}`;

  const walk = (value: unknown, known: ValueFacts, path: readonly string[]): void => {
    const free = freeFormAt(chart.name, path);
    if (free !== undefined) {
      for (const { path: below, message } of validate(free.schema(), value)) {
        add(below === "" ? path : [...path, ...below.split(".")], message);
      }
      return;
    }
    const [kind = ""] = kindsOf(factsOfValue(value));
    const wanted = kindsOf(known);
    // A key that is null in the chart says nothing of its kind; what is set there is a scalar, never a structure.
    if (wanted.length === 1 && wanted[0] === "null") {
      if (kind === "map" || kind === "list") add(path, `is a ${kind}, where ${id} has null: list it as free-form.`);
      return;
    }
    if (!wanted.includes(kind)) {
      add(path, `is a ${kind}, but ${id} has a ${wanted.join(" or ")} there.`);
      return;
    }
    if (kind === "list" && (value as unknown[]).length > 0) {
      add(path, `is a list that nothing describes: list it as free-form.`);
    }
    if (kind !== "map") return;
    const keys = typeof known === "string" ? {} : known;
    for (const [key, child] of Object.entries(asMap(value) ?? {})) {
      const below = [...path, key];
      const facts = Object.hasOwn(keys, key) ? keys[key] : undefined;
      if (facts !== undefined || freeFormAt(chart.name, below) !== undefined) walk(child, facts ?? "null", below);
      else add(below, `is no key of ${id}.`);
    }
  };

  walk(values, chart.values, []);
  return findings;
}

/** Findings about the values of every release whose chart comes from a registry. */
export function checkAllValues({ declared }: Rendered): Finding[] {
  return releases(declared).flatMap((release) => {
    if (release.chart !== undefined) return checkValues(release, loadChart(release.chart));
    return [{ check: "values", object: `HelmRelease ${release.name}`, path: "", message: "names no chart version." }];
  });
}
