import { z } from "zod";
import { bytes, prometheusDuration } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";

export const tempo = z
  .strictObject({
    retention: prometheusDuration.default("24h").describe("How long traces are kept."),
    storage: z
      .strictObject({
        size: bytes
          .default("5Gi")
          .describe("Volume of Tempo's pod; later it can only be changed by hand, and `up` says how."),
      })
      .prefault({}),
    resources: resources({ cpu: "50m", memory: "256Mi", memoryLimit: "1Gi" }),
    values,
  })
  .prefault({})
  .describe("Tempo, a trace store that keeps traces on a volume.");
