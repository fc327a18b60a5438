import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { chart } from "./chart.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { helper } from "../../suites/kube-prometheus-stack/names.ts";
import { prometheusOperator } from "./settings.ts";

type Resources = ReturnType<typeof containerResources>;

/** The part of the values of kube-prometheus-stack 88.5.3 that is the operator's. */
interface PrometheusOperatorValues {
  readonly prometheusOperator: {
    readonly admissionWebhooks: { readonly enabled: boolean };
    readonly tls: { readonly enabled: boolean };
    readonly resources: Resources;
    readonly prometheusConfigReloader: { readonly resources: Resources };
    readonly kubeletEndpointsEnabled: boolean;
    readonly kubeletEndpointSliceEnabled: boolean;
  };
}

function prometheusOperatorValues(settings: z.output<typeof prometheusOperator>): PrometheusOperatorValues {
  return {
    prometheusOperator: {
      // Both, or the operator mounts a certificate that nobody makes. The webhooks' hook Jobs are the chart's classic
      // stall (helm-charts#2935); rules are checked before they reach the cluster.
      admissionWebhooks: { enabled: false },
      tls: { enabled: false },
      resources: containerResources(settings.resources),
      prometheusConfigReloader: { resources: helper },
      // Endpoints are deprecated since Kubernetes 1.33.
      kubeletEndpointsEnabled: false,
      kubeletEndpointSliceEnabled: true,
    },
  };
}

/**
 * The operator's definitions as a release of their own, first: every other chart may then declare its ServiceMonitor at its
 * first install, and none waits for the whole of kube-prometheus-stack.
 */
export const prometheusOperatorDefinitions = defineComponent({
  key: "prometheusOperatorCrds",
  title: "The definitions of the Prometheus Operator",
  settings: {},
  charts: [chart],
  provided: { by: "prometheusOperator" },
  namespaces: () => [namespaces.monitoring],
  offers: () => ({ monitors: true }),
  releases: () => [{ chart, namespace: namespaces.monitoring.name, values: {}, pullSecrets: undefined }],
});

/** The operator itself. */
export const prometheusOperatorComponent = defineComponent({
  key: "prometheusOperator",
  title: "The Prometheus Operator",
  settings: { prometheusOperator },
  charts: [],
  single: { name: "A Prometheus Operator", groups: [".monitoring.coreos.com"], images: ["prometheus-operator"] },
  provided: {
    by: "prometheusOperator",
    definitions: [
      "alertmanagers",
      "podmonitors",
      "prometheuses",
      "prometheusrules",
      "scrapeconfigs",
      "servicemonitors",
    ].map((plural) => `${plural}.monitoring.coreos.com`),
  },
  needs: ["monitors"],
  partOf: "kubePrometheusStack",
  namespaces: () => [namespaces.monitoring],
  offers: () => ({ prometheusOperator: true }),
  requests: ({ prometheusOperator: { resources } }) => [
    { setting: "prometheusOperator.resources", ...resources, count: 1 },
  ],
  part: ({ settings }) => ({ values: prometheusOperatorValues(settings.prometheusOperator) }),
});
