import type { SettingsInput } from "../../../settings/schema.ts";

export const variants: Readonly<Record<string, SettingsInput>> = {
  one: { metricsServer: { enabled: true } },
  three: { metricsServer: { enabled: true, replicas: 3 } },
};

export const effects = [
  ["metricsServer.enabled", true, "metrics-server-release.spec.values.metrics.enabled"],
  ["metricsServer.replicas", 3],
  [
    "metricsServer.values",
    { planted: "metricsServer.values" },
    "metrics-server-release.spec.values.planted",
    "metricsServer.values",
  ],
] as const;
