import { chart } from "../../suites/kube-prometheus-stack/chart.ts";
import type { Endpoint } from "../../capabilities.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { credentials } from "../../remote.ts";
import { askedPlaces, grafanaDataSources, grafanaPlugins, secretVariables } from "./data-sources.ts";
import { grafana } from "./settings.ts";
import { contentRole, grafanaSecretName, grafanaValues } from "./values.ts";

const release = chart.name;
const namespace = namespaces.monitoring.name;
const endpoint: Endpoint = { namespace, service: `${release}-grafana`, port: 80, path: "" };

/** Another key is another password. */
const passwordKey = (rotation: number) => `password-${rotation}`;

export const grafanaComponent = defineComponent({
  key: "grafana",
  title: "Grafana",
  slot: "dashboards",
  settings: { grafana },
  charts: [],
  uses: ["metrics", "alerts", "logs", "traces"],
  partOf: "kubePrometheusStack",
  namespaces: () => [namespaces.monitoring],
  offers: ({ grafana: { adminUser, passwordRotation } }) => ({
    dashboards: {
      endpoint,
      ui: { selector: { "app.kubernetes.io/name": "grafana", "app.kubernetes.io/instance": release }, podPort: 3000 },
      login: { user: adminUser, password: passwordKey(passwordRotation) },
    },
  }),
  requests: ({ grafana: { resources } }) => [{ setting: "grafana.resources", ...resources, count: 1 }],
  secrets: ({ settings: { grafana: settings }, environment, all }) => [
    {
      name: grafanaSecretName(settings),
      namespace,
      data: {
        "admin-user": settings.adminUser,
        "admin-password": { generated: passwordKey(settings.passwordRotation) },
      },
    },
    ...credentials("grafana", namespace, askedPlaces({ all }), environment),
  ],
  extras: () => [
    {
      name: contentRole,
      object: {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata: { name: contentRole, namespace },
        rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list", "watch"] }],
      },
    },
  ],
  part: (context) => ({
    values: grafanaValues(
      context.settings.grafana,
      context.browserUrl("dashboards"),
      grafanaDataSources(context),
      grafanaPlugins(context),
      secretVariables(context),
    ),
  }),
});
