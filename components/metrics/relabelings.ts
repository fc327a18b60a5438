/** Metrics and labels that are dropped or kept, by a word for each, and the rules of a relabelling that do it. */
import { z } from "zod";
import { fitsWhole, re2Fault, relabelRegex } from "../../settings/formats.ts";
import type { Relabeling } from "../capabilities.ts";

const expressions = (what: string) => z.array(relabelRegex).min(1).optional().describe(what);

/** Labels without which nobody tells one series from another. */
export const indispensable: readonly string[] = ["__name__", "job", "instance", "le", "quantile"];

/** Settings of whoever filters. Expressions fit as a whole: `node_cpu` is that one metric, `node_.*` all of node-exporter's. */
export const filters = {
  keepMetrics: expressions(
    "Regular expressions of metrics' names: only metrics that one of them fits as a whole stay.",
  ),
  dropMetrics: expressions("Regular expressions of metrics' names: metrics that one of them fits as a whole go."),
  dropLabels: z
    .array(
      relabelRegex.superRefine((text, context) => {
        if (re2Fault(text) !== undefined) return;
        const lost = indispensable.filter(fitsWhole(text));
        if (lost.length > 0) context.addIssue(`drops ${lost.join(", ")}, by which series are told apart`);
      }),
    )
    .min(1)
    .optional()
    .describe(
      "Regular expressions of labels' names: labels that one of them fits as a whole go. Series that differ in nothing else become one, and their samples collide.",
    ),
};

export type Filters = z.output<z.ZodObject<typeof filters>>;

/** An expression that fits what one of some fits. */
export const anyOf = (some: readonly string[]) =>
  some.length === 1 ? (some[0] ?? "") : some.map((one) => `(?:${one})`).join("|");

export function filterRules({ keepMetrics, dropMetrics, dropLabels }: Filters): Relabeling[] {
  const named = (action: string, some: readonly string[] | undefined): Relabeling[] =>
    some === undefined ? [] : [{ action, sourceLabels: ["__name__"], regex: anyOf(some) }];
  return [
    ...named("keep", keepMetrics),
    ...named("drop", dropMetrics),
    ...(dropLabels === undefined ? [] : [{ action: "labeldrop", regex: anyOf(dropLabels) }]),
  ];
}
