import { z } from "zod";
import {
  bytes,
  imageRepository,
  scrapeInterval,
  victoriaMetricsRetention,
  victoriaMetricsSize,
} from "../../../settings/formats.ts";
import { resources } from "../../../settings/kinds.ts";

const several = (what: string, pods: number, asks: { cpu: string; memory: string; memoryLimit: string }) =>
  z
    .strictObject({
      replicas: z.int().min(1).max(32).default(pods).describe(what),
      resources: resources(asks),
    })
    .prefault({});

/** As VictoriaMetrics takes it (1.151, lib/storage, `SetMaxLabelNameLen`). */
const length = (what: string, usual: number) =>
  z.int().min(1).max(65_535).default(usual).describe(`${what}; series with longer ones are not kept, and are counted.`);

export const victoriaMetrics = z
  .strictObject({
    mode: z
      .enum(["single", "cluster"])
      .default("single")
      .describe(
        "`single`: one program keeps all samples. `cluster`: vminsert, vmselect and vmstorage, each several times, every sample on several nodes. Another mode is another store, which begins without the samples so far.",
      ),
    retention: victoriaMetricsRetention.default("24h").describe("How long samples are kept, 24h at least."),
    storage: bytes
      .optional()
      .describe(
        "Size of the volume of the store, or of each vmstorage; without it samples live as long as the pod. It can grow where its StorageClass allows it, and never shrinks.",
      ),
    scrapeInterval: scrapeInterval.default("30s").describe("How often targets are scraped, from 5s to 2m."),
    sampleLimit: z
      .int()
      .min(0)
      .default(100_000)
      .describe(
        "Samples that one scrape may have, of monitors that name no limit; more refuse it whole. 0: any number.",
      ),
    labelLimit: z
      .int()
      .min(1)
      .default(64)
      .describe("Labels that a series may have; series with more are not kept, and are counted."),
    labelNameLengthLimit: length("Bytes that a label's name may have", 256),
    labelValueLengthLimit: length("Bytes that a label's value may have", 4096),
    bodySizeLimit: victoriaMetricsSize
      .default("16MiB")
      .describe("Size that the answer of a target may have, uncompressed; a larger one is refused."),
    resources: resources({ cpu: "100m", memory: "384Mi", memoryLimit: "1536Mi" }).describe("Of the single store."),
    cluster: z
      .strictObject({
        replicationFactor: z
          .int()
          .min(1)
          .max(5)
          .default(2)
          .describe("On how many vmstorage nodes each sample is: one less may be away without a gap."),
        storage: several("vmstorage nodes; each keeps a part of the series.", 3, {
          ...{ cpu: "100m", memory: "384Mi", memoryLimit: "1536Mi" },
        }),
        insert: several("vminsert pods, which take samples.", 2, {
          ...{ cpu: "50m", memory: "64Mi", memoryLimit: "384Mi" },
        }),
        select: several("vmselect pods, which answer queries.", 2, {
          ...{ cpu: "50m", memory: "128Mi", memoryLimit: "768Mi" },
        }),
      })
      .prefault({})
      .describe("The cluster, where `mode` says so."),
    agent: z
      .strictObject({
        buffer: bytes
          .default("1Gi")
          .describe(
            "Disk that scraped samples may fill while the store is away, and as much again for each server of remoteWrite; beyond it the oldest go.",
          ),
        bufferOnVolume: z
          .boolean()
          .default(false)
          .describe("Whether the buffer is on a volume, which outlives the pod; else it lives as long as the pod."),
        resources: resources({ cpu: "50m", memory: "128Mi", memoryLimit: "512Mi" }),
      })
      .prefault({})
      .describe("vmagent, which scrapes."),
    alert: z
      .strictObject({ resources: resources({ cpu: "25m", memory: "48Mi", memoryLimit: "192Mi" }) })
      .prefault({})
      .describe("vmalert, which evaluates rules."),
    images: imageRepository
      .default("docker.io/victoriametrics")
      .describe("Registry and folder of its images: those of a company's own registry, or a mirror's."),
  })
  .prefault({})
  .describe("VictoriaMetrics, run by its operator.");
