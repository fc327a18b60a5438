import type { SettingsInput } from "../../../settings/schema.ts";

const under = { logAgent: "collector" } as const;

export const variants: Readonly<Record<string, SettingsInput>> = {
  alone: under,
  "into VictoriaLogs": { ...under, logs: "victoriaLogs", redact: { fields: ["password"] } },
};

export const alone: Readonly<Record<string, SettingsInput>> = {
  "into Elasticsearch": { ...under, logs: "elasticsearch", redact: { fields: ["password"] } },
  "into Elasticsearch of others, and Loki": {
    ...{ ...under, logs: ["loki", "external"] },
    external: { logs: { type: "elasticsearch", url: "https://search.example.com", user: "platform" } },
  },
  "into two stores": { ...under, logs: ["victoriaLogs", "loki"], logCollector: { bufferSize: "1Gi" } },
  "with journal and audit log": {
    ...under,
    journal: { enabled: true },
    cluster: { kind: { auditLog: true } },
    // The one that is released has no journalctl.
    logCollector: { image: "registry.example.com/collector-with-journalctl:1.0" },
    redact: { fields: ["password"] },
  },
  "without a gateway": { ...under, gateway: "none", instrumentation: { enabled: false } },
};

const agent = "log-collector-collector.spec";

/** What each of its settings changes, and where (`tests/contract/settings-effects.test.ts`). */
export const decided = [
  {
    under,
    effects: [
      ["logCollector.image", "a/b:1.2.3", `${agent}.image`],
      ["logCollector.bufferSize", "64Mi"],
    ],
    resources: ["logCollector.resources"],
  },
] as const;
