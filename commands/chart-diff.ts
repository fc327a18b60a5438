/** What changed in a chart's defaults between two versions: what a person has to look at before an upgrade. */
import { parse } from "yaml";
import { asMap } from "../contract/finding.ts";

export interface ChartDiff {
  /** Keys that are gone, joined by `/`. A value that is set there is silently ignored from now on. */
  readonly removed: readonly string[];
  readonly added: readonly string[];
  /** Keys whose default is another one. */
  readonly changed: readonly { readonly path: string; readonly from: unknown; readonly to: unknown }[];
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/**
 * Compares two `values.yaml`. A map that is there or gone as a whole is one key; lists are compared whole.
 *
 * @throws when one of them is not YAML
 */
export function chartDiff(before: string, after: string): ChartDiff {
  const removed: string[] = [];
  const added: string[] = [];
  const changed: { path: string; from: unknown; to: unknown }[] = [];
  const walk = (from: unknown, to: unknown, path: readonly string[]): void => {
    const old = asMap(from);
    const now = asMap(to);
    if (old === undefined || now === undefined) {
      if (!same(from, to)) changed.push({ path: path.join("/"), from, to });
      return;
    }
    for (const key of Object.keys(old)) {
      if (key in now) walk(old[key], now[key], [...path, key]);
      else removed.push([...path, key].join("/"));
    }
    for (const key of Object.keys(now)) if (!(key in old)) added.push([...path, key].join("/"));
  };
  walk(parse(before) ?? {}, parse(after) ?? {}, []);
  return { removed, added, changed };
}

/** Every key of values, joined by `/`. */
export function keysOf(values: unknown, path = ""): string[] {
  return Object.entries(asMap(values) ?? {}).flatMap(([key, child]) => [
    `${path}${key}`,
    ...keysOf(child, `${path}${key}/`),
  ]);
}

/**
 * The difference for people, what the environment sets first.
 *
 * @param set keys that the environment sets
 */
export function describeDiff({ removed, added, changed }: ChartDiff, set: readonly string[]): string[] {
  const here = (path: string) => set.some((key) => key === path || key.startsWith(`${path}/`));
  const mark = (path: string) => (here(path) ? "  <- set by this environment" : "");
  const first = <T>(list: readonly T[], path: (item: T) => string) =>
    [...list].sort((a, b) => Number(here(path(b))) - Number(here(path(a))) || path(a).localeCompare(path(b)));
  const show = (value: unknown) => JSON.stringify(value).slice(0, 60);
  return [
    ...first(removed, (path) => path).map((path) => `- ${path}${mark(path)}`),
    ...first(changed, ({ path }) => path).map(
      ({ path, from, to }) => `~ ${path}: ${show(from)} -> ${show(to)}${mark(path)}`,
    ),
    ...first(added, (path) => path).map((path) => `+ ${path}`),
  ];
}
