import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import type { Blocks, Keeps, ObjectStorage, Place, Remote, RemoteWriteTarget } from "../../capabilities.ts";
import { type Context, defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import {
  authenticates,
  caKey,
  caOf,
  credentials,
  hostPort,
  type Known,
  remotes,
  secretKey,
  secretOf,
  tenantHeader,
} from "../../remote.ts";
import { accountAnnotations, caVolume, credentialVariables } from "../../storage/client.ts";
import { stackService } from "../../suites/kube-prometheus-stack/names.ts";
import { remoteTargets } from "../receiver.ts";
import { type RemoteWriteSpec, remoteWriteSpecs } from "../remote-write/operator.ts";
import { type ScrapeClass, scrapeClasses } from "../scrape-class.ts";
import { limitsOf } from "../scrape-limits.ts";
import { dataSource, lookup, writePath } from "./api.ts";
import { prometheus } from "./settings.ts";

type Resources = ReturnType<typeof containerResources>;

/** Selects no object: nobody has this label. */
const nothing = { matchLabels: { "observability-environment/selected-by": "nobody" } } as const;

const { endpoint, selector } = stackService("prometheus", 9090, "/prometheus");

/** The part of the values of kube-prometheus-stack 88.5.3 that is Prometheus's. */
export interface PrometheusValues {
  readonly prometheus: {
    readonly service: { readonly sessionAffinity: "ClientIP" };
    readonly podDisruptionBudget: { readonly enabled: boolean };
    readonly serviceAccount?: { readonly annotations: Readonly<Record<string, string>> };
    readonly prometheusSpec: ReturnType<typeof limitsOf> & {
      readonly replicas: number;
      readonly retention: string;
      readonly retentionSize?: string;
      readonly scrapeInterval: string;
      readonly evaluationInterval: string;
      readonly scrapeClasses?: readonly ScrapeClass[];
      readonly routePrefix: string;
      readonly externalUrl: string;
      readonly serviceDiscoveryRole: "EndpointSlice";
      readonly enableRemoteWriteReceiver: boolean;
      readonly externalLabels?: { readonly cluster: string };
      readonly additionalRemoteWrite?: readonly RemoteWriteSpec[];
      readonly scrapeNativeHistograms?: true;
      readonly scrapeClassicHistograms?: true;
      readonly enableFeatures: readonly string[];
      readonly serviceMonitorSelectorNilUsesHelmValues: boolean;
      readonly podMonitorSelectorNilUsesHelmValues: boolean;
      readonly probeSelectorNilUsesHelmValues: boolean;
      readonly ruleSelectorNilUsesHelmValues: boolean;
      readonly scrapeConfigSelectorNilUsesHelmValues: boolean;
      readonly serviceMonitorSelector?: typeof nothing;
      readonly podMonitorSelector?: typeof nothing;
      readonly probeSelector?: typeof nothing;
      readonly scrapeConfigSelector?: typeof nothing;
      readonly ruleSelector?: typeof nothing;
      readonly secrets?: readonly string[];
      readonly disableCompaction?: boolean;
      readonly thanos?: {
        readonly objectStorageConfig: { readonly existingSecret: ReturnType<Blocks["config"]> };
        readonly resources: Resources;
        readonly volumeMounts: readonly object[];
      };
      readonly containers?: readonly object[];
      readonly volumes?: readonly object[];
      readonly additionalAlertManagerConfigs?: readonly object[];
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

type PrometheusSpec = PrometheusValues["prometheus"]["prometheusSpec"];

/** Where the operator mounts a Secret of `prometheusSpec.secrets`. */
const secretFile = (key: string) => `/etc/prometheus/secrets/${secretOf("prometheus")}/${key}`;

/** An Alertmanager that is no Service, in Prometheus' own words (configuration, `alertmanager_config`). */
function alertmanager(remote: Remote, known: Known): object {
  const { access } = remote;
  const { protocol, pathname } = new URL(remote.url);
  const file = authenticates(access, known) ? secretFile(secretKey(access)) : undefined;
  return {
    scheme: protocol.slice(0, -1),
    path_prefix: pathname,
    static_configs: [{ targets: [hostPort(remote.url)] }],
    ...(access.user === undefined
      ? file === undefined
        ? {}
        : { authorization: { type: "Bearer", credentials_file: file } }
      : { basic_auth: { username: access.user, password_file: file } }),
    ...(access.tenant === undefined ? {} : { http_headers: { [tenantHeader]: { values: [access.tenant] } } }),
    ...(caOf(remote, known) === undefined ? {} : { tls_config: { ca_file: secretFile(caKey(access)) } }),
  };
}

/** What Prometheus is told of Alertmanagers that are there already; those of the environment the chart tells it. */
function alertmanagers(places: readonly Place[], known: Known) {
  const configs = remotes(places).map((remote) => alertmanager(remote, known));
  const secrets = credentials("prometheus", namespaces.monitoring.name, places, known).map(({ name }) => name);
  return {
    ...(configs.length === 0 ? {} : { additionalAlertManagerConfigs: configs }),
    ...(secrets.length === 0 ? {} : { secrets }),
  };
}

/** What Prometheus sends on, and the label by which stores of several clusters know whose it is. */
function sent(targets: readonly RemoteWriteTarget[], cluster: string) {
  // The other list of the chart is a template: `{{` in an expression would be filled in.
  return targets.length === 0 ? {} : { externalLabels: { cluster }, additionalRemoteWrite: remoteWriteSpecs(targets) };
}

/** The sidecar that uploads blocks: to which cluster they belong is a label of each. */
function uploads({ bucket, config, sidecar }: Blocks, storage: ObjectStorage, cluster: string) {
  const { volumes, volumeMounts } = caVolume(storage);
  const env = credentialVariables(storage, bucket);
  return {
    externalLabels: { cluster },
    // What is compacted here is not uploaded: that is the compactor's work. The operator then sets one duration for all blocks.
    disableCompaction: true,
    thanos: {
      objectStorageConfig: { existingSecret: config(storage) },
      resources: containerResources(sidecar),
      volumeMounts,
    },
    // Merged into the container that the operator makes.
    ...(env.length === 0 ? {} : { containers: [{ name: "thanos-sidecar", env }] }),
    ...(volumes.length === 0 ? {} : { volumes }),
  };
}

function prometheusValues(
  settings: z.output<typeof prometheus>,
  does: { readonly scraping: boolean; readonly rules: boolean },
  externalUrl: string,
  told: Partial<PrometheusSpec>,
  uploadsTo: ObjectStorage | undefined,
): PrometheusValues {
  return {
    prometheus: {
      // Servers scrape at different moments: a reader that changes between them sees lines jump.
      service: { sessionAffinity: "ClientIP" },
      // With one replica it would keep its node from being drained.
      podDisruptionBudget: { enabled: settings.replicas > 1 },
      ...accountAnnotations(uploadsTo),
      prometheusSpec: {
        replicas: settings.replicas,
        retention: settings.retention,
        ...(settings.retentionSize === undefined ? {} : { retentionSize: settings.retentionSize }),
        scrapeInterval: settings.scrapeInterval,
        evaluationInterval: settings.scrapeInterval,
        ...limitsOf(settings),
        routePrefix: endpoint.path,
        externalUrl: externalUrl,
        serviceDiscoveryRole: "EndpointSlice",
        enableRemoteWriteReceiver: true,
        // Exemplars lead from a metric to a trace; the extra metrics say how near a scrape is to its limits.
        enableFeatures: ["exemplar-storage", "extra-scrape-metrics"],
        // Both forms of a histogram: rules and dashboards ask for buckets.
        ...(settings.nativeHistograms ? { scrapeNativeHistograms: true, scrapeClassicHistograms: true } : {}),
        // Monitors and rules of every namespace count, not only those that this release labels.
        serviceMonitorSelectorNilUsesHelmValues: false,
        podMonitorSelectorNilUsesHelmValues: false,
        probeSelectorNilUsesHelmValues: false,
        ruleSelectorNilUsesHelmValues: false,
        scrapeConfigSelectorNilUsesHelmValues: false,
        // Others do it: each target has one scraper, each rule one evaluator.
        ...(does.scraping
          ? {}
          : {
              serviceMonitorSelector: nothing,
              podMonitorSelector: nothing,
              probeSelector: nothing,
              scrapeConfigSelector: nothing,
            }),
        ...(does.rules ? {} : { ruleSelector: nothing }),
        ...told,
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

const key = "prometheus";

const places = (all: Context<unknown>["all"]) => all("alerts").map(({ offer }) => offer.endpoint);

export const prometheusComponent = defineComponent({
  key,
  title: "Prometheus",
  slot: "metrics",
  settings: { prometheus },
  charts: [],
  needs: ["prometheusOperator"],
  uses: ["alerts", "exporters", "scraping", "rules", "remoteWrite", "metricFilters", "blocks", "objectStorage"],
  partOf: "kubePrometheusStack",
  namespaces: () => [namespaces.monitoring],
  offers: ({ prometheus: { scrapeInterval, retention, storage } }) => {
    const keeps: Keeps = {
      retention: [{ setting: "prometheus.retention", is: retention }],
      ...(storage === undefined ? { on: "pod", volumes: "prometheus.storage" } : { on: "volume" }),
    };
    return {
      metrics: {
        endpoint,
        title: "Prometheus",
        ui: { selector, podPort: endpoint.port },
        lookup,
        dataSource: (linked) => dataSource(linked, scrapeInterval),
        keeps,
      },
      metricsReceiver: { place: { ...endpoint, path: `${endpoint.path}${writePath}` } },
      scraping: { by: "prometheus" },
      // Of its own samples, whatever is in a bucket.
      rules: { keeps },
      thanosSidecar: true,
    };
  },
  requests: ({ prometheus: { resources, replicas } }) => [
    { setting: "prometheus.resources", ...resources, count: replicas },
  ],
  secrets: ({ environment, all }) => credentials("prometheus", namespaces.monitoring.name, places(all), environment),
  part: ({ settings, environment, browserUrl, offered, all }) => {
    const [blocks, storage] = [offered("blocks"), offered("objectStorage")];
    const scrapes = all("scraping").some((one) => one.key === key);
    return {
      values: prometheusValues(
        settings.prometheus,
        { scraping: scrapes, rules: all("rules").some((one) => one.key === key) },
        browserUrl("metrics"),
        {
          ...alertmanagers(places(all), environment),
          ...scrapeClasses(offered("metricFilters") ?? []),
          // Whoever scrapes sends.
          ...(scrapes ? sent(remoteTargets({ all }), environment.name) : {}),
          ...(blocks === undefined || storage === undefined ? {} : uploads(blocks, storage, environment.name)),
        },
        blocks && storage,
      ),
    };
  },
});
