import type { z } from "zod";
import { byteCount, durationSeconds } from "../../../settings/formats.ts";
import type { Finding } from "../../../settings/finding.ts";
import { evaluates } from "../../alerts/log-alerts/evaluator.ts";
import { logAlerts } from "../../alerts/log-alerts/settings.ts";
import { chart } from "./chart.ts";
import type { Endpoint } from "../../capabilities.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { dataSource, linesOfTrace, lookup, otlpPath, pushPath } from "./api.ts";
import {
  answering,
  distributedFlows,
  distributedName,
  distributedRequests,
  distributedValues,
  distributedVolumes,
  taking,
} from "./distributed.ts";
import { rulerConfig, rulerRules } from "./ruler.ts";
import { loki } from "./settings.ts";
import { lokiValues } from "./values.ts";

type Settings = z.output<typeof loki>;

const namespace = namespaces.monitoring.name;
const single: Endpoint = { namespace, service: "loki", port: 3100, path: "" };

const isDistributed = ({ mode }: Settings) => mode === "distributed";
const inBucket = ({ storage: { type } }: Settings) => type === "objectStorage";

const othersOnBucket =
  "Loki's pods become others (loki.mode). Those of before write to the bucket what they still hold as they end; what one has not written after 5 minutes stays on its volume, where nothing reads it. How it is had: components/logs/loki/README.md.";

function check(settings: Settings): Finding[] {
  const { replicas, retention, distributed } = settings;
  const findings: Finding[] = [];
  const add = (path: string, message: string) => findings.push({ path, message });
  if (isDistributed(settings)) {
    if (!inBucket(settings)) {
      const message = "is filesystem, but the pods of loki.mode: distributed share a bucket. Set it to objectStorage.";
      add("loki.storage.type", message);
    }
    for (const cache of ["chunksCache", "resultsCache"] as const) {
      // memcached's largest item is 5 MiB (the chart's `maxItemMemory`), and it takes a few of that size at least.
      const { replicas: pods, memory } = distributed[cache];
      if (pods > 0 && byteCount(memory) < 64 * 1024 ** 2) {
        const message = `is ${memory}: an answer or a chunk may have 5Mi. Set 64Mi or more, or replicas to 0.`;
        add(`loki.distributed.${cache}.memory`, message);
      }
    }
  } else {
    if (!inBucket(settings) && replicas > 1) {
      add(
        "loki.replicas",
        `is ${replicas}, but pods cannot share a filesystem. Set loki.storage.type to objectStorage, or 1.`,
      );
    }
    if (replicas === 2) {
      add(
        "loki.replicas",
        "is 2: both would have to work for a line to be written, which is worse than one. Set 1 or 3.",
      );
    }
  }
  if (durationSeconds(retention) < 24 * 3600) {
    add("loki.retention", `is ${retention}; Loki's compactor keeps at least 24h. Set 24h or more.`);
  }
  return findings;
}

export const lokiComponent = defineComponent({
  key: "loki",
  title: "Loki",
  slot: "logs",
  settings: { loki, logAlerts },
  charts: [chart],
  needs: ["monitors"],
  alsoNeeds: ({ loki: settings }) => (inBucket(settings) || isDistributed(settings) ? ["objectStorage"] : []),
  uses: ["objectStorage"],
  after: ["monitors", "objectStorage"],
  namespaces: () => [namespaces.monitoring],
  offers: ({ loki: settings }) => {
    const { storage, retention } = settings;
    const [asked, sent] = isDistributed(settings) ? [answering, taking] : [single, single];
    return {
      ...(inBucket(settings) ? { buckets: [storage.bucket] } : {}),
      logs: {
        endpoint: asked,
        title: "Loki",
        push: { as: "loki", place: sent, path: pushPath },
        otlp: { protocol: "http", place: { ...sent, path: otlpPath } },
        // The labels are its configuration's.
        otlpLines: { as: "labelled", headers: {} },
        lookup,
        dataSource,
        keeps: {
          retention: [{ setting: "loki.retention", is: retention }],
          on: inBucket(settings) ? { bucket: storage.bucket } : "volume",
          ...(isDistributed(settings) ? { pods: distributedName } : {}),
          others: othersOnBucket,
        },
        linesOfTrace,
      },
    };
  },
  flows: ({ settings }) =>
    isDistributed(settings.loki)
      ? distributedFlows
      : [{ name: "logs", namespace, to: { "app.kubernetes.io/name": "loki" }, ports: [3100], from: ["logAgent"] }],
  requests: ({ loki: settings, logAlerts: alerts }, _nodes, all) =>
    isDistributed(settings)
      ? distributedRequests(settings, evaluates("loki", alerts, all))
      : [{ setting: "loki.resources", ...settings.resources, count: settings.replicas }],
  check: ({ loki: settings }) => check(settings),
  secrets: (context) =>
    evaluates("loki", context.settings.logAlerts, context.all) ? [rulerRules(context.settings.logAlerts, context)] : [],
  releases: (context) => {
    const { settings: own, offered, all } = context;
    const settings = own.loki;
    const objects = inBucket(settings) ? offered("objectStorage") : undefined;
    const release = { chart, namespace, override: settings.values, pullSecrets: { imagePullSecrets } };
    const rulers = isDistributed(settings) ? settings.distributed.ruler.replicas : settings.replicas;
    const ruler = evaluates("loki", own.logAlerts, all) ? rulerConfig(context, rulers > 1) : undefined;
    if (!isDistributed(settings)) {
      return [
        {
          ...release,
          values: lokiValues(settings, objects, ruler),
          // The chart's StatefulSet and the name of its claim template.
          volumes: [
            {
              setting: "loki.storage.size",
              size: ["singleBinary", "persistence", "size"],
              namespace,
              statefulSet: "loki",
              claim: "storage",
            },
          ],
        },
      ];
    }
    if (objects === undefined) return [];
    return [
      {
        ...{ ...release, name: distributedName },
        ...{ values: distributedValues(settings, objects, ruler), volumes: distributedVolumes },
      },
    ];
  },
});
