import { z } from "zod";
import { labelName, relabelRegex } from "../../../settings/formats.ts";
import { filters, indispensable } from "../relabelings.ts";

const label = z
  .string()
  .regex(new RegExp(`^${labelName}$`), { error: "must be a label's name", abort: true })
  .refine((name) => !indispensable.includes(name), {
    error: (issue) => `is ${String(issue.input)}, by which series are told apart`,
  });

const metricFilter = z
  .strictObject({
    job: relabelRegex.describe("Regular expression that has to fit the whole label `job` of what is scraped."),
    keepMetrics: filters.keepMetrics,
    dropMetrics: filters.dropMetrics,
    dropLabels: z
      .array(label)
      .min(1)
      .optional()
      .describe("Names of labels that go. Series that differ in nothing else become one, and their samples collide."),
  })
  .refine(
    ({ keepMetrics, dropMetrics, dropLabels }) => (keepMetrics ?? dropMetrics ?? dropLabels) !== undefined,
    "has none of keepMetrics, dropMetrics and dropLabels. Set one of them",
  );

export type MetricFilter = z.output<typeof metricFilter>;

export const metricFilters = z
  .array(metricFilter)
  .default([])
  .describe("Metrics and labels that are dropped when a job is scraped, before they are stored, whoever scrapes.");
