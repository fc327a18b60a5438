/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import {
  annotations,
  containerSecurityContext,
  env,
  podSecurityContext,
  pullSecretNames,
  resources,
  volumeMounts,
  volumes,
  list,
  type FreeForm,
  type HandedOn,
} from "../../../contract/handed-on.ts";
import { customResourcePart } from "../../../contract/schemas.ts";
import { durationSeconds } from "../../../settings/formats.ts";
import type { Settings } from "../../../settings/schema.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";

const drained = "what waited out an outage comes at once, and what Tempo refuses then is lost";

const ownBucket: HandedOn = [
  "Tempo's own configuration, absent from values.yaml; read by its documented keys (contract/tempo-reader.ts)",
  () => ({ type: "object" }),
];
const ownLimits: HandedOn = [
  "Tempo's own limits, empty in the chart; read by its documented keys (contract/tempo-reader.ts)",
  () => ({ type: "object" }),
];

export const freeForm: FreeForm = {
  tempo: {
    "**/resources": resources,
    "tempo/pullSecrets": pullSecretNames,
    securityContext: podSecurityContext,
    "tempo/extraEnv": env,
    "tempo/extraVolumeMounts": volumeMounts,
    extraVolumes: volumes,
    "serviceAccount/annotations": annotations,
    "tempo/storage/trace/s3": ownBucket,
    "tempo/securityContext": containerSecurityContext,
    "tempo/overrides/defaults": ownLimits,
  },
  "tempo-distributed": {
    "**/resources": resources,
    "**/extraEnv": env,
    "**/extraVolumes": volumes,
    "**/extraVolumeMounts": volumeMounts,
    "**/extraArgs": [
      "flags of Tempo and of memcached",
      () => list({ type: "string", pattern: "^(-m|-I|5m|\\d+|-ingest\\.sasl-(username|password)=\\$\\([A-Z_]+\\))$" }),
    ],
    "global/image/pullSecrets": pullSecretNames,
    "serviceAccount/annotations": annotations,
    "tempo/securityContext": containerSecurityContext,
    "tempo/podSecurityContext": podSecurityContext,
    "tempo/livenessProbe/failureThreshold": ["absent from values.yaml; a probe's own key", () => ({ type: "integer" })],
    "storage/trace/s3": ownBucket,
    "overrides/defaults": ownLimits,
    "metaMonitoring/serviceMonitor/relabelings": [
      "rules that the chart hands to the monitor as they are",
      () =>
        customResourcePart("monitoring.coreos.com/v1", "ServiceMonitor", "spec", "endpoints", "items", "relabelings"),
    ],
  },
};

const isDistributed = ({ tempo }: Settings) => tempo.mode === "distributed";

const replicated = ["distributor", "queryFrontend", "querier", "backendWorker"] as const;
const parts = [...replicated, "blockBuilder", "liveStore", "backendScheduler"] as const;

export const pins: readonly Pin[] = [
  ...release(
    "tempo",
    [
      ["tempo/resources", setting((s) => asks(s.tempo.resources)), why.sized],
      [
        "tempo/memBallastSizeMbs",
        0,
        "with the chart's 1024 the heap outgrows the container's limit before memory is collected",
      ],
      ["tempo/reportingEnabled", false, why.reported],
      ["tempo/livenessProbe/failureThreshold", 60, "ten minutes to read the write-ahead log after a crash"],
      ["tempo/metricsGenerator/enabled", false, "metrics of spans have one source: the collector"],
      ["tempo/overrides/defaults/ingestion/rate_limit_bytes", 1_000_000_000, drained],
      ["tempo/overrides/defaults/ingestion/burst_size_bytes", 1_000_000_000, drained],
      ["tempo/overrides/defaults/ingestion/max_traces_per_user", 0, drained],
      ["securityContext/runAsUser", 10001, why.contained],
      ["securityContext/runAsGroup", 10001, why.contained],
      ["securityContext/fsGroup", 10001, "its volumes belong to the user that writes them"],
      ["serviceAccount/automountServiceAccountToken", false, why.contained],
      ["persistence/enabled", true, "traces outlive the pod"],
      ["persistence/size", setting((s) => s.tempo.storage.size), "tempo.storage.size"],
      ["serviceMonitor/enabled", true, why.unmeasured],
    ],
    (settings) => !isDistributed(settings),
  ),
  ...release(
    "tempo-distributed",
    [
      ["reportingEnabled", false, why.reported],
      ["ingest/kafka/auto_create_topic_enabled", false, "Kafka is somebody else's, and so is how it makes topics"],
      [
        "ingest/kafka/auto_create_topic_default_partitions",
        0,
        "it would change every topic that Kafka makes by itself",
      ],
      ["overrides/defaults/ingestion/rate_limit_bytes", 1_000_000_000, drained],
      ["overrides/defaults/ingestion/burst_size_bytes", 1_000_000_000, drained],
      ["overrides/defaults/ingestion/max_traces_per_user", 0, drained],
      [
        "backendScheduler/config/provider/compaction/compaction/block_retention",
        setting((s) => `${durationSeconds(s.tempo.retention)}s`),
        "tempo.retention",
      ],
      ["tempo/livenessProbe/failureThreshold", 60, "ten minutes to read Kafka again after a crash"],
      ["tempo/securityContext/runAsUser", 10001, why.contained],
      ["tempo/podSecurityContext/fsGroup", 10001, why.contained],
      ["metaMonitoring/serviceMonitor/enabled", true, why.unmeasured],
      ["blockBuilder/replicas", setting((s) => s.tempo.distributed.kafka.partitions), "one reads each partition"],
      ["liveStore/replicas", setting((s) => s.tempo.distributed.kafka.partitions), "one reads each partition"],
      ...parts.map(
        (part) => [`${part}/resources`, setting((s) => asks(s.tempo.distributed[part].resources)), why.sized] as const,
      ),
      ...replicated.map(
        (part) =>
          [
            `${part}/replicas`,
            setting((s) => s.tempo.distributed[part].replicas),
            `tempo.distributed.${part}.replicas`,
          ] as const,
      ),
    ],
    isDistributed,
  ),
];

/** Of mode: distributed each part is a job. */
export const scraped: Scraped = {
  jobs: [
    "tempo",
    ...[
      "distributor",
      "block-builder",
      "live-store",
      "query-frontend",
      "querier",
      "backend-scheduler",
      "backend-worker",
    ].map((part) => `tempo-${part}`),
  ],
  metrics: ["tempo_", "tempodb_"],
};
