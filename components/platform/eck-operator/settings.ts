import { z } from "zod";
import { resources, values } from "../../../settings/kinds.ts";

export const eckOperator = z
  .strictObject({
    resources: resources({ cpu: "25m", memory: "128Mi", memoryLimit: "512Mi" }),
    values,
  })
  .prefault({})
  .describe("Elastic Cloud on Kubernetes (ECK), Elastic's operator, which is there when something needs it.");
