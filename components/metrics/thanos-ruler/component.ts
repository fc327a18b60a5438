import { type Finding } from "../../../settings/finding.ts";
import { containerResources } from "../../../settings/resources.ts";
import type { Endpoint } from "../../capabilities.ts";
import { type Context, defineComponent, type Extra, type SettingsOf } from "../../component.ts";
import { external } from "../../external/settings.ts";
import { disruptionBudgets, spread, unprivileged } from "../../kubernetes/hardened.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { pulls } from "../../kubernetes/pull-secrets.ts";
import { accountAnnotations, caVolume, credentialVariables } from "../../storage/client.ts";
import { stackImage, versionOf } from "../../suites/kube-prometheus-stack/names.ts";
import { podMonitor } from "../pod-monitor.ts";
import { receiverSecrets, receiverTarget } from "../receiver.ts";
import { remoteWriteSpecs } from "../remote-write/operator.ts";
import { alertmanagersConfig, alertRelabelings, externalFolder, queryConfig } from "./config.ts";
import { thanos } from "../thanos/settings.ts";
import { grpcPort } from "../thanos/values.ts";
import { thanosRuler } from "./settings.ts";

const namespace = namespaces.monitoring.name;

/** Of its account, its monitor and its Secret, and the label `job` of its series. */
const name = "thanos-ruler";
/** Of its object: the operator calls its pods `thanos-ruler-<name>-<n>`. */
const object = "platform";
/** Of its pods (operator 0.93.1, pkg/thanos/operator.go, `makeSelectorLabels`). */
const labels = { "app.kubernetes.io/name": name, "thanos-ruler": object };
/** A label that the operator gives to all that a ruler records, to tell replicas apart, and takes off alerts. */
const replicaLabel = "thanos_ruler_replica";
const image = stackImage("prometheusOperator/thanosImage/sha");

/** Keys of its Secret. */
const files = { query: "query.yaml", alertmanagers: "alertmanagers.yaml", relabelings: "alert-relabelings.yaml" };
const key = (of: keyof typeof files) => ({ name, key: files[of] });

const groups = { thanosRuler, external, thanos };
type Settings = SettingsOf<typeof groups>;

type All = Context<unknown>["all"];
const stores = (all: All) =>
  all("metrics")
    .slice(0, 1)
    .map(({ offer }) => offer.endpoint);
/** Nobody with Thanos: then it keeps what rules record, and uploads it. */
const receivers = (all: All) =>
  all("blocks").length > 0
    ? []
    : all("metricsReceiver")
        .slice(0, 1)
        .map(({ offer }) => offer.place);
const routers = (all: All) => all("alerts").map(({ offer }) => offer.replicas ?? offer.endpoint);
const places = (all: All) => [...stores(all), ...receivers(all), ...routers(all)];

/** Of its Store API. */
const storeApi: Endpoint = { namespace, service: name, port: grpcPort, path: "" };

/**
 * Where what rules record goes: to the store of metrics, or into blocks of its own, where Thanos asks and keeps them. Out of those it
 * finds the state of alerts again as it was. Thanos' answers have external labels that alerts have not, by which it would not.
 */
function recording({ settings, environment, all, offered }: Context<Settings>) {
  const [blocks, storage] = [offered("blocks"), offered("objectStorage")];
  if (blocks === undefined || storage === undefined)
    return {
      remoteWrite: remoteWriteSpecs(
        receivers(all).map((place) => ({
          ...receiverTarget(name, place, environment),
          // With it the state of an alert would not be found again after a restart (Thanos 0.42, pkg/rules/queryable.go).
          relabelings: [{ action: "labeldrop", regex: replicaLabel }],
        })),
      ),
      storage: { emptyDir: { sizeLimit: "1Gi" } },
    };
  const env = credentialVariables(storage, blocks.bucket);
  return {
    labels: { cluster: environment.name },
    objectStorageConfig: blocks.config(storage),
    // As long as the bucket may be away.
    retention: "2d",
    storage: { volumeClaimTemplate: { spec: { resources: { requests: { storage: settings.thanosRuler.size } } } } },
    // Merged into the container that the operator makes.
    ...(env.length === 0 ? {} : { containers: [{ name, env }] }),
  };
}

const storeService: Extra = {
  name: "store",
  object: {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: storeApi.service, namespace },
    // A name for each pod: whoever asks one asks the others, too.
    spec: { clusterIP: "None", selector: labels, ports: [{ name: "grpc", port: grpcPort, targetPort: "grpc" }] },
  },
};

export const thanosRulerComponent = defineComponent({
  key: "thanosRuler",
  title: "Thanos Ruler",
  slot: "ruler",
  settings: groups,
  charts: [],
  needs: ["prometheusOperator", "monitors", "metrics"],
  alsoNeeds: ({ thanos: { enabled } }) => (enabled ? [] : ["metricsReceiver"]),
  uses: ["alerts", "blocks", "objectStorage"],
  after: ["monitors", "objectStorage"],
  namespaces: () => [namespaces.monitoring],
  offers: ({ thanos: { enabled } }) => ({ rules: enabled ? { recorded: storeApi } : {} }),
  requests: ({ thanosRuler: { resources, replicas } }) => [
    { setting: "thanosRuler.resources", ...resources, count: replicas },
  ],
  images: () => ({ [name]: image }),
  check: ({ thanosRuler: { replicas }, external: servers, thanos: { enabled, stores } }) => {
    const findings: Finding[] = [];
    if (replicas > 1 && !enabled)
      findings.push({
        path: "thanosRuler.replicas",
        message: `is ${replicas}, and each would write what rules record to the store, which only Thanos' query reads as one. Set it to 1, or thanos.enabled to true.`,
      });
    if (enabled && stores.length > 0)
      findings.push({
        path: "thanos.stores",
        message:
          "names other clusters, and Thanos Ruler would evaluate its rules over their series, too. Remove it, or set ruler to store.",
      });
    if (servers.metrics?.evaluatesRules === true)
      findings.push({
        path: "external.metrics.evaluatesRules",
        message:
          "is true, and ruler is thanosRuler: each rule would be evaluated twice. Set it to false, or ruler to store.",
      });
    // Thanos 0.42, pkg/clientconfig/http.go: no headers.
    for (const server of ["metrics", "alerts"] as const)
      if (servers[server]?.tenant !== undefined)
        findings.push({
          path: `external.${server}.tenant`,
          message:
            "is set, but Thanos Ruler cannot send a tenant with queries and alerts. Remove it and set an address that stands for the tenant, or set ruler to store and external.metrics.evaluatesRules to true (where somebody there evaluates our rules).",
        });
    return findings;
  },
  secrets: ({ environment, all }) => {
    const [store] = stores(all);
    const text = (value: object) => JSON.stringify(value);
    return [
      ...receiverSecrets(name, places(all), environment),
      {
        ...{ name, namespace },
        data: {
          ...(store === undefined ? {} : { [files.query]: text(queryConfig(store, environment)) }),
          [files.alertmanagers]: text(alertmanagersConfig(routers(all), environment)),
          [files.relabelings]: text(alertRelabelings(environment.name)),
        },
      },
    ];
  },
  extras: (context) => {
    const { settings, environment, all, browserUrl, offered } = context;
    const { evaluationInterval, resources, replicas } = settings.thanosRuler;
    const own = { name, namespace };
    const external = receiverSecrets(name, places(all), environment);
    const storage = offered("blocks") === undefined ? undefined : offered("objectStorage");
    const ca = caVolume(storage);
    const { serviceAccount } = accountAnnotations(storage);
    return [
      {
        name: "account",
        object: {
          apiVersion: "v1",
          kind: "ServiceAccount",
          metadata: { ...own, ...serviceAccount },
          automountServiceAccountToken: false,
        },
      },
      ...(storage === undefined ? [] : [storeService]),
      ...disruptionBudgets(replicas, own, labels).map((budget) => ({ name: "disruption", object: budget })),
      {
        name: "ruler",
        last: true,
        object: {
          apiVersion: "monitoring.coreos.com/v1",
          kind: "ThanosRuler",
          metadata: { name: object, namespace },
          spec: {
            image: environment.image(image),
            version: versionOf(image),
            ...pulls(environment),
            replicas,
            ...(replicas === 1 ? {} : { affinity: spread(labels) }),
            serviceAccountName: name,
            securityContext: unprivileged,
            resources: containerResources(resources),
            evaluationInterval,
            // Rules of every namespace count, whatever their labels.
            ruleSelector: {},
            ruleNamespaceSelector: {},
            queryConfig: key("query"),
            alertmanagersConfig: key("alertmanagers"),
            alertRelabelConfigs: key("relabelings"),
            // Of two agents that scrape the same: one alert.
            alertDropLabels: ["prometheus_replica"],
            alertQueryUrl: browserUrl("metrics"),
            ...recording(context),
            volumes: [
              ...external.map(({ name: secretName }) => ({ name: "external", secret: { secretName } })),
              ...ca.volumes,
            ],
            volumeMounts: [
              ...external.map(() => ({ name: "external", mountPath: externalFolder, readOnly: true })),
              ...ca.volumeMounts,
            ],
          },
        },
      },
      podMonitor(name, labels),
    ];
  },
});
