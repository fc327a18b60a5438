import { z } from "zod";
import { elasticsearchRetention } from "../../../settings/formats.ts";
import { resources } from "../../../settings/kinds.ts";
import { filters } from "../relabelings.ts";
import { shown } from "./names.ts";

export const metricbeat = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe("Keeps a copy of metrics in Elasticsearch, beside the store of metrics; logs has to be elasticsearch."),
    keepMetrics: filters.keepMetrics
      .unwrap()
      .default([...shown])
      .describe(
        'Regular expressions of metrics\' names: only metrics that one of them fits as a whole are copied, and no buckets of histograms. `[".*"]` is everything.',
      ),
    dropMetrics: filters.dropMetrics,
    dropLabels: filters.dropLabels,
    retention: elasticsearchRetention
      .default("7d")
      .describe("How long the copy is kept, and up to a day longer: an index goes as a whole."),
    resources: resources({ cpu: "50m", memory: "256Mi", memoryLimit: "512Mi" }),
  })
  .prefault({})
  .describe(
    "Metricbeat, run by Elastic's operator: takes what is scraped by remote write, and keeps it in Elasticsearch.",
  );
