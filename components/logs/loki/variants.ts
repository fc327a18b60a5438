import type { SettingsInput } from "../../../settings/schema.ts";

const distributed = (more: object = {}) => ({
  mode: "distributed" as const,
  storage: { type: "objectStorage" as const },
  ...more,
});

export const variants = {
  distributed: { objectStorage: "seaweedfs", loki: distributed() },
} satisfies Readonly<Record<string, SettingsInput>>;

/** Pods with an identity of their own, behind the company's certificates; without what may be left out. */
export const alone = {
  "distributed, in a bucket of the company's": {
    objectStorage: "s3",
    s3: {
      ...{ endpoint: "https://storage.example.com:9000", ca: "company" },
      serviceAccountAnnotations: { "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/logs" },
    },
    network: { ca: "company.pem" },
    loki: distributed({
      retention: "30d",
      distributed: {
        ...{ ingester: { replicas: 6 }, patternIngester: { replicas: 0 }, resultsCache: { replicas: 0 } },
        ...{ indexGateway: { replicas: 1 }, chunksCache: { replicas: 3, memory: "2Gi" } },
      },
    }),
  },
  "distributed, with alerts on lines": {
    objectStorage: "seaweedfs",
    loki: distributed(),
    logAlerts: { shipped: ["LogPanic"] },
  },
} satisfies Readonly<Record<string, SettingsInput>>;

const limits = "loki-release.spec.values.loki.limits_config";

export const effects = [
  ["loki.limits.ingestionRate", "8Mi", `${limits}.ingestion_rate_mb`, "8"],
  ["loki.limits.ingestionBurst", "12Mi", `${limits}.ingestion_burst_size_mb`, "12"],
  ["loki.limits.streams", 9000],
  ["loki.limits.streamRate", "5Mi", `${limits}.per_stream_rate_limit`, "5242880B"],
  ["loki.limits.streamBurst", "20Mi", `${limits}.per_stream_rate_limit_burst`, "20971520B"],
];

const values = "loki-distributed-release.spec.values";
const counted = ["distributor", "ingester", "queryFrontend", "queryScheduler", "querier", "indexGateway"];
const parts = [...counted, "compactor", "patternIngester", "ruler"];
const of = (part: string) => `loki.distributed.${part}`;

/** What each of its settings changes, and where. */
export const decided = [
  {
    under: {
      ...{ objectStorage: "seaweedfs", loki: { storage: { type: "objectStorage" } } },
      logAlerts: { shipped: ["LogPanic"] },
    } satisfies SettingsInput,
    effects: [
      ["loki.mode", "distributed", "loki-distributed-release.spec.values.deploymentMode", "Distributed"],
      ...[...counted, "patternIngester", "ruler"].map((part) => [`${of(part)}.replicas`, 4] as const),
      ...["ingester", "indexGateway", "compactor"].map((part) => [`${of(part)}.size`, "7Gi"] as const),
      [`${of("chunksCache")}.replicas`, 2, `${values}.chunksCache.replicas`],
      [`${of("chunksCache")}.memory`, "2Gi", `${values}.chunksCache.allocatedMemory`, "2048"],
      [`${of("resultsCache")}.replicas`, 3, `${values}.resultsCache.replicas`],
      [`${of("resultsCache")}.memory`, "512Mi", `${values}.resultsCache.allocatedMemory`, "512"],
    ] as const,
    resources: parts.map((part) => `${of(part)}.resources`),
  },
];
