import { z } from "zod";
import { bytes, prometheusDuration } from "../../../settings/formats.ts";
import { resources } from "../../../settings/kinds.ts";

export const thanosRuler = z
  .strictObject({
    evaluationInterval: prometheusDuration
      .default("30s")
      .describe("How often rules are evaluated, of groups that name no interval."),
    replicas: z
      .int()
      .min(1)
      .max(5)
      .default(1)
      .describe("Pods that each evaluate every rule: nobody is told twice. More than one needs thanos.enabled."),
    size: bytes
      .default("5Gi")
      .describe(
        "With thanos.enabled, volume of each for what rules record and for which alerts wait, until it is in the bucket; later it can only be changed by hand.",
      ),
    resources: resources({ cpu: "50m", memory: "128Mi", memoryLimit: "512Mi" }),
  })
  .prefault({})
  .describe("Thanos Ruler, for ruler: thanosRuler. It evaluates rules by asking the store of metrics.");
