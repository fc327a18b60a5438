/** Values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";

export const pins: readonly Pin[] = [
  ...release(
    "kube-prometheus-stack",
    [
      [
        "prometheusOperator/admissionWebhooks/enabled",
        false,
        "promtool has read the rules before; a webhook would block every rule",
      ],
      ["prometheusOperator/tls/enabled", false, "only its own metrics, within the namespace"],
      ["prometheusOperator/kubeletEndpointSliceEnabled", true, "Endpoints are deprecated since Kubernetes 1.33"],
      ["prometheusOperator/kubeletEndpointsEnabled", false, "Endpoints are deprecated since Kubernetes 1.33"],
      ["prometheusOperator/resources", setting((s) => asks(s.prometheusOperator.resources)), why.sized],
      [
        "prometheusOperator/prometheusConfigReloader/resources",
        asks({ cpu: "5m", memory: "32Mi", memoryLimit: "128Mi" }),
        why.small,
      ],
    ],
    ({ provided }) => !provided.includes("prometheusOperator"),
  ),
];

export const scraped: Scraped = { jobs: ["kube-prometheus-stack-operator"] };
