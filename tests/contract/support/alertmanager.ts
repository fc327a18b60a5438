/** Alertmanager's files as the settings make them, in a folder of a test, and settings with a receiver of each kind. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import {
  type AlertmanagerConfig,
  alertmanagerConfig,
  alertmanagerTemplates,
} from "../../../components/alerts/alertmanager/config.ts";
import { parseSettings } from "../../../settings/parse.ts";
import type { Settings, SettingsInput } from "../../../settings/schema.ts";

/** What a stack may say of alerting. */
export type AlertingInput = NonNullable<SettingsInput["alerting"]>;

/** Validated settings of alerting. */
export function alertingOf(alerting: AlertingInput): Settings["alerting"] {
  return parseSettings({ alerting }, { file: "Pulumi.dev.yaml", secrets: ["telegramToken"] }).alerting;
}

/** A day, so many from now. */
export function inDays(days: number): string {
  return new Date(Date.now() + days * 24 * 3_600_000).toISOString().slice(0, 10);
}

/** Slack for what is critical, Telegram for the demo, e-mail for the rest. */
export const everybody: AlertingInput = {
  receivers: {
    slack: [{ name: "ops", channel: "#ops", secret: "ops-slack" }],
    email: [
      {
        name: "mail",
        to: "team@example.com",
        from: "alerts@example.com",
        smarthost: "smtp.example.com:587",
        username: "alerts",
        secret: "smtp",
      },
    ],
    telegram: [{ name: "chat", chatId: -1_001_234_567_890, topic: 7, secret: "bot" }],
    pagerDuty: [{ name: "on-call", secret: "pager" }],
    msTeams: [{ name: "teams", secret: "teams" }],
    webhook: [{ name: "tickets", secret: "tickets", tokenSecret: "tickets-token" }],
  },
  defaultReceiver: "mail",
  routes: [
    { receiver: "ops", severity: ["critical"] },
    { receiver: "chat", namespaces: ["demo"], muteTimeIntervals: ["night"] },
  ],
  timeIntervals: [
    {
      name: "night",
      when: [
        {
          times: [{ start: "22:00", end: "24:00" }],
          weekdays: ["monday:friday", "sunday"],
          daysOfMonth: ["1:5", "-3:-1"],
          months: ["1:6", "december"],
          years: ["2026:2030"],
          location: "Europe/Kyiv",
        },
      ],
    },
  ],
  deadMansSwitch: { secret: "snitch" },
  silences: [{ name: "move", matchers: ['namespace="demo"', 'pod=~"kbot-.*"'], comment: "it moves", until: inDays(5) }],
};

export interface Files {
  readonly folder: string;
  /** Alertmanager's configuration. */
  readonly config: string;
  remove(): void;
}

/**
 * Alertmanager's files by their names.
 *
 * @param change what a test has to replace in the configuration; the folder of the templates always is
 */
export function alertmanagerTexts(
  alerting: AlertingInput,
  change: (config: AlertmanagerConfig) => object = (config) => config,
): Readonly<Record<string, string>> {
  const config = change(alertmanagerConfig(alertingOf(alerting), "dev"));
  return { ...alertmanagerTemplates(), "alertmanager.yaml": stringify({ ...config, templates: ["*.tmpl"] }) };
}

/** Writes them into a folder of their own. */
export function alertmanagerFiles(
  alerting: AlertingInput,
  change: (config: AlertmanagerConfig, folder: string) => object,
): Files {
  const folder = mkdtempSync(join(tmpdir(), "alertmanager-"));
  const texts = alertmanagerTexts(alerting, (config) => change(config, folder));
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
  return {
    folder,
    config: join(folder, "alertmanager.yaml"),
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
