/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import { containerSecurityContext, pullSecrets, resources, type FreeForm } from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";

export const freeForm: FreeForm = {
  "opentelemetry-operator": {
    "**/resources": resources,
    imagePullSecrets: pullSecrets,
    "manager/securityContext": containerSecurityContext,
  },
};

export const pins: readonly Pin[] = [
  ...release("opentelemetry-operator", [
    ["admissionWebhooks/certManager/enabled", true, "its own certificates would end after a year, unseen"],
    [
      "manager/autoInstrumentation/go/enabled",
      setting((s) => s.instrumentation.enabled && s.instrumentation.go),
      "a privileged sidecar",
    ],
    ["manager/resources", setting((s) => asks(s.opentelemetryOperator.resources)), why.sized],
    ["manager/serviceMonitor/enabled", true, why.unmeasured],
  ]),
];
