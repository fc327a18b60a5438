import { z } from "zod";

export const instrumentation = z
  .strictObject({
    enabled: z.boolean().default(true).describe("Lets pods ask for instrumentation by an annotation."),
    samplingRatio: z.number().min(0).max(1).default(1).describe("Share of new traces that instrumented pods keep."),
    go: z
      .boolean()
      .default(true)
      .describe("Go auto-instrumentation: a privileged sidecar, so the namespace of the demo kbot is privileged too."),
  })
  .prefault({})
  .describe("What the OpenTelemetry operator injects into applications.");
