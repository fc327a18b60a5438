import type { SettingsInput } from "../../../settings/schema.ts";

export const variants: Readonly<Record<string, SettingsInput>> = {
  single: { metrics: "victoriaMetrics" },
  "single, on volumes": {
    metrics: "victoriaMetrics",
    victoriaMetrics: { storage: "20Gi", retention: "30d", agent: { bufferOnVolume: true, buffer: "2Gi" } },
  },
  cluster: { metrics: "victoriaMetrics", victoriaMetrics: { mode: "cluster", storage: "20Gi" } },
};

export const alone: Readonly<Record<string, SettingsInput>> = {
  "cluster without replication": {
    metrics: "victoriaMetrics",
    victoriaMetrics: {
      mode: "cluster",
      cluster: { replicationFactor: 1, storage: { replicas: 1 }, insert: { replicas: 1 }, select: { replicas: 1 } },
    },
  },
  "alerts to nobody": { metrics: "victoriaMetrics", alerts: "none" },
};

const operator = "victoria-metrics-operator-release.spec.values.planted";

/** What each of its settings changes, and where: a cluster is another choice than a single store. */
export const decided = [
  {
    under: { metrics: "victoriaMetrics" },
    effects: [
      ["victoriaMetrics.retention", "30d"],
      ["victoriaMetrics.storage", "7Gi"],
      ["victoriaMetrics.scrapeInterval", "45s"],
      ["victoriaMetrics.sampleLimit", 77],
      ["victoriaMetrics.labelLimit", 78],
      ["victoriaMetrics.labelNameLengthLimit", 79],
      ["victoriaMetrics.labelValueLengthLimit", 80],
      ["victoriaMetrics.bodySizeLimit", "81MB"],
      ["victoriaMetrics.agent.buffer", "2Gi"],
      [
        "victoriaMetrics.agent.bufferOnVolume",
        true,
        "victoria-metrics-vmagent.spec.statefulStorage.volumeClaimTemplate",
        "2560Mi",
      ],
      [
        "victoriaMetrics.images",
        "registry.example.com/vm",
        "victoria-metrics-vmsingle.spec.image.repository",
        "registry.example.com/vm/victoria-metrics",
      ],
      ["victoriaMetricsOperator.values", { planted: "operator" }, operator, "operator"],
    ],
    resources: [
      "victoriaMetricsOperator.resources",
      "victoriaMetrics.resources",
      "victoriaMetrics.agent.resources",
      "victoriaMetrics.alert.resources",
    ],
  },
  {
    under: { metrics: "victoriaMetrics" },
    effects: [
      ["victoriaMetrics.mode", "cluster", "victoria-metrics-vmcluster.kind", "VMCluster"],
      ["victoriaMetrics.cluster.replicationFactor", 1],
      ["victoriaMetrics.cluster.storage.replicas", 6],
      ["victoriaMetrics.cluster.insert.replicas", 4],
      ["victoriaMetrics.cluster.select.replicas", 5],
    ],
    resources: ["storage", "insert", "select"].map((part) => `victoriaMetrics.cluster.${part}.resources`),
  },
] as const;
