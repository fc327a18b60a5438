import type { z } from "zod";
import type { Endpoint } from "../../capabilities.ts";
import { type Context, defineComponent, type Extra } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { credentials } from "../../remote.ts";
import { dataSource, lookup } from "./api.ts";
import { chart, cleaner as cleanerImage } from "./chart.ts";
import { check, cleaner, elastic, user } from "./elasticsearch.ts";
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

type Settings = z.output<typeof jaeger>;
type Given = Context<{ readonly jaeger: Settings }>;

const inElasticsearch = ({ storage }: Settings) => storage.type === "elasticsearch";

const elasticOf = ({ settings, offered, environment }: Given) =>
  elastic(settings.jaeger, offered("elasticsearch"), environment);

export const jaegerComponent = defineComponent({
  key: "jaeger",
  title: "Jaeger",
  slot: "traces",
  settings: { jaeger },
  charts: [chart],
  needs: ["monitors"],
  alsoNeeds: ({ jaeger: own }) => (inElasticsearch(own) ? ["elasticsearch"] : []),
  uses: ["elasticsearch"],
  after: ["monitors", "elasticsearch"],
  namespaces: () => [namespaces.monitoring],
  offers: ({ jaeger: { storage, retention }, jaeger: own }) => ({
    ...(inElasticsearch(own) ? { elasticUsers: [user(own)] } : {}),
    traces: {
      endpoint,
      title: "Jaeger",
      ui: { selector, podPort: endpoint.port },
      otlp: { protocol: "grpc", place: otlp },
      lookup,
      dataSource,
      keeps: {
        ...(storage.type !== "memory"
          ? { retention: [{ setting: "jaeger.retention", is: retention }], on: "volume" }
          : { retention: [], on: "pod" }),
        form: inElasticsearch(own) ? `elasticsearch ${storage.indexPrefix}` : storage.type,
      },
    },
  }),
  check: ({ jaeger: own }, known) => check(own, known),
  requests: ({ jaeger: { resources } }) => [{ setting: "jaeger.resources", ...resources, count: 1 }],
  images: ({ jaeger: own }) => ({ ...(inElasticsearch(own) ? { "Jaeger's index cleaner": cleanerImage } : {}) }),
  secrets: (given) => credentials("jaeger", namespace, [elasticOf(given)?.remote], given.environment),
  releases: (given) => [
    {
      chart,
      namespace,
      values: jaegerValues(given.settings.jaeger, elasticOf(given)),
      override: given.settings.jaeger.values,
      // By name alone (common, `images.renderPullSecrets`).
      pullSecrets: { jaeger: { image: { pullSecrets: imagePullSecrets.map(({ name }) => name) } } },
    },
  ],
  extras: (given) => {
    const { environment } = given;
    const store = elasticOf(given);
    return [
      ...[service(endpoint, "http-query"), service(otlp, "grpc-otlp"), monitor],
      ...(store === undefined ? [] : [cleaner(store, environment.image(cleanerImage), environment)]),
    ];
  },
});
