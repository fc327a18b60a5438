import type { SettingsInput } from "../../../settings/schema.ts";

export const variants: Readonly<Record<string, SettingsInput>> = {
  "metrics and labels dropped by job": {
    metricFilters: [
      { job: "kube-state-metrics", dropMetrics: ["kube_replicaset_.*", "kube_ingress_.*"], dropLabels: ["uid"] },
      { job: "shop-.*|cart", keepMetrics: ["shop_.*", "up"] },
    ],
    prometheus: { targetLimit: 1000, labelNameLengthLimit: 200, labelValueLengthLimit: 4096, bodySizeLimit: "50MB" },
  },
};

/** What each of its settings changes, and where (`tests/contract/settings-effects.test.ts`). */
export const effects = [
  [
    "metricFilters",
    [{ job: "shop", dropMetrics: ["go_.*"] }],
    "kube-prometheus-stack-release.spec.values.prometheus.prometheusSpec.scrapeClasses.0.metricRelabelings.0.regex",
    "(?:shop);(?:go_.*)",
  ],
] as const;
