/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import {
  flag,
  list,
  pullSecrets,
  resources,
  strict,
  text,
  tolerations,
  type FreeForm,
} from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";

const chart = "opentelemetry-ebpf-instrumentation";

export const freeForm: FreeForm = {
  [chart]: {
    resources,
    tolerations,
    "image/pullSecrets": pullSecrets,
    extraCapabilities: ["names of capabilities", () => list({ enum: ["SYS_ADMIN", "SYS_RESOURCE"] })],
    "config/data": [
      "its own configuration, handed on as it is: keys of its documentation (Config v1), and of pkg/obi/config.go 0.5",
      () =>
        strict(
          {
            discovery: strict(
              {
                instrument: list(strict({ k8s_namespace: text }, ["k8s_namespace"])),
                exclude_otel_instrumented_services: flag,
              },
              ["instrument", "exclude_otel_instrumented_services"],
            ),
            attributes: strict({ kubernetes: strict({ enable: flag, cluster_name: text }, ["enable"]) }, [
              "kubernetes",
            ]),
            routes: strict(
              {
                unmatched: { enum: ["unset", "path", "wildcard", "heuristic", "low-cardinality"] },
                ignored_patterns: list(text),
                ignore_mode: { enum: ["all", "metrics", "traces"] },
              },
              ["unmatched"],
            ),
            otel_traces_export: strict(
              {
                endpoint: { type: "string", pattern: "^https?://[^/]+:\\d+$" },
                protocol: { const: "grpc" },
                sampler: strict(
                  {
                    name: { const: "parentbased_traceidratio" },
                    arg: { type: "string", pattern: "^(0|1|0\\.\\d+|\\d(\\.\\d+)?e-\\d+)$" },
                  },
                  ["name", "arg"],
                ),
              },
              ["endpoint", "protocol", "sampler"],
            ),
            otel_metrics_export: strict({ endpoint: { const: "" } }, ["endpoint"]),
            prometheus_export: strict({ port: { const: 0 } }, ["port"]),
            internal_metrics: strict(
              {
                exporter: { const: "prometheus" },
                prometheus: strict({ port: { type: "integer" }, path: text }, ["port", "path"]),
              },
              ["exporter", "prometheus"],
            ),
          },
          ["discovery", "otel_traces_export", "otel_metrics_export", "prometheus_export"],
        ),
    ],
  },
};

export const pins: readonly Pin[] = [
  ...release(
    chart,
    [
      ["privileged", false, "capabilities by name, and no device of the node"],
      [
        "contextPropagation/enabled",
        setting((s) => s.ebpf.propagation),
        "ebpf.propagation; else not in the nodes' network",
      ],
      ["resources", setting((s) => asks(s.ebpf.resources)), why.sized],
      ["config/data/otel_metrics_export/endpoint", "", "metrics of requests have one producer, the gateway"],
      ["config/data/prometheus_export/port", 0, "metrics of requests have one producer, the gateway"],
      [
        "config/data/discovery/exclude_otel_instrumented_services",
        true,
        "requests of programs with instrumentation of their own would be there twice",
      ],
      [
        "config/data/otel_traces_export/sampler/arg",
        setting((s) => (s.instrumentation.enabled ? `${s.instrumentation.samplingRatio}` : "1")),
        "instrumentation.samplingRatio",
      ],
    ],
    ({ ebpf }) => ebpf.namespaces.length > 0,
  ),
];

export const scraped: Scraped = { jobs: [chart], metrics: ["obi_"] };
