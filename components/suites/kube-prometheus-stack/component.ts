import { chart } from "./chart.ts";
import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { kubePrometheusStack } from "./settings.ts";

/** Values of kube-prometheus-stack 88.5.3 by which its parts are there or not; each part adds its own. */
export interface KubePrometheusStackValues {
  readonly crds: Off;
  readonly prometheus?: Off;
  readonly alertmanager?: Off;
  readonly grafana?: Off;
  readonly prometheusOperator?: Off;
  readonly defaultRules:
    | { readonly create: false }
    | { readonly rules: Readonly<Record<string, boolean>>; readonly disabled: Readonly<Record<string, true>> };
  readonly nodeExporter?: Off;
  readonly kubeStateMetrics?: Off;
  readonly kubernetesServiceMonitors?: Off;
}

interface Off {
  readonly enabled: false;
}

/** The last one is for what monitors the cluster's own parts: API server, kubelet, DNS and the rest. */
const exportersOff = {
  nodeExporter: { enabled: false },
  kubeStateMetrics: { enabled: false },
  kubernetesServiceMonitors: { enabled: false },
} as const;

/** The chart's rules: about what is there and scraped, for others would fire for ever or never. */
function defaultRules(
  has: (part: string) => boolean,
  sends: boolean,
  scrapeControlPlane: boolean,
): KubePrometheusStackValues["defaultRules"] {
  return {
    rules: {
      prometheus: has("prometheus"),
      alertmanager: has("alertmanager"),
      prometheusOperator: has("prometheusOperator"),
      windows: false,
      etcd: scrapeControlPlane,
      kubeControllerManager: scrapeControlPlane,
      kubeProxy: scrapeControlPlane,
      kubeSchedulerAlerting: scrapeControlPlane,
      kubeSchedulerRecording: scrapeControlPlane,
    },
    disabled: {
      // node-exporter has no systemd metrics unless its collector is switched on, which needs the host's D-Bus.
      ...{ NodeSystemdServiceFailed: true, NodeSystemdServiceCrashlooping: true },
      // RemoteWriteBehind and RemoteWriteFails say it, per server.
      ...(sends ? { PrometheusRemoteWriteBehind: true, PrometheusRemoteStorageFailures: true } : {}),
    },
  };
}

/** One release of several parts, under the names that people have in their bookmarks whichever of them are there. */
export const kubePrometheusStackComponent = defineComponent({
  key: "kubePrometheusStack",
  title: "kube-prometheus-stack",
  settings: { kubePrometheusStack },
  charts: [chart],
  // The operator makes no configuration without the Secrets of remote write.
  after: ["monitors", "remoteWriteSecrets"],
  uses: ["scraping", "rules", "remoteWrite"],
  namespaces: () => [namespaces.monitoring],
  releases: ({ settings, has, offered, environment: { scrapeControlPlane } }) => {
    const off = { enabled: false } as const;
    const values: KubePrometheusStackValues = {
      // They come with prometheus-operator-crds, before every release that uses them.
      crds: off,
      ...(has("prometheus") ? {} : { prometheus: off }),
      defaultRules:
        offered("scraping") === undefined || offered("rules") === undefined
          ? { create: false }
          : defaultRules(has, offered("remoteWrite") !== undefined, scrapeControlPlane),
      ...(has("alertmanager") ? {} : { alertmanager: off }),
      ...(has("grafana") ? {} : { grafana: off }),
      ...(has("prometheusOperator") ? {} : { prometheusOperator: off }),
      ...(has("exporters") ? {} : exportersOff),
    };
    return [
      {
        chart,
        namespace: namespaces.monitoring.name,
        values,
        override: settings.kubePrometheusStack.values,
        // Its subcharts read `global`, too.
        pullSecrets: { global: { imagePullSecrets } },
        // The operator marks rules that it has validated (helm-controller#643).
        driftIgnore: [{ kind: "PrometheusRule", paths: ["/metadata/annotations/prometheus-operator-validated"] }],
      },
    ];
  },
});
