import { z } from "zod";
import { bucketName, bytes, prometheusDuration } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";

export const loki = z
  .strictObject({
    retention: prometheusDuration.default("24h").describe("How long log lines are kept; at least 24h."),
    storage: z
      .strictObject({
        type: z
          .enum(["filesystem", "objectStorage"])
          .default("filesystem")
          .describe("Where chunks and index are kept; after another one Loki does not find the lines so far."),
        bucket: bucketName.default("loki").describe("Bucket in objectStorage, for type: objectStorage."),
        size: bytes
          .default("5Gi")
          .describe("Volume of each Loki pod; later it can only be changed by hand, and `up` says how."),
      })
      .prefault({}),
    replicas: z.int().min(1).max(5).default(1).describe("Loki pods; more than one needs objectStorage."),
    resources: resources({ cpu: "50m", memory: "256Mi", memoryLimit: "1Gi" }),
    values,
  })
  .prefault({})
  .describe("Loki, the log store.");
