import { chart } from "./chart.ts";
import type { Endpoint } from "../../capabilities.ts";
import { defineComponent, type Extra } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { dataSource, lookup } from "./api.ts";
import { jaeger } from "./settings.ts";
import { jaegerValues } from "./values.ts";

const namespace = namespaces.monitoring.name;
const endpoint: Endpoint = { namespace, service: "jaeger-query", port: 16686, path: "" };
const otlp: Endpoint = { namespace, service: "jaeger-collector", port: 4317, path: "" };

/** Labels of Jaeger's pod. */
const selector = {
  "app.kubernetes.io/name": "jaeger",
  "app.kubernetes.io/instance": "jaeger",
  "app.kubernetes.io/component": "all-in-one",
} as const;

/** The chart's one Service is `jaeger`; the names of the older charts are kept, because people and their configurations know them. */
const service = ({ service: name, port }: Endpoint, portName: string): Extra => ({
  name,
  object: {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, annotations: { "pulumi.com/skipAwait": "true" } },
    spec: { selector, ports: [{ name: portName, port, targetPort: port, protocol: "TCP" }] },
  },
});

/** The chart has none. */
const monitor: Extra = {
  name: "servicemonitor",
  object: {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "ServiceMonitor",
    metadata: { name: "jaeger", namespace },
    spec: {
      selector: { matchLabels: { "app.kubernetes.io/name": "jaeger", "app.kubernetes.io/component": "all-in-one" } },
      endpoints: [{ port: "internal-metrics" }],
    },
  },
};

export const jaegerComponent = defineComponent({
  key: "jaeger",
  title: "Jaeger",
  slot: "traces",
  settings: { jaeger },
  charts: [chart],
  needs: ["monitors"],
  after: ["monitors"],
  namespaces: () => [namespaces.monitoring],
  offers: ({ jaeger: { storage, retention } }) => ({
    traces: {
      endpoint,
      title: "Jaeger",
      ui: { selector, podPort: endpoint.port },
      otlp: { protocol: "grpc", place: otlp },
      lookup,
      dataSource,
      keeps: {
        ...(storage.type === "badger"
          ? { retention: [{ setting: "jaeger.retention", is: retention }], on: "volume" }
          : { retention: [], on: "pod" }),
        form: storage.type,
      },
    },
  }),
  requests: ({ jaeger: { resources } }) => [{ setting: "jaeger.resources", ...resources, count: 1 }],
  releases: ({ settings }) => [
    {
      chart,
      namespace,
      values: jaegerValues(settings.jaeger),
      override: settings.jaeger.values,
      // By name alone (common, `images.renderPullSecrets`).
      pullSecrets: { jaeger: { image: { pullSecrets: imagePullSecrets.map(({ name }) => name) } } },
    },
  ],
  extras: () => [service(endpoint, "http-query"), service(otlp, "grpc-otlp"), monitor],
});
