/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import {
  list,
  podSecurityContext,
  pullSecrets,
  resources,
  strict,
  type FreeForm,
} from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";

export const freeForm: FreeForm = {
  "victoria-metrics-operator": {
    "**/resources": resources,
    imagePullSecrets: pullSecrets,
    podSecurityContext,
    env: [
      "variables of the operator (internal/config/config.go): those that the environment knows the meaning of",
      () =>
        list(
          strict(
            {
              name: {
                enum: [
                  "VM_ENABLEDPROMETHEUSCONVERTER_ALERTMANAGERCONFIG",
                  "VM_VMSERVICESCRAPEDEFAULT_ENFORCEENDPOINTSLICES",
                ],
              },
              value: { enum: ["true", "false"] },
            },
            ["name", "value"],
          ),
        ),
    ],
  },
};

export const pins: readonly Pin[] = [
  ...release("victoria-metrics-operator", [
    ["image/tag", "v0.74.1", "the version whose objects the rehearsal sees; the chart has the one before"],
    ["crds/plain", true, "among the templates they have no schema, and nothing would refuse a misspelt field"],
    ["operator/enable_converter_ownership", true, "what is made of a ServiceMonitor goes when that goes"],
    ["admissionWebhooks/enabled", false, "with them the operator checks nothing itself, and a wrong rule vanishes"],
    ["env/0/value", "false", "Alertmanager reads AlertmanagerConfigs itself: nobody is told twice"],
    ["env/1/value", "true", "Endpoints are deprecated since Kubernetes 1.33"],
    ["serviceMonitor/enabled", true, why.unmeasured],
    ["resources", setting((s) => asks(s.victoriaMetricsOperator.resources)), why.sized],
  ]),
];

export const scraped: Scraped = { jobs: ["victoria-metrics-operator"], metrics: ["operator_"] };
