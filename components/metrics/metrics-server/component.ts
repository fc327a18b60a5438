import { chart } from "./chart.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { metricsServer } from "./settings.ts";
import { labels, metricsServerValues } from "./values.ts";

const namespace = namespaces.monitoring.name;

export const metricsServerComponent = defineComponent({
  key: "metricsServer",
  title: "metrics-server",
  settings: { metricsServer },
  charts: [chart],
  switch: "metricsServer.enabled",
  enabled: ({ metricsServer: { enabled } }) => enabled,
  serves: () => ["v1beta1.metrics.k8s.io"],
  offers: () => ({ resourceMetrics: true }),
  needs: ["monitors"],
  after: ["monitors"],
  namespaces: () => [namespaces.monitoring],
  // While it cannot be reached its APIService is unavailable, and no namespace of the cluster can be deleted.
  flows: () => [{ name: "metrics-server", namespace, to: labels, ports: [10250], from: ["api server"] }],
  requests: ({ metricsServer: { resources, replicas } }) => [
    { setting: "metricsServer.resources", ...resources, count: replicas },
  ],
  releases: ({ settings, environment }) => [
    {
      chart,
      namespace,
      values: metricsServerValues(settings.metricsServer, environment.kind),
      override: settings.metricsServer.values,
      pullSecrets: { imagePullSecrets },
    },
  ],
});
