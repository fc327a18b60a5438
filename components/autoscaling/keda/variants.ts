import type { SettingsInput } from "../../../settings/schema.ts";

export const variants: Readonly<Record<string, SettingsInput>> = {
  one: { autoscaler: "keda" },
  three: { autoscaler: "keda", keda: { replicas: 3 }, demo: { scaling: { min: 2, max: 8, requestsPerSecond: 20 } } },
};

/** The store is a server that is there, and an agent scrapes the demo's counter into it. */
export const external: SettingsInput = {
  ...{ autoscaler: "keda", metrics: "external", scraper: "prometheusAgent", network: { ca: "company.pem" } },
  external: {
    metrics: {
      ...{ queryUrl: "https://mimir.example.com/prometheus", writeUrl: "https://mimir.example.com/api/v1/push" },
      ...{ user: "reader", tenant: "team-a", ca: "company", evaluatesRules: true },
    },
  },
};

export const alone: Readonly<Record<string, SettingsInput>> = {
  "a store behind a user, a tenant and the company's CA": external,
};

export const effects = [
  ["autoscaler", "keda", "keda-release.spec.releaseName"],
  ["keda.replicas", 3],
  ["keda.values", { planted: "keda.values" }, "keda-release.spec.values.planted", "keda.values"],
] as const;
