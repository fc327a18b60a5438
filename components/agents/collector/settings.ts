import { z } from "zod";
import { byteCount, bytes, durationSeconds, goDuration, pinnedImage } from "../../../settings/formats.ts";
import { resources } from "../../../settings/kinds.ts";
import { collector as version } from "../../../settings/versions.ts";
import { type OlderProtocol, olderProtocols } from "./protocols.ts";

export const collector = z
  .strictObject({
    image: pinnedImage
      .default(`ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector-contrib:${version}`)
      .describe("Collector distribution; it needs the components that the pipelines name."),
    replicas: z
      .int()
      .min(1)
      .max(10)
      .default(1)
      .describe("Collector pods behind one Service; with autoscaling at least."),
    autoscaling: z
      .strictObject({
        maxReplicas: z.int().min(2).max(50).describe("Pods at most."),
        cpu: z
          .int()
          .min(10)
          .max(1000)
          .default(80)
          .describe("Percent of resources.cpu that pods are to use on average: with more another is started."),
        memory: z
          .int()
          .min(10)
          .max(1000)
          .optional()
          .describe("The same of resources.memory. Without it memory alone starts none."),
      })
      .optional()
      .describe("Has a HorizontalPodAutoscaler decide how many there are."),
    resources: resources({ cpu: "50m", memory: "128Mi", memoryLimit: "512Mi" }),
    receivers: z
      .array(z.enum(Object.keys(olderProtocols) as [OlderProtocol, ...OlderProtocol[]]))
      .refine((named) => new Set(named).size === named.length, { error: "names one twice" })
      .default([])
      .describe("Protocols of older clients that are taken beside OTLP."),
    serviceGraph: z
      .boolean()
      .default(true)
      .describe("Whether it counts who calls whom, from spans (`traces_service_graph_*`)."),
    sampling: z
      .strictObject({
        ratio: z
          .number()
          .min(0)
          .max(1)
          .default(1)
          .describe(
            "Share of the traces that are neither slow nor have an error, which are kept; all others are. With 1 nothing waits for a decision.",
          ),
        slowerThan: goDuration.default("1s").describe("From its first span to its last: what is longer is slow."),
        wait: goDuration
          .refine((wait) => durationSeconds(wait) >= 1 && durationSeconds(wait) <= 600, {
            error: "must be 1s to 10m",
          })
          .default("10s")
          .describe("How long after the first span of a trace it is decided; until then it is in memory."),
        maxTraces: z
          .int()
          .min(100)
          .max(10_000_000)
          .default(50_000)
          .describe("Traces of each pod that wait at most; with more the oldest are dropped before they are decided."),
      })
      .prefault({})
      .describe("Which traces are kept, decided when they are complete."),
    limits: z
      .strictObject({
        requestSize: bytes
          .refine((size) => byteCount(size) >= 2 ** 20 && byteCount(size) <= 2 ** 30, { error: "must be 1Mi to 1Gi" })
          .default("20Mi")
          .describe("Largest request that is taken, unpacked; of gRPC in whole MiB."),
        streams: z
          .int()
          .min(1)
          .max(10_000)
          .default(100)
          .describe("Requests that one connection of gRPC may have under way."),
      })
      .prefault({})
      .describe("What one sender may do."),
  })
  .prefault({})
  .describe("The OpenTelemetry collector: takes OTLP from applications and hands it to the stores.");
