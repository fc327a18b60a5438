import { z } from "zod";
import { bucketName, bytes, hostPort, prometheusDurationOrZero } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";

const replicas = (what: string) => z.int().min(1).max(5).default(1).describe(what);

export const thanos = z
  .strictObject({
    enabled: z.boolean().default(false).describe("Whether Prometheus' samples are kept in a bucket, for years."),
    bucket: bucketName
      .default("thanos")
      .describe("Bucket for blocks of samples. In SeaweedFS it is made; in an S3 that is there it has to exist."),
    retention: z
      .strictObject({
        raw: prometheusDurationOrZero
          .default("30d")
          .describe("How long samples are kept as they were scraped. 0d: for ever."),
        fiveMinutes: prometheusDurationOrZero
          .default("180d")
          .describe("How long one of every five minutes is kept. 0d: for ever."),
        oneHour: prometheusDurationOrZero.default("2y").describe("How long one of every hour is kept. 0d: for ever."),
      })
      .prefault({}),
    stores: z
      .array(
        z.strictObject({
          address: hostPort.describe(
            "Host and port where gRPC is spoken: the query of another cluster, or anything else with Thanos' Store API.",
          ),
          tls: z.boolean().default(true).describe("Whether by TLS."),
          ca: z
            .enum(["public", "company"])
            .default("public")
            .describe("Whose certificate it shows: a public authority's, or one of network.ca."),
        }),
      )
      .default([])
      .describe("Other clusters that are asked, too."),
    query: z
      .strictObject({
        replicas: replicas("Pods that answer queries."),
        resources: resources({ cpu: "50m", memory: "128Mi", memoryLimit: "1Gi" }),
      })
      .prefault({}),
    queryFrontend: z
      .boolean()
      .default(true)
      .describe("Whether long queries are split by day and remembered, by a pod in front."),
    storeGateway: z
      .strictObject({
        replicas: replicas("Pods that read the bucket."),
        size: bytes
          .default("5Gi")
          .describe("Volume of each, for indexes of blocks; later it can only be changed by hand, and `up` says how."),
        resources: resources({ cpu: "50m", memory: "256Mi", memoryLimit: "1Gi" }),
      })
      .prefault({}),
    compactor: z
      .strictObject({
        size: bytes
          .default("20Gi")
          .describe(
            "Volume of the compactor, for the blocks that it joins; later it can only be changed by hand, and `up` says how.",
          ),
        resources: resources({ cpu: "50m", memory: "256Mi", memoryLimit: "2Gi" }),
      })
      .prefault({}),
    sidecar: z
      .strictObject({ resources: resources({ cpu: "20m", memory: "64Mi", memoryLimit: "512Mi" }) })
      .prefault({}),
    values,
  })
  .prefault({})
  .describe("Thanos: years of metrics, and many clusters.");
