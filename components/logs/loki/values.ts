import type { z } from "zod";
import { byteCount } from "../../../settings/formats.ts";
import { containerResources } from "../../../settings/resources.ts";
import type { ObjectStorage } from "../../capabilities.ts";
import { spread } from "../../kubernetes/hardened.ts";
import { accountAnnotations, caFile, caVolume, credentialVariables } from "../../storage/client.ts";
import { otlpConfig } from "./api.ts";
import { type rulerConfig, rulerVolumes } from "./ruler.ts";
import type { loki } from "./settings.ts";

type ObjectStore = "filesystem" | "s3";
type Settings = z.output<typeof loki>;

/** What every form of the chart is given alike. */
export interface SharedValues {
  readonly loki: {
    readonly auth_enabled: boolean;
    readonly analytics: { readonly reporting_enabled: boolean };
    readonly commonConfig: { readonly replication_factor: number };
    readonly extraMemberlistConfig: { readonly abort_if_cluster_join_fails: boolean; readonly cluster_label?: string };
    readonly storage: {
      readonly type: ObjectStore;
      readonly bucketNames?: { readonly chunks: string; readonly ruler: string };
      readonly s3?: {
        readonly endpoint: string;
        readonly region: string;
        readonly s3ForcePathStyle: boolean;
        readonly http_config?: { readonly ca_file: string };
      };
    };
    readonly schemaConfig: {
      readonly configs: readonly {
        readonly from: string;
        readonly store: "tsdb";
        readonly object_store: ObjectStore;
        readonly schema: "v13";
        readonly index: { readonly prefix: string; readonly period: "24h" };
      }[];
    };
    readonly limits_config: {
      readonly allow_structured_metadata: boolean;
      readonly volume_enabled: boolean;
      readonly retention_period: string;
      readonly otlp_config: typeof otlpConfig;
      readonly ingestion_rate_mb: number;
      readonly ingestion_burst_size_mb: number;
      readonly max_global_streams_per_user: number;
      readonly per_stream_rate_limit: string;
      readonly per_stream_rate_limit_burst: string;
    };
    readonly compactor: { readonly retention_enabled: boolean; readonly delete_request_store: ObjectStore };
    readonly pattern_ingester: { readonly enabled: boolean };
    readonly rulerConfig?: ReturnType<typeof rulerConfig>;
    readonly ingester: { readonly max_chunk_age: string; readonly wal: { readonly replay_memory_ceiling: string } };
    readonly querier: { readonly query_ingesters_within: string };
  };
  readonly serviceAccount?: { readonly annotations: Readonly<Record<string, string>> };
  readonly read: { readonly replicas: 0 };
  readonly write: { readonly replicas: 0 };
  readonly backend: { readonly replicas: 0 };
  readonly lokiCanary: { readonly enabled: boolean };
  readonly test: { readonly enabled: boolean };
  readonly gateway: { readonly enabled: boolean };
  readonly memberlist: { readonly service: { readonly publishNotReadyAddresses: boolean } };
  readonly sidecar: { readonly rules: { readonly enabled: boolean } };
  readonly monitoring: { readonly serviceMonitor: { readonly enabled: boolean } };
}

/** What pods that use the bucket are given. */
export interface BucketAccess {
  readonly extraEnv?: ReturnType<typeof credentialVariables>;
  readonly extraVolumes?: readonly object[];
  readonly extraVolumeMounts?: readonly object[];
}

/** The part of the values of loki 18.11.0 that mode: monolithic sets. */
export interface LokiValues extends SharedValues {
  readonly deploymentMode: "Monolithic";
  readonly singleBinary: BucketAccess & {
    readonly replicas: number;
    readonly persistence: { readonly enabled: boolean; readonly size: string };
    readonly resources: ReturnType<typeof containerResources>;
    readonly affinity: object;
    readonly terminationGracePeriodSeconds?: number;
  };
  readonly chunksCache: { readonly enabled: boolean };
  readonly resultsCache: { readonly enabled: boolean };
}

/**
 * Pods on different nodes where there are enough. The chart demands it: the rest would stay Pending for ever. An empty list,
 * because Helm merges maps.
 */
export function spreadPods(labels: Readonly<Record<string, string>>) {
  const { podAntiAffinity } = spread(labels);
  return { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [], ...podAntiAffinity } };
}

/**
 * What pods that use the bucket are given.
 *
 * @param objects where it is. @default they use none
 * @param ruler whether they have a ruler, too
 */
export function bucketAccess(bucket: string, objects?: ObjectStorage, ruler = false): BucketAccess {
  const ca = caVolume(objects);
  const volumes = [...ca.volumes, ...(ruler ? rulerVolumes.volumes : [])];
  const volumeMounts = [...ca.volumeMounts, ...(ruler ? rulerVolumes.volumeMounts : [])];
  return {
    ...(objects === undefined ? {} : { extraEnv: credentialVariables(objects, bucket) }),
    ...(volumes.length === 0 ? {} : { extraVolumes: volumes, extraVolumeMounts: volumeMounts }),
  };
}

const mebibytes = (amount: string) => byteCount(amount) / 1024 ** 2;
/** As Loki reads sizes (flagext.ByteSize): its units are powers of 1024, too. */
const sized = (bytes: number) => `${Math.floor(bytes)}B`;

/**
 * What does not depend on how many pods Loki is.
 *
 * @param replicas of what takes lines
 * @param memoryLimit of the same
 * @param objects where its bucket is. @default it keeps everything on its volume
 * @param ruler what its ruler is told. @default it evaluates nothing
 */
export function sharedValues(
  { retention, storage: { bucket }, limits }: Settings,
  { replicas, memoryLimit }: { readonly replicas: number; readonly memoryLimit: string },
  objects?: ObjectStorage,
  ruler?: ReturnType<typeof rulerConfig>,
): SharedValues {
  const type = objects === undefined ? "filesystem" : "s3";
  const ca = objects && caFile(objects);
  const storage =
    objects === undefined
      ? ({ type: "filesystem" } as const)
      : ({
          type: "s3",
          bucketNames: { chunks: bucket, ruler: bucket },
          s3: {
            endpoint: objects.url,
            region: objects.region,
            // No keys: Loki's S3 client takes them from its environment by itself. -config.expand-env would put them into the
            // YAML as they are, where "p@ss #1" is cut off.
            s3ForcePathStyle: objects.pathStyle,
            ...(ca === undefined ? {} : { http_config: { ca_file: ca } }),
          },
        } as const);
  return {
    loki: {
      auth_enabled: false,
      analytics: { reporting_enabled: false },
      commonConfig: { replication_factor: Math.min(replicas, 3) },
      // A lone pod cannot find itself before it is ready, and would crash-loop over it.
      extraMemberlistConfig: { abort_if_cluster_join_fails: false },
      storage,
      schemaConfig: {
        configs: [
          {
            from: "2024-04-01",
            store: "tsdb",
            object_store: type,
            schema: "v13",
            index: { prefix: "index_", period: "24h" },
          },
        ],
      },
      limits_config: {
        // Trace ids and other OTLP attributes are kept as structured metadata.
        allow_structured_metadata: true,
        volume_enabled: true,
        retention_period: retention,
        otlp_config: otlpConfig,
        ingestion_rate_mb: mebibytes(limits.ingestionRate),
        ingestion_burst_size_mb: mebibytes(limits.ingestionBurst),
        max_global_streams_per_user: limits.streams,
        per_stream_rate_limit: sized(byteCount(limits.streamRate)),
        per_stream_rate_limit_burst: sized(byteCount(limits.streamBurst)),
      },
      compactor: { retention_enabled: true, delete_request_store: type },
      pattern_ingester: { enabled: true },
      ...(ruler === undefined ? {} : { rulerConfig: ruler }),
      ingester: {
        // Loki refuses for good what is further behind the newest line of its stream than half of this
        // (pkg/ingester/stream.go): what waited out an outage comes in any order. By default that is one hour.
        max_chunk_age: "24h",
        // By default lines of up to 4 GB are read again before any is flushed: more than the container may have.
        wal: { replay_memory_ceiling: sized(byteCount(memoryLimit) * 0.75) },
      },
      // As long as lines may be nowhere else.
      querier: { query_ingesters_within: "25h" },
    },
    ...accountAnnotations(objects),
    // The chart's defaults are 3 each, and rendering fails beside another mode.
    read: { replicas: 0 },
    write: { replicas: 0 },
    backend: { replicas: 0 },
    lokiCanary: { enabled: false },
    // The chart's test needs the canary.
    test: { enabled: false },
    gateway: { enabled: false },
    memberlist: { service: { publishNotReadyAddresses: true } },
    sidecar: { rules: { enabled: false } },
    monitoring: { serviceMonitor: { enabled: true } },
  };
}

/** How long a pod may take to write what it has into the bucket when it ends: in seconds, the chart's own for ingesters. */
export const flushSeconds = 300;

/**
 * Values of mode: monolithic: one binary, on a volume or a bucket, without the caches that do not fit a laptop.
 *
 * @param objects where its bucket is. @default it keeps everything on its volume
 * @param ruler what its ruler is told. @default it evaluates nothing
 */
export function lokiValues(
  settings: Settings,
  objects?: ObjectStorage,
  ruler?: ReturnType<typeof rulerConfig>,
): LokiValues {
  const { replicas, resources, storage } = settings;
  return {
    deploymentMode: "Monolithic",
    ...sharedValues(settings, { replicas, memoryLimit: resources.memoryLimit }, objects, ruler),
    singleBinary: {
      replicas,
      persistence: { enabled: true, size: storage.size },
      resources: containerResources(resources),
      affinity: spreadPods({ "app.kubernetes.io/name": "loki", "app.kubernetes.io/component": "single-binary" }),
      // Another mode finds what is in the bucket, and nothing else.
      ...(objects === undefined ? {} : { terminationGracePeriodSeconds: flushSeconds }),
      ...bucketAccess(storage.bucket, objects, ruler !== undefined),
    },
    // By default these two ask for 11 GiB.
    chunksCache: { enabled: false },
    resultsCache: { enabled: false },
  };
}
