import type { SettingsInput } from "../../../settings/schema.ts";

export const variants: Readonly<Record<string, SettingsInput>> = {
  alone: { logs: "victoriaLogs", victoriaLogs: { retention: "7d", storage: { size: "20Gi", fullAt: 90 } } },
  "beside Loki": { logs: ["loki", "victoriaLogs"] },
  "first, with Tempo": { logs: ["victoriaLogs", "loki"], traces: "tempo" },
};

/** What each of its settings changes, and where. */
export const decided = [
  {
    under: { logs: "victoriaLogs" },
    effects: [
      ["victoriaLogs.retention", "3d"],
      ["victoriaLogs.storage.size", "7Gi"],
      ["victoriaLogs.storage.fullAt", 70],
      [
        "victoriaLogs.plugin",
        "victoriametrics-logs-datasource@1.2.3@https://files.example.com/plugin.zip",
        "kube-prometheus-stack-release.spec.values.grafana.grafana.ini.plugins.preinstall",
      ],
      ["victoriaLogs.values", { added: "yes" }, "victoria-logs-single-release.spec.values.added", "yes"],
    ],
    resources: ["victoriaLogs.resources"],
  },
] as const;
