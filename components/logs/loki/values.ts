import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import type { ObjectStorage } from "../../capabilities.ts";
import { accountAnnotations, caFile, caVolume, credentialVariables } from "../../storage/client.ts";
import { otlpConfig } from "./api.ts";
import type { loki } from "./settings.ts";

type ObjectStore = "filesystem" | "s3";
type Resources = ReturnType<typeof containerResources>;

/** The part of the values of loki 18.11.0 that the environment sets. */
export interface LokiValues {
  readonly deploymentMode: "Monolithic";
  readonly loki: {
    readonly auth_enabled: boolean;
    readonly analytics: { readonly reporting_enabled: boolean };
    readonly commonConfig: { readonly replication_factor: number };
    readonly extraMemberlistConfig: { readonly abort_if_cluster_join_fails: boolean };
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
    };
    readonly compactor: { readonly retention_enabled: boolean; readonly delete_request_store: ObjectStore };
    readonly pattern_ingester: { readonly enabled: boolean };
    readonly ingester: { readonly max_chunk_age: string };
    readonly querier: { readonly query_ingesters_within: string };
  };
  readonly singleBinary: {
    readonly replicas: number;
    readonly persistence: { readonly enabled: boolean; readonly size: string };
    readonly resources: Resources;
    readonly affinity: typeof spread;
    readonly extraEnv?: ReturnType<typeof credentialVariables>;
    readonly extraVolumes?: readonly object[];
    readonly extraVolumeMounts?: readonly object[];
  };
  readonly serviceAccount?: { readonly annotations: Readonly<Record<string, string>> };
  readonly read: { readonly replicas: 0 };
  readonly write: { readonly replicas: 0 };
  readonly backend: { readonly replicas: 0 };
  readonly chunksCache: { readonly enabled: boolean };
  readonly resultsCache: { readonly enabled: boolean };
  readonly lokiCanary: { readonly enabled: boolean };
  readonly test: { readonly enabled: boolean };
  readonly gateway: { readonly enabled: boolean };
  readonly memberlist: { readonly service: { readonly publishNotReadyAddresses: boolean } };
  readonly sidecar: { readonly rules: { readonly enabled: boolean } };
  readonly monitoring: { readonly serviceMonitor: { readonly enabled: boolean } };
}

/**
 * Pods on different nodes where there are enough. The chart demands it: the rest would stay Pending for ever. An empty list,
 * because Helm merges maps.
 */
const spread = {
  podAntiAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [],
    preferredDuringSchedulingIgnoredDuringExecution: [
      {
        weight: 100,
        podAffinityTerm: {
          topologyKey: "kubernetes.io/hostname",
          labelSelector: {
            matchLabels: { "app.kubernetes.io/name": "loki", "app.kubernetes.io/component": "single-binary" },
          },
        },
      },
    ],
  },
} as const;

/**
 * Values of Loki: one binary, on a volume or a bucket, without the caches that do not fit a laptop.
 *
 * @param objects where its bucket is. @default it keeps everything on its volume
 */
export function lokiValues(settings: z.output<typeof loki>, objects?: ObjectStorage): LokiValues {
  const { bucket, size } = settings.storage;
  const type = objects === undefined ? "filesystem" : "s3";
  const ca = objects && caFile(objects);
  const { volumes, volumeMounts } = caVolume(objects);
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
    deploymentMode: "Monolithic",
    loki: {
      auth_enabled: false,
      analytics: { reporting_enabled: false },
      commonConfig: { replication_factor: Math.min(settings.replicas, 3) },
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
        retention_period: settings.retention,
        otlp_config: otlpConfig,
      },
      compactor: { retention_enabled: true, delete_request_store: type },
      pattern_ingester: { enabled: true },
      // Loki refuses for good what is further behind the newest line of its stream than half of this
      // (pkg/ingester/stream.go): what waited out an outage comes in any order. By default that is one hour.
      ingester: { max_chunk_age: "24h" },
      // As long as lines may be nowhere else.
      querier: { query_ingesters_within: "25h" },
    },
    singleBinary: {
      replicas: settings.replicas,
      persistence: { enabled: true, size },
      resources: containerResources(settings.resources),
      affinity: spread,
      ...(objects === undefined ? {} : { extraEnv: credentialVariables(objects, bucket) }),
      ...(volumes.length === 0 ? {} : { extraVolumes: volumes, extraVolumeMounts: volumeMounts }),
    },
    ...accountAnnotations(objects),
    // The chart's defaults are 3 each, and rendering fails beside a single binary.
    read: { replicas: 0 },
    write: { replicas: 0 },
    backend: { replicas: 0 },
    // By default these two ask for 11 GiB.
    chunksCache: { enabled: false },
    resultsCache: { enabled: false },
    lokiCanary: { enabled: false },
    // The chart's test needs the canary.
    test: { enabled: false },
    gateway: { enabled: false },
    memberlist: { service: { publishNotReadyAddresses: true } },
    sidecar: { rules: { enabled: false } },
    monitoring: { serviceMonitor: { enabled: true } },
  };
}
