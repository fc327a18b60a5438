/**
 * Loki's configuration as the chart makes it of our values: our reading of loki 18.11.0 (its template `loki.config` and
 * the helpers for storage), for what the environment uses of it. It was compared with what Helm renders of the chart for
 * storage on a volume, in AWS and in a bucket elsewhere: each leaf here is a leaf there, with the same value.
 *
 * Left out: what the chart adds of itself and the values do not decide, where Loki's own default will do to read the rest.
 */
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
    "extraMemberlistConfig",
    "storage",
  ]);
  const storage = loki["storage"];
  unknownKeys("loki.storage", storage, ["type", "bucketNames", "s3"]);
  const type = textAt(storage, "type");
  if (type !== "filesystem" && type !== "s3") throw new Error(`loki.storage.type is ${String(type)}.`);
  const s3 = type === "s3";
  const config: Record<string, unknown> = {
    auth_enabled: loki["auth_enabled"],
    server: { http_listen_port: 3100, grpc_listen_port: 9095 },
    common: {
      path_prefix: dataFolder,
      compactor_grpc_address: "loki.monitoring.svc.cluster.local:9095",
      ...asMap(loki["commonConfig"]),
      storage: s3
        ? { s3: store(storage, "chunks") }
        : { filesystem: { chunks_directory: `${dataFolder}/chunks`, rules_directory: `${dataFolder}/rules` } },
    },
    memberlist: {
      ...asMap(loki["extraMemberlistConfig"]),
      join_members: ["loki-memberlist.monitoring.svc.cluster.local"],
    },
    ruler: {
      storage: s3 ? { type, s3: store(storage, "ruler") } : { type: "local" },
      wal: { dir: `${dataFolder}/ruler-wal` },
    },
    query_range: { align_queries_with_step: true },
    storage_config: { use_thanos_objstore: false },
  };
  for (const [key, name] of Object.entries(handedOn)) {
    const own = { ...defaults[key], ...asMap(loki[key]) };
    if (Object.keys(own).length > 0) config[name] = own;
  }
  return config;
}
