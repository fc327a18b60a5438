import { z } from "zod";
import { pinnedImage } from "../../../settings/formats.ts";
import { resources } from "../../../settings/kinds.ts";
import { collector as version } from "../../../settings/versions.ts";
import { type OlderProtocol, olderProtocols } from "./protocols.ts";

export const collector = z
  .strictObject({
    image: pinnedImage
      .default(`ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector-contrib:${version}`)
      .describe("Collector distribution; it needs the components that the pipelines name."),
    replicas: z.int().min(1).max(10).default(1).describe("Collector pods behind one Service."),
    resources: resources({ cpu: "50m", memory: "128Mi", memoryLimit: "512Mi" }),
    receivers: z
      .array(z.enum(Object.keys(olderProtocols) as [OlderProtocol, ...OlderProtocol[]]))
      .refine((named) => new Set(named).size === named.length, { error: "names one twice" })
      .default([])
      .describe("Protocols of older clients that are taken beside OTLP."),
  })
  .prefault({})
  .describe("The OpenTelemetry collector: takes OTLP from applications and hands it to the stores.");
