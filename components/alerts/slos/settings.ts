import { z } from "zod";
import { dnsLabel, durationSeconds, goDuration, labelName, line, userName } from "../../../settings/formats.ts";
import { selector } from "../../../settings/selectors.ts";

/** What its alerts say of it is ours to say. */
const ownLabels = ["slo", "severity", "owner", "namespace", "description", "pages", "alertname", "le"];

const label = z
  .string()
  .regex(new RegExp(`^(?!__)${labelName}$`), "must be a label's name")
  .refine((name) => !ownLabels.includes(name), { error: "is a label that an objective has of itself" });

/** Whole days: what is looked at is recorded, and the alerts look back three days. */
const window = z
  .string()
  .regex(/^\d{1,3}[dw]$/, { error: "must be days or weeks, such as 30d or 4w", abort: true })
  .refine((value) => durationSeconds(value) >= 7 * 86_400 && durationSeconds(value) <= 90 * 86_400, {
    error: "must be from 7d to 90d",
  });

const service = {
  service: userName.describe("Name of the service in its spans (`service.name`)."),
  namespace: dnsLabel.optional().describe("Its namespace, where several have a service of that name."),
};

const slo = z
  .strictObject({
    name: dnsLabel.describe("Name, unique; the label `slo` of its series and alerts."),
    description: line.max(200).optional().describe("What it promises to whom, for its dashboard."),
    ratio: z
      .strictObject({
        good: selector.optional().describe("Counter of good events."),
        bad: selector.optional().describe("Counter of bad events."),
        total: selector.optional().describe("Counter of all events."),
      })
      .refine(({ good, bad, total }) => [good, bad, total].filter((one) => one !== undefined).length === 2, {
        error: "must have two of good, bad and total",
      })
      .optional()
      .describe("Measured by two counters, each a selector of PromQL without a range."),
    errors: z
      .strictObject(service)
      .optional()
      .describe("Measured by the requests to a service that fail, as the collector counts them from spans."),
    latency: z
      .strictObject({
        ...service,
        below: goDuration.describe("Duration up to which a request is good; one by which the collector counts."),
      })
      .optional()
      .describe("Measured by the requests to a service that take too long, as the collector counts them from spans."),
    check: dnsLabel.optional().describe("Measured by the success of this one of `checks`."),
    target: z
      .number()
      .min(94)
      .max(99.999)
      .describe(
        "Percent of all events that are to be good, from 94 to 99.999. With less, more than everything would have to fail before anybody is told.",
      ),
    window: window.default("30d").describe("Time over which that is promised, from 7d to 90d."),
    severity: z
      .enum(["critical", "warning"])
      .default("critical")
      .describe("Severity when the error budget burns fast; when it burns slowly it is a warning."),
    owner: line.max(100).optional().describe("Label `owner` of its alerts, for routes."),
    namespace: dnsLabel
      .optional()
      .describe("Label `namespace` of its alerts: those who own the namespace route them (AlertmanagerConfig)."),
    labels: z.record(label, line).default({}).describe("Further labels of its alerts."),
    quiet: z
      .boolean()
      .default(false)
      .describe(
        "Whether it may be without any series, as spans give none 15 minutes after the last request: then that counts as no traffic, and nobody is told.",
      ),
  })
  .superRefine(({ ratio, errors, latency, check }, context) => {
    const ways = [ratio, errors, latency, check].filter((way) => way !== undefined).length;
    if (ways !== 1)
      context.addIssue(`has ${ways === 0 ? "none" : "several"} of ratio, errors, latency and check. Set one of them`);
  });

export type Slo = z.output<typeof slo>;

export const slos = z
  .array(slo)
  .default([])
  .describe(
    "Service level objectives: how many of a service's events are to be good. Each gives series of its error budget, and alerts when that burns.",
  );
