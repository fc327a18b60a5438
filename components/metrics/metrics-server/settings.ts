import { z } from "zod";
import { resources, values } from "../../../settings/kinds.ts";

export const metricsServer = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe(
        "Serves the resource metrics of `kubectl top` and of autoscalers; most managed clusters have their own.",
      ),
    replicas: z.int().min(1).max(5).default(1).describe("Replicas of metrics-server."),
    resources: resources({ cpu: "50m", memory: "64Mi", memoryLimit: "256Mi" }),
    values,
  })
  .prefault({})
  .describe("metrics-server, off by default.");
