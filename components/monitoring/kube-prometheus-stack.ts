import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { usedAlertingSecrets } from "../../settings/alerting.ts";
import { containerResources } from "../../settings/resources.ts";
import type { Settings } from "../../settings/schema.ts";
import { charts } from "../../settings/versions.ts";
import { dataSourceUid, type Endpoint, type LogStore, type MetricsStore, type TraceStore } from "../capabilities.ts";
import { HelmRelease } from "../gitops/helm-release.ts";
import { hardened } from "../kubernetes/hardened.ts";
import { type AlertingValues, alertingValues, receiversSecret } from "./alertmanager.ts";
import type { ReleaseArgs } from "./component.ts";
import { fluxMetricsValues } from "./flux-metrics.ts";
import { type GrafanaDataSource, grafanaDataSources } from "./grafana-data-sources.ts";
import { type WasteValues, wasteValues } from "./metric-waste.ts";
import { namespaces } from "./namespaces.ts";

type Resources = ReturnType<typeof containerResources>;

/** What the settings of several rooms say about this one chart. */
export interface KubePrometheusStackSettings {
  readonly prometheus: Settings["prometheus"];
  readonly alertmanager: Settings["alertmanager"];
  readonly alerting: Settings["alerting"];
  /** Name of the stack, for the messages of Alertmanager. */
  readonly environment: string;
  readonly grafana: Settings["grafana"];
  /** Whether the control plane's own components can be scraped. */
  readonly scrapeControlPlane: boolean;
  /** URLs by which people reach the user interfaces: links lead there, and the paths of redirects are theirs. */
  readonly externalUrls: { readonly prometheus: string; readonly alertmanager: string; readonly grafana: string };
}

/** The part of the values of kube-prometheus-stack 88.5.3 that the environment sets. */
export interface KubePrometheusStackValues {
  readonly crds: { readonly enabled: boolean };
  readonly defaultRules: {
    readonly rules: Readonly<Record<string, boolean>>;
    readonly disabled: Readonly<Record<string, true>>;
  };
  readonly kubeApiServer: WasteValues["kubeApiServer"];
  readonly kubelet: WasteValues["kubelet"];
  readonly kubeControllerManager: { readonly enabled: boolean };
  readonly kubeScheduler: { readonly enabled: boolean };
  readonly kubeEtcd: { readonly enabled: boolean };
  readonly kubeProxy: { readonly enabled: boolean };
  readonly prometheusOperator: {
    readonly admissionWebhooks: { readonly enabled: boolean };
    readonly tls: { readonly enabled: boolean };
    readonly resources: Resources;
    readonly prometheusConfigReloader: { readonly resources: Resources };
    readonly kubeletEndpointsEnabled: boolean;
    readonly kubeletEndpointSliceEnabled: boolean;
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
  readonly additionalPrometheusRulesMap: AlertingValues["additionalPrometheusRulesMap"];
  readonly alertmanager: Omit<AlertingValues["alertmanager"], "alertmanagerSpec"> & {
    readonly podDisruptionBudget: { readonly enabled: boolean };
    readonly alertmanagerSpec: AlertingValues["alertmanager"]["alertmanagerSpec"] & {
      readonly replicas: number;
      readonly routePrefix: string;
      readonly externalUrl: string;
      readonly resources: Resources;
    };
  };
  readonly grafana: {
    readonly admin: { readonly existingSecret: string; readonly userKey: string; readonly passwordKey: string };
    readonly "grafana.ini": {
      readonly server: { readonly root_url: string };
      readonly analytics: {
        readonly reporting_enabled: boolean;
        readonly check_for_updates: boolean;
        readonly check_for_plugin_updates: boolean;
      };
      readonly plugins: { readonly preinstall_auto_update: boolean };
      readonly users: { readonly allow_sign_up: boolean };
      readonly "auth.anonymous": { readonly enabled: boolean };
    };
    readonly testFramework: { readonly enabled: boolean };
    readonly defaultDashboardsTimezone: "browser";
    readonly resources: Resources;
    readonly containerSecurityContext: typeof hardened;
    readonly extraEmptyDirMounts: readonly TmpMount[];
    readonly rbac: { readonly namespaced: boolean; readonly useExistingRole: string };
    readonly sidecar: {
      readonly resources: Resources;
      readonly securityContext: typeof hardened;
      readonly dashboards: {
        readonly resource: "configmap";
        readonly searchNamespace: string;
        readonly extraMounts: readonly TmpMount[];
        readonly folderAnnotation: string;
        readonly provider: { readonly foldersFromFilesStructure: boolean };
      };
      readonly datasources: {
        readonly resource: "configmap";
        readonly searchNamespace: string;
        readonly extraMounts: readonly TmpMount[];
        readonly uid: string;
        readonly alertmanager: { readonly uid: string };
        readonly exemplarTraceIdDestinations: { readonly datasourceUid: string; readonly traceIdLabelName: string };
      };
    };
    readonly additionalDataSources: readonly GrafanaDataSource[];
  };
  readonly "kube-state-metrics": typeof fluxMetricsValues &
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

interface TmpMount {
  readonly name: "tmp";
  readonly mountPath: "/tmp";
}

/** The one folder beside their volumes that Grafana (plugin downloads) and its sidecars write to (grafana/helm-charts#3936). */
const tmp: TmpMount = { name: "tmp", mountPath: "/tmp" };

/** Name of the Role by which Grafana's sidecars find dashboards and data sources. */
const contentRole = "grafana-content";

/** Small helpers beside a main container: sidecars and config reloaders. */
const helper = containerResources({ cpu: "5m", memory: "32Mi", memoryLimit: "128Mi" });

/**
 * Name of the Secret with Grafana's credentials: another one for another user or another rotation. Grafana makes its
 * administrator when it makes its database and never looks at the Secret again. Its database lives as long as its pod, and
 * a new name is a new pod.
 */
function grafanaSecretName({ adminUser, passwordRotation }: Settings["grafana"]): string {
  return `grafana-admin-${createHash("sha256").update(adminUser).digest("hex").slice(0, 8)}-${passwordRotation}`;
}

/** Values of kube-prometheus-stack: Prometheus, Alertmanager, Grafana, exporters and the operator. */
function kubePrometheusStackValues(
  settings: KubePrometheusStackSettings,
  stores: { readonly logs: LogStore; readonly traces: TraceStore },
): KubePrometheusStackValues {
  const { prometheus, alertmanager, grafana, scrapeControlPlane, externalUrls } = settings;
  const alerting = alertingValues(settings.alerting, settings.environment);
  return {
    // They come with prometheus-operator-crds, before every release that uses them.
    crds: { enabled: false },
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
    kubeApiServer: wasteValues.kubeApiServer,
    kubelet: wasteValues.kubelet,
    kubeControllerManager: { enabled: scrapeControlPlane },
    kubeScheduler: { enabled: scrapeControlPlane },
    kubeEtcd: { enabled: scrapeControlPlane },
    kubeProxy: { enabled: scrapeControlPlane },
    prometheusOperator: {
      // Both, or the operator mounts a certificate that nobody makes. The webhooks' hook Jobs are the chart's classic
      // stall (helm-charts#2935); rules are checked before they reach the cluster.
      admissionWebhooks: { enabled: false },
      tls: { enabled: false },
      resources: containerResources(prometheus.operator),
      prometheusConfigReloader: { resources: helper },
      // Endpoints are deprecated since Kubernetes 1.33.
      kubeletEndpointsEnabled: false,
      kubeletEndpointSliceEnabled: true,
    },
    prometheus: {
      // Servers scrape at different moments: a reader that changes between them sees lines jump.
      service: { sessionAffinity: "ClientIP" },
      // With one replica it would keep its node from being drained.
      podDisruptionBudget: { enabled: prometheus.replicas > 1 },
      prometheusSpec: {
        replicas: prometheus.replicas,
        retention: prometheus.retention,
        ...(prometheus.retentionSize === undefined ? {} : { retentionSize: prometheus.retentionSize }),
        scrapeInterval: prometheus.scrapeInterval,
        evaluationInterval: prometheus.scrapeInterval,
        // Not the enforced ones: a monitor may name its own, higher or lower.
        sampleLimit: prometheus.sampleLimit,
        labelLimit: prometheus.labelLimit,
        routePrefix: prometheusEndpoint.path,
        externalUrl: externalUrls.prometheus,
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
        resources: containerResources(prometheus.resources),
        ...(prometheus.storage === undefined
          ? {}
          : {
              storageSpec: {
                volumeClaimTemplate: {
                  spec: {
                    accessModes: ["ReadWriteOnce"],
                    resources: { requests: { storage: prometheus.storage } },
                  },
                },
              },
            }),
      },
    },
    additionalPrometheusRulesMap: alerting.additionalPrometheusRulesMap,
    alertmanager: {
      ...alerting.alertmanager,
      podDisruptionBudget: { enabled: alertmanager.replicas > 1 },
      alertmanagerSpec: {
        ...alerting.alertmanager.alertmanagerSpec,
        replicas: alertmanager.replicas,
        routePrefix: alertmanagerEndpoint.path,
        externalUrl: externalUrls.alertmanager,
        resources: containerResources(alertmanager.resources),
      },
    },
    grafana: {
      admin: { existingSecret: grafanaSecretName(grafana), userKey: "admin-user", passwordKey: "admin-password" },
      "grafana.ini": {
        server: { root_url: externalUrls.grafana },
        analytics: { reporting_enabled: false, check_for_updates: false, check_for_plugin_updates: false },
        // Its data sources are plugins of the image, which Grafana would replace by newer ones at every start.
        plugins: { preinstall_auto_update: false },
        users: { allow_sign_up: false },
        "auth.anonymous": { enabled: false },
      },
      testFramework: { enabled: false },
      defaultDashboardsTimezone: "browser",
      resources: containerResources(grafana.resources),
      containerSecurityContext: hardened,
      extraEmptyDirMounts: [tmp],
      // The chart's own roles read every Secret, of the whole cluster or of the namespace.
      rbac: { namespaced: true, useExistingRole: contentRole },
      sidecar: {
        resources: helper,
        securityContext: hardened,
        dashboards: {
          resource: "configmap",
          searchNamespace: namespaces.monitoring,
          extraMounts: [tmp],
          folderAnnotation: "grafana_folder",
          provider: { foldersFromFilesStructure: true },
        },
        datasources: {
          resource: "configmap",
          searchNamespace: namespaces.monitoring,
          extraMounts: [tmp],
          uid: dataSourceUid.metrics,
          alertmanager: { uid: dataSourceUid.alerts },
          exemplarTraceIdDestinations: { datasourceUid: dataSourceUid.traces, traceIdLabelName: "trace_id" },
        },
      },
      additionalDataSources: grafanaDataSources(stores),
    },
    "kube-state-metrics": {
      ...fluxMetricsValues,
      ...wasteValues["kube-state-metrics"],
      // Its own metrics: the chart's four KubeStateMetrics* alerts ask for them.
      selfMonitor: { enabled: true },
      // Their metrics are not asked for, and to have them it would read every Secret.
      collectorsExclude: ["secrets"],
      resources: containerResources(prometheus.kubeStateMetrics),
    },
    // It needs the host: host network, host processes, the root file system.
    "prometheus-node-exporter": {
      namespaceOverride: namespaces.nodeAgents,
      containerSecurityContext: hardened,
      resources: containerResources(prometheus.nodeExporter),
    },
  };
}

const release = charts.kubePrometheusStack.name;
const prometheusEndpoint: Endpoint = {
  namespace: namespaces.monitoring,
  service: `${release}-prometheus`,
  port: 9090,
  path: "/prometheus",
};

/** Alertmanager, under a path of its own as Prometheus is. */
export const alertmanagerEndpoint: Endpoint = {
  namespace: namespaces.monitoring,
  service: `${release}-alertmanager`,
  port: 9093,
  path: "/alertmanager",
};

/** Grafana. */
export const grafanaEndpoint: Endpoint = {
  namespace: namespaces.monitoring,
  service: `${release}-grafana`,
  port: 80,
  path: "",
};

/** Prometheus's offer to others. */
export const prometheusStore: MetricsStore = { endpoint: prometheusEndpoint };

/** Labels of the pods behind each user interface. */
export const kubePrometheusStackSelectors = {
  prometheus: { "app.kubernetes.io/name": "prometheus", "operator.prometheus.io/name": `${release}-prometheus` },
  alertmanager: { "app.kubernetes.io/name": "alertmanager", alertmanager: `${release}-alertmanager` },
  grafana: { "app.kubernetes.io/name": "grafana", "app.kubernetes.io/instance": release },
} as const;

/** Prometheus, Alertmanager, Grafana and what they need, and the password that Grafana is opened with. */
export class KubePrometheusStack extends pulumi.ComponentResource {
  /** Password of Grafana's administrator; secret. */
  readonly grafanaPassword: pulumi.Output<string>;

  constructor(
    name: string,
    args: ReleaseArgs & {
      readonly settings: KubePrometheusStackSettings;
      /** Secrets of the receivers, by name. */
      readonly alertingSecrets: Readonly<Record<string, pulumi.Output<string>>>;
      readonly logs: LogStore;
      readonly traces: TraceStore;
    },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("observability:monitoring:KubePrometheusStack", name, {}, opts);
    const { grafana, prometheus } = args.settings;
    const password = new random.RandomPassword(
      `${name}-grafana-password-${grafana.passwordRotation}`,
      { length: 24, special: false },
      { parent: this },
    );
    const secretName = grafanaSecretName(grafana);
    const secret = new k8s.core.v1.Secret(
      `${name}-${secretName}`,
      {
        metadata: { name: secretName, namespace: namespaces.monitoring },
        type: "Opaque",
        stringData: { "admin-user": grafana.adminUser, "admin-password": password.result },
      },
      { parent: this, dependsOn: [...args.prerequisites] },
    );
    const role = new k8s.rbac.v1.Role(
      `${name}-${contentRole}`,
      {
        metadata: { name: contentRole, namespace: namespaces.monitoring },
        rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list", "watch"] }],
      },
      { parent: this, dependsOn: [...args.prerequisites] },
    );
    const used = usedAlertingSecrets(args.settings.alerting);
    const receivers =
      used.length === 0
        ? []
        : [
            new k8s.core.v1.Secret(
              `${name}-${receiversSecret}`,
              {
                metadata: { name: receiversSecret, namespace: namespaces.monitoring },
                type: "Opaque",
                stringData: Object.fromEntries(
                  used.flatMap((key) => {
                    const value = args.alertingSecrets[key];
                    return value === undefined ? [] : [[key, value]];
                  }),
                ),
              },
              { parent: this, dependsOn: [...args.prerequisites] },
            ),
          ];
    new HelmRelease<KubePrometheusStackValues>(
      name,
      {
        ...args,
        prerequisites: [...args.prerequisites, secret, role, ...receivers],
        chart: charts.kubePrometheusStack,
        namespace: namespaces.monitoring,
        values: kubePrometheusStackValues(args.settings, args),
        override: prometheus.values,
        // The operator marks rules that it has validated (helm-controller#643).
        driftIgnore: [{ kind: "PrometheusRule", paths: ["/metadata/annotations/prometheus-operator-validated"] }],
      },
      { parent: this },
    );
    this.grafanaPassword = password.result;
    this.registerOutputs();
  }
}
