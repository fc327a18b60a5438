import { z } from "zod";
import { bucketName, bytes, prometheusDuration } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";

export const tempo = z
  .strictObject({
    retention: prometheusDuration.default("24h").describe("How long traces are kept."),
    storage: z
      .strictObject({
        type: z
          .enum(["filesystem", "objectStorage"])
          .default("filesystem")
          .describe("Where blocks are kept; after another one Tempo does not find the traces so far."),
        bucket: bucketName.default("tempo").describe("Bucket in objectStorage, for type: objectStorage."),
        size: bytes
          .default("5Gi")
          .describe("Volume of Tempo's pod; later it can only be changed by hand, and `up` says how."),
      })
      .prefault({}),
    resources: resources({ cpu: "50m", memory: "256Mi", memoryLimit: "1Gi" }),
    values,
  })
  .prefault({})
  .describe("Tempo, a trace store that keeps traces on a volume or in a bucket.");
