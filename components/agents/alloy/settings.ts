import { z } from "zod";
import { resources, values } from "../../../settings/kinds.ts";

export const alloy = z
  .strictObject({
    resources: resources({ cpu: "30m", memory: "128Mi", memoryLimit: "384Mi" }),
    values,
  })
  .prefault({})
  .describe("Grafana Alloy, the log agent that succeeded Promtail.");
