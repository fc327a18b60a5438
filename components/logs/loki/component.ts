import type { z } from "zod";
import { durationSeconds } from "../../../settings/formats.ts";
import type { Finding } from "../../../settings/finding.ts";
import { chart } from "./chart.ts";
import type { Endpoint } from "../../capabilities.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { dataSource, linesOfTrace, lookup, otlpPath, pushPath } from "./api.ts";
import { loki } from "./settings.ts";
import { lokiValues } from "./values.ts";

const namespace = namespaces.monitoring.name;
const endpoint: Endpoint = { namespace, service: "loki", port: 3100, path: "" };

const inBucket = ({ type }: z.output<typeof loki>["storage"]) => type === "objectStorage";

function check({ storage, replicas, retention }: z.output<typeof loki>): Finding[] {
  const findings: Finding[] = [];
  const add = (path: string, message: string) => findings.push({ path, message });
  if (storage.type === "filesystem" && replicas > 1) {
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
  if (durationSeconds(retention) < 24 * 3600) {
    add("loki.retention", `is ${retention}; Loki's compactor keeps at least 24h. Set 24h or more.`);
  }
  return findings;
}

export const lokiComponent = defineComponent({
  key: "loki",
  title: "Loki",
  slot: "logs",
  settings: { loki },
  charts: [chart],
  needs: ["monitors"],
  alsoNeeds: ({ loki: { storage } }) => (inBucket(storage) ? ["objectStorage"] : []),
  uses: ["objectStorage"],
  after: ["monitors", "objectStorage"],
  namespaces: () => [namespaces.monitoring],
  offers: ({ loki: { storage, retention } }) => ({
    ...(inBucket(storage) ? { buckets: [storage.bucket] } : {}),
    logs: {
      endpoint,
      title: "Loki",
      push: { as: "loki", place: endpoint, path: pushPath },
      otlp: { protocol: "http", place: { ...endpoint, path: otlpPath } },
      // The labels are its configuration's.
      lineHeaders: {},
      lookup,
      dataSource,
      keeps: {
        retention: [{ setting: "loki.retention", is: retention }],
        on: inBucket(storage) ? { bucket: storage.bucket } : "volume",
      },
      linesOfTrace,
    },
  }),
  flows: () => [
    { name: "logs", namespace, to: { "app.kubernetes.io/name": "loki" }, ports: [3100], from: ["logAgent"] },
  ],
  requests: ({ loki: { resources, replicas } }) => [{ setting: "loki.resources", ...resources, count: replicas }],
  check: ({ loki: settings }) => check(settings),
  releases: ({ settings, offered }) => [
    {
      chart,
      namespace,
      values: lokiValues(settings.loki, inBucket(settings.loki.storage) ? offered("objectStorage") : undefined),
      override: settings.loki.values,
      pullSecrets: { imagePullSecrets },
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
  ],
});
