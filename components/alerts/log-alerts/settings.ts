import { z } from "zod";
import {
  fieldName,
  httpAddress,
  labelName,
  line,
  prometheusDuration,
  prometheusDurationOrZero,
  re2Fault,
} from "../../../settings/formats.ts";
import { logqlMistake } from "../../../settings/logql.ts";
import { lineLabels } from "../../agents/lines.ts";
import { shippedNames } from "./shipped.ts";

/** Levels as stores tell them apart. */
const levels = ["fatal", "critical", "error", "warn", "info", "debug", "trace", "unknown"] as const;

/** In LogQL it stands between backticks, which know no escape. */
const expression = line
  .max(500)
  .regex(/^[^`]*$/, { error: "must not have a backtick", abort: true })
  .superRefine((text, context) => {
    const fault = re2Fault(text);
    if (fault !== undefined) context.addIssue(`is a regular expression that RE2 refuses (${fault})`);
  });

const whole = (what: string) => expression.optional().describe(`${what}: a regular expression that fits all of it.`);

const field = fieldName.refine((name) => !["job", "cluster", ...lineLabels].includes(name), {
  error: "is a label, which where has beside fields",
});

const where = z
  .strictObject({
    namespace: whole("Namespace of the pod"),
    pod: whole("Name of the pod"),
    container: whole("Name of the container"),
    level: z.array(z.enum(levels)).min(1).optional().describe("Levels, as the dashboard _Logs_ has them."),
    text: expression
      .optional()
      .describe("Regular expression, found anywhere in the line or in its fields; upper and lower case are alike."),
    fields: z
      .record(field, expression)
      .default({})
      .describe(
        "Fields of a line of JSON, or attributes of a record, by name: each a regular expression that fits all of its value. A dot leads into an object.",
      ),
  })
  .prefault({});

const logql = line.max(5000).superRefine((text, context) => {
  const mistake = logqlMistake(text);
  if (mistake !== undefined) context.addIssue(`is not LogQL: ${mistake}`);
});

/** What an alert says of itself is ours to say. */
const label = z
  .string()
  .regex(new RegExp(`^(?!__)${labelName}$`), "must be a label's name")
  .refine((name) => !["alertname", "severity", "stats_result"].includes(name), {
    error: "is a label that an alert has of itself",
  });

const rule = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, "must be a name such as OrdersFail")
      .describe("Name of the alert, unique."),
    where: where.describe("Lines that count: all that is said has to fit. Nothing said: every line."),
    by: z
      .array(z.enum(lineLabels))
      .refine((labels) => new Set(labels).size === labels.length, { error: "names a label twice" })
      .optional()
      .describe("Labels by which lines are counted apart, an alert each; `[namespace]` when absent, of `below` none."),
    above: z.int().min(0).optional().describe("Alerts when more lines than this fit; 0 when absent."),
    below: z
      .int()
      .min(1)
      .optional()
      .describe("Alerts when fewer lines than this fit, such as 1 for a job that has to say that it is done."),
    window: prometheusDuration.default("5m").describe("Time in which lines are counted, to the moment."),
    for: prometheusDurationOrZero.default("0s").describe("How long that has to be so."),
    query: z
      .strictObject({
        loki: logql.optional().describe("In LogQL, with the comparison in it."),
        victoriaLogs: line
          .max(5000)
          .optional()
          .describe(
            "In LogsQL: with the pipes `stats` and `filter`, and `_time` or it is the time between evaluations.",
          ),
      })
      .optional()
      .describe(
        "Takes the place of where, by, above, below and window: an alert for each result of the store that evaluates.",
      ),
    severity: z.enum(["critical", "warning", "info"]).default("warning").describe("Severity."),
    summary: line.max(200).describe("What happens, in a line."),
    description: line.max(1000).optional().describe("More; how many lines there were, when absent."),
    runbook: httpAddress
      .optional()
      .describe("Address of a page that says what to do; docs/runbooks/LogAlert.md when absent."),
    labels: z
      .record(label, line)
      .default({})
      .describe("Further labels, for routes; `namespace` where lines are not counted by it."),
  })
  .superRefine(({ where: lines, by, above, below, query, labels }, context) => {
    const counted = [by, above, below].some((one) => one !== undefined) || JSON.stringify(lines) !== '{"fields":{}}';
    if (query !== undefined && counted) context.addIssue("has a query beside where, by, above or below. Set either");
    if (query !== undefined && Object.keys(query).length === 0) context.addIssue("has a query without a text");
    if (above !== undefined && below !== undefined) context.addIssue("has both above and below. Set one of them");
    if (below !== undefined && by !== undefined && by.length > 0)
      context.addIssue("has by beside below: what writes no line at all cannot be counted apart. Remove it");
    for (const name of countedBy({ by, below, query }))
      if (name in labels) context.addIssue(`has the label ${name} among labels, and counts by it`);
  });

/** Labels by which a rule counts. */
export const countedBy = ({ by, below, query }: Pick<z.output<typeof rule>, "by" | "below" | "query">) =>
  query !== undefined ? [] : (by ?? (below === undefined ? (["namespace"] as const) : []));

export type LogAlert = z.output<typeof rule>;

export const logAlerts = z
  .strictObject({
    shipped: z
      .array(z.enum(shippedNames))
      .refine((names) => new Set(names).size === names.length, { error: "names one twice" })
      .default([])
      .describe("Alerts that come with the environment, by name (docs/alerts.md)."),
    rules: z.array(rule).default([]).describe("Alerts of your own."),
    interval: prometheusDuration.default("1m").describe("How often they are evaluated."),
  })
  .prefault({})
  .describe("Alerts on log lines. VictoriaLogs' lines are looked at by vmalert, Loki's by its ruler.");

export type LogAlerts = z.output<typeof logAlerts>;
