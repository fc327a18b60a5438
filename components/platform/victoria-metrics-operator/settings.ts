import { z } from "zod";
import { resources, values } from "../../../settings/kinds.ts";

export const victoriaMetricsOperator = z
  .strictObject({
    resources: resources({ cpu: "25m", memory: "96Mi", memoryLimit: "384Mi" }),
    values,
  })
  .prefault({})
  .describe("The VictoriaMetrics operator, which is there when something needs it.");
