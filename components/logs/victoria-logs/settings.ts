import { z } from "zod";
import { bytes, grafanaPlugin, pinnedImage, victoriaMetricsRetention } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";
import { usualPlugin } from "./api.ts";

export const victoriaLogs = z
  .strictObject({
    retention: victoriaMetricsRetention.default("24h").describe("How long log lines are kept, 24h at least."),
    storage: z
      .strictObject({
        size: bytes
          .default("5Gi")
          .describe("Volume of its pod; later it can only be changed by hand, and `up` says how."),
        fullAt: z
          .int()
          .min(10)
          .max(95)
          .default(80)
          .describe("Percentage of the volume from which the oldest days go, whatever the retention."),
      })
      .prefault({}),
    plugin: grafanaPlugin
      .default(usualPlugin)
      .describe(
        "Grafana's plugin that asks it, as `id@version` of grafana.com's catalogue or `id@version@address` of a zip file; Grafana fetches it whenever its pod starts.",
      ),
    resources: resources({ cpu: "50m", memory: "128Mi", memoryLimit: "768Mi" }),
    alert: z
      .strictObject({
        image: pinnedImage.default("docker.io/victoriametrics/vmalert:v1.151.0").describe("Its image."),
        resources: resources({ cpu: "20m", memory: "48Mi", memoryLimit: "192Mi" }),
      })
      .prefault({})
      .describe("vmalert, which looks at lines for logAlerts."),
    values,
  })
  .prefault({})
  .describe("VictoriaLogs, a log store that keeps lines on a volume and searches their full text.");
