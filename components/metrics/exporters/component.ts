import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { defineComponent } from "../../component.ts";
import { hardened } from "../../kubernetes/hardened.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { fluxMetricsValues, othersObjects } from "./flux-metrics.ts";
import { type WasteValues, wasteValues } from "./metric-waste.ts";
import { exporters } from "./settings.ts";

type Resources = ReturnType<typeof containerResources>;

/** The part of the values of kube-prometheus-stack 88.5.3 that measures nodes and the cluster. */
interface ExportersValues {
  readonly kubeApiServer: WasteValues["kubeApiServer"];
  readonly kubelet: WasteValues["kubelet"];
  readonly kubeControllerManager: { readonly enabled: boolean };
  readonly kubeScheduler: { readonly enabled: boolean };
  readonly kubeEtcd: { readonly enabled: boolean };
  readonly kubeProxy: { readonly enabled: boolean };
  readonly "kube-state-metrics": ReturnType<typeof fluxMetricsValues> &
    WasteValues["kube-state-metrics"] & {
      readonly selfMonitor: { readonly enabled: boolean };
      readonly collectorsExclude: readonly string[];
      readonly resources: Resources;
    };
  readonly "prometheus-node-exporter": {
    readonly namespaceOverride: string;
    readonly containerSecurityContext: typeof hardened;
    readonly resources: Resources;
  };
}

function exportersValues(
  settings: z.output<typeof exporters>,
  { scrapeControlPlane, ownFlux }: { readonly scrapeControlPlane: boolean; readonly ownFlux: boolean },
): ExportersValues {
  const { metricRelabelings } = wasteValues["kube-state-metrics"].prometheus.monitor.http;
  return {
    kubeApiServer: wasteValues.kubeApiServer,
    kubelet: wasteValues.kubelet,
    kubeControllerManager: { enabled: scrapeControlPlane },
    kubeScheduler: { enabled: scrapeControlPlane },
    kubeEtcd: { enabled: scrapeControlPlane },
    kubeProxy: { enabled: scrapeControlPlane },
    "kube-state-metrics": {
      ...fluxMetricsValues(ownFlux),
      prometheus: {
        monitor: { http: { metricRelabelings: [...metricRelabelings, ...(ownFlux ? [] : [othersObjects])] } },
      },
      // Its own metrics: the chart's four KubeStateMetrics* alerts ask for them.
      selfMonitor: { enabled: true },
      // Their metrics are not asked for, and to have them it would read every Secret.
      collectorsExclude: ["secrets"],
      resources: containerResources(settings.kubeStateMetrics),
    },
    // It needs the host: host network, host processes, the root file system.
    "prometheus-node-exporter": {
      namespaceOverride: namespaces.nodeAgents.name,
      containerSecurityContext: hardened,
      resources: containerResources(settings.nodeExporter),
    },
  };
}

export const exportersComponent = defineComponent({
  key: "exporters",
  title: "The exporters of nodes and cluster",
  settings: { exporters },
  charts: [],
  switch: "exporters.enabled",
  enabled: ({ exporters: { enabled } }) => enabled,
  needs: ["prometheusOperator"],
  partOf: "kubePrometheusStack",
  namespaces: () => [namespaces.monitoring, namespaces.nodeAgents],
  offers: () => ({ exporters: true }),
  flows: () => [
    {
      name: "node-exporter",
      namespace: namespaces.nodeAgents.name,
      to: { "app.kubernetes.io/name": "prometheus-node-exporter" },
      ports: [9100],
      from: ["scraping"],
    },
  ],
  requests: ({ exporters: { kubeStateMetrics, nodeExporter } }, nodes) => [
    { setting: "exporters.kubeStateMetrics", ...kubeStateMetrics, count: 1 },
    { setting: "exporters.nodeExporter", ...nodeExporter, count: nodes },
  ],
  part: ({ settings, environment: { scrapeControlPlane }, has }) => ({
    values: exportersValues(settings.exporters, { scrapeControlPlane, ownFlux: has("flux") }),
  }),
});
