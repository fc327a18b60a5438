import { z } from "zod";
import { scrapeInterval } from "../../../settings/formats.ts";
import { resources } from "../../../settings/kinds.ts";
import { scrapeLimits } from "../scrape-limits.ts";

export const prometheusAgent = z
  .strictObject({
    replicas: z
      .int()
      .min(1)
      .max(4)
      .default(1)
      .describe(
        "Agents, each of which scrapes and writes everything, told apart by the label `prometheus_replica`: with more than one the store has to keep one of each.",
      ),
    scrapeInterval: scrapeInterval.default("30s").describe("How often targets are scraped."),
    ...scrapeLimits,
    resources: resources({ cpu: "50m", memory: "256Mi", memoryLimit: "1Gi" }),
  })
  .prefault({})
  .describe("Prometheus in agent mode, for scraper: prometheusAgent. It scrapes and writes, and keeps nothing.");
