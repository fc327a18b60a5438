import { z } from "zod";
import {
  bucketName,
  bytes,
  elasticsearchRetention,
  elasticVersion,
  imageRepository,
  pinnedImage,
} from "../../../settings/formats.ts";
import { resources } from "../../../settings/kinds.ts";
import { filtersFault } from "./filters.ts";
import { exporter, version } from "./chart.ts";

export const elasticsearch = z
  .strictObject({
    nodes: z
      .int()
      .min(1)
      .max(50)
      .default(1)
      .describe("Nodes that keep lines; each line is on two of them where there are several."),
    masters: z
      .union([z.literal(0), z.literal(3)])
      .default(0)
      .describe("Nodes that elect each other and keep no lines, for large clusters. 0: the others do both."),
    zones: z
      .array(
        z.string().regex(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/, "must be a zone's name, as nodes have it"),
      )
      .refine((named) => new Set(named).size === named.length, { error: "names one twice" })
      .default([])
      .describe(
        "Zones (topology.kubernetes.io/zone) that nodes are spread over evenly; a line and its copy are in two of them.",
      ),
    retention: elasticsearchRetention
      .default("7d")
      .describe("How long log lines are kept, and up to a day longer: an index goes as a whole."),
    storage: z
      .strictObject({
        size: bytes.default("10Gi").describe("Volume of each node. It can grow where its StorageClass allows it."),
      })
      .prefault({}),
    snapshots: z
      .strictObject({
        bucket: bucketName
          .optional()
          .describe(
            "Bucket in objectStorage that a snapshot of all lines goes to every night; without it there are none.",
          ),
        keep: elasticsearchRetention.default("30d").describe("How long snapshots are kept."),
      })
      .prefault({}),
    mmap: z
      .boolean()
      .default(false)
      .describe(
        "Reads indices by memory maps, which is faster; every node of the cluster has to have vm.max_map_count 1048576 then.",
      ),
    resources: resources({ cpu: "250m", memory: "2Gi", memoryLimit: "2Gi" }),
    kibana: z
      .strictObject({
        replicas: z
          .int()
          .min(0)
          .max(5)
          .default(1)
          .describe("Pods of Kibana, where people look into it; with 0 there is none, and Grafana does without."),
        resources: resources({ cpu: "100m", memory: "1Gi", memoryLimit: "2Gi" }),
      })
      .prefault({}),
    logstash: z
      .strictObject({
        replicas: z
          .int()
          .min(0)
          .max(20)
          .default(0)
          .describe("Pods of Logstash that lines of containers go through; with 0 there is none."),
        filters: z
          .string()
          .max(100_000)
          .superRefine((text, context) => {
            const fault = filtersFault(text);
            if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
          })
          .default("")
          .describe(
            "What it does with a line, in its own language: sections `filter { }`. A line has the fields of Fluent Bit, those of a line of JSON at the top.",
          ),
        storage: z
          .strictObject({
            size: bytes
              .default("2Gi")
              .describe("Volume of each pod, of which three quarters are for lines that wait for Elasticsearch."),
          })
          .prefault({}),
        resources: resources({ cpu: "100m", memory: "1Gi", memoryLimit: "1Gi" }),
      })
      .prefault({}),
    exporter: z
      .strictObject({
        image: pinnedImage
          .default(exporter)
          .describe("Image of prometheus-community's exporter, which makes metrics of what Elasticsearch's API says."),
        resources: resources({ cpu: "10m", memory: "32Mi", memoryLimit: "128Mi" }),
      })
      .prefault({}),
    version: elasticVersion.default(version).describe("Version of Elasticsearch, Kibana, Logstash and Metricbeat."),
    images: imageRepository
      .default("docker.elastic.co")
      .describe("Registry of their images, or a folder of a company's own or of a mirror."),
  })
  .prefault({})
  .describe("Elasticsearch, a log store that indexes every word, with Kibana; Elastic's operator runs both.");
