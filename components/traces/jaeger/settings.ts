import { z } from "zod";
import { bytes, prometheusDuration } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";

export const jaeger = z
  .strictObject({
    storage: z
      .strictObject({
        type: z
          .enum(["memory", "badger"])
          .default("memory")
          .describe(
            "Where traces are kept: until the pod ends, or by Badger on a volume. Neither has what the other had.",
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
    retention: prometheusDuration.default("24h").describe("How long traces are kept, for storage.type: badger."),
    resources: resources({ cpu: "20m", memory: "128Mi", memoryLimit: "768Mi" }),
    values,
  })
  .prefault({})
  .describe("Jaeger, a trace store.");
