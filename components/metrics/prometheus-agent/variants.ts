import type { SettingsInput } from "../../../settings/schema.ts";

const metrics = {
  queryUrl: "https://mimir.example.com/prometheus",
  writeUrl: "https://mimir.example.com/api/v1/push",
  tenant: "platform",
  user: "platform",
  ca: "company",
  evaluatesRules: true,
} as const;

export const variants: Readonly<Record<string, SettingsInput>> = {
  "to a store that evaluates": {
    ...{ metrics: "external", external: { metrics }, network: { ca: "company.pem" } },
    scraper: "prometheusAgent",
    prometheusAgent: { replicas: 2, bodySizeLimit: "50MB" },
  },
};

export const alone: Readonly<Record<string, SettingsInput>> = {
  "to VictoriaMetrics": { metrics: "victoriaMetrics", scraper: "prometheusAgent" },
};

/** What each of its settings changes, and where (`tests/contract/settings-effects.test.ts`). */
export const effects = [
  [
    "external.metrics.evaluatesRules",
    true,
    "environment-kustomization-environment.spec.components",
    "content/prometheus-agent/rules",
  ],
  ["prometheusAgent.replicas", 2],
  ["prometheusAgent.scrapeInterval", "45s"],
  ["prometheusAgent.sampleLimit", 77],
  ["prometheusAgent.labelLimit", 78],
  ["prometheusAgent.targetLimit", 79],
  ["prometheusAgent.labelNameLengthLimit", 80],
  ["prometheusAgent.labelValueLengthLimit", 81],
  ["prometheusAgent.bodySizeLimit", "82MB"],
  ["prometheusAgent.resources.cpu", "33m"],
  ["prometheusAgent.resources.memory", "17Mi"],
  ["prometheusAgent.resources.memoryLimit", "3Gi"],
] as const;

export const under: SettingsInput = {
  ...{ metrics: "external", scraper: "prometheusAgent" },
  external: { metrics: { queryUrl: "https://a.example.com", writeUrl: "https://a.example.com/push" } },
};
