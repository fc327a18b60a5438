import type { SettingsInput } from "../../../settings/schema.ts";

const rules = [
  {
    name: "OrdersRefused",
    where: {
      namespace: "shop|cart",
      container: "api",
      level: ["error", "warn"],
      text: "connection (refused|reset)",
      fields: { "http.status": "5.." },
    },
    by: ["namespace", "pod"],
    above: 10,
    window: "10m",
    for: "5m",
    severity: "critical",
    summary: "Orders are refused",
    runbook: "https://wiki.example.com/orders",
    labels: { team: "web" },
  },
  { name: "BackupNotDone", where: { text: "backup done" }, below: 1, window: "1d", summary: "No backup for a day" },
  {
    name: "SlowQueries",
    query: {
      loki: 'sum by (namespace) (count_over_time({job="containers"} |= "slow query" [5m])) > 3',
      victoriaLogs: '_time:5m "slow query" | stats by (namespace) count() lines | filter lines:>3',
    },
    summary: "Queries are slow",
  },
] as const;

const logAlerts = {
  shipped: ["LogErrorsBurst", "LogPanic", "LogOutOfMemory"],
  rules: rules as unknown as NonNullable<NonNullable<SettingsInput["logAlerts"]>["rules"]>,
} as const satisfies SettingsInput["logAlerts"];

export const variants: Readonly<Record<string, SettingsInput>> = {};

/** Each store that evaluates them, the only ones that can, and Alertmanagers of each kind. */
export const alone: Readonly<Record<string, SettingsInput>> = {
  "on Loki's lines": { logAlerts: { ...logAlerts, shipped: [...logAlerts.shipped] } },
  "on VictoriaLogs' lines": {
    ...{ logs: ["loki", "victoriaLogs"], logAlerts: { ...logAlerts, shipped: [...logAlerts.shipped] } },
    ...{ alerts: "external", network: { ca: "company.pem" } },
    external: { alerts: { url: "https://alerts.example.com/base", user: "platform", tenant: "a", ca: "company" } },
  },
  "on the lines of several Lokis": {
    ...{ objectStorage: "seaweedfs", loki: { replicas: 3, storage: { type: "objectStorage" } } },
    ...{ logAlerts: { shipped: ["LogPanic"] }, dashboards: "none", alerts: "external" },
    external: { alerts: { url: "http://alerts.example.com" } },
  },
};

const vmalert = "victoria-logs-alerts-deployment.spec.template.spec.containers.0";

/** What each of its settings changes, and where (`tests/contract/settings-effects.test.ts`). */
export const decided = [
  {
    under: { logs: "victoriaLogs", logAlerts: { shipped: ["LogPanic"] } },
    effects: [
      ["logAlerts.shipped", ["LogOutOfMemory"], "victoria-logs-log-alerts.stringData", "LogOutOfMemory"],
      ["logAlerts.rules", [{ name: "Mine", summary: "a" }], "victoria-logs-log-alerts.stringData", "Mine"],
      ["logAlerts.interval", "2m", "victoria-logs-log-alerts.stringData", '"interval":"2m"'],
      ["victoriaLogs.alert.image", "r.io/vmalert:v1.2.3", `${vmalert}.image`],
    ],
    resources: ["victoriaLogs.alert.resources"],
  },
] as const;
