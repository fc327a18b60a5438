import { z } from "zod";
import { labelName } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";

/** Go's expressions are RE2, which JavaScript cannot check: the adapter itself does. */
const expression = z.string().min(1);
const template = z
  .string()
  .regex(/<<\s*\.Series\s*>>/, "must name the series as <<.Series>>")
  .regex(/<<\s*\.LabelMatchers\s*>>/, "must have <<.LabelMatchers>> between the braces of the series")
  .regex(/<<\s*\.GroupBy\s*>>/, "must group by <<.GroupBy>>");

const rule = z
  .strictObject({
    series: z
      .string()
      .min(1)
      .describe('Selector of the series, such as `queue_length{namespace!="",pod!=""}`; asked every minute.'),
    resources: z
      .record(z.string().regex(new RegExp(`^${labelName}$`), "must be a label's name"), expression)
      .default({ namespace: "namespace", pod: "pod" })
      .describe(
        "Labels of the series that name Kubernetes objects, each with the kind, such as `pod` or `deployment.apps`.",
      ),
    matches: expression.default("^(.*)$").describe("Expression that the series' name fits."),
    as: expression.default("$1").describe("Name of the metric for autoscalers; `$1` is the first group of `matches`."),
    query: template.describe(
      "What is asked, such as `sum by (<<.GroupBy>>) (rate(<<.Series>>{<<.LabelMatchers>>}[2m]))`.",
    ),
  })
  .describe("A rule.");

export type Rule = z.output<typeof rule>;

export const prometheusAdapter = z
  .strictObject({
    replicas: z.int().min(1).max(5).default(1).describe("Replicas of the adapter."),
    rules: z
      .array(rule)
      .default([])
      .describe("Metrics of Kubernetes objects, beside `http_requests_per_second` of pods, which is there always."),
    externalRules: z
      .array(rule)
      .default([])
      .describe("Metrics of nothing in Kubernetes, served as external metrics, of which a cluster has one server."),
    resources: resources({ cpu: "20m", memory: "64Mi", memoryLimit: "256Mi" }),
    values,
  })
  .prefault({})
  .describe("prometheus-adapter, for autoscaler: prometheusAdapter.");
