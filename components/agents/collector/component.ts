import { canonicalBytes, containerResources } from "../../../settings/resources.ts";
import type { TelemetryGateway } from "../../capabilities.ts";
import { type Context, defineComponent, type Extra } from "../../component.ts";
import { hardened, spread } from "../../kubernetes/hardened.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { credentials } from "../../remote.ts";
import { externalFolder } from "../exporters.ts";
import { olderProtocols, type OlderProtocol } from "./protocols.ts";
import { collector } from "./settings.ts";
import { collectorConfig, isBalanced, queueFolder, spanMetrics, type Stores, targets } from "./values.ts";

const namespace = namespaces.monitoring.name;

/** Name of the OpenTelemetryCollector object; the operator calls its Service `<name>-collector`. */
const collectorName = "otel";
const serviceAccount = "otel-collector";
const queueVolume = "queue";
const externalVolume = "external";

const service = { namespace, service: `${collectorName}-collector` } as const;

const gateway = {
  otlpGrpc: { ...service, port: 4317, path: "" },
  otlpHttp: { ...service, port: 4318, path: "" },
  spanBounds: spanMetrics.histogram.explicit.buckets,
} as const satisfies TelemetryGateway;

/** Where what older clients send by TCP is taken. */
function older(receivers: readonly OlderProtocol[]): NonNullable<TelemetryGateway["older"]> {
  return Object.fromEntries(
    receivers.flatMap((name) => {
      const protocol = olderProtocols[name];
      return protocol.over === "UDP" ? [] : [[name, { ...service, port: protocol.port, path: protocol.path }]];
    }),
  );
}

/** Ports of some protocols of older clients. */
const portsOver = (over: "TCP" | "UDP", receivers: readonly OlderProtocol[]) =>
  receivers.map((name) => olderProtocols[name]).flatMap((protocol) => (protocol.over === over ? protocol.port : []));

/** Where telemetry goes. */
const stores = (all: Context<unknown>["all"]): Stores => ({
  // Where somebody scrapes, the collector is scraped.
  metrics: all("scraping").length > 0 ? [] : all("metricsReceiver"),
  logs: all("logs"),
  traces: all("traces"),
});

/** What the collector may read: pods and their owners, for attributes. */
const rules = [
  { apiGroups: [""], resources: ["pods", "namespaces", "nodes"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["apps"], resources: ["replicasets", "deployments"], verbs: ["get", "list", "watch"] },
];

/** @param credentials whether its image is pulled with those of private registries: the operator's CRD has no place for them */
function account(credentials: boolean): Extra[] {
  const rbac = "rbac.authorization.k8s.io";
  const metadata = { name: serviceAccount };
  const own = { ...metadata, namespace };
  const pull = credentials ? { imagePullSecrets } : {};
  return [
    { name: "account", object: { apiVersion: "v1", kind: "ServiceAccount", metadata: own, ...pull } },
    { name: "role", object: { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata, rules } },
    {
      name: "binding",
      object: {
        apiVersion: `${rbac}/v1`,
        kind: "ClusterRoleBinding",
        metadata,
        roleRef: { apiGroup: rbac, kind: "ClusterRole", name: serviceAccount },
        subjects: [{ kind: "ServiceAccount", ...own }],
      },
    },
  ];
}

/** The collector between applications and stores, run by the OpenTelemetry operator. */
export const collectorComponent = defineComponent({
  key: "collector",
  title: "The OpenTelemetry collector",
  slot: "gateway",
  settings: { collector },
  charts: [],
  needs: ["collectors"],
  after: ["collectors"],
  uses: ["scraping", "metricsReceiver", "logs", "traces"],
  namespaces: () => [namespaces.monitoring],
  offers: ({ collector: { receivers } }) => ({
    gateway: receivers.length === 0 ? gateway : { ...gateway, older: older(receivers) },
  }),
  flows: ({
    settings: {
      collector: { receivers },
    },
  }) => [
    {
      name: "telemetry",
      namespace,
      to: { "app.kubernetes.io/component": "opentelemetry-collector" },
      ports: [gateway.otlpGrpc.port, gateway.otlpHttp.port, ...portsOver("TCP", receivers)],
      udp: portsOver("UDP", receivers),
      from: ["applications"],
    },
  ],
  warnings: ({ collector: { sampling } }, _now, offered) => {
    const head = offered("injection")?.samplingRatio ?? 1;
    return sampling.ratio < 1 && head < 1
      ? [
          {
            path: "collector.sampling.ratio",
            message: `decides over the share of ${head} of traces that instrumented pods keep (instrumentation.samplingRatio): errors and slow ones of the others are not seen.`,
          },
        ]
      : [];
  },
  requests: ({ collector: { resources, replicas } }) => [
    { setting: "collector.resources", ...resources, count: replicas },
  ],
  images: ({ collector: { image } }) => ({ "opentelemetry-collector": image }),
  secrets: ({ environment, all }) => credentials(serviceAccount, namespace, targets(stores(all)), environment),
  extras: ({ settings, environment, all }) => {
    const { replicas, image, resources } = settings.collector;
    const queues = all("logs").length + all("traces").length + (isBalanced(settings.collector, stores(all)) ? 1 : 0);
    const external = credentials(serviceAccount, namespace, targets(stores(all)), environment);
    return [
      ...account(environment.credentials),
      {
        name: "collector",
        last: true,
        webhook: true,
        object: {
          apiVersion: "opentelemetry.io/v1beta1",
          kind: "OpenTelemetryCollector",
          metadata: { name: collectorName, namespace },
          spec: {
            mode: "deployment",
            replicas,
            image: environment.image(image),
            serviceAccount,
            resources: containerResources(resources),
            // The operator's own policy opens these ports to everybody (gate `operand.networkpolicy`, on by default at 0.158).
            networkPolicy: { enabled: false },
            // Makes the ServiceMonitors of the collector's own metrics and of its prometheus exporter.
            observability: { metrics: { enableMetrics: true } },
            podSecurityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: "RuntimeDefault" } },
            securityContext: hardened,
            ...(replicas > 1
              ? {
                  affinity: spread({ "app.kubernetes.io/instance": `${namespace}.${collectorName}` }),
                  podDisruptionBudget: { maxUnavailable: 1 },
                }
              : {}),
            // All queues, and as much again for free pages and compaction; with more the kubelet would evict the pod.
            volumes: [
              { name: queueVolume, emptyDir: { sizeLimit: canonicalBytes(`${512 * Math.max(1, queues)}Mi`) } },
              ...external.map(({ name }) => ({ name: externalVolume, secret: { secretName: name } })),
            ],
            volumeMounts: [
              { name: queueVolume, mountPath: queueFolder },
              ...external.map(() => ({ name: externalVolume, mountPath: externalFolder, readOnly: true })),
            ],
            config: collectorConfig(
              settings.collector,
              stores(all),
              environment,
              `${collectorName}-collector-headless.${namespace}.svc`,
            ),
          },
        },
      },
    ];
  },
});
