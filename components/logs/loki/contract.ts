/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import {
  affinity,
  duration,
  annotations,
  env,
  flag,
  list,
  map,
  pullSecrets,
  resources,
  strict,
  text,
  volumeMounts,
  volumes,
  type FreeForm,
  type HandedOn,
} from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";
import { type Schema } from "../../../contract/schemas.ts";
import type { Settings } from "../../../settings/schema.ts";

const objectStore: Schema = { enum: ["filesystem", "s3"] };

/** As Loki reads sizes. */
const size: Schema = { type: "string", pattern: "^\\d+B$" };

const claims: HandedOn = [
  "a list, of which the chart makes claim templates",
  () => list(strict({ name: { const: "data" }, accessModes: list(text), size: text }, ["name", "accessModes", "size"])),
];
const readyOnly: HandedOn = [
  "read by the chart's helper for Services; absent from values.yaml",
  () => ({ const: false }),
];

const laptop = "the chart's default would not fit the machine that README asks for";

export const freeForm: FreeForm = {
  loki: {
    "**/resources": resources,
    imagePullSecrets: pullSecrets,
    "loki/analytics": ["Loki's own configuration, handed on as it is", () => strict({ reporting_enabled: flag })],
    "loki/ingester": [
      "Loki's own configuration, handed on as it is",
      () => strict({ max_chunk_age: text, wal: strict({ replay_memory_ceiling: size }) }, ["max_chunk_age", "wal"]),
    ],
    "loki/extraMemberlistConfig": [
      "Loki's own configuration, handed on as it is; the chart sets some of its keys",
      () => strict({ abort_if_cluster_join_fails: flag, cluster_label: text }, ["abort_if_cluster_join_fails"]),
    ],
    "loki/querier": ["Loki's own configuration, handed on as it is", () => strict({ query_ingesters_within: text })],
    "loki/rulerConfig": [
      "Loki's own configuration, handed on as it is",
      () =>
        strict(
          {
            storage: strict({ type: { const: "local" }, local: strict({ directory: text }, ["directory"]) }, [
              "type",
              "local",
            ]),
            ...{ alertmanager_url: text, enable_alertmanager_discovery: flag, enable_alertmanager_v2: flag },
            ...{ external_url: text, datasource_uid: text, enable_sharding: flag },
          },
          ["storage", "alertmanager_url", "enable_alertmanager_v2"],
        ),
    ],
    "**/affinity": affinity,
    "**/extraEnv": env,
    "**/extraVolumes": volumes,
    "**/extraVolumeMounts": volumeMounts,
    "**/topologySpreadConstraints": [
      "a list that the chart hands to the pod as it is",
      () =>
        list(
          strict(
            {
              maxSkew: { const: 1 },
              topologyKey: { const: "topology.kubernetes.io/zone" },
              whenUnsatisfiable: { const: "ScheduleAnyway" },
              labelSelector: strict({ matchLabels: map(text) }, ["matchLabels"]),
            },
            ["maxSkew", "topologyKey", "whenUnsatisfiable", "labelSelector"],
          ),
        ),
    ],
    "ingester/persistence/claims": claims,
    "compactor/persistence/claims": claims,
    "distributor/service/publishNotReadyAddresses": readyOnly,
    "queryFrontend/service/publishNotReadyAddresses": readyOnly,
    "serviceAccount/annotations": annotations,
    "loki/storage/s3/http_config": [
      "Loki's own configuration, handed on as it is",
      () => strict({ ca_file: text }, ["ca_file"]),
    ],
    "loki/compactor": [
      "Loki's own configuration, handed on as it is",
      () =>
        strict({ retention_enabled: flag, delete_request_store: objectStore }, [
          "retention_enabled",
          "delete_request_store",
        ]),
    ],
    "loki/limits_config": [
      "Loki's own configuration, handed on as it is; the chart sets some of its keys",
      () =>
        strict(
          {
            ...{ allow_structured_metadata: flag, volume_enabled: flag, retention_period: duration },
            ...{ ingestion_rate_mb: { type: "number" }, ingestion_burst_size_mb: { type: "number" } },
            ...{ max_global_streams_per_user: { type: "integer" } },
            ...{ per_stream_rate_limit: size, per_stream_rate_limit_burst: size },
            otlp_config: strict({
              resource_attributes: strict({
                attributes_config: list(strict({ action: { const: "index_label" }, attributes: list(text) })),
              }),
            }),
          },
          ["allow_structured_metadata", "retention_period", "otlp_config"],
        ),
    ],
    "loki/schemaConfig": [
      "Loki's own configuration, handed on as it is",
      () =>
        strict(
          {
            configs: {
              ...list(
                strict(
                  {
                    from: { type: "string", pattern: "^\\d{4}-\\d\\d-\\d\\d$" },
                    store: { const: "tsdb" },
                    object_store: objectStore,
                    schema: { const: "v13" },
                    index: strict({ prefix: text, period: { const: "24h" } }, ["prefix", "period"]),
                  },
                  ["from", "store", "object_store", "schema", "index"],
                ),
              ),
              minItems: 1,
            },
          },
          ["configs"],
        ),
    ],
    "loki/storage/bucketNames": [
      "read by the chart's helpers when the storage is a bucket; absent from values.yaml",
      () => strict({ chunks: text, ruler: text }, ["chunks", "ruler"]),
    ],
  },
};

/** What both modes rest on. @param taking replicas of what takes lines */
const shared = (taking: (settings: Settings) => number) =>
  [
    ["loki/limits_config/retention_period", setting((s) => s.loki.retention), "loki.retention"],
    ["loki/limits_config/max_global_streams_per_user", setting((s) => s.loki.limits.streams), "loki.limits.streams"],
    ["loki/compactor/retention_enabled", true, "without it the retention is only a word and the volume fills up"],
    ["loki/commonConfig/replication_factor", setting((s) => Math.min(taking(s), 3)), "a write needs a quorum of it"],
    ["loki/auth_enabled", false, "one tenant; with it every writer and reader would need a header"],
    ["loki/analytics/reporting_enabled", false, why.reported],
    ["loki/limits_config/allow_structured_metadata", true, "Loki refuses OTLP without it; trace ids are kept there"],
    [
      "loki/limits_config/otlp_config/resource_attributes/attributes_config/0/action",
      "index_label",
      "dashboards find lines of a collector by the labels of any agent's",
    ],
    ["loki/limits_config/volume_enabled", true, "Grafana's histogram of a query's lines"],
    ["loki/ingester/max_chunk_age", "24h", "half of it is the outage after which no line is refused: 12 hours"],
    ["loki/extraMemberlistConfig/abort_if_cluster_join_fails", false, "a lone pod cannot find itself, and would crash"],
    ["memberlist/service/publishNotReadyAddresses", true, "pods have to find each other before they are ready"],
    ["read/replicas", 0, "beside another mode the chart refuses to render"],
    ["write/replicas", 0, "beside another mode the chart refuses to render"],
    ["backend/replicas", 0, "beside another mode the chart refuses to render"],
    ["gateway/enabled", false, "writers and readers are in the cluster; one more way in to guard"],
    ["lokiCanary/enabled", false, "the probe of up says whether lines arrive"],
    ["test/enabled", false, why.noTest],
    ["monitoring/serviceMonitor/enabled", true, why.unmeasured],
    ["sidecar/rules/enabled", false, "rules are mounted (logAlerts); its sidecar would read Secrets and ConfigMaps"],
  ] as const;

const isDistributed = ({ loki }: Settings) => loki.mode === "distributed";

const parts = [
  "distributor",
  "ingester",
  "queryFrontend",
  "queryScheduler",
  "querier",
  "indexGateway",
  "compactor",
  "patternIngester",
  "ruler",
] as const;

/** Whether Loki evaluates rules: VictoriaLogs does where it is there. */
const ruled = ({ logs, logAlerts }: Settings) =>
  ![logs].flat().includes("victoriaLogs") && logAlerts.shipped.length + logAlerts.rules.length > 0;

export const pins: readonly Pin[] = [
  ...release(
    "loki",
    [
      ...shared((s) => s.loki.replicas),
      ["loki/pattern_ingester/enabled", true, "Grafana's patterns of lines"],
      ["singleBinary/replicas", setting((s) => s.loki.replicas), "loki.replicas"],
      ["singleBinary/persistence/enabled", true, "lines outlive the pod"],
      ["singleBinary/persistence/size", setting((s) => s.loki.storage.size), "loki.storage.size"],
      ["singleBinary/resources", setting((s) => asks(s.loki.resources)), why.sized],
      ["chunksCache/enabled", false, laptop],
      ["resultsCache/enabled", false, laptop],
    ],
    (settings) => !isDistributed(settings),
  ),
  ...release(
    "loki-distributed",
    [
      ...shared((s) => s.loki.distributed.ingester.replicas),
      ["nameOverride", "loki-distributed", "beside mode: monolithic both would want the ConfigMaps named loki"],
      [
        "loki/extraMemberlistConfig/cluster_label",
        "loki-distributed.monitoring",
        "others gossip in this namespace, too",
      ],
      ["defaults/automountServiceAccountToken", false, why.contained],
      ["memcachedExporter/enabled", false, "a container without requests; Loki counts what it finds in its caches"],
      ["ruler/enabled", setting(ruled), "rules are evaluated where there are some, and nowhere twice"],
      ["ingester/zoneAwareReplication/enabled", false, "an update would restart all zones at once"],
      ["ingester/persistence/enabled", true, "what is not in the bucket yet outlives the pod"],
      ["compactor/persistence/enabled", true, "what is marked to be deleted is listed there alone"],
      ["compactor/replicas", 1, "two would delete for each other"],
      ["distributor/service/publishNotReadyAddresses", false, "agents would write to pods that cannot take lines yet"],
      ["queryFrontend/service/publishNotReadyAddresses", false, "Grafana would ask pods that cannot answer yet"],
      ...parts.map(
        (part) => [`${part}/resources`, setting((s) => asks(s.loki.distributed[part].resources)), why.sized] as const,
      ),
      ...parts
        .filter((part) => part !== "compactor")
        .flatMap(
          (part) =>
            [
              [
                `${part}/replicas`,
                setting((s) => s.loki.distributed[part].replicas),
                `loki.distributed.${part}.replicas`,
              ],
              [`${part}/maxUnavailable`, 1, why.drained],
            ] as const,
        ),
      [
        "ingester/persistence/claims/0/size",
        setting((s) => s.loki.distributed.ingester.size),
        "loki.distributed.ingester.size",
      ],
      [
        "compactor/persistence/claims/0/size",
        setting((s) => s.loki.distributed.compactor.size),
        "loki.distributed.compactor.size",
      ],
      [
        "indexGateway/persistence/size",
        setting((s) => s.loki.distributed.indexGateway.size),
        "loki.distributed.indexGateway.size",
      ],
    ],
    isDistributed,
  ),
];

/** The chart puts the namespace before the Service's name. Of mode: distributed each part has a Service of its own. */
export const scraped: Scraped = {
  jobs: [
    "monitoring/loki",
    ...[
      "distributor",
      "ingester",
      "query-frontend",
      "query-scheduler",
      "querier",
      "index-gateway",
      "compactor",
      "ruler",
    ].map((part) => `monitoring/loki-distributed-${part}`),
  ],
  metrics: ["loki_"],
};
