import { type Finding } from "../../../settings/finding.ts";
import { containerResources } from "../../../settings/resources.ts";
import { type Context, defineComponent } from "../../component.ts";
import { external } from "../../external/settings.ts";
import { unprivileged } from "../../kubernetes/hardened.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { imagePullSecrets } from "../../kubernetes/pull-secrets.ts";
import { stackImage, versionOf } from "../../suites/kube-prometheus-stack/names.ts";
import { podMonitor } from "../pod-monitor.ts";
import { receiverSecrets, receiverTarget } from "../receiver.ts";
import { remoteWriteSpecs } from "../remote-write/operator.ts";
import { alertmanagersConfig, alertRelabelings, externalFolder, queryConfig } from "./config.ts";
import { thanos } from "../thanos/settings.ts";
import { thanosRuler } from "./settings.ts";

const namespace = namespaces.monitoring.name;

/** Of its account, its monitor and its Secret, and the label `job` of its series. */
const name = "thanos-ruler";
/** Of its object: the operator calls its pods `thanos-ruler-<name>-<n>`. */
const object = "platform";
/** Of its pods (operator 0.93.1, pkg/thanos/operator.go, `makeSelectorLabels`). */
const labels = { "app.kubernetes.io/name": name, "thanos-ruler": object };
/** A label that the operator gives to all that a ruler records, to tell replicas apart; there is one. */
const replicaLabel = "thanos_ruler_replica";
const image = stackImage("prometheusOperator/thanosImage/sha");

/** Keys of its Secret. */
const files = { query: "query.yaml", alertmanagers: "alertmanagers.yaml", relabelings: "alert-relabelings.yaml" };
const key = (of: keyof typeof files) => ({ name, key: files[of] });

type All = Context<unknown>["all"];
const stores = (all: All) =>
  all("metrics")
    .slice(0, 1)
    .map(({ offer }) => offer.endpoint);
const receivers = (all: All) =>
  all("metricsReceiver")
    .slice(0, 1)
    .map(({ offer }) => offer.place);
const routers = (all: All) => all("alerts").map(({ offer }) => offer.replicas ?? offer.endpoint);
const places = (all: All) => [...stores(all), ...receivers(all), ...routers(all)];

export const thanosRulerComponent = defineComponent({
  key: "thanosRuler",
  title: "Thanos Ruler",
  slot: "ruler",
  settings: { thanosRuler, external, thanos },
  charts: [],
  needs: ["prometheusOperator", "monitors", "metrics", "metricsReceiver"],
  uses: ["alerts"],
  after: ["monitors"],
  namespaces: () => [namespaces.monitoring],
  offers: () => ({ rules: {} }),
  requests: ({ thanosRuler: { resources } }) => [{ setting: "thanosRuler.resources", ...resources, count: 1 }],
  images: () => ({ [name]: image }),
  check: ({ external: servers, thanos: { enabled, stores } }) => {
    const findings: Finding[] = [];
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
  extras: ({ settings, environment, all, browserUrl }) => {
    const { evaluationInterval, resources } = settings.thanosRuler;
    const own = { name, namespace };
    const external = receiverSecrets(name, places(all), environment);
    return [
      {
        name: "account",
        object: { apiVersion: "v1", kind: "ServiceAccount", metadata: own, automountServiceAccountToken: false },
      },
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
            ...(environment.credentials ? { imagePullSecrets } : {}),
            // Two would write each recorded series twice.
            replicas: 1,
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
            remoteWrite: remoteWriteSpecs(
              receivers(all).map((place) => ({
                ...receiverTarget(name, place, environment),
                // With it the state of an alert would not be found again after a restart (Thanos 0.42, pkg/rules/queryable.go).
                relabelings: [{ action: "labeldrop", regex: replicaLabel }],
              })),
            ),
            storage: { emptyDir: { sizeLimit: "1Gi" } },
            volumes: external.map(({ name: secretName }) => ({ name: "external", secret: { secretName } })),
            volumeMounts: external.map(() => ({ name: "external", mountPath: externalFolder, readOnly: true })),
          },
        },
      },
      podMonitor(name, labels),
    ];
  },
});
