import type { SettingsInput } from "../../settings/schema.ts";

/**
 * All that can be off, off: what is left is the cluster, its repository and key, Flux, and one namespace with the operator. For
 * tests that ask nothing of components: a rehearsal of it takes half the time.
 */
export const bare = {
  ...{ metrics: "none", alerts: "none", dashboards: "none", logs: "none", logAgent: "none", traces: "none" },
  ...{ gateway: "none", exporters: { enabled: false }, instrumentation: { enabled: false } },
  ...{ opentelemetryOperator: { enabled: false }, certManager: { enabled: false }, demo: { enabled: false } },
} as const satisfies SettingsInput;
