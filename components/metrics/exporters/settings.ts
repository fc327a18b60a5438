import { z } from "zod";
import { resources } from "../../../settings/kinds.ts";

export const exporters = z
  .strictObject({
    enabled: z.boolean().default(true).describe("Measures nodes and the cluster's objects."),
    kubeStateMetrics: resources({ cpu: "10m", memory: "48Mi", memoryLimit: "192Mi" }),
    nodeExporter: resources({ cpu: "10m", memory: "24Mi", memoryLimit: "96Mi" }),
  })
  .prefault({})
  .describe("Exporters: kube-state-metrics, node-exporter, and monitors of the cluster's own parts.");
