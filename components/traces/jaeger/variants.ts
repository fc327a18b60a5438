import type { SettingsInput } from "../../../settings/schema.ts";

export const variants: Readonly<Record<string, SettingsInput>> = {
  "on disk": { jaeger: { storage: { type: "badger", size: "20Gi" }, retention: "7d" } },
};

export const alone: Readonly<Record<string, SettingsInput>> = {
  "in Elasticsearch": {
    logs: ["loki", "elasticsearch"],
    elasticsearch: { nodes: 3 },
    jaeger: { storage: { type: "elasticsearch", indexPrefix: "shop" }, retention: "14d" },
  },
};

const backend = "jaeger-release.spec.values.userconfig.extensions.jaeger_storage.backends.elasticsearch.elasticsearch";

/** What each of its settings changes, and where. */
export const decided = [
  {
    under: { jaeger: { storage: { type: "badger" } } },
    effects: [
      ["jaeger.storage.size", "7Gi"],
      ["jaeger.retention", "3d"],
    ],
    resources: [],
  },
  {
    under: { jaeger: { retention: "24h" } },
    effects: [
      ["jaeger.storage.type", "badger", "jaeger-release.spec.values.userconfig.extensions.jaeger_query.storage.traces"],
    ],
    resources: [],
  },
  {
    under: { logs: "elasticsearch", jaeger: { storage: { type: "elasticsearch" } } },
    effects: [["jaeger.storage.indexPrefix", "shop", `${backend}.indices.index_prefix`, "shop"]],
    resources: [],
  },
] as const;
