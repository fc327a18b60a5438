import { z } from "zod";
import { pinnedImage } from "../../../settings/formats.ts";
import { resources } from "../../../settings/kinds.ts";
import { collector as version } from "../../../settings/versions.ts";

export const kubernetesEvents = z
  .strictObject({
    enabled: z.boolean().default(false).describe("Keeps Kubernetes' events in the log stores."),
    image: pinnedImage
      .default(`ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector-contrib:${version}`)
      .describe("Collector distribution; it needs the receiver k8s_objects."),
    resources: resources({ cpu: "20m", memory: "96Mi", memoryLimit: "256Mi" }),
  })
  .prefault({})
  .describe("Kubernetes' events, which the API server forgets after an hour, as log lines.");
