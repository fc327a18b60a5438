import { z } from "zod";
import { bucketName, bytes, hostPort, kafkaTopic, prometheusDuration, secretName } from "../../../settings/formats.ts";
import { resources, values } from "../../../settings/kinds.ts";

type Asked = Parameters<typeof resources>[0];

const count = (what: string, least: number, usual: number) => z.int().min(least).max(50).default(usual).describe(what);

const part = (what: string, usual: number, asked: Asked) =>
  z.strictObject({ replicas: count(what, 1, usual), resources: resources(asked) }).prefault({});

const one = (what: string, asked: Asked) =>
  z
    .strictObject({ resources: resources(asked) })
    .prefault({})
    .describe(what);

export const tempo = z
  .strictObject({
    mode: z
      .enum(["monolithic", "distributed"])
      .default("monolithic")
      .describe(
        "`monolithic`: one pod does everything, Tempo 2. `distributed`: each part is pods of its own, Tempo 3; it needs a Kafka that is there already and storage.type objectStorage.",
      ),
    retention: prometheusDuration.default("24h").describe("How long traces are kept."),
    storage: z
      .strictObject({
        type: z
          .enum(["filesystem", "objectStorage"])
          .default("filesystem")
          .describe("Where blocks are kept; after another one Tempo does not find the traces so far."),
        bucket: bucketName.default("tempo").describe("Bucket in objectStorage, for type: objectStorage."),
        size: bytes
          .default("5Gi")
          .describe(
            "Volume of Tempo's pod (mode: monolithic); later it can only be changed by hand, and `up` says how.",
          ),
      })
      .prefault({}),
    resources: resources({ cpu: "50m", memory: "256Mi", memoryLimit: "1Gi" }).describe(
      "Of the pod of mode: monolithic.",
    ),
    distributed: z
      .strictObject({
        kafka: z
          .strictObject({
            address: hostPort
              .optional()
              .describe(
                "Host and port of a broker of Kafka, or of what speaks its protocol; Tempo speaks it without TLS.",
              ),
            topic: kafkaTopic.default("tempo-traces").describe("Topic for spans; it has to exist."),
            partitions: z
              .int()
              .min(1)
              .max(50)
              .default(3)
              .describe("Partitions that the topic has: each is read by one block builder and one live store."),
            credentialsSecret: secretName
              .optional()
              .describe(
                "Secret in namespace monitoring with username and password (SASL PLAIN); it has to exist. Without it nobody is asked.",
              ),
          })
          .prefault({}),
        distributor: part("Pods that take spans.", 2, { cpu: "50m", memory: "128Mi", memoryLimit: "512Mi" }),
        blockBuilder: one("One for each partition: makes blocks of spans, and writes them to the bucket.", {
          ...{ cpu: "100m", memory: "256Mi", memoryLimit: "2Gi" },
        }),
        liveStore: one("One for each partition: answers for the latest spans.", {
          ...{ cpu: "100m", memory: "512Mi", memoryLimit: "2Gi" },
        }),
        queryFrontend: part("Pods that queries are put to; they split them.", 2, {
          ...{ cpu: "50m", memory: "128Mi", memoryLimit: "1Gi" },
        }),
        querier: part("Pods that answer split queries.", 2, { cpu: "100m", memory: "256Mi", memoryLimit: "2Gi" }),
        backendScheduler: one("Says which blocks are joined and deleted.", {
          ...{ cpu: "20m", memory: "64Mi", memoryLimit: "512Mi" },
        }),
        backendWorker: part("Pods that join and delete blocks.", 1, {
          cpu: "50m",
          memory: "256Mi",
          memoryLimit: "2Gi",
        }),
        cache: z
          .strictObject({
            replicas: count("Pods of memcached for what is read of blocks; with 0 there are none.", 0, 1),
            memory: bytes
              .default("256Mi")
              .describe("Memory of each that is filled; its container asks for a fifth more, and that is its limit."),
          })
          .prefault({}),
      })
      .prefault({})
      .describe("The parts of mode: distributed."),
    values,
  })
  .prefault({})
  .describe("Tempo, a trace store that keeps traces on a volume or in a bucket.");
