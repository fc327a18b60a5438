import { z } from "zod";
import { prometheusDuration } from "../../../settings/formats.ts";
import { resources } from "../../../settings/kinds.ts";

export const thanosRuler = z
  .strictObject({
    evaluationInterval: prometheusDuration
      .default("30s")
      .describe("How often rules are evaluated, of groups that name no interval."),
    resources: resources({ cpu: "50m", memory: "128Mi", memoryLimit: "512Mi" }),
  })
  .prefault({})
  .describe("Thanos Ruler, for ruler: thanosRuler. It evaluates rules by asking the store of metrics.");
