/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import { affinity, type FreeForm, type HandedOn, pullSecrets, resources, strict } from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";

const budget: HandedOn = [
  "a map that the chart hands to the PodDisruptionBudget as it is",
  () => strict({ maxUnavailable: { const: 1 } }, ["maxUnavailable"]),
];

export const freeForm: FreeForm = {
  keda: {
    "resources/operator": resources,
    "resources/metricServer": resources,
    "resources/webhooks": resources,
    imagePullSecrets: pullSecrets,
    "operator/affinity": affinity,
    "metricsServer/affinity": affinity,
    "webhooks/affinity": affinity,
    "podDisruptionBudget/operator": budget,
    "podDisruptionBudget/metricServer": budget,
    "podDisruptionBudget/webhooks": budget,
    "crds/additionalAnnotations": [
      "annotations of its definitions, of which Helm reads one",
      () => strict({ "helm.sh/resource-policy": { const: "keep" } }, ["helm.sh/resource-policy"]),
    ],
  },
};

const replicas = setting((s) => s.keda.replicas);
const drained = setting((s) => (s.keda.replicas > 1 ? 1 : undefined));

export const pins: readonly Pin[] = [
  ...release("keda", [
    [
      "crds/additionalAnnotations",
      { "helm.sh/resource-policy": "keep" },
      "objects of others wait for the operator's finalizer, and their definition for them, for ever",
    ],
    ["rbac/enabledCustomScaledRefKinds", false, "else it may read every object of every kind"],
    [
      "certificates/certManager/enabled",
      setting((s) => s.certManager.enabled || undefined),
      "else its operator may change every webhook and every APIService of the cluster",
    ],
    ["operator/replicaCount", replicas, "keda.replicas"],
    ["metricsServer/replicaCount", replicas, "keda.replicas"],
    ["webhooks/replicaCount", replicas, "keda.replicas"],
    ["podDisruptionBudget/*/maxUnavailable", drained, why.drained],
    ["prometheus/*/enabled", true, why.unmeasured],
    ["prometheus/*/serviceMonitor/enabled", true, why.unmeasured],
    ["resources/operator", setting((s) => asks(s.keda.operator)), why.sized],
    ["resources/metricServer", setting((s) => asks(s.keda.metricsApi)), why.sized],
    ["resources/webhooks", setting((s) => asks(s.keda.webhooks)), why.sized],
  ]),
];

export const scraped: Scraped = {
  jobs: ["keda-operator", "keda-operator-metrics-apiserver", "keda-admission-webhooks"],
  metrics: ["keda_"],
};
