/** Mode: distributed. Tempo 3, whose parts hand spans on by a Kafka: none of them has a volume. */
import { stringify } from "yaml";
import type { z } from "zod";
import { byteCount, durationSeconds } from "../../../../settings/formats.ts";
import { containerResources, memoryMiB } from "../../../../settings/resources.ts";
import type { Endpoint, ObjectStorage } from "../../../capabilities.ts";
import type { Requested } from "../../../component.ts";
import { kebab } from "../../../kebab.ts";
import { namespaces } from "../../../kubernetes/namespaces.ts";
import { hardened, spread } from "../../../kubernetes/hardened.ts";
import { accountAnnotations, caVolume, credentialVariables } from "../../../storage/client.ts";
import { bucketOf, unlimited } from "../blocks.ts";
import type { tempo } from "../settings.ts";
import { chart } from "./chart.ts";

type Settings = z.output<typeof tempo>;
type Distributed = Settings["distributed"];

const namespace = namespaces.monitoring.name;

const endpointOf = (part: string, port: number): Endpoint => ({
  ...{ namespace, service: `${chart.name}-${part}`, port, path: "" },
});

/** Where spans are sent, and where queries. */
export const [taking, answering] = [endpointOf("distributor", 4317), endpointOf("query-frontend", 3200)];

/** Parts in the order of a span's way, of a query's, and of those who look after the bucket. */
const parts = [
  ...(["distributor", "blockBuilder", "liveStore", "queryFrontend", "querier"] as const),
  ...(["backendScheduler", "backendWorker"] as const),
];
type Part = (typeof parts)[number];

/** Those that speak with Kafka. */
const inKafka: readonly Part[] = ["distributor", "blockBuilder", "liveStore"];

/** Those that one reads each partition of. */
const ofPartitions: readonly Part[] = ["blockBuilder", "liveStore"];

interface PartValues {
  readonly replicas?: number;
  readonly resources: ReturnType<typeof containerResources>;
  readonly affinity: string;
  readonly extraArgs?: readonly string[];
  readonly extraEnv: readonly object[];
}

/** The part of the values of tempo-distributed 3.3.0 that the environment sets. */
export interface DistributedValues {
  readonly reportingEnabled: false;
  readonly tempo: {
    readonly securityContext: object;
    readonly podSecurityContext: object;
    readonly livenessProbe: { readonly failureThreshold: number };
  };
  readonly defaults: {
    readonly extraVolumes: readonly object[];
    readonly extraVolumeMounts: readonly object[];
  };
  readonly serviceAccount: { readonly annotations?: Readonly<Record<string, string>> };
  readonly ingest: {
    readonly kafka: {
      readonly address: string;
      readonly topic: string;
      readonly auto_create_topic_enabled: false;
      readonly auto_create_topic_default_partitions: 0;
    };
  };
  readonly traces: { readonly otlp: { readonly grpc: { readonly enabled: true } } };
  readonly storage: { readonly trace: ReturnType<typeof bucketOf> };
  readonly overrides: ReturnType<typeof unlimited>;
  readonly distributor: PartValues;
  readonly blockBuilder: PartValues;
  readonly liveStore: PartValues;
  readonly queryFrontend: PartValues;
  readonly querier: PartValues;
  readonly backendScheduler: PartValues & {
    readonly config: {
      readonly provider: { readonly compaction: { readonly compaction: { readonly block_retention: string } } };
    };
  };
  readonly backendWorker: PartValues;
  readonly memcached:
    | { readonly enabled: false }
    | {
        readonly enabled: true;
        readonly replicas: number;
        readonly extraArgs: readonly string[];
        readonly resources: ReturnType<typeof containerResources>;
        readonly affinity: string;
      };
  readonly metaMonitoring: {
    readonly serviceMonitor: { readonly enabled: true; readonly relabelings: readonly object[] };
  };
}

const labels = (part: string) => ({
  "app.kubernetes.io/name": "tempo",
  "app.kubernetes.io/instance": chart.name,
  "app.kubernetes.io/component": part,
});

/** On different nodes where there are enough: the chart's own demands a node for each pod of some. The chart spreads over zones. */
const affinity = (part: string) => stringify(spread(labels(part)));

function replicasOf(part: Part, { [part]: of, kafka }: Distributed): number {
  if (ofPartitions.includes(part)) return kafka.partitions;
  return "replicas" in of ? of.replicas : 1;
}

/** User and password of Kafka: as flags, which Kubernetes fills in, no character of theirs means anything. */
const loginFlags = ["-ingest.sasl-username=$(KAFKA_USERNAME)", "-ingest.sasl-password=$(KAFKA_PASSWORD)"];

const loginVariables = (secret: string) =>
  (["username", "password"] as const).map((key) => ({
    name: `KAFKA_${key.toUpperCase()}`,
    valueFrom: { secretKeyRef: { name: secret, key } },
  }));

/** What memcached needs beside what it is filled with: a fifth. */
const asksOfCache = ({ memory }: Distributed["cache"]) => {
  const whole = `${Math.ceil(memoryMiB(memory) * 1.2)}Mi`;
  return { cpu: "50m", memory: whole, memoryLimit: whole };
};

/** Values of mode: distributed. @param objects where its bucket is */
export function distributedValues(settings: Settings, objects: ObjectStorage): DistributedValues {
  const { distributed, storage, retention } = settings;
  const { kafka, cache } = distributed;
  const { volumes, volumeMounts } = caVolume(objects);
  const part = (name: Part): PartValues => {
    const secret = inKafka.includes(name) ? kafka.credentialsSecret : undefined;
    return {
      // Of the scheduler the chart makes one.
      ...(name === "backendScheduler" ? {} : { replicas: replicasOf(name, distributed) }),
      resources: containerResources(distributed[name].resources),
      affinity: affinity(kebab(name)),
      extraEnv: [
        // It alone does not open the bucket.
        ...(name === "distributor" ? [] : credentialVariables(objects, storage.bucket)),
        ...(secret === undefined ? [] : loginVariables(secret)),
      ],
      ...(secret === undefined ? {} : { extraArgs: loginFlags }),
    };
  };
  return {
    reportingEnabled: false,
    tempo: {
      securityContext: { ...hardened, runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001 },
      podSecurityContext: { fsGroup: 10001, seccompProfile: { type: "RuntimeDefault" } },
      // As of mode: monolithic: ten minutes to be ready after a crash, here to read Kafka again.
      livenessProbe: { failureThreshold: 60 },
    },
    defaults: { extraVolumes: volumes, extraVolumeMounts: volumeMounts },
    serviceAccount: { ...accountAnnotations(objects).serviceAccount },
    ingest: {
      kafka: {
        address: kafka.address ?? "",
        topic: kafka.topic,
        // It would set the number of partitions of every topic that Kafka makes by itself (pkg/ingest/config.go 3.0.3).
        auto_create_topic_enabled: false,
        auto_create_topic_default_partitions: 0,
      },
    },
    traces: { otlp: { grpc: { enabled: true } } },
    storage: { trace: bucketOf(objects, storage.bucket) },
    overrides: unlimited(),
    distributor: part("distributor"),
    blockBuilder: part("blockBuilder"),
    liveStore: part("liveStore"),
    queryFrontend: part("queryFrontend"),
    querier: part("querier"),
    backendScheduler: {
      ...part("backendScheduler"),
      // The workers have it from there.
      config: {
        provider: { compaction: { compaction: { block_retention: `${durationSeconds(retention)}s` } } },
      },
    },
    backendWorker: part("backendWorker"),
    memcached:
      cache.replicas === 0
        ? { enabled: false }
        : {
            enabled: true,
            replicas: cache.replicas,
            // Its own are 64 MB, and items of 1 MB.
            extraArgs: ["-m", String(Math.floor(byteCount(cache.memory) / 1024 ** 2)), "-I", "5m"],
            resources: containerResources(asksOfCache(cache)),
            affinity: affinity("memcached"),
          },
    metaMonitoring: {
      serviceMonitor: {
        enabled: true,
        // The chart calls the jobs `monitoring/distributor` and the like, as if there were no other.
        relabelings: [
          { action: "replace", sourceLabels: ["job"], regex: ".+/(.+)", targetLabel: "job", replacement: "tempo-$1" },
        ],
      },
    },
  };
}

export function distributedRequests({ distributed }: Settings): readonly Requested[] {
  return [
    ...parts.map((part) => ({
      setting: `tempo.distributed.${part}.resources`,
      ...distributed[part].resources,
      count: replicasOf(part, distributed),
    })),
    {
      setting: "tempo.distributed.cache.memory",
      ...asksOfCache(distributed.cache),
      count: distributed.cache.replicas,
    },
  ];
}
