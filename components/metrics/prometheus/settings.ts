import { z } from "zod";
import { bytes, prometheusDuration, prometheusSize } from "../../../settings/formats.ts";
import { resources } from "../../../settings/kinds.ts";

const limit = (what: string) => z.int().min(0).default(0).describe(what);

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
    sampleLimit: z
      .int()
      .min(0)
      .default(100_000)
      .describe(
        "Samples that one scrape may have, of monitors that name no limit; more refuse it whole. 0: any number.",
      ),
    labelLimit: z
      .int()
      .min(0)
      .default(64)
      .describe(
        "Labels that a sample may have, of monitors that name no limit; more refuse the scrape. 0: any number.",
      ),
    targetLimit: limit(
      "Targets that a monitor may have, of monitors that name no limit; with more none of them is scraped. 0: any number.",
    ),
    labelNameLengthLimit: limit(
      "Bytes that a label's name may have, of monitors that name no limit; longer ones refuse the scrape. 0: any number.",
    ),
    labelValueLengthLimit: limit(
      "Bytes that a label's value may have, of monitors that name no limit; longer ones refuse the scrape. 0: any number.",
    ),
    bodySizeLimit: prometheusSize
      .optional()
      .describe("Size that an answer may have, uncompressed, of monitors that name no limit; a larger one is refused."),
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
