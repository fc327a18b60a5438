/**
 * Tempo's configuration as the chart makes it of our values: our reading of tempo 2.2.4 (its value `config`, a template). It was
 * compared with what Helm renders of the chart for the default settings: each leaf here is a leaf there, with the same value,
 * and there is none beside.
 */
import { merge } from "ts-deepmerge";
import { asMap, at } from "./finding.ts";

/** The version of the chart that was read, and of Tempo that it deploys (its appVersion). */
export const readVersion = { chart: "2.2.4", tempo: "2.10.8" } as const;

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
