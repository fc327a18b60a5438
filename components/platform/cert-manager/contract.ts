/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import { affinity, pullSecrets, resources, type FreeForm } from "../../../contract/handed-on.ts";
import { asks, podSecurity, release, setting, why, type Pin } from "../../../contract/pin.ts";

export const freeForm: FreeForm = {
  "cert-manager": {
    "**/resources": resources,
    "global/imagePullSecrets": pullSecrets,
    affinity,
    "webhook/affinity": affinity,
  },
};

export const pins: readonly Pin[] = [
  ...release("cert-manager", [
    ["crds/enabled", true, "nothing else brings its definitions"],
    ["crds/keep", false, "on an own cluster destroy leaves nothing; elsewhere a post-renderer keeps all definitions"],
    ["replicaCount", setting((s) => s.certManager.replicas), "certManager.replicas"],
    ["webhook/replicaCount", setting((s) => s.certManager.replicas), "certManager.replicas"],
    ["podDisruptionBudget/enabled", setting((s) => s.certManager.replicas > 1 || undefined), why.drained],
    ["webhook/podDisruptionBudget/enabled", setting((s) => s.certManager.replicas > 1 || undefined), why.drained],
    ["prometheus/enabled", true, why.unmeasured],
    ["prometheus/servicemonitor/enabled", true, why.unmeasured],
    ["startupapicheck/enabled", true, "its release is Ready when its webhook answers, not before"],
    ["startupapicheck/resources", asks({ cpu: "10m", memory: "32Mi", memoryLimit: "96Mi" }), why.small],
    ["resources", setting((s) => asks(s.certManager.controller)), why.sized],
    ["webhook/resources", setting((s) => asks(s.certManager.webhook)), why.sized],
    ["cainjector/resources", setting((s) => asks(s.certManager.cainjector)), why.sized],
  ]),
  ...podSecurity("cert-manager", "restricted", why.restricted),
];

export const scraped: Scraped = { jobs: ["cert-manager"], metrics: ["certmanager_"] };
