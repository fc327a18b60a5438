/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import {
  annotations,
  externalUrl,
  list,
  map,
  resourcesSchema,
  strict,
  text,
  type FreeForm,
} from "../../../contract/handed-on.ts";
import { asks, release, setting, several, why, type Pin } from "../../../contract/pin.ts";
import { customResourcePart, type Schema } from "../../../contract/schemas.ts";

const ours = "monitors and rules of every namespace count, not only those that this release labels";

/** Where the operator mounts a Secret for Prometheus. */
const mounted: Schema = { type: "string", pattern: "^/etc/prometheus/secrets/[^/]+/[^/]+$" };

/** Which objects it selects where another scrapes them, or evaluates them: none. */
const selectors = ["serviceMonitor", "podMonitor", "probe", "scrapeConfig", "rule"].map(
  (kind): [string, FreeForm[string][string]] => [
    `prometheus/prometheusSpec/${kind}Selector`,
    [
      `handed on to the Prometheus object's spec.${kind}Selector`,
      () => customResourcePart("monitoring.coreos.com/v1", "Prometheus", "spec", `${kind}Selector`),
    ],
  ],
);

export const freeForm: FreeForm = {
  "kube-prometheus-stack": {
    ...Object.fromEntries(selectors),
    "prometheus/prometheusSpec/externalUrl": externalUrl("/prometheus"),
    additionalPrometheusRulesMap: [
      "PrometheusRule objects by name; empty in the chart",
      () =>
        map(
          strict({ groups: customResourcePart("monitoring.coreos.com/v1", "PrometheusRule", "spec", "groups") }, [
            "groups",
          ]),
        ),
    ],
    "prometheus/prometheusSpec/thanos": [
      "empty in the chart: the Prometheus object's spec.thanos, but for the Secret, which it takes apart (templates/prometheus/prometheus.yaml)",
      () => {
        const part = (name: string) =>
          customResourcePart("monitoring.coreos.com/v1", "Prometheus", "spec", "thanos", name);
        return strict(
          {
            objectStorageConfig: strict({ existingSecret: strict({ name: text, key: text }, ["name", "key"]) }),
            resources: resourcesSchema,
            volumeMounts: part("volumeMounts"),
          },
          ["objectStorageConfig", "resources"],
        );
      },
    ],
    ...Object.fromEntries(
      ["containers", "volumes"].map((part) => [
        `prometheus/prometheusSpec/${part}`,
        [
          `handed on to the Prometheus object's spec.${part}`,
          () => customResourcePart("monitoring.coreos.com/v1", "Prometheus", "spec", part),
        ] as const,
      ]),
    ),
    "prometheus/serviceAccount/annotations": annotations,
    "prometheus/prometheusSpec/secrets": ["names of Secrets", () => list(text)],
    "prometheus/prometheusSpec/additionalAlertManagerConfigs": [
      "Prometheus' own format (configuration, alertmanager_config)",
      () =>
        list(
          strict(
            {
              scheme: { enum: ["http", "https"] },
              path_prefix: { type: "string", pattern: "^/" },
              static_configs: list(strict({ targets: list({ type: "string", pattern: ":\\d+$" }) }, ["targets"])),
              basic_auth: strict({ username: text, password_file: mounted }, ["username", "password_file"]),
              authorization: strict({ type: { const: "Bearer" }, credentials_file: mounted }, [
                "type",
                "credentials_file",
              ]),
              http_headers: map(strict({ values: list(text) }, ["values"])),
              tls_config: strict({ ca_file: mounted }, ["ca_file"]),
            },
            ["scheme", "path_prefix", "static_configs"],
          ),
        ),
    ],
    "prometheus/prometheusSpec/scrapeClasses": [
      "handed on to the Prometheus object's spec.scrapeClasses, as a template",
      () => customResourcePart("monitoring.coreos.com/v1", "Prometheus", "spec", "scrapeClasses"),
    ],
    "prometheus/prometheusSpec/externalLabels": [
      "labels of all that leaves Prometheus; empty in the chart",
      () => strict({ cluster: text }, ["cluster"]),
    ],
    "prometheus/prometheusSpec/additionalRemoteWrite": [
      "handed on to the Prometheus object's spec.remoteWrite, as it is",
      () => customResourcePart("monitoring.coreos.com/v1", "Prometheus", "spec", "remoteWrite"),
    ],
    "prometheus/prometheusSpec/storageSpec": [
      "handed on to the Prometheus object's spec.storage",
      () => customResourcePart("monitoring.coreos.com/v1", "Prometheus", "spec", "storage"),
    ],
    "prometheus/prometheusSpec/sampleLimit": [
      "false in the chart, which means none; handed on to the Prometheus object's spec.sampleLimit",
      () => customResourcePart("monitoring.coreos.com/v1", "Prometheus", "spec", "sampleLimit"),
    ],
    "prometheus/prometheusSpec/enableFeatures": [
      "flags of Prometheus 3.14 (docs/feature_flags.md): those that the environment knows the meaning of",
      // Without the first there is no way from a metric to a trace.
      () => ({
        ...list({ enum: ["exemplar-storage", "extra-scrape-metrics"] }),
        contains: { const: "exemplar-storage" },
      }),
    ],
  },
};

export const pins: readonly Pin[] = [
  ...release(
    "kube-prometheus-stack",
    [
      ["prometheus/prometheusSpec/replicas", setting((s) => s.prometheus.replicas), "prometheus.replicas"],
      ["prometheus/prometheusSpec/retention", setting((s) => s.prometheus.retention), "prometheus.retention"],
      [
        "prometheus/prometheusSpec/retentionSize",
        setting((s) => s.prometheus.retentionSize),
        "prometheus.retentionSize",
      ],
      [
        "prometheus/prometheusSpec/storageSpec/volumeClaimTemplate/spec/resources/requests/storage",
        setting((s) => s.prometheus.storage),
        "prometheus.storage",
      ],
      [
        "prometheus/prometheusSpec/scrapeInterval",
        setting((s) => s.prometheus.scrapeInterval),
        "prometheus.scrapeInterval",
      ],
      [
        "prometheus/prometheusSpec/evaluationInterval",
        setting((s) => s.prometheus.scrapeInterval),
        "rules see each scrape once",
      ],
      ["prometheus/prometheusSpec/sampleLimit", setting((s) => s.prometheus.sampleLimit), "prometheus.sampleLimit"],
      ["prometheus/prometheusSpec/labelLimit", setting((s) => s.prometheus.labelLimit), "prometheus.labelLimit"],
      ["prometheus/prometheusSpec/targetLimit", setting((s) => s.prometheus.targetLimit), "prometheus.targetLimit"],
      [
        "prometheus/prometheusSpec/labelNameLengthLimit",
        setting((s) => s.prometheus.labelNameLengthLimit),
        "prometheus.labelNameLengthLimit",
      ],
      [
        "prometheus/prometheusSpec/labelValueLengthLimit",
        setting((s) => s.prometheus.labelValueLengthLimit),
        "prometheus.labelValueLengthLimit",
      ],
      [
        "prometheus/prometheusSpec/bodySizeLimit",
        setting((s) => s.prometheus.bodySizeLimit),
        "prometheus.bodySizeLimit",
      ],
      [
        "prometheus/prometheusSpec/scrapeNativeHistograms",
        setting((s) => s.prometheus.nativeHistograms || undefined),
        "prometheus.nativeHistograms",
      ],
      [
        "prometheus/prometheusSpec/scrapeClassicHistograms",
        setting((s) => s.prometheus.nativeHistograms || undefined),
        "rules and dashboards ask for classic buckets",
      ],
      [
        "prometheus/prometheusSpec/additionalRemoteWrite/*/queueConfig/retryOnRateLimit",
        setting((s) => s.remoteWrite.length > 0 || s.metricbeat.enabled || undefined),
        "what a busy server refuses waits instead of being lost",
      ],
      ["prometheus/prometheusSpec/resources", setting((s) => asks(s.prometheus.resources)), why.sized],
      ["prometheus/prometheusSpec/*SelectorNilUsesHelmValues", false, ours],
      [
        "prometheus/prometheusSpec/enableRemoteWriteReceiver",
        true,
        "people's own metrics may be written to it; nothing here does",
      ],
      ["prometheus/podDisruptionBudget/enabled", several((s) => s.prometheus.replicas), why.drained],
    ],
    ({ metrics }) => metrics === "prometheus",
  ),
];

export const scraped: Scraped = { jobs: ["kube-prometheus-stack-prometheus"], metrics: ["prometheus_"] };
