import { z } from "zod";
import { bucketName, bytes, prometheusDuration, s3Endpoint, secretName } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";

export const loki = z
  .strictObject({
    retention: prometheusDuration.default("24h").describe("How long log lines are kept; at least 24h."),
    storage: z
      .strictObject({
        type: z.enum(["filesystem", "s3"]).default("filesystem").describe("Where chunks and index are kept."),
        size: bytes
          .default("5Gi")
          .describe("Volume of each Loki pod; later it can only be changed by hand, and `up` says how."),
        s3: z
          .strictObject({
            endpoint: s3Endpoint.optional().describe("S3 endpoint when it is not AWS's own."),
            region: z
              .string()
              .regex(/^[A-Za-z0-9-]{1,63}$/, "must be the name of a region, such as eu-central-1")
              .default("us-east-1")
              .describe("Region of the bucket."),
            bucket: bucketName.describe("Bucket for chunks and ruler; it has to exist."),
            credentialsSecret: secretName.describe(
              "Secret in namespace monitoring with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; it has to exist.",
            ),
          })
          .optional()
          .describe("The bucket, when type is s3."),
      })
      .prefault({}),
    replicas: z.int().min(1).max(5).default(1).describe("Loki pods; more than one needs s3."),
    resources: resources({ cpu: "50m", memory: "256Mi", memoryLimit: "1Gi" }),
    values,
  })
  .prefault({})
  .describe("Loki, the log store.");
