import type { z } from "zod";
import { canonicalBytes, containerResources, cpuMillicores } from "../../../settings/resources.ts";
import type { TelemetryGateway } from "../../capabilities.ts";
import type { Finding } from "../../../settings/finding.ts";
import { type Context, defineComponent, type Extra } from "../../component.ts";
import { hardened, runsAs, spread } from "../../kubernetes/hardened.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { pulls } from "../../kubernetes/pull-secrets.ts";
import { credentials } from "../../remote.ts";
import { externalFolder } from "../exporters.ts";
import { olderProtocols, type OlderProtocol } from "./protocols.ts";
import { collector } from "./settings.ts";
import { collectorConfig, isBalanced, mostReplicas, queueFolder, spanMetrics, type Stores, targets } from "./values.ts";

type Settings = z.output<typeof collector>;

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
  const pull = pulls({ credentials });
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

/**
 * What the operator makes an autoscaler of, which writes `spec.replicas` of the collector's object: nobody else may say them
 * (0.142, internal/manifests/collector/horizontalpodautoscaler.go). One pod goes at a time, and late: with it go the traces that
 * it holds undecided, and what waits in its queue for a store that is away.
 */
const autoscaler = (least: number, { maxReplicas, cpu, memory }: NonNullable<Settings["autoscaling"]>) => ({
  ...{ minReplicas: least, maxReplicas, targetCPUUtilization: cpu },
  ...(memory === undefined ? {} : { targetMemoryUtilization: memory }),
  behavior: {
    scaleDown: { stabilizationWindowSeconds: 600, policies: [{ type: "Pods", value: 1, periodSeconds: 120 }] },
  },
});

/** The collector between applications and stores, run by the OpenTelemetry operator. */
export const collectorComponent = defineComponent({
  key: "collector",
  title: "The OpenTelemetry collector",
  slot: "gateway",
  settings: { collector },
  charts: [],
  needs: ["collectors"],
  after: ["collectors"],
  uses: ["scraping", "metricsReceiver", "logs", "traces", "kernelSpans"],
  namespaces: () => [namespaces.monitoring],
  offers: ({ collector: { receivers } }) => ({
    gateway: receivers.length === 0 ? gateway : { ...gateway, older: older(receivers) },
  }),
  flows: ({ settings, offered }) => {
    const { receivers } = settings.collector;
    const to = { "app.kubernetes.io/component": "opentelemetry-collector" };
    const { otlpGrpc, otlpHttp } = gateway;
    return [
      {
        ...{ name: "telemetry", namespace, to, from: ["applications", "kernelSpans"] },
        ports: [otlpGrpc.port, otlpHttp.port, ...portsOver("TCP", receivers)],
        udp: portsOver("UDP", receivers),
      },
      // No policy can name a node.
      ...(offered("kernelSpans")?.fromNodes === true
        ? [{ name: "nodes", namespace, to, ports: [otlpGrpc.port], from: ["anyone" as const] }]
        : []),
    ];
  },
  check: ({ collector: { replicas, autoscaling } }) =>
    autoscaling === undefined || autoscaling.maxReplicas > replicas
      ? []
      : [
          {
            path: "collector.autoscaling.maxReplicas",
            message: `is ${autoscaling.maxReplicas}, and collector.replicas, the least, is ${replicas}. Set it to more, or remove collector.autoscaling.`,
          },
        ],
  warnings: ({ collector: { sampling, autoscaling, resources } }, _now, offered) => {
    const head = offered("injection")?.samplingRatio ?? 1;
    const findings: Finding[] = [];
    const add = (path: string, message: string) => findings.push({ path: `collector.${path}`, message });
    if (sampling.ratio < 1 && head < 1)
      add(
        "sampling.ratio",
        `decides over the share of ${head} of traces that instrumented pods keep (instrumentation.samplingRatio): errors and slow ones of the others are not seen.`,
      );
    if (autoscaling === undefined) return findings;
    if (offered("resourceMetrics") === undefined)
      add(
        "autoscaling",
        "asks the cluster what pods use, and metricsServer.enabled is false: nothing is scaled unless the cluster has a metrics-server of its own.",
      );
    const used = (cpuMillicores(resources.cpu) * autoscaling.cpu) / 100;
    if (used < 200)
      add(
        "autoscaling.cpu",
        `is ${autoscaling.cpu} % of collector.resources.cpu, ${resources.cpu}: pods that use ${Math.round(used)}m get another beside them. A larger pod costs less than a second one; set collector.resources.cpu to 500m or more.`,
      );
    return findings;
  },
  requests: ({ collector: settings }) => [
    { setting: "collector.resources", ...settings.resources, count: mostReplicas(settings) },
  ],
  images: ({ collector: { image } }) => ({ "opentelemetry-collector": image }),
  secrets: ({ environment, all }) => credentials(serviceAccount, namespace, targets(stores(all)), environment),
  extras: ({ settings, environment, all }) => {
    const { replicas, autoscaling, image, resources } = settings.collector;
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
            ...(autoscaling === undefined ? { replicas } : { autoscaler: autoscaler(replicas, autoscaling) }),
            image: environment.image(image),
            serviceAccount,
            resources: containerResources(resources),
            // The operator's own policy opens these ports to everybody (gate `operand.networkpolicy`, on by default at 0.158).
            networkPolicy: { enabled: false },
            // Makes the ServiceMonitors of the collector's own metrics and of its prometheus exporter.
            observability: { metrics: { enableMetrics: true } },
            podSecurityContext: runsAs(10001, {}),
            securityContext: hardened,
            ...(mostReplicas(settings.collector) > 1
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
