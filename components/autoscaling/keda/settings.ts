import { z } from "zod";
import { dnsLabel } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";

export const keda = z
  .strictObject({
    replicas: z
      .int()
      .min(1)
      .max(5)
      .default(1)
      .describe("Replicas of each of its programs; of the operator one works, the others wait."),
    operator: resources({ cpu: "20m", memory: "96Mi", memoryLimit: "512Mi" }),
    metricsApi: resources({ cpu: "10m", memory: "64Mi", memoryLimit: "256Mi" }),
    webhooks: resources({ cpu: "10m", memory: "32Mi", memoryLimit: "128Mi" }),
    namespace: dnsLabel
      .default("keda")
      .describe("Where it is when the cluster provides it: from there it may ask the store of metrics."),
    values,
  })
  .prefault({})
  .describe("KEDA, for autoscaler: keda.");
