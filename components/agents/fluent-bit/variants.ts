import type { SettingsInput } from "../../../settings/schema.ts";

const ofNodes = { journal: { enabled: true }, cluster: { kind: { auditLog: true } } } as const;

export const variants: Readonly<Record<string, SettingsInput>> = {};

export const alone: Readonly<Record<string, SettingsInput>> = {
  "with journal and audit log": ofNodes,
  "with both, into three stores, without secrets": {
    ...ofNodes,
    journal: { enabled: true, folder: "/run/log/journal" },
    logs: ["victoriaLogs", "loki", "elasticsearch"],
    redact: { fields: ["password"] },
  },
};

/** What settings of what is read of nodes change, and where (`tests/contract/settings-effects.test.ts`). */
export const effects = [
  ["journal.enabled", true, "fluent-bit-release.spec.values.config.inputs", "Name systemd"],
  ["journal.folder", "/run/log/journal", "fluent-bit-release.spec.values.config.inputs", "Path /run/log/journal"],
] as const;
