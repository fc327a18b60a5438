import type { SettingsInput } from "../../settings/schema.ts";

export const variants: Readonly<Record<string, SettingsInput>> = {};

export const under: SettingsInput = { autoscaler: "keda" };

const spec = "demo-podinfo-frontend-scaling.spec";

export const effects = [
  ["demo.scaling.min", 2, `${spec}.minReplicaCount`],
  ["demo.scaling.max", 9, `${spec}.maxReplicaCount`],
  ["demo.scaling.requestsPerSecond", 17, `${spec}.triggers.0.metadata.threshold`],
] as const;
