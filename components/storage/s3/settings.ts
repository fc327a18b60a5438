import { z } from "zod";
import { s3Endpoint, secretName } from "../../../settings/formats.ts";

export const s3 = z
  .strictObject({
    endpoint: s3Endpoint
      .optional()
      .describe("Where it is, when it is not AWS's own. A name without a scheme is asked by https://."),
    region: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,63}$/, "must be the name of a region, such as eu-central-1")
      .default("us-east-1")
      .describe("Region of the buckets."),
    pathStyle: z
      .boolean()
      .optional()
      .describe("Whether buckets are named in the path, not in the host. By default true where endpoint is set."),
    ca: z
      .enum(["public", "company"])
      .default("public")
      .describe("Whose certificate an https:// address shows: a public authority's, or one of network.ca."),
    credentialsSecret: secretName
      .optional()
      .describe(
        "Secret in namespace monitoring with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; it has to exist. In its place: the secrets objectStorageAccessKey and objectStorageSecretKey, or serviceAccountAnnotations.",
      ),
    serviceAccountAnnotations: z
      .record(
        z.string().regex(/^[a-z0-9.-]+\/[A-Za-z0-9._-]+$/, "must be an annotation such as eks.amazonaws.com/role-arn"),
        z.string().min(1),
      )
      .default({})
      .describe(
        "Annotations that give pods an identity of their own, such as eks.amazonaws.com/role-arn; no key is needed then.",
      ),
  })
  .prefault({})
  .describe("Buckets that are there already, for objectStorage: s3.");
