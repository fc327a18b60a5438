import { z } from "zod";
import { resources, values } from "../../../settings/kinds.ts";

export const opentelemetryOperator = z
  .strictObject({
    enabled: z.boolean().default(true).describe("Runs collectors and injects instrumentation."),
    resources: resources({ cpu: "20m", memory: "64Mi", memoryLimit: "256Mi" }),
    values,
  })
  .prefault({})
  .describe("The OpenTelemetry operator.");
