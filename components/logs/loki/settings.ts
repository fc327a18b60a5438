import { z } from "zod";
import { bucketName, bytes, prometheusDuration } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";

type Asked = Parameters<typeof resources>[0];

const count = (what: string, least: number, usual: number) => z.int().min(least).max(50).default(usual).describe(what);

const part = (what: string, usual: number, asked: Asked) =>
  z.strictObject({ replicas: count(what, 1, usual), resources: resources(asked) }).prefault({});

const volume = (what: string, usual: string) =>
  bytes.default(usual).describe(`${what}; later it can only be changed by hand, and \`up\` says how.`);

const cache = (what: string, memory: string) =>
  z
    .strictObject({
      replicas: count(`Pods of memcached for ${what}; with 0 there are none.`, 0, 1),
      memory: bytes
        .default(memory)
        .describe("Memory of each that is filled; its container asks for a fifth more, and that is its limit."),
    })
    .prefault({});

export const loki = z
  .strictObject({
    mode: z
      .enum(["monolithic", "distributed"])
      .default("monolithic")
      .describe(
        "`monolithic`: each pod does everything. `distributed`: each part is pods of its own, for more lines than a few pods take; it needs storage.type objectStorage. Both read the same bucket.",
      ),
    retention: prometheusDuration.default("24h").describe("How long log lines are kept; at least 24h."),
    storage: z
      .strictObject({
        type: z
          .enum(["filesystem", "objectStorage"])
          .default("filesystem")
          .describe("Where chunks and index are kept; after another one Loki does not find the lines so far."),
        bucket: bucketName.default("loki").describe("Bucket in objectStorage, for type: objectStorage."),
        size: volume("Volume of each pod of mode: monolithic", "5Gi"),
      })
      .prefault({}),
    limits: z
      .strictObject({
        ingestionRate: bytes
          .default("4Mi")
          .describe("Bytes of lines a second that all pods together take; who sends more has to wait."),
        ingestionBurst: bytes.default("6Mi").describe("Bytes that may come at once beyond that, in each pod."),
        streams: z
          .int()
          .min(1)
          .default(5000)
          .describe("Streams (combinations of labels) that may be written to at a time; who sends more has to wait."),
        streamRate: bytes.default("3Mi").describe("Bytes a second that one stream takes; who sends more has to wait."),
        streamBurst: bytes.default("15Mi").describe("Bytes that may come at once beyond that, in one stream."),
      })
      .prefault({})
      .describe("What Loki takes: it has one tenant, and each limit is Loki's own where nothing else is said."),
    replicas: z.int().min(1).max(5).default(1).describe("Pods of mode: monolithic; more than one needs objectStorage."),
    resources: resources({ cpu: "50m", memory: "256Mi", memoryLimit: "1Gi" }).describe("Of pods of mode: monolithic."),
    distributed: z
      .strictObject({
        distributor: part("Pods that take lines.", 2, { cpu: "50m", memory: "128Mi", memoryLimit: "512Mi" }),
        ingester: z
          .strictObject({
            replicas: count(
              "Pods that keep the latest lines and write them to the bucket; each line is in three.",
              3,
              3,
            ),
            size: volume("Volume of each, with the lines that are not in the bucket yet", "10Gi"),
            resources: resources({ cpu: "100m", memory: "512Mi", memoryLimit: "2Gi" }),
          })
          .prefault({}),
        queryFrontend: part("Pods that queries are put to; they split them.", 2, {
          ...{ cpu: "50m", memory: "128Mi", memoryLimit: "512Mi" },
        }),
        queryScheduler: part("Pods with the queue of split queries.", 2, {
          ...{ cpu: "20m", memory: "64Mi", memoryLimit: "256Mi" },
        }),
        querier: part("Pods that answer split queries.", 2, { cpu: "100m", memory: "256Mi", memoryLimit: "1Gi" }),
        indexGateway: z
          .strictObject({
            replicas: count("Pods that look up the index.", 1, 2),
            size: volume("Volume of each, with the part of the index that was asked for", "5Gi"),
            resources: resources({ cpu: "50m", memory: "128Mi", memoryLimit: "1Gi" }),
          })
          .prefault({}),
        compactor: z
          .strictObject({
            size: volume("Volume of the one compactor, with what it is to delete", "5Gi"),
            resources: resources({ cpu: "50m", memory: "256Mi", memoryLimit: "2Gi" }),
          })
          .prefault({}),
        patternIngester: z
          .strictObject({
            replicas: count("Pods that find patterns in the lines of the last hours; with 0 Grafana shows none.", 0, 1),
            resources: resources({ cpu: "50m", memory: "128Mi", memoryLimit: "512Mi" }),
          })
          .prefault({}),
        ruler: part(
          "Pods that look at lines for logAlerts: one does, another takes its place. Without any there are none.",
          2,
          {
            ...{ cpu: "50m", memory: "128Mi", memoryLimit: "1Gi" },
          },
        ),
        chunksCache: cache("chunks that were read from the bucket", "1Gi"),
        resultsCache: cache("answers", "256Mi"),
      })
      .prefault({})
      .describe("The parts of mode: distributed."),
    values,
  })
  .prefault({})
  .describe("Loki, the log store.");
