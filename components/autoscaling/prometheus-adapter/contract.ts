/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import {
  affinity,
  list,
  map,
  pullSecretNames,
  resources,
  strict,
  text,
  type FreeForm,
  type HandedOn,
} from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";

const rules: HandedOn = [
  "rules of the adapter (pkg/config): tests/contract/prometheus-adapter.test.ts gives them to its own reader",
  () =>
    list(
      strict(
        {
          seriesQuery: text,
          resources: strict(
            {
              overrides: map(strict({ group: text, resource: text }, ["resource"])),
              namespaced: { const: false },
            },
            ["overrides"],
          ),
          name: strict({ matches: text, as: text }, ["matches", "as"]),
          metricsQuery: text,
        },
        ["seriesQuery", "resources", "name", "metricsQuery"],
      ),
    ),
];

export const freeForm: FreeForm = {
  "prometheus-adapter": {
    "**/resources": resources,
    "image/pullSecrets": pullSecretNames,
    affinity,
    "rules/custom": rules,
    "rules/external": rules,
    extraArguments: [
      "flags of the program (cmd/adapter); any other ends it",
      () =>
        list({
          type: "string",
          pattern:
            "^--(metrics-max-age=5m|prometheus-header=X-Scope-OrgID=[^=]+|prometheus-auth-config=/etc/prometheus-access/kubeconfig)$",
        }),
    ],
    extraVolumes: [
      "volumes of the pod",
      () =>
        list(
          strict({ name: { const: "prometheus-access" }, secret: strict({ secretName: text }, ["secretName"]) }, [
            "name",
            "secret",
          ]),
        ),
    ],
    extraVolumeMounts: [
      "volumes of the container",
      () =>
        list(
          strict(
            {
              name: { const: "prometheus-access" },
              mountPath: { const: "/etc/prometheus-access" },
              readOnly: { const: true },
            },
            ["name", "mountPath", "readOnly"],
          ),
        ),
    ],
  },
};

export const pins: readonly Pin[] = [
  ...release("prometheus-adapter", [
    ["replicas", setting((s) => s.prometheusAdapter.replicas), "prometheusAdapter.replicas"],
    ["podDisruptionBudget/enabled", setting((s) => s.prometheusAdapter.replicas > 1 || undefined), why.drained],
    ["rules/default", false, "they ask for every series of the store, every minute"],
    [
      "certManager/enabled",
      setting((s) => s.certManager.enabled || undefined),
      "else the API server does not look whose certificate it is shown",
    ],
    ["resources", setting((s) => asks(s.prometheusAdapter.resources)), why.sized],
  ]),
];
