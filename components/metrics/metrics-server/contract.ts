/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import { affinity, list, pullSecrets, resources, type FreeForm } from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";

export const freeForm: FreeForm = {
  "metrics-server": {
    "**/resources": resources,
    imagePullSecrets: pullSecrets,
    affinity,
    args: [
      "flags of the program (cmd/metrics-server/app/options); any other ends it",
      () => list({ const: "--kubelet-insecure-tls" }),
    ],
  },
};

export const pins: readonly Pin[] = [
  ...release("metrics-server", [
    ["replicas", setting((s) => s.metricsServer.replicas), "metricsServer.replicas"],
    ["podDisruptionBudget/enabled", setting((s) => s.metricsServer.replicas > 1 || undefined), why.drained],
    ["metrics/enabled", true, why.unmeasured],
    ["serviceMonitor/enabled", true, why.unmeasured],
    [
      "args",
      setting((s) => (s.cluster.type === "kind" ? ["--kubelet-insecure-tls"] : undefined)),
      "kubelets of Kind sign their own certificates; elsewhere one that nobody signed is not to be trusted unasked",
    ],
    ["resources", setting((s) => asks(s.metricsServer.resources)), why.sized],
  ]),
];
