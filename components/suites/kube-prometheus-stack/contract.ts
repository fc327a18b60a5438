/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import { pullSecrets, resources, strict, type FreeForm } from "../../../contract/handed-on.ts";
import { plan, providers } from "../../../components/plan.ts";
import { release, setting, type Pin } from "../../../contract/pin.ts";
import type { Settings } from "../../../settings/schema.ts";

const controlPlane = setting(({ cluster }) => cluster.type === "kind" && cluster.kind.scrapeControlPlane);
const control = "Kind lets Prometheus reach the control plane; elsewhere nobody answers and TargetDown would fire";

/** Whether rules are evaluated, and over what is scraped. */
const ruled = (settings: Settings) => {
  const { chosen } = plan(settings);
  return providers(chosen, "rules").length > 0 && providers(chosen, "scraping").length > 0;
};

export const freeForm: FreeForm = {
  "kube-prometheus-stack": {
    "**/resources": resources,
    "global/imagePullSecrets": pullSecrets,
    "defaultRules/disabled": [
      "names of the chart's alerts (templates/prometheus/rules-1.14); empty in the chart",
      () =>
        strict({
          ...{ NodeSystemdServiceFailed: { const: true }, NodeSystemdServiceCrashlooping: { const: true } },
          ...{ PrometheusRemoteWriteBehind: { const: true }, PrometheusRemoteStorageFailures: { const: true } },
        }),
    ],
  },
};

export const pins: readonly Pin[] = [
  ...release("kube-prometheus-stack", [
    ["crds/enabled", false, "a release of their own brings them, so that monitors can come before this one"],
  ]),
  ...release(
    "kube-prometheus-stack",
    [
      ["defaultRules/rules/windows", false, "no node runs Windows"],
      ["defaultRules/rules/etcd", controlPlane, control],
      ["defaultRules/rules/kubeControllerManager", controlPlane, control],
      ["defaultRules/rules/kubeProxy", controlPlane, control],
      ["defaultRules/rules/kubeScheduler*", controlPlane, control],
    ],
    ruled,
  ),
];
