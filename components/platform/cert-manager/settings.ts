import { z } from "zod";
import { resources, values } from "../../../settings/kinds.ts";

export const certManager = z
  .strictObject({
    enabled: z.boolean().default(true).describe("Issues certificates; the OpenTelemetry operator's webhook needs it."),
    replicas: z.int().min(1).max(5).default(1).describe("Replicas of the controller and of the webhook."),
    controller: resources({ cpu: "10m", memory: "64Mi", memoryLimit: "192Mi" }),
    webhook: resources({ cpu: "10m", memory: "32Mi", memoryLimit: "96Mi" }),
    cainjector: resources({ cpu: "10m", memory: "64Mi", memoryLimit: "256Mi" }),
    values,
  })
  .prefault({})
  .describe("cert-manager.");
