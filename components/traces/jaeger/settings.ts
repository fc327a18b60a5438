import { z } from "zod";
import { bytes, elasticPrefix, prometheusDuration } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";

export const jaeger = z
  .strictObject({
    storage: z
      .strictObject({
        type: z
          .enum(["memory", "badger", "elasticsearch"])
          .default("memory")
          .describe(
            "Where traces are kept: until the pod ends, by Badger on a volume, or in the Elasticsearch that logs has. None has what another had.",
          ),
        indexPrefix: elasticPrefix
          .default("observability")
          .describe(
            "Begins the names of its indices, for type: elasticsearch. Another prefix is another store, which begins empty.",
          ),
        size: bytes
          .default("5Gi")
          .describe("Volume, for type: badger. It can grow where its StorageClass allows it, and never shrinks."),
      })
      .prefault({}),
    maxTraces: z
      .int()
      .min(100)
      .max(1_000_000)
      .default(20_000)
      .describe("Traces kept in memory, for storage.type: memory; the oldest go."),
    retention: prometheusDuration
      .default("24h")
      .describe(
        "How long traces are kept, for storage.type: badger and elasticsearch; in the latter up to a day longer, an index has a day and goes as a whole.",
      ),
    resources: resources({ cpu: "20m", memory: "128Mi", memoryLimit: "768Mi" }),
    values,
  })
  .prefault({})
  .describe("Jaeger, a trace store.");
