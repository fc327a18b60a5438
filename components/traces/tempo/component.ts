import type { z } from "zod";
import type { Endpoint } from "../../capabilities.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { dataSource, lookup } from "./api.ts";
import { chart } from "./chart.ts";
import { tempo } from "./settings.ts";
import { tempoValues } from "./values.ts";

const namespace = namespaces.monitoring.name;
const endpoint: Endpoint = { namespace, service: "tempo", port: 3200, path: "" };

const inBucket = ({ type }: z.output<typeof tempo>["storage"]) => type === "objectStorage";

export const tempoComponent = defineComponent({
  key: "tempo",
  title: "Tempo",
  slot: "traces",
  settings: { tempo },
  charts: [chart],
  needs: ["monitors"],
  alsoNeeds: ({ tempo: { storage } }) => (inBucket(storage) ? ["objectStorage"] : []),
  uses: ["objectStorage"],
  after: ["monitors", "objectStorage"],
  namespaces: () => [namespaces.monitoring],
  offers: ({ tempo: { storage, retention } }) => ({
    ...(inBucket(storage) ? { buckets: [storage.bucket] } : {}),
    traces: {
      endpoint,
      title: "Tempo",
      // No interface of its own: people look at it in Grafana.
      otlp: { protocol: "grpc", place: { ...endpoint, port: 4317 } },
      lookup,
      dataSource,
      keeps: {
        retention: [{ setting: "tempo.retention", is: retention }],
        on: inBucket(storage) ? { bucket: storage.bucket } : "volume",
      },
    },
  }),
  requests: ({ tempo: { resources } }) => [{ setting: "tempo.resources", ...resources, count: 1 }],
  releases: ({ settings, offered }) => [
    {
      chart,
      namespace,
      values: tempoValues(settings.tempo, inBucket(settings.tempo.storage) ? offered("objectStorage") : undefined),
      override: settings.tempo.values,
      // By name alone (the chart's StatefulSet).
      pullSecrets: { tempo: { pullSecrets: imagePullSecrets.map(({ name }) => name) } },
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
  ],
});
