import { z } from "zod";
import { byteCount, bytes, pinnedImage } from "../../../settings/formats.ts";
import { resources } from "../../../settings/kinds.ts";
import { collector as version } from "../../../settings/versions.ts";

export const logCollector = z
  .strictObject({
    image: pinnedImage
      .default(`ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector-contrib:${version}`)
      .describe("Collector distribution; it needs the components that the pipeline names."),
    bufferSize: bytes
      .refine((size) => byteCount(size) >= 16 * 1024 ** 2, { error: "must be at least 16Mi" })
      .default("512Mi")
      .describe(
        "Disk of each node for lines that a log store has not taken yet, of each store as much; when it is full, further ones are dropped.",
      ),
    resources: resources({ cpu: "30m", memory: "128Mi", memoryLimit: "384Mi" }),
  })
  .prefault({})
  .describe("The OpenTelemetry collector as the log agent.");
