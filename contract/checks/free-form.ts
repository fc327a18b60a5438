/** Places of charts' values that a chart's `values.yaml` says nothing about, as components list them (`../handed-on.ts`). */
import { componentContracts } from "../component-files.ts";
import type { Schema } from "../schemas.ts";

export interface FreeFormPlace {
  readonly chart: string;
  readonly path: string;
  readonly reason: string;
  readonly schema: () => Schema;
}

/** A schema is compiled when it is first used, and known again by being the same object. */
function once(make: () => Schema): () => Schema {
  let made: Schema | undefined;
  return () => (made ??= make());
}

export const freeForm: readonly FreeFormPlace[] = (await componentContracts()).flatMap(({ freeForm: charts = {} }) =>
  Object.entries(charts).flatMap(([chart, places]) =>
    Object.entries(places).map(([path, [reason, schema]]) => ({ chart, path, reason, schema: once(schema) })),
  ),
);

/** Whether a place is at or below a free-form path; the place itself is returned as a schema's root. */
export function freeFormAt(chart: string, path: readonly string[]): FreeFormPlace | undefined {
  return freeForm.find((entry) => {
    if (entry.chart !== chart) return false;
    const pattern = entry.path.split("/");
    if (pattern[0] === "**") return path.length >= pattern.length - 1 && ends(path, pattern.slice(1));
    return pattern.length === path.length && ends(path, pattern);
  });
}

function ends(path: readonly string[], pattern: readonly string[]): boolean {
  const tail = path.slice(path.length - pattern.length);
  return pattern.every((key, index) => key === "*" || key === tail[index]);
}
