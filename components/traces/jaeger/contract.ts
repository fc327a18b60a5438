/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import { durationSeconds } from "../../../settings/formats.ts";
import type { Scraped } from "../../../contract/component-files.ts";
import {
  containerSecurityContext,
  list,
  map,
  podSecurityContext,
  pullSecretNames,
  resources,
  strict,
  text,
  volumeMounts,
  volumes,
  type FreeForm,
} from "../../../contract/handed-on.ts";
import { asks, of, release, setting, why, type Pin } from "../../../contract/pin.ts";

export const freeForm: FreeForm = {
  jaeger: {
    "**/resources": resources,
    "jaeger/image/pullSecrets": pullSecretNames,
    "jaeger/podLabels": [
      "read by the template of the Deployment only (seen in a render: the pod has the label)",
      () => map({ type: "string", pattern: "^[a-z0-9]+$" }),
    ],
    "jaeger/podSecurityContext": podSecurityContext,
    "jaeger/securityContext": containerSecurityContext,
    "jaeger/extraVolumes": volumes,
    "jaeger/extraVolumeMounts": volumeMounts,
    extraObjects: [
      "objects that the chart makes beside its own; ours is a claim",
      () =>
        list(
          strict(
            {
              apiVersion: { const: "v1" },
              kind: { const: "PersistentVolumeClaim" },
              metadata: strict({ name: text, annotations: strict({ "helm.sh/resource-policy": { const: "keep" } }) }, [
                "name",
                "annotations",
              ]),
              spec: strict(
                {
                  accessModes: { const: ["ReadWriteOnce"] },
                  resources: strict({ requests: strict({ storage: text }, ["storage"]) }, ["requests"]),
                },
                ["accessModes", "resources"],
              ),
            },
            ["apiVersion", "kind", "metadata", "spec"],
          ),
        ),
    ],
    userconfig: ["Jaeger's own configuration, null in the chart; checked as a collector's", () => ({ type: "object" })],
  },
};

export const pins: readonly Pin[] = [
  ...of("HelmRelease flux-system/jaeger", [
    [
      "spec/chart/spec/interval",
      setting(({ charts }) => (charts.mirror === undefined ? "1h" : undefined)),
      "how often the index of an HTTP repository is asked; the version is exact",
    ],
  ]),
  ...release("jaeger", [
    ["jaeger/replicas", 1, "traces are in its memory or on its one volume: a second one would have half of them"],
    ["jaeger/podSecurityContext/runAsUser", 10001, why.contained],
    ["jaeger/podSecurityContext/runAsGroup", 10001, why.contained],
    ["jaeger/podSecurityContext/fsGroup", 10001, "its volumes belong to the user that writes them"],
    ["jaeger/resources", setting((s) => asks(s.jaeger.resources)), why.sized],
    [
      "userconfig/extensions/jaeger_storage/backends/*/memory/max_traces",
      setting((s) => s.jaeger.maxTraces),
      "jaeger.maxTraces",
    ],
    [
      "userconfig/extensions/jaeger_storage/backends/*/badger/ttl/spans",
      setting((s) => `${durationSeconds(s.jaeger.retention)}s`),
      "jaeger.retention",
    ],
    [
      "userconfig/extensions/jaeger_storage/backends/*/elasticsearch/max_span_age",
      setting((s) => `${durationSeconds(s.jaeger.retention)}s`),
      "a trace is found as long as it is kept",
    ],
    ["userconfig/extensions/jaeger_storage/backends/*/badger/ephemeral", false, "traces outlive the pod"],
    ["extraObjects/*/spec/resources/requests/storage", setting((s) => s.jaeger.storage.size), "jaeger.storage.size"],
  ]),
  ...of("CronJob monitoring/jaeger-index-cleaner", [
    [
      "spec/jobTemplate/spec/template/spec/containers/0/args/0",
      setting((s) => String(Math.ceil(durationSeconds(s.jaeger.retention) / 86400))),
      "days after which an index goes",
    ],
  ]),
];

export const scraped: Scraped = { jobs: ["jaeger"], metrics: ["otelcol_"] };
