import { z } from "zod";
import { resources, values } from "../../../settings/kinds.ts";

export const jaeger = z
  .strictObject({
    maxTraces: z.int().min(100).max(1_000_000).default(20_000).describe("Traces kept in memory; the oldest go."),
    resources: resources({ cpu: "20m", memory: "128Mi", memoryLimit: "768Mi" }),
    values,
  })
  .prefault({})
  .describe("Jaeger, a trace store.");
