import { chart } from "./chart.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { opentelemetryOperator } from "./settings.ts";
import { opentelemetryOperatorValues } from "./values.ts";

const namespace = namespaces.monitoring.name;

export const opentelemetryOperatorComponent = defineComponent({
  key: "opentelemetryOperator",
  title: "The OpenTelemetry operator",
  settings: { opentelemetryOperator },
  charts: [chart],
  switch: "opentelemetryOperator.enabled",
  enabled: ({ opentelemetryOperator: { enabled } }) => enabled,
  single: {
    name: "An OpenTelemetry operator",
    groups: [".opentelemetry.io"],
    images: ["opentelemetry-operator"],
  },
  // The certificate of its webhook.
  needs: ["certificates", "monitors"],
  after: ["certificates", "monitors"],
  uses: ["injection"],
  namespaces: () => [namespaces.monitoring],
  offers: () => ({ collectors: true }),
  flows: () => [
    {
      name: "opentelemetry-webhook",
      namespace,
      to: { "app.kubernetes.io/name": "opentelemetry-operator" },
      ports: [9443],
      from: ["api server"],
    },
  ],
  requests: ({ opentelemetryOperator: { resources } }) => [
    { setting: "opentelemetryOperator.resources", ...resources, count: 1 },
  ],
  releases: ({ settings, offered }) => [
    {
      chart,
      namespace,
      values: opentelemetryOperatorValues(settings.opentelemetryOperator, offered("injection")?.go ?? false),
      override: settings.opentelemetryOperator.values,
      pullSecrets: { imagePullSecrets },
    },
  ],
});
