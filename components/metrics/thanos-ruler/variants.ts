import type { SettingsInput } from "../../../settings/schema.ts";

const metrics = {
  queryUrl: "https://metrics.example.com/base",
  writeUrl: "https://metrics.example.com/api/v1/write",
  user: "platform",
  ca: "company",
} as const;
const alerts = { url: "https://alerts.example.com/alertmanager" };

export const variants: Readonly<Record<string, SettingsInput>> = {
  "over Prometheus": { ruler: "thanosRuler" },
  "over what an agent writes": {
    ...{ metrics: "external", scraper: "prometheusAgent", ruler: "thanosRuler", alerts: "external" },
    ...{ external: { metrics, alerts }, network: { ca: "company.pem" } },
  },
};

const years: SettingsInput = { ruler: "thanosRuler", thanos: { enabled: true }, objectStorage: "seaweedfs" };

export const alone: Readonly<Record<string, SettingsInput>> = {
  "over Thanos": years,
  "over Thanos, twice, in a bucket of others": {
    ...{ ...years, objectStorage: "s3", thanosRuler: { replicas: 2 }, network: { ca: "company.pem" } },
    s3: {
      ...{ endpoint: "https://storage.example.com:9000", ca: "company" },
      serviceAccountAnnotations: { "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/metrics" },
    },
  },
};

/** What each of its settings changes, and where (`tests/contract/settings-effects.test.ts`). */
export const effects = [
  ["thanosRuler.evaluationInterval", "45s"],
  ["thanosRuler.replicas", 2],
  ["thanosRuler.size", "7Gi"],
  ["thanosRuler.resources.cpu", "33m"],
  ["thanosRuler.resources.memory", "17Mi"],
  ["thanosRuler.resources.memoryLimit", "3Gi"],
] as const;

export const under: SettingsInput = years;
