/**
 * Loki's configuration as the chart makes it of our values: our reading of loki 18.11.0 (its template `loki.config` and
 * the helpers for storage), for what the environment uses of it. It was compared with what Helm renders of the chart for
 * storage on a volume, in AWS and in a bucket elsewhere, and for the parts of deploymentMode Distributed: each leaf here is a leaf there,
 * with the same value.
 *
 * Left out: what the chart adds of itself and the values do not decide, where Loki's own default will do to read the rest.
 */
import { merge } from "ts-deepmerge";
import { asMap, at, textAt } from "./finding.ts";

/** The version of the chart that was read, and of Loki that it deploys (its appVersion). */
export const readVersion = { chart: "18.11.0", loki: "3.7.6" } as const;

/** Folder of the volume with everything that Loki keeps. */
const dataFolder = "/var/loki";

/** Maps of `loki` that the chart hands on as they are, and their names in the configuration. */
const handedOn: Readonly<Record<string, string>> = {
  analytics: "analytics",
  compactor: "compactor",
  ingester: "ingester",
  limits_config: "limits_config",
  pattern_ingester: "pattern_ingester",
  querier: "querier",
  schemaConfig: "schema_config",
};

/** What the chart sets where the values do not (its own values.yaml). */
const defaults: Readonly<Record<string, object>> = {
  limits_config: {
    reject_old_samples: true,
    reject_old_samples_max_age: "168h",
    max_cache_freshness_per_query: "10m",
    split_queries_by_interval: "15m",
    query_timeout: "300s",
    volume_enabled: true,
  },
  ingester: { wal: { flush_on_shutdown: true } },
};

/** Keys of an S3 client in the values and in Loki's configuration. */
const s3Keys: Readonly<Record<string, string>> = {
  endpoint: "endpoint",
  region: "region",
  s3ForcePathStyle: "s3forcepathstyle",
  http_config: "http_config",
};

function unknownKeys(where: string, value: unknown, known: readonly string[]): void {
  const unknown = Object.keys(asMap(value) ?? {}).filter((key) => !known.includes(key));
  if (unknown.length === 0) return;
  throw new Error(
    `${where} has ${unknown.join(", ")}: the reading of the chart in contract/loki-config.ts does not know it. ` +
      `It knows ${known.join(", ")}.`,
  );
}

/** What a client of the object store is told. */
function store(storage: unknown, bucket: "chunks" | "ruler"): Record<string, unknown> {
  const s3 = asMap(at(storage, "s3")) ?? {};
  unknownKeys("loki.storage.s3", s3, Object.keys(s3Keys));
  unknownKeys("loki.storage.bucketNames", at(storage, "bucketNames"), ["chunks", "ruler"]);
  return {
    bucketnames: textAt(storage, "bucketNames", bucket),
    insecure: false,
    ...Object.fromEntries(Object.entries(s3).map(([key, value]): [string, unknown] => [s3Keys[key] ?? key, value])),
  };
}

const domain = "monitoring.svc.cluster.local";

/** What the chart tells each part of the others. */
function ofParts(values: Readonly<Record<string, unknown>>, name: string): Record<string, unknown> {
  const scheduler_address = `${name}-query-scheduler-headless.${domain}:9095`;
  const cached = (part: string, timeout: string, more: object) => ({
    default_validity: part === "chunks" ? "0s" : "12h",
    background: { writeback_goroutines: 1, writeback_buffer: 500_000, writeback_size_limit: "500MB" },
    ...(part === "chunks" ? { memcached: { batch_size: 4, parallelism: 5 } } : {}),
    memcached_client: {
      addresses: `dnssrvnoa+_memcached-client._tcp.${name}-${part}-cache.${domain}`,
      consistent_hash: true,
      timeout,
      ...more,
    },
  });
  const has = (cache: string) => at(values, cache, "enabled") === true;
  return {
    frontend: { scheduler_address, tail_proxy_url: `http://${name}-querier.${domain}:3100` },
    frontend_worker: { scheduler_address },
    index_gateway: { mode: "simple" },
    ...(has("chunksCache")
      ? { chunk_store_config: { chunk_cache_config: cached("chunks", "2000ms", { max_idle_conns: 72 }) } }
      : {}),
    query_range: {
      align_queries_with_step: true,
      ...(has("resultsCache")
        ? { cache_results: true, results_cache: { cache: cached("results", "500ms", { update_interval: "1m" }) } }
        : {}),
    },
    storage_config: {
      use_thanos_objstore: false,
      tsdb_shipper: {
        index_gateway_client: { server_address: `dns+${name}-index-gateway-headless.${domain}:9095` },
      },
    },
  };
}

/**
 * @param values of a release of the chart
 * @throws Error for a value under `loki` that this reading does not know
 */
export function lokiConfig(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const loki = asMap(values["loki"]) ?? {};
  unknownKeys("loki", loki, [
    ...Object.keys(handedOn),
    "auth_enabled",
    "commonConfig",
    "rulerConfig",
    "extraMemberlistConfig",
    "storage",
  ]);
  const storage = loki["storage"];
  unknownKeys("loki.storage", storage, ["type", "bucketNames", "s3"]);
  const type = textAt(storage, "type");
  if (type !== "filesystem" && type !== "s3") throw new Error(`loki.storage.type is ${String(type)}.`);
  const s3 = type === "s3";
  const distributed = values["deploymentMode"] === "Distributed";
  const name = textAt(values, "nameOverride") ?? "loki";
  const config: Record<string, unknown> = {
    auth_enabled: loki["auth_enabled"],
    server: { http_listen_port: 3100, grpc_listen_port: 9095 },
    common: {
      path_prefix: dataFolder,
      compactor_grpc_address: `${distributed ? `${name}-compactor` : name}.${domain}:9095`,
      ...asMap(loki["commonConfig"]),
      storage: s3
        ? { s3: store(storage, "chunks") }
        : { filesystem: { chunks_directory: `${dataFolder}/chunks`, rules_directory: `${dataFolder}/rules` } },
    },
    memberlist: {
      ...asMap(loki["extraMemberlistConfig"]),
      join_members: [`${name}-memberlist.${domain}`],
    },
    ...(at(values, "ruler", "enabled") === false
      ? {}
      : {
          ruler: {
            storage: s3 ? { type, s3: store(storage, "ruler") } : { type: "local" },
            wal: { dir: `${dataFolder}/ruler-wal` },
            ...asMap(loki["rulerConfig"]),
          },
        }),
    query_range: { align_queries_with_step: true },
    storage_config: { use_thanos_objstore: false },
    ...(distributed ? ofParts(values, name) : {}),
  };
  for (const [key, name] of Object.entries(handedOn)) {
    const own = merge(defaults[key] ?? {}, asMap(loki[key]) ?? {});
    if (Object.keys(own).length > 0) config[name] = own;
  }
  return config;
}
