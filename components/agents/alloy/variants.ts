import type { SettingsInput } from "../../../settings/schema.ts";

const under = { logAgent: "alloy" } as const;

export const variants: Readonly<Record<string, SettingsInput>> = {
  alone: under,
};

export const alone: Readonly<Record<string, SettingsInput>> = {
  "into VictoriaLogs and Loki, with journal and audit log, redacted": {
    ...under,
    logs: ["victoriaLogs", "loki"],
    redact: { fields: ["password"], patterns: ["Bearer \\S+"] },
    journal: { enabled: true },
    cluster: { kind: { auditLog: true } },
    network: { ca: "company.pem" },
  },
};

/** What each of its settings changes, and where (`tests/contract/settings-effects.test.ts`). */
export const decided = [
  {
    under,
    effects: [["alloy.values", { added: "yes" }, "alloy-release.spec.values.added", "yes"]],
    resources: ["alloy.resources"],
  },
] as const;
