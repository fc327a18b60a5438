import type { SettingsInput } from "../../../settings/schema.ts";

export const variants: Readonly<Record<string, SettingsInput>> = {
  one: { autoscaler: "keda" },
  three: { autoscaler: "keda", keda: { replicas: 3 }, demo: { scaling: { min: 2, max: 8, requestsPerSecond: 20 } } },
};

export const effects = [
  ["autoscaler", "keda", "keda-release.spec.releaseName"],
  ["keda.replicas", 3],
  ["keda.values", { planted: "keda.values" }, "keda-release.spec.values.planted", "keda.values"],
] as const;
