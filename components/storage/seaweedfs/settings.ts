import { z } from "zod";
import { bytes } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";

export const seaweedfs = z
  .strictObject({
    replicas: z
      .union([z.literal(1), z.literal(3)], { error: "must be 1 or 3" })
      .default(1)
      .describe(
        "1: one pod with one volume. 3: three of each server on different nodes, and each object on two of them. Another number begins with empty buckets.",
      ),
    storage: z
      .strictObject({
        // The chart's own schema knows no others.
        size: bytes
          .regex(/^\d+(\.\d+)?[KMGT]i?$/, "must be a number with K, M, G or T, or Ki, Mi, Gi or Ti")
          .default("10Gi")
          .describe("Volume of each server with objects; later it can only be changed by hand, and `up` says how."),
      })
      .prefault({}),
    keyRotation: z
      .int()
      .min(1)
      .max(1000)
      .default(1)
      .describe("Raise it to have new credentials made for every bucket; pods that use them start again."),
    resources: resources({ cpu: "50m", memory: "256Mi", memoryLimit: "1Gi" }),
    values,
  })
  .prefault({})
  .describe("SeaweedFS, object storage in the cluster.");
