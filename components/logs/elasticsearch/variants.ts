import type { SettingsInput } from "../../../settings/schema.ts";

export const variants: Readonly<Record<string, SettingsInput>> = {
  alone: { logs: "elasticsearch" },
  "three nodes, beside Loki": {
    logs: ["loki", "elasticsearch"],
    elasticsearch: { nodes: 3, retention: "30d", storage: { size: "100Gi" }, mmap: true },
  },
};

export const alone: Readonly<Record<string, SettingsInput>> = {
  "snapshots in SeaweedFS": {
    logs: "elasticsearch",
    objectStorage: "seaweedfs",
    elasticsearch: { snapshots: { bucket: "elasticsearch", keep: "14d" } },
  },
  "masters apart, in zones, without Kibana, in a company's network": {
    network: { ca: "company.pem" },
    logs: ["elasticsearch", "victoriaLogs"],
    journal: { enabled: true },
    elasticsearch: {
      ...{ nodes: 5, masters: 3, zones: ["eu-1a", "eu-1b"], kibana: { replicas: 0 } },
      logstash: { replicas: 2, filters: 'filter { mutate { add_field => { "team" => "platform" } } }' },
    },
  },
};

const set = "elasticsearch.spec.nodeSets.0";

/** What each of its settings changes, and where. */
export const decided = [
  {
    under: { logs: "elasticsearch" },
    effects: [
      ["elasticsearch.kibana.replicas", 2],
      ["elasticsearch.nodes", 3, `${set}.count`],
      ["elasticsearch.storage.size", "7Gi", `${set}.volumeClaimTemplates.0.spec.resources.requests.storage`],
      ["elasticsearch.mmap", true],
      ["elasticsearch.exporter.image", "registry.example.com/elasticsearch-exporter:v1.12.0"],
      ["elasticsearch.version", "9.5.9"],
      [
        "elasticsearch.images",
        "registry.example.com/elastic",
        "elasticsearch-kibana.spec.image",
        "registry.example.com/elastic/kibana/kibana",
      ],
      ["elasticsearch.retention", "3d", "elasticsearch-setup.spec.template.spec.containers.0.args.1", "3d"],
      ["eckOperator.values", { planted: "operator" }, "eck-operator-release.spec.values.planted", "operator"],
    ],
    resources: [
      "elasticsearch.exporter.resources",
      "elasticsearch.resources",
      "elasticsearch.kibana.resources",
      "eckOperator.resources",
    ],
  },
  {
    under: { logs: "elasticsearch", elasticsearch: { logstash: { replicas: 1 } } },
    effects: [
      ["elasticsearch.logstash.replicas", 3],
      ["elasticsearch.logstash.storage.size", "7Gi"],
      ["elasticsearch.logstash.filters", "filter { drop { } }", "elasticsearch-logstash.spec.pipelines.0", "drop { }"],
    ],
    resources: ["elasticsearch.logstash.resources"],
  },
  {
    under: { logs: "elasticsearch", objectStorage: "seaweedfs" },
    effects: [
      ["elasticsearch.snapshots.bucket", "nightly", "elasticsearch.spec.secureSettings.0.secretName", "nightly"],
      ["elasticsearch.snapshots.keep", "21d", "elasticsearch-setup.spec.template.spec.containers.0.args.11", "21d"],
    ],
  },
  {
    under: { logs: "elasticsearch", elasticsearch: { nodes: 4 } },
    effects: [
      ["elasticsearch.zones", ["one", "two"], `${set}.config.node.attr.zone`, "one"],
      ["elasticsearch.masters", 3, "elasticsearch.spec.nodeSets.2.count"],
    ],
  },
] as const;
