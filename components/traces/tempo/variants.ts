import type { SettingsInput } from "../../../settings/schema.ts";

const distributed = (more: object = {}) => ({
  mode: "distributed" as const,
  storage: { type: "objectStorage" as const },
  ...more,
});
const address = "kafka.streams.example.com:9092";

export const variants = {
  alone: { traces: "tempo", tempo: { retention: "7d", storage: { size: "20Gi" } } },
  "in a bucket": { traces: "tempo", objectStorage: "seaweedfs", tempo: { storage: { type: "objectStorage" } } },
  "in a bucket of the company's": {
    ...{ traces: "tempo", objectStorage: "s3", tempo: { storage: { type: "objectStorage" } } },
    s3: {
      endpoint: "https://storage.example.com:9000",
      ca: "company",
      serviceAccountAnnotations: { "example.com/role": "traces" },
    },
    network: { ca: "company.pem" },
  },
  distributed: {
    ...{ traces: "tempo", objectStorage: "seaweedfs" },
    tempo: distributed({ distributed: { kafka: { address } } }),
  },
  "beside Jaeger": { traces: ["jaeger", "tempo"] },
} satisfies Readonly<Record<string, SettingsInput>>;

/** Pods with an identity of their own, behind the company's certificates, a Kafka that asks who one is, and no cache. */
export const alone = {
  "distributed, in a bucket of the company's": {
    ...{ traces: ["jaeger", "tempo"], objectStorage: "s3", network: { ca: "company.pem" } },
    s3: {
      ...{ endpoint: "https://storage.example.com:9000", ca: "company" },
      serviceAccountAnnotations: { "example.com/role": "traces" },
    },
    tempo: distributed({
      retention: "14d",
      distributed: {
        kafka: { address, topic: "spans", partitions: 6, credentialsSecret: "kafka-tempo" },
        ...{ querier: { replicas: 4 }, cache: { replicas: 0 } },
      },
    }),
  },
} satisfies Readonly<Record<string, SettingsInput>>;

const values = "tempo-distributed-release.spec.values";
const of = (part: string) => `tempo.distributed.${part}`;
const replicated = ["distributor", "queryFrontend", "querier", "backendWorker"];

/** What each of its settings changes, and where. */
export const decided = [
  {
    under: {
      ...{ traces: "tempo", objectStorage: "seaweedfs" },
      tempo: { storage: { type: "objectStorage" }, distributed: { kafka: { address } } },
    } satisfies SettingsInput,
    effects: [
      ["tempo.mode", "distributed", "tempo-distributed-release.spec.values.storage.trace.backend", "s3"],
      [of("kafka.address"), "kafka-0.streams.example.com:9094", `${values}.ingest.kafka.address`],
      [of("kafka.topic"), "spans", `${values}.ingest.kafka.topic`],
      [of("kafka.partitions"), 5, `${values}.liveStore.replicas`, "5"],
      [of("kafka.credentialsSecret"), "kafka-tempo", `${values}.distributor.extraEnv.0.valueFrom.secretKeyRef.name`],
      ...replicated.map((part) => [`${of(part)}.replicas`, 4] as const),
      [of("cache.replicas"), 2, `${values}.memcached.replicas`],
      [of("cache.memory"), "512Mi", `${values}.memcached.extraArgs.1`, "512"],
    ] as const,
    resources: [...replicated, "blockBuilder", "liveStore", "backendScheduler"].map((part) => `${of(part)}.resources`),
  },
];

export const effects = [
  ["traces", ["jaeger", "tempo"], "tempo-release", "monitoring"],
  ["tempo.retention", "3d", "tempo-release.spec.values.tempo.retention", "259200s"],
  ["tempo.storage.type", "objectStorage", "tempo-release.spec.values.tempo.storage.trace.backend", "s3"],
  ["tempo.storage.bucket", "spans", "tempo-release.spec.values.tempo.storage.trace.s3.bucket"],
  ["tempo.storage.size", "7Gi", "tempo-release.spec.values.persistence.size"],
  ["tempo.values", { added: "yes" }, "tempo-release", "yes"],
];
