import { chart } from "./chart.ts";
import type { Autoscaling } from "../../capabilities.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { prometheusAdapter } from "./settings.ts";
import { access, labels, perSecond, prometheusAdapterValues, pullSecrets } from "./values.ts";

const namespace = namespaces.monitoring.name;

/** A HorizontalPodAutoscaler on what the adapter makes of the counter; the adapter alone asks the store. */
const scale: Autoscaling["scale"] = ({ namespace: home, deployment: name, counter, perPod, min, max }) => ({
  secrets: [],
  objects: [
    {
      name: `${name}-scaling`,
      last: true,
      object: {
        apiVersion: "autoscaling/v2",
        kind: "HorizontalPodAutoscaler",
        metadata: { name, namespace: home },
        spec: {
          scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
          minReplicas: min,
          maxReplicas: max,
          metrics: [
            {
              type: "Pods",
              pods: {
                metric: { name: perSecond[counter] },
                target: { type: "AverageValue", averageValue: String(perPod) },
              },
            },
          ],
        },
      },
    },
  ],
});

export const prometheusAdapterComponent = defineComponent({
  key: "prometheusAdapter",
  title: "prometheus-adapter",
  slot: "autoscaler",
  settings: { prometheusAdapter },
  charts: [chart],
  // What people's own values add, too (templates/external-metrics-apiservice.yaml, resource-metrics-apiservice.yaml).
  serves: ({ prometheusAdapter: { externalRules, values } }) => {
    const own = (values["rules"] ?? {}) as { readonly external?: unknown; readonly resource?: unknown };
    return [
      "v1beta1.custom.metrics.k8s.io",
      ...(externalRules.length > 0 || own.external !== undefined ? ["v1beta1.external.metrics.k8s.io"] : []),
      ...(own.resource === undefined ? [] : ["v1beta1.metrics.k8s.io"]),
    ];
  },
  needs: ["metrics"],
  uses: ["certificates"],
  after: ["certificates"],
  namespaces: () => [namespaces.monitoring],
  offers: () => ({ autoscaling: { scale } }),
  // While it cannot be reached its APIServices are unavailable, and no namespace of the cluster can be deleted.
  flows: () => [{ name: "prometheus-adapter", namespace, to: labels, ports: [6443], from: ["api server"] }],
  requests: ({ prometheusAdapter: { resources, replicas } }) => [
    { setting: "prometheusAdapter.resources", ...resources, count: replicas },
  ],
  warnings: () => [
    {
      path: "autoscaler",
      message:
        "is prometheusAdapter, which its maintainers are giving up for KEDA, without a date (kubernetes-sigs/prometheus-adapter#701). Set autoscaler to keda, unless autoscalers that are there need custom.metrics.k8s.io.",
    },
  ],
  secrets: ({ environment, offered }) => access(offered("metrics")?.endpoint, environment),
  releases: ({ settings, environment, offered }) => {
    const store = offered("metrics");
    if (store === undefined) return [];
    const certificates = offered("certificates") === true;
    return [
      {
        chart,
        namespace,
        values: prometheusAdapterValues(settings.prometheusAdapter, store.endpoint, certificates, environment),
        override: settings.prometheusAdapter.values,
        pullSecrets,
      },
    ];
  },
});
