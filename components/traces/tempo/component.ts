import type { z } from "zod";
import type { Finding } from "../../../settings/finding.ts";
import { byteCount } from "../../../settings/formats.ts";
import type { Endpoint } from "../../capabilities.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { dataSource, lookup } from "./api.ts";
import { chart } from "./chart.ts";
import { chart as distributedChart } from "./distributed/chart.ts";
import { answering, distributedRequests, distributedValues, taking } from "./distributed/values.ts";
import { tempo } from "./settings.ts";
import { tempoValues } from "./values.ts";

type Settings = z.output<typeof tempo>;

const namespace = namespaces.monitoring.name;
const single: Endpoint = { namespace, service: "tempo", port: 3200, path: "" };

const isDistributed = ({ mode }: Settings) => mode === "distributed";
const inBucket = ({ storage: { type } }: Settings) => type === "objectStorage";

function check(settings: Settings): Finding[] {
  if (!isDistributed(settings)) return [];
  const { kafka, cache } = settings.distributed;
  const findings: Finding[] = [];
  const add = (path: string, message: string) => findings.push({ path, message });
  if (!inBucket(settings)) {
    add(
      "tempo.storage.type",
      "is filesystem, but the pods of tempo.mode: distributed share a bucket. Set it to objectStorage.",
    );
  }
  if (kafka.address === undefined) {
    add(
      "tempo.distributed.kafka.address",
      "is missing: the parts of Tempo 3 hand spans on by a Kafka, and nothing here makes one. Set it to host:port of a broker, or tempo.mode to monolithic.",
    );
  }
  if (cache.replicas > 0 && byteCount(cache.memory) < 64 * 1024 ** 2) {
    add(
      "tempo.distributed.cache.memory",
      `is ${cache.memory}: what it keeps has up to 5Mi. Set 64Mi or more, or replicas to 0.`,
    );
  }
  return findings;
}

/** The two must not join and delete blocks of one bucket at the same time (migrate-to-3.md of Tempo 3.0). */
const othersInBucket =
  "Tempo's pods become those of another version of it (tempo.mode), and until the old ones are gone both would join blocks of the same bucket, which is not safe. Set tempo.storage.bucket to another one, too: components/traces/tempo/README.md.";

export const tempoComponent = defineComponent({
  key: "tempo",
  title: "Tempo",
  slot: "traces",
  settings: { tempo },
  charts: [chart, distributedChart],
  needs: ["monitors"],
  alsoNeeds: ({ tempo: settings }) => (inBucket(settings) || isDistributed(settings) ? ["objectStorage"] : []),
  uses: ["objectStorage"],
  after: ["monitors", "objectStorage"],
  namespaces: () => [namespaces.monitoring],
  offers: ({ tempo: settings }) => {
    const { storage, retention } = settings;
    const [asked, sent] = isDistributed(settings) ? [answering, taking] : [single, { ...single, port: 4317 }];
    return {
      ...(inBucket(settings) ? { buckets: [storage.bucket] } : {}),
      traces: {
        endpoint: asked,
        title: "Tempo",
        // No interface of its own: people look at it in Grafana.
        otlp: { protocol: "grpc", place: sent },
        lookup,
        dataSource,
        keeps: {
          retention: [{ setting: "tempo.retention", is: retention }],
          on: inBucket(settings) ? { bucket: storage.bucket } : "volume",
          ...(isDistributed(settings) ? { pods: distributedChart.name } : {}),
          others: othersInBucket,
        },
      },
    };
  },
  requests: ({ tempo: settings }) =>
    isDistributed(settings)
      ? distributedRequests(settings)
      : [{ setting: "tempo.resources", ...settings.resources, count: 1 }],
  check: ({ tempo: settings }) => check(settings),
  releases: ({ settings: { tempo: settings }, offered }) => {
    const objects = inBucket(settings) ? offered("objectStorage") : undefined;
    // By name alone.
    const pullSecrets = imagePullSecrets.map(({ name }) => name);
    if (isDistributed(settings)) {
      return objects === undefined
        ? []
        : [
            {
              chart: distributedChart,
              namespace,
              values: distributedValues(settings, objects),
              override: settings.values,
              pullSecrets: { global: { image: { pullSecrets } } },
            },
          ];
    }
    return [
      {
        chart,
        namespace,
        values: tempoValues(settings, objects),
        override: settings.values,
        pullSecrets: { tempo: { pullSecrets } },
        // The chart's StatefulSet and the name of its claim template.
        volumes: [
          {
            setting: "tempo.storage.size",
            size: ["persistence", "size"],
            namespace,
            statefulSet: "tempo",
            claim: "storage",
          },
        ],
      },
    ];
  },
});
