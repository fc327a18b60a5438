import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { type DataSource, type Linked } from "../../capabilities.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { stackService } from "../../suites/kube-prometheus-stack/names.ts";
import { prometheus } from "./settings.ts";

type Resources = ReturnType<typeof containerResources>;

const { endpoint, selector } = stackService("prometheus", 9090, "/prometheus");

/** The part of the values of kube-prometheus-stack 88.5.3 that is Prometheus's. */
export interface PrometheusValues {
  readonly defaultRules: {
    readonly rules: Readonly<Record<string, boolean>>;
    readonly disabled: Readonly<Record<string, true>>;
  };
  readonly prometheus: {
    readonly service: { readonly sessionAffinity: "ClientIP" };
    readonly podDisruptionBudget: { readonly enabled: boolean };
    readonly prometheusSpec: {
      readonly replicas: number;
      readonly retention: string;
      readonly retentionSize?: string;
      readonly scrapeInterval: string;
      readonly evaluationInterval: string;
      readonly sampleLimit: number;
      readonly labelLimit: number;
      readonly routePrefix: string;
      readonly externalUrl: string;
      readonly serviceDiscoveryRole: "EndpointSlice";
      readonly enableRemoteWriteReceiver: boolean;
      readonly enableFeatures: readonly string[];
      readonly serviceMonitorSelectorNilUsesHelmValues: boolean;
      readonly podMonitorSelectorNilUsesHelmValues: boolean;
      readonly probeSelectorNilUsesHelmValues: boolean;
      readonly ruleSelectorNilUsesHelmValues: boolean;
      readonly scrapeConfigSelectorNilUsesHelmValues: boolean;
      readonly resources: Resources;
      readonly storageSpec?: {
        readonly volumeClaimTemplate: {
          readonly spec: {
            readonly accessModes: readonly ["ReadWriteOnce"];
            readonly resources: { readonly requests: { readonly storage: string } };
          };
        };
      };
    };
  };
}

function prometheusValues(
  settings: z.output<typeof prometheus>,
  scrapeControlPlane: boolean,
  externalUrl: string,
): PrometheusValues {
  return {
    // Rules about what is not scraped would fire for ever.
    defaultRules: {
      rules: {
        windows: false,
        etcd: scrapeControlPlane,
        kubeControllerManager: scrapeControlPlane,
        kubeProxy: scrapeControlPlane,
        kubeSchedulerAlerting: scrapeControlPlane,
        kubeSchedulerRecording: scrapeControlPlane,
      },
      // node-exporter has no systemd metrics unless its collector is switched on, which needs the host's D-Bus.
      disabled: { NodeSystemdServiceFailed: true, NodeSystemdServiceCrashlooping: true },
    },
    prometheus: {
      // Servers scrape at different moments: a reader that changes between them sees lines jump.
      service: { sessionAffinity: "ClientIP" },
      // With one replica it would keep its node from being drained.
      podDisruptionBudget: { enabled: settings.replicas > 1 },
      prometheusSpec: {
        replicas: settings.replicas,
        retention: settings.retention,
        ...(settings.retentionSize === undefined ? {} : { retentionSize: settings.retentionSize }),
        scrapeInterval: settings.scrapeInterval,
        evaluationInterval: settings.scrapeInterval,
        // Not the enforced ones: a monitor may name its own, higher or lower.
        sampleLimit: settings.sampleLimit,
        labelLimit: settings.labelLimit,
        routePrefix: endpoint.path,
        externalUrl: externalUrl,
        serviceDiscoveryRole: "EndpointSlice",
        enableRemoteWriteReceiver: true,
        // Exemplars lead from a metric to a trace; the extra metrics say how near a scrape is to its limits.
        enableFeatures: ["exemplar-storage", "extra-scrape-metrics"],
        // Monitors and rules of every namespace count, not only those that this release labels.
        serviceMonitorSelectorNilUsesHelmValues: false,
        podMonitorSelectorNilUsesHelmValues: false,
        probeSelectorNilUsesHelmValues: false,
        ruleSelectorNilUsesHelmValues: false,
        scrapeConfigSelectorNilUsesHelmValues: false,
        resources: containerResources(settings.resources),
        ...(settings.storage === undefined
          ? {}
          : {
              storageSpec: {
                volumeClaimTemplate: {
                  spec: {
                    accessModes: ["ReadWriteOnce"],
                    resources: { requests: { storage: settings.storage } },
                  },
                },
              },
            }),
      },
    },
  };
}

/** Where exemplars lead: to their trace. */
function dataSource({ traces }: Linked, scrapeInterval: string): DataSource {
  return {
    name: "Prometheus",
    type: "prometheus",
    jsonData: {
      httpMethod: "POST",
      timeInterval: scrapeInterval,
      ...(traces === undefined ? {} : { exemplarTraceIdDestinations: [{ datasourceUid: traces, name: "trace_id" }] }),
    },
  };
}

export const prometheusComponent = defineComponent({
  key: "prometheus",
  title: "Prometheus",
  slot: "metrics",
  settings: { prometheus },
  charts: [],
  needs: ["prometheusOperator"],
  uses: ["alerts", "exporters"],
  partOf: "kubePrometheusStack",
  namespaces: () => [namespaces.monitoring],
  offers: ({ prometheus: { scrapeInterval } }) => ({
    metrics: {
      endpoint,
      title: "Prometheus",
      ui: { selector, podPort: endpoint.port },
      lookup: {
        path: "/api/v1/query",
        query: { query: "max(<metric>) >= <timestamp>" },
        found: ["data", "result"],
      },
      dataSource: (linked) => dataSource(linked, scrapeInterval),
    },
  }),
  requests: ({ prometheus: { resources, replicas } }) => [
    { setting: "prometheus.resources", ...resources, count: replicas },
  ],
  part: ({ settings, environment, browserUrl }) => ({
    values: prometheusValues(settings.prometheus, environment.scrapeControlPlane, browserUrl("metrics")),
  }),
});
