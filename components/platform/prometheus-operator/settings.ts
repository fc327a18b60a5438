import { z } from "zod";
import { resources } from "../../../settings/kinds.ts";

export const prometheusOperator = z
  .strictObject({
    resources: resources({ cpu: "25m", memory: "64Mi", memoryLimit: "256Mi" }),
  })
  .prefault({})
  .describe("The Prometheus Operator.");
