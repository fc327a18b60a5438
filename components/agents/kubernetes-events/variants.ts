import type { SettingsInput } from "../../../settings/schema.ts";

const under = { kubernetesEvents: { enabled: true } } as const;

export const variants: Readonly<Record<string, SettingsInput>> = {
  watched: under,
};

export const alone: Readonly<Record<string, SettingsInput>> = {
  "into Loki and Elasticsearch": { ...under, logs: ["loki", "elasticsearch"], redact: { fields: ["password"] } },
  "into Elasticsearch": { ...under, logs: "elasticsearch" },
  "into VictoriaLogs, redacted": { ...under, logs: "victoriaLogs", redact: { fields: ["password"] } },
};

/** What each of its settings changes, and where (`tests/contract/settings-effects.test.ts`). */
export const decided = [
  {
    under,
    effects: [
      ["kubernetesEvents.enabled", true, "kubernetes-events-collector.spec.mode", "statefulset"],
      ["kubernetesEvents.image", "a/b:1.2.3", "kubernetes-events-collector.spec.image"],
    ],
    resources: ["kubernetesEvents.resources"],
  },
] as const;
