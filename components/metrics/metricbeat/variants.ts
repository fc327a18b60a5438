import type { SettingsInput } from "../../../settings/schema.ts";

const under = { logs: "elasticsearch", metricbeat: { enabled: true } } as const;

/** Beside Loki, so that it stands with every other choice: who is asked for lines is none of its matter. */
export const variants: Readonly<Record<string, SettingsInput>> = {
  "kept in Elasticsearch": { ...under, logs: ["loki", "elasticsearch"] },
};

export const alone: Readonly<Record<string, SettingsInput>> = {
  "everything, sent by vmagent, beside another server": {
    ...under,
    metrics: "victoriaMetrics",
    metricbeat: { enabled: true, keepMetrics: [".*"], dropMetrics: ["go_.*"], dropLabels: ["uid"], retention: "30d" },
    remoteWrite: [{ name: "years", url: "https://mimir.example.com/api/v1/push" }],
  },
  "sent by an agent": { ...under, metrics: "victoriaMetrics", scraper: "prometheusAgent" },
};

const sent = "kube-prometheus-stack-release.spec.values.prometheus.prometheusSpec.additionalRemoteWrite.0";

/** What each of its settings changes, and where (`tests/contract/settings-effects.test.ts`). */
export const decided = [
  {
    under,
    effects: [
      ["metricbeat.enabled", true, `${sent}.url`, "http://metricbeat.monitoring.svc:9201/write"],
      ["metricbeat.keepMetrics", ["shop_.*"], `${sent}.writeRelabelConfigs.0.regex`, "shop_.*"],
      ["metricbeat.dropMetrics", ["shop_debug"], `${sent}.writeRelabelConfigs.1.regex`, "shop_debug"],
      ["metricbeat.dropLabels", ["pod_uid"], `${sent}.writeRelabelConfigs.2.regex`, "pod_uid"],
      ["metricbeat.retention", "3d", "elasticsearch-setup.spec.template.spec.containers.0.args.9", "3d"],
    ],
    resources: ["metricbeat.resources"],
  },
] as const;
