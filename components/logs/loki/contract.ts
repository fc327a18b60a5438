/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import {
  affinity,
  duration,
  annotations,
  env,
  flag,
  list,
  pullSecrets,
  resources,
  strict,
  text,
  volumeMounts,
  volumes,
  type FreeForm,
} from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";
import { type Schema } from "../../../contract/schemas.ts";

const objectStore: Schema = { enum: ["filesystem", "s3"] };

const laptop = "the chart's default would not fit the machine that README asks for";

export const freeForm: FreeForm = {
  loki: {
    "**/resources": resources,
    imagePullSecrets: pullSecrets,
    "loki/analytics": ["Loki's own configuration, handed on as it is", () => strict({ reporting_enabled: flag })],
    "loki/ingester": ["Loki's own configuration, handed on as it is", () => strict({ max_chunk_age: text })],
    "loki/querier": ["Loki's own configuration, handed on as it is", () => strict({ query_ingesters_within: text })],
    "singleBinary/affinity": affinity,
    "singleBinary/extraEnv": env,
    "singleBinary/extraVolumes": volumes,
    "singleBinary/extraVolumeMounts": volumeMounts,
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

export const pins: readonly Pin[] = [
  ...release("loki", [
    ["loki/limits_config/retention_period", setting((s) => s.loki.retention), "loki.retention"],
    ["loki/compactor/retention_enabled", true, "without it the retention is only a word and the volume fills up"],
    [
      "loki/commonConfig/replication_factor",
      setting((s) => Math.min(s.loki.replicas, 3)),
      "a write needs a quorum of it",
    ],
    ["loki/auth_enabled", false, "one tenant; with it every writer and reader would need a header"],
    ["loki/analytics/reporting_enabled", false, why.reported],
    ["loki/limits_config/allow_structured_metadata", true, "Loki refuses OTLP without it; trace ids are kept there"],
    [
      "loki/limits_config/otlp_config/resource_attributes/attributes_config/0/action",
      "index_label",
      "dashboards find lines of a collector by the labels of any agent's",
    ],
    ["loki/limits_config/volume_enabled", true, "Grafana's histogram of a query's lines"],
    ["loki/pattern_ingester/enabled", true, "Grafana's patterns of lines"],
    ["loki/ingester/max_chunk_age", "24h", "half of it is the outage after which no line is refused: 12 hours"],
    ["loki/extraMemberlistConfig/abort_if_cluster_join_fails", false, "a lone pod cannot find itself, and would crash"],
    ["memberlist/service/publishNotReadyAddresses", true, "pods have to find each other before they are ready"],
    ["singleBinary/replicas", setting((s) => s.loki.replicas), "loki.replicas"],
    ["singleBinary/persistence/enabled", true, "lines outlive the pod"],
    ["singleBinary/persistence/size", setting((s) => s.loki.storage.size), "loki.storage.size"],
    ["singleBinary/resources", setting((s) => asks(s.loki.resources)), why.sized],
    ["read/replicas", 0, "one binary does it all; beside it the chart refuses to render"],
    ["write/replicas", 0, "one binary does it all; beside it the chart refuses to render"],
    ["backend/replicas", 0, "one binary does it all; beside it the chart refuses to render"],
    ["chunksCache/enabled", false, laptop],
    ["resultsCache/enabled", false, laptop],
    ["gateway/enabled", false, "writers and readers are in the cluster; one more way in to guard"],
    ["lokiCanary/enabled", false, "the probe of up says whether lines arrive"],
    ["test/enabled", false, why.noTest],
    ["monitoring/serviceMonitor/enabled", true, why.unmeasured],
    ["sidecar/rules/enabled", false, "Loki evaluates no rules; its sidecar would read Secrets and ConfigMaps"],
  ]),
];

// The chart puts the namespace before the Service's name.
export const scraped: Scraped = { jobs: ["monitoring/loki"], metrics: ["loki_"] };
