/**
 * Tempo's configuration as its charts make it of our values: our reading of tempo 2.2.4 and tempo-distributed 3.3.0 (their value `config`, a
 * template). It was compared with what Helm renders of the charts, of the first for the default settings, of the second for both of its variants:
 * each leaf here is a leaf there, with the same value; of the first there is none beside.
 */
import { merge } from "ts-deepmerge";
import { asMap, at } from "./finding.ts";

/** The version of the chart that was read, and of Tempo that it deploys (its appVersion). */
export const readVersion = { chart: "2.2.4", tempo: "2.10.8" } as const;

/** The same of the chart with parts. */
export const readDistributed = { chart: "3.3.0", tempo: "3.0.3" } as const;

/** Maps of `tempo` that the chart hands on as they are: their names in the configuration, and the chart's own values. */
const handedOn: Readonly<Record<string, readonly [name: string, defaults: object]>> = {
  ingester: ["ingester", {}],
  overrides: ["overrides", { defaults: {}, per_tenant_override_config: "/conf/overrides.yaml" }],
  querier: ["querier", {}],
  queryFrontend: ["query_frontend", {}],
  server: ["server", { http_listen_port: 3200 }],
  storage: [
    "storage",
    { trace: { backend: "local", local: { path: "/var/tempo/traces" }, wal: { path: "/var/tempo/wal" } } },
  ],
};

const jaegerPorts = { grpc: 14250, thrift_binary: 6832, thrift_compact: 6831, thrift_http: 14268 };
const protocols = (ports: Readonly<Record<string, number>>) => ({
  protocols: Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, { endpoint: `0.0.0.0:${port}` }])),
});

/** Values of `tempo` that are about the pod, and no part of the configuration. */
const ofPod = [
  "extraEnv",
  "extraVolumeMounts",
  "livenessProbe",
  "memBallastSizeMbs",
  "pullSecrets",
  "resources",
  "securityContext",
  "tag",
];

/**
 * @param values of a release of the chart
 * @throws Error for a value under `tempo` that this reading does not know
 */
export function tempoConfig(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const tempo = asMap(values["tempo"]) ?? {};
  const known = [...ofPod, ...Object.keys(handedOn), "metricsGenerator", "reportingEnabled", "retention"];
  const unknown = Object.keys(tempo).filter((key) => !known.includes(key));
  if (unknown.length > 0)
    throw new Error(`The reading of the chart in contract/tempo-config.ts does not know tempo.${unknown.join(", ")}.`);
  if (at(tempo, "metricsGenerator", "enabled") !== false)
    throw new Error("contract/tempo-config.ts does not know the metrics generator.");
  return {
    stream_over_http_enabled: false,
    memberlist: { cluster_label: "tempo.monitoring" },
    multitenancy_enabled: false,
    usage_report: { reporting_enabled: tempo["reportingEnabled"] ?? true },
    compactor: { compaction: { block_retention: tempo["retention"] ?? "24h" } },
    distributor: { receivers: { jaeger: protocols(jaegerPorts), otlp: protocols({ grpc: 4317, http: 4318 }) } },
    ...Object.fromEntries(
      Object.entries(handedOn).map(([key, [name, defaults]]) => [name, merge(defaults, asMap(tempo[key]) ?? {})]),
    ),
  };
}

const memberlist = { kvstore: { store: "memberlist" } };

/** Values of tempo-distributed that are about pods, Services and monitors alone, or that this reading fills in. */
const known = [
  ...["backendScheduler", "backendWorker", "blockBuilder", "defaults", "distributor", "global", "ingest", "liveStore"],
  ...["memcached", "metaMonitoring", "overrides", "querier", "queryFrontend", "reportingEnabled", "serviceAccount"],
  ...["storage", "tempo", "traces"],
];

/**
 * @param values of a release of tempo-distributed
 * @throws Error for a value that this reading does not know
 */
export function tempoDistributedConfig(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const unknown = Object.keys(values).filter((key) => !known.includes(key));
  if (unknown.length > 0)
    throw new Error(`The reading of the chart in contract/tempo-config.ts does not know ${unknown.join(", ")}.`);
  const fullname = "tempo-distributed";
  const scheduler = asMap(at(values, "backendScheduler", "config")) ?? {};
  return {
    multitenancy_enabled: false,
    stream_over_http_enabled: false,
    usage_report: { reporting_enabled: values["reportingEnabled"] ?? true },
    backend_scheduler: merge({ provider: { retention: { interval: "1h" } } }, scheduler),
    backend_worker: {
      backend_scheduler_addr: `${fullname}-backend-scheduler:9095`,
      compaction: at(scheduler, "provider", "compaction", "compaction"),
      ring: memberlist,
    },
    block_builder: { partitions_per_instance: 1 },
    live_store: { ring: memberlist },
    ...(at(values, "memcached", "enabled") === true
      ? {
          cache: {
            caches: [
              {
                memcached: {
                  host: `${fullname}-memcached`,
                  service: "memcached-client",
                  consistent_hash: true,
                  timeout: "500ms",
                },
                roles: ["parquet-footer", "bloom", "frontend-search"],
              },
            ],
          },
        }
      : {}),
    distributor: {
      ring: memberlist,
      receivers: at(values, "traces", "otlp", "grpc", "enabled") === true ? { otlp: protocols({ grpc: 4317 }) } : {},
    },
    querier: { frontend_worker: { frontend_address: `${fullname}-query-frontend-discovery:9095` } },
    ingest: values["ingest"],
    memberlist: { cluster_label: `${fullname}.monitoring` },
    overrides: merge(
      { per_tenant_override_config: "/runtime-config/overrides.yaml" },
      asMap(values["overrides"]) ?? {},
    ),
    server: { http_listen_port: 3200 },
    storage: {
      trace: {
        wal: { path: "/var/tempo/wal" },
        local: { path: "/var/tempo/traces" },
        ...asMap(at(values, "storage", "trace")),
      },
    },
  };
}
