import { chart } from "./chart.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { scaledObject } from "./scaled-object.ts";
import { keda } from "./settings.ts";
import { kedaValues, labels } from "./values.ts";

const namespace = namespaces.monitoring.name;

export const kedaComponent = defineComponent({
  key: "keda",
  title: "KEDA",
  slot: "autoscaler",
  settings: { keda },
  charts: [chart],
  single: {
    name: "KEDA",
    groups: [".keda.sh"],
    images: ["keda", "keda-metrics-apiserver", "keda-admission-webhooks"],
  },
  provided: {
    by: "keda",
    definitions: ["scaledobjects.keda.sh", "triggerauthentications.keda.sh"],
    namespace: (settings) => settings.keda.namespace,
  },
  serves: () => ["v1beta1.external.metrics.k8s.io"],
  needs: ["monitors"],
  uses: ["certificates"],
  after: ["monitors", "certificates"],
  namespaces: () => [namespaces.monitoring],
  offers: () => ({ autoscaling: { scale: scaledObject } }),
  // While the API server cannot reach the metrics API its APIService is unavailable, and no namespace of the cluster can be deleted.
  flows: () => [
    { name: "keda-metrics-api", namespace, to: labels.metricsApi, ports: [6443], from: ["api server"] },
    { name: "keda-webhooks", namespace, to: labels.webhooks, ports: [9443], from: ["api server"] },
  ],
  requests: ({ keda: { operator, metricsApi, webhooks, replicas } }) => [
    { setting: "keda.operator", ...operator, count: replicas },
    { setting: "keda.metricsApi", ...metricsApi, count: replicas },
    { setting: "keda.webhooks", ...webhooks, count: replicas },
  ],
  releases: ({ settings, environment, offered }) => [
    {
      chart,
      namespace,
      values: kedaValues(settings.keda, environment.clusterName, offered("certificates") === true),
      override: settings.keda.values,
      pullSecrets: { imagePullSecrets },
    },
  ],
});
