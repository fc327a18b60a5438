/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import {
  duration,
  externalUrl,
  flag,
  list,
  map,
  named,
  strict,
  text,
  type FreeForm,
} from "../../../contract/handed-on.ts";
import { asks, release, setting, several, why, type Pin } from "../../../contract/pin.ts";
import { customResourcePart, type Schema } from "../../../contract/schemas.ts";

const matcher: Schema = { type: "string", pattern: '^[a-zA-Z_][a-zA-Z0-9_]*(=~|!~|!=|=)"[^]*"$' };
const matchers: Schema = { ...list(matcher), minItems: 1 };
const labelNames: Schema = list({ type: "string", pattern: "^[a-zA-Z_][a-zA-Z0-9_]*$" });
const secretFile: Schema = { type: "string", pattern: "^/etc/alertmanager/secrets/[^/]+/[^/]+$" };
const integration = (properties: Readonly<Record<string, Schema>>, required: readonly string[]): Schema => ({
  ...list(strict({ send_resolved: flag, ...properties }, ["send_resolved", ...required])),
  minItems: 1,
});

/** A route without those below it; the root names everything that those inherit. */
const route = (below: Readonly<Record<string, Schema>>, required: readonly string[]): Schema =>
  strict(
    {
      receiver: named,
      group_by: list({ type: "string", pattern: "^(\\.\\.\\.|[a-zA-Z_][a-zA-Z0-9_]*)$" }),
      group_wait: duration,
      group_interval: duration,
      repeat_interval: duration,
      ...below,
    },
    ["receiver", ...required],
  );

/** Alertmanager's file (Alertmanager 0.34, docs/configuration.md): what the environment writes of it. */
const alertmanagerConfig = (): Schema =>
  strict(
    {
      route: route(
        {
          routes: list(
            route(
              {
                matchers,
                continue: flag,
                mute_time_intervals: list(named),
                active_time_intervals: list(named),
              },
              ["matchers"],
            ),
          ),
        },
        ["group_by", "group_wait", "group_interval", "repeat_interval", "routes"],
      ),
      inhibit_rules: list(
        strict({ source_matchers: matchers, target_matchers: matchers, equal: labelNames }, [
          "source_matchers",
          "target_matchers",
        ]),
      ),
      time_intervals: list(
        strict(
          {
            name: named,
            time_intervals: list(
              strict({
                times: list(strict({ start_time: text, end_time: text }, ["start_time", "end_time"])),
                weekdays: list(text),
                days_of_month: list(text),
                months: list(text),
                years: list(text),
                location: text,
              }),
            ),
          },
          ["name", "time_intervals"],
        ),
      ),
      receivers: {
        ...list(
          strict(
            {
              name: named,
              slack_configs: integration(
                {
                  api_url_file: secretFile,
                  channel: text,
                  title: text,
                  title_link: text,
                  text,
                  fallback: text,
                  color: text,
                },
                ["api_url_file", "channel", "title", "text"],
              ),
              email_configs: integration(
                {
                  to: text,
                  from: text,
                  smarthost: { type: "string", pattern: "^[\\w.-]+:\\d+$" },
                  require_tls: flag,
                  auth_username: text,
                  auth_password_file: secretFile,
                  headers: map(text),
                  html: text,
                  text,
                },
                ["to", "from", "smarthost", "html", "text"],
              ),
              telegram_configs: integration(
                {
                  bot_token_file: secretFile,
                  chat_id: { type: "integer" },
                  message_thread_id: { type: "integer", minimum: 1 },
                  parse_mode: { const: "HTML" },
                  message: text,
                },
                ["bot_token_file", "chat_id", "message"],
              ),
              pagerduty_configs: integration(
                {
                  routing_key_file: secretFile,
                  url: { type: "string", pattern: "^https?://" },
                  description: text,
                  severity: text,
                  source: text,
                  group: text,
                  client_url: text,
                  links: list(strict({ href: text, text }, ["href", "text"])),
                  details: map(text),
                },
                ["routing_key_file", "url", "description", "severity", "source"],
              ),
              msteamsv2_configs: integration({ webhook_url_file: secretFile, title: text, text }, [
                "webhook_url_file",
                "title",
                "text",
              ]),
              webhook_configs: integration(
                {
                  url_file: secretFile,
                  http_config: strict(
                    { authorization: strict({ credentials_file: secretFile }, ["credentials_file"]) },
                    ["authorization"],
                  ),
                },
                ["url_file"],
              ),
            },
            ["name"],
          ),
        ),
        minItems: 1,
      },
      // Where the chart puts templateFiles.
      templates: { const: ["/etc/alertmanager/config/*.tmpl"] },
    },
    ["route", "inhibit_rules", "receivers", "templates"],
  );

export const freeForm: FreeForm = {
  "kube-prometheus-stack": {
    "alertmanager/alertmanagerSpec/externalUrl": externalUrl("/alertmanager"),
    "alertmanager/config": [
      "Alertmanager's own configuration, handed on as it is; amtool judges it too",
      alertmanagerConfig,
    ],
    "alertmanager/templateFiles": [
      "files by name; empty in the chart",
      () => ({ ...map(text), propertyNames: { pattern: "\\.tmpl$" } }),
    ],
    "alertmanager/alertmanagerSpec/additionalArgs": [
      "handed on to the Alertmanager object's spec.additionalArgs; flags of Alertmanager 0.34",
      () => ({
        allOf: [
          customResourcePart("monitoring.coreos.com/v1", "Alertmanager", "spec", "additionalArgs"),
          list(strict({ name: { enum: ["dispatch.start-delay"] }, value: duration }, ["name", "value"])),
        ],
      }),
    ],
    "alertmanager/alertmanagerSpec/alertmanagerConfigNamespaceSelector": [
      "handed on to the Alertmanager object",
      () =>
        customResourcePart("monitoring.coreos.com/v1", "Alertmanager", "spec", "alertmanagerConfigNamespaceSelector"),
    ],
    "alertmanager/alertmanagerSpec/alertmanagerConfigMatcherStrategy": [
      "handed on to the Alertmanager object",
      () => customResourcePart("monitoring.coreos.com/v1", "Alertmanager", "spec", "alertmanagerConfigMatcherStrategy"),
    ],
    "alertmanager/alertmanagerSpec/secrets": [
      "names of Secrets that the operator mounts; empty in the chart",
      () => list(named),
    ],
  },
};

export const pins: readonly Pin[] = [
  ...release(
    "kube-prometheus-stack",
    [
      ["alertmanager/podDisruptionBudget/enabled", several((s) => s.alertmanager.replicas), why.drained],
      [
        "alertmanager/alertmanagerSpec/alertmanagerConfigMatcherStrategy/type",
        "OnNamespace",
        "a team routes what its own namespace raises, and nothing else",
      ],
      ["alertmanager/alertmanagerSpec/replicas", setting((s) => s.alertmanager.replicas), "alertmanager.replicas"],
      ["alertmanager/alertmanagerSpec/resources", setting((s) => asks(s.alertmanager.resources)), why.sized],
      ["alertmanager/alertmanagerSpec/additionalArgs/0/value", "2m", "Prometheus tells of inhibiting alerts within it"],
      ["alertmanager/config/route/group_wait", setting((s) => s.alerting.groupWait), "alerting.groupWait"],
      ["alertmanager/config/route/group_interval", setting((s) => s.alerting.groupInterval), "alerting.groupInterval"],
      [
        "alertmanager/config/route/repeat_interval",
        setting((s) => s.alerting.repeatInterval),
        "alerting.repeatInterval",
      ],
    ],
    ({ alerts }) => alerts === "alertmanager",
  ),
];

export const scraped: Scraped = { jobs: ["kube-prometheus-stack-alertmanager"] };
