import { z } from "zod";
import {
  alertingName,
  dnsLabel,
  hostPort,
  httpAddress,
  labelName,
  line,
  prometheusDuration,
  prometheusDurationOrZero,
  secretKey,
} from "../../../settings/formats.ts";
import { resources } from "../../../settings/kinds.ts";
import { matcher } from "../../../settings/matchers.ts";
import { timeInterval } from "../../../settings/time-intervals.ts";

export const alertmanager = z
  .strictObject({
    replicas: z.int().min(1).max(5).default(1).describe("Alertmanagers that gossip."),
    resources: resources({ cpu: "10m", memory: "32Mi", memoryLimit: "128Mi" }),
  })
  .prefault({})
  .describe("Alertmanager.");

/** Whether a text of the form 2026-12-01 is a day: JavaScript takes the 30th of February for the 2nd of March. */
function isDay(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

const severity = z.enum(["critical", "warning", "info"]);
const alertingSecret = secretKey.describe("Name of the secret in `alertingSecrets`.");
const matchers = z.array(matcher);

const grouping = {
  groupBy: z
    .array(z.string().regex(new RegExp(`^(\\.\\.\\.|${labelName})$`), "must be a label's name, or ... for all"))
    .refine((labels) => new Set(labels).size === labels.length, { error: "names a label twice" })
    .refine((labels) => labels.length < 2 || !labels.includes("..."), {
      error: "has ... beside other labels; it stands for all of them",
    }),
  groupWait: prometheusDurationOrZero,
  groupInterval: prometheusDuration,
  repeatInterval: prometheusDuration,
} as const;

/**
 * A day. Pulumi's CLI rewrites a date without quotes to `2026-12-01 00:00:00 +0000 UTC` (3.246.0), so that is read too.
 */
const day = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}( 00:00:00 \+0000 UTC)?$/, "must be a date such as 2026-12-01")
  .refine((text) => isDay(text.slice(0, 10)), { error: "is a day that no calendar has" })
  .transform((text) => text.slice(0, 10));

export const alerting = z
  .strictObject({
    receivers: z
      .strictObject({
        slack: z
          .array(
            z.strictObject({
              name: alertingName.describe("Name of the receiver; routes use it."),
              channel: line.describe("Channel, such as #alerts."),
              secret: alertingSecret.describe(
                "Name of the secret in `alertingSecrets`: the URL of the incoming webhook.",
              ),
            }),
          )
          .default([])
          .describe("Slack channels."),
        email: z
          .array(
            z.strictObject({
              name: alertingName.describe("Name of the receiver; routes use it."),
              to: line.regex(/.@./, "must be an address, or several with commas").describe("Who gets it."),
              from: line.regex(/.@./, "must be an address").describe("Who sends it."),
              smarthost: hostPort.describe("Mail server with its port; 465 is TLS from the first byte."),
              username: line.optional().describe("User at the mail server; it needs secret too."),
              secret: alertingSecret
                .optional()
                .describe("Name of the secret in `alertingSecrets`: the password of that user."),
              requireTls: z
                .boolean()
                .default(true)
                .describe("Refuses to send without TLS (STARTTLS); false is for a server on this machine."),
            }),
          )
          .default([])
          .describe("E-mail addresses."),
        telegram: z
          .array(
            z.strictObject({
              name: alertingName.describe("Name of the receiver; routes use it."),
              chatId: z
                .int()
                .refine((id) => id !== 0, { error: "must be the number of a chat" })
                .describe("Number of the chat; a group's is negative."),
              topic: z.int().positive().optional().describe("Number of the topic of a group that has topics."),
              secret: alertingSecret.describe("Name of the secret in `alertingSecrets`: the bot's token."),
            }),
          )
          .default([])
          .describe("Telegram chats."),
        pagerDuty: z
          .array(
            z.strictObject({
              name: alertingName.describe("Name of the receiver; routes use it."),
              url: httpAddress
                .default("https://events.pagerduty.com/v2/enqueue")
                .describe(
                  "Address of the Events API v2; accounts in Europe have https://events.eu.pagerduty.com/v2/enqueue.",
                ),
              secret: alertingSecret.describe("Name of the secret in `alertingSecrets`: the integration key."),
            }),
          )
          .default([])
          .describe("PagerDuty services."),
        msTeams: z
          .array(
            z.strictObject({
              name: alertingName.describe("Name of the receiver; routes use it."),
              secret: alertingSecret.describe("Name of the secret in `alertingSecrets`: the URL of the workflow."),
            }),
          )
          .default([])
          .describe("Channels and chats of Microsoft Teams, by a workflow."),
        webhook: z
          .array(
            z.strictObject({
              name: alertingName.describe("Name of the receiver; routes use it."),
              secret: alertingSecret.describe("Name of the secret in `alertingSecrets`: the URL."),
              tokenSecret: alertingSecret
                .optional()
                .describe("Name of the secret in `alertingSecrets`: a bearer token to be sent along."),
            }),
          )
          .default([])
          .describe("Addresses that are called with Alertmanager's JSON."),
      })
      .prefault({}),
    defaultReceiver: alertingName
      .optional()
      .describe("Receiver of what no route takes; when absent, such alerts are only seen in Alertmanager and Grafana."),
    routes: z
      .array(
        z.strictObject({
          receiver: alertingName.describe("Who gets the alerts."),
          severity: z.array(severity).default([]).describe("Severities that fit; any when empty."),
          namespaces: z.array(dnsLabel).default([]).describe("Namespaces that fit; any when empty."),
          matchers: matchers.default([]).describe('Further conditions, such as `team="web"`; all have to fit.'),
          groupBy: grouping.groupBy.optional().describe("As alerting.groupBy, for this route."),
          groupWait: grouping.groupWait.optional().describe("As alerting.groupWait, for this route."),
          groupInterval: grouping.groupInterval.optional().describe("As alerting.groupInterval, for this route."),
          repeatInterval: grouping.repeatInterval.optional().describe("As alerting.repeatInterval, for this route."),
          muteTimeIntervals: z.array(alertingName).default([]).describe("Times at which nothing is sent."),
          activeTimeIntervals: z.array(alertingName).default([]).describe("Only at these times something is sent."),
          continue: z.boolean().default(false).describe("Lets later routes have the alert too."),
        }),
      )
      .default([])
      .describe("Who gets which alerts; the first route that fits takes an alert."),
    groupBy: grouping.groupBy
      .default(["alertname", "namespace"])
      .describe("Labels: alerts that agree in all of them come as one message."),
    groupWait: grouping.groupWait.default("30s").describe("How long a new group waits for more alerts."),
    groupInterval: grouping.groupInterval.default("5m").describe("How often a group tells what changed."),
    repeatInterval: grouping.repeatInterval
      .default("4h")
      .describe("How often a group that did not change is told again."),
    timeIntervals: z.array(timeInterval).default([]).describe("Times that routes name."),
    inhibition: z
      .boolean()
      .default(true)
      .describe(
        "A critical alert silences the milder ones of its name for the same object; a node that is down silences what happens on it.",
      ),
    deadMansSwitch: z
      .strictObject({
        secret: alertingSecret.describe(
          "Name of the secret in `alertingSecrets`: the URL that has to be called, or its owner raises the alarm.",
        ),
        interval: prometheusDuration.default("5m").describe("How often it is called while alerting works."),
      })
      .optional()
      .describe("Calls a URL for as long as Prometheus and Alertmanager work."),
    silences: z
      .array(
        z.strictObject({
          name: alertingName.describe("Name of the silence."),
          matchers: matchers.min(1).describe("Alerts that are silenced: all have to fit."),
          comment: z.string().min(1).describe("Why; people see it in Alertmanager."),
          until: day.describe("Last day, in UTC; at most 90 days away."),
        }),
      )
      .prefault([])
      .describe("Alerts about which nobody is told for a time."),
  })
  .prefault({})
  .describe("Who is told about alerts: receivers, routes, inhibition, silences.");

export type Alerting = z.output<typeof alerting>;
