import { z } from "zod";
import { bytes, prometheusDuration, prometheusSize } from "../../../settings/formats.ts";
import { resources } from "../../../settings/kinds.ts";
import { scrapeLimits } from "../scrape-limits.ts";

export const prometheus = z
  .strictObject({
    replicas: z.int().min(1).max(4).default(1).describe("Prometheus servers, each with all series."),
    retention: prometheusDuration.default("24h").describe("How long samples are kept."),
    retentionSize: prometheusSize.optional().describe("Size at which the oldest samples go, whatever their age."),
    storage: bytes
      .optional()
      .describe(
        "Size of a volume per server; without it samples live as long as the pod. Another size reaches new volumes only, and a first one begins without the samples so far.",
      ),
    scrapeInterval: prometheusDuration.default("30s").describe("How often targets are scraped."),
    ...scrapeLimits,
    nativeHistograms: z
      .boolean()
      .default(false)
      .describe(
        "Whether native histograms are scraped of programs that offer them, beside the classic ones, which dashboards and rules ask for.",
      ),
    resources: resources({ cpu: "100m", memory: "512Mi", memoryLimit: "1536Mi" }),
  })
  .prefault({})
  .describe("Prometheus.");
