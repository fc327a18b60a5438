import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { type Context, defineComponent, type Extra } from "../../component.ts";
import { disruptionBudgets, spread, unprivileged } from "../../kubernetes/hardened.ts";
import type { Manifest } from "../../kubernetes/manifest.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { pulls } from "../../kubernetes/pull-secrets.ts";
import { stackImage, versionOf } from "../../suites/kube-prometheus-stack/names.ts";
import { podMonitor } from "../pod-monitor.ts";
import { receiverSecrets, receiverTarget, remoteTargets } from "../receiver.ts";
import { remoteWriteSpecs } from "../remote-write/operator.ts";
import { scrapeClasses } from "../scrape-class.ts";
import { limitsOf } from "../scrape-limits.ts";
import { prometheusAgent } from "./settings.ts";

const namespace = namespaces.monitoring.name;

/** Of its account and its monitor, and the label `job` of its series. */
const name = "prometheus-agent";
/** Of its object: the operator calls its pods `prom-agent-<name>-<n>`. */
const object = "platform";
/** Of its pods (operator 0.93.1, pkg/prometheus/agent/operator.go, `makeSelectorLabels`). */
const labels = { "app.kubernetes.io/name": name, "operator.prometheus.io/name": object };
const image = stackImage("prometheus/prometheusSpec/image/sha");
const rbac = "rbac.authorization.k8s.io";

/** What it may read to find targets: as kube-prometheus-stack 88.5.3 lets Prometheus (templates/prometheus/clusterrole.yaml). */
const rules = [
  {
    apiGroups: [""],
    resources: ["nodes", "nodes/metrics", "services", "endpoints", "pods"],
    verbs: ["get", "list", "watch"],
  },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["networking.k8s.io"], resources: ["ingresses"], verbs: ["get", "list", "watch"] },
  { nonResourceURLs: ["/metrics", "/metrics/cadvisor"], verbs: ["get"] },
];

const places = (all: Context<unknown>["all"]) => all("metricsReceiver").map(({ offer }) => offer.place);

function agent(
  settings: z.output<typeof prometheusAgent>,
  { environment, all }: Pick<Context<unknown>, "environment" | "all">,
): Manifest {
  const { replicas, scrapeInterval, resources } = settings;
  const everywhere = {};
  return {
    apiVersion: "monitoring.coreos.com/v1alpha1",
    kind: "PrometheusAgent",
    metadata: { name: object, namespace },
    spec: {
      mode: "StatefulSet",
      image: environment.image(image),
      version: versionOf(image),
      ...pulls(environment),
      replicas,
      serviceAccountName: name,
      securityContext: unprivileged,
      resources: containerResources(resources),
      ...(replicas > 1 ? { affinity: spread(labels) } : {}),
      // Stores may have series of several clusters.
      externalLabels: { cluster: environment.name },
      scrapeInterval,
      ...limitsOf(settings),
      ...scrapeClasses(all("metricFilters").flatMap(({ offer }) => offer)),
      serviceDiscoveryRole: "EndpointSlice",
      enableFeatures: ["extra-scrape-metrics"],
      // Monitors of every namespace count, whatever their labels.
      ...Object.fromEntries(
        ["serviceMonitor", "podMonitor", "probe", "scrapeConfig"].flatMap((kind) => [
          [`${kind}Selector`, everywhere],
          [`${kind}NamespaceSelector`, everywhere],
        ]),
      ),
      remoteWrite: remoteWriteSpecs([
        ...places(all).map((place) => receiverTarget(name, place, environment)),
        ...remoteTargets({ all }),
      ]),
      // No claim: an agent that starts sends nothing of what it finds there (Prometheus 3.14, tsdb/wlog/watcher.go,
      // `startTimestamp`), and a volume that is full would keep it from making room. Three hours of 40,000 samples a second.
      storage: { emptyDir: { sizeLimit: "4Gi" } },
    },
  };
}

export const prometheusAgentComponent = defineComponent({
  key: "prometheusAgent",
  title: "Prometheus in agent mode",
  slot: "scraper",
  settings: { prometheusAgent },
  charts: [],
  needs: ["prometheusOperator", "monitors", "metricsReceiver", "rules"],
  uses: ["remoteWrite", "metricFilters"],
  after: ["monitors", "remoteWriteSecrets"],
  conflicts: [
    { with: "prometheus", because: "Prometheus scrapes by itself, and an agent beside it would do the same again." },
  ],
  namespaces: () => [namespaces.monitoring],
  offers: () => ({ scraping: { by: "prometheus" } }),
  requests: ({ prometheusAgent: { resources, replicas } }) => [
    { setting: "prometheusAgent.resources", ...resources, count: replicas },
  ],
  images: () => ({ [name]: image }),
  warnings: ({ prometheusAgent: { replicas } }) =>
    replicas === 1
      ? []
      : [
          {
            path: "prometheusAgent.replicas",
            message:
              `is ${replicas}: each sample is written ${replicas} times, told apart by the label prometheus_replica. ` +
              "A store that does not keep one of them (Mimir's HA tracker, Thanos' deduplication) shows every series as often.",
          },
        ],
  secrets: ({ environment, all }) => receiverSecrets(name, places(all), environment),
  extras: (context) => {
    const { settings } = context;
    const metadata = { name };
    const own = { ...metadata, namespace };
    const extras: Extra[] = [
      { name: "account", object: { apiVersion: "v1", kind: "ServiceAccount", metadata: own } },
      { name: "role", object: { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata, rules } },
      {
        name: "binding",
        object: {
          apiVersion: `${rbac}/v1`,
          kind: "ClusterRoleBinding",
          metadata,
          roleRef: { apiGroup: rbac, kind: "ClusterRole", name },
          subjects: [{ kind: "ServiceAccount", ...own }],
        },
      },
      { name: "agent", last: true, object: agent(settings.prometheusAgent, context) },
      podMonitor(name, labels),
    ];
    for (const budget of disruptionBudgets(settings.prometheusAgent.replicas, own, labels))
      extras.push({ name: "disruption", object: budget });
    return extras;
  },
});
