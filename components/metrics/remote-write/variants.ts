import type { SettingsInput } from "../../../settings/schema.ts";

export const variants: Readonly<Record<string, SettingsInput>> = {
  "sent to several": {
    remoteWrite: [
      {
        ...{ name: "years", url: "https://mimir.example.com/api/v1/push", user: "writer", secret: "mimir" },
        ...{ tenant: "platform", headers: { "X-Team": "platform a" }, ca: "company" },
        ...{ timeout: "1m" },
        ...{
          keepMetrics: ["up", "node_.*|kube_.*"],
          dropMetrics: ["node_arp_.*"],
          dropLabels: ["uid", "container_id"],
        },
        relabelings: [
          { sourceLabels: ["namespace"], regex: "dev-.*", action: "drop" },
          { sourceLabels: ["__name__"], targetLabel: "from", replacement: "a $1" },
        ],
        queue: { capacity: 5000, minShards: 2, maxShards: 4, maxSamplesPerSend: 1000, sampleAgeLimit: "1h" },
      },
      { name: "cloud", url: "https://metrics.example.com/write?db=a", secret: "token" },
      { name: "neighbour", url: "http://10.0.0.9:9090/api/v1/write" },
    ],
    prometheus: { nativeHistograms: true, replicas: 2 },
    network: { ca: "company.pem" },
  },
};

/** What vmagent does not speak. */
export const alone: Readonly<Record<string, SettingsInput>> = {
  "sent by 2.0, and exemplars": {
    remoteWrite: [
      { name: "years", url: "https://mimir.example.com/api/v1/push", protocol: "2.0", nativeHistograms: true },
      { name: "cloud", url: "https://metrics.example.com/write", exemplars: true },
    ],
    prometheus: { nativeHistograms: true },
  },
};

const release = "kube-prometheus-stack-release.spec.values.prometheus.prometheusSpec";

/** What each of its settings changes, and where (`tests/contract/settings-effects.test.ts`). */
export const effects = [
  [
    "remoteWrite",
    [{ name: "years", url: "https://mimir.example.com/api/v1/push" }],
    `${release}.additionalRemoteWrite.0.url`,
    "https://mimir.example.com/api/v1/push",
  ],
] as const;
