import type { SettingsInput } from "../../../settings/schema.ts";

const under = { logAgent: "fluentd", logs: "victoriaLogs" } as const;

export const variants: Readonly<Record<string, SettingsInput>> = {
  alone: under,
};

export const alone: Readonly<Record<string, SettingsInput>> = {
  "into Elasticsearch and VictoriaLogs, with journal and audit log, redacted": {
    ...under,
    logs: ["elasticsearch", "victoriaLogs"],
    journal: { enabled: true },
    cluster: { kind: { auditLog: true } },
    redact: { fields: ["password"], patterns: ["Bearer \\S+"] },
    network: { ca: "company.pem" },
  },
  "through Logstash": {
    ...under,
    logs: "elasticsearch",
    journal: { enabled: true },
    elasticsearch: { logstash: { replicas: 1 } },
  },
};

/** What each of its settings changes, and where (`tests/contract/settings-effects.test.ts`). */
export const decided = [
  {
    under,
    effects: [
      ["fluentd.values", { added: "yes" }, "fluentd-release.spec.values.added", "yes"],
      [
        "fluentd.bufferSize",
        "1Gi",
        "fluentd-release.spec.values.fileConfigs.04_outputs.conf",
        "total_limit_size 1073741824",
      ],
    ],
    resources: ["fluentd.resources"],
  },
] as const;
