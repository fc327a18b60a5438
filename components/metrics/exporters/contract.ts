/** What the chart leaves open and the values fill, and values that security or data rest on: for the judges in `contract/`. */
import type { Scraped } from "../../../contract/component-files.ts";
import {
  containerSecurityContext,
  list,
  map,
  policyRulesSchema,
  strict,
  text,
  type FreeForm,
  type HandedOn,
} from "../../../contract/handed-on.ts";
import { asks, release, setting, why, type Pin } from "../../../contract/pin.ts";
import { type Schema } from "../../../contract/schemas.ts";

/** Custom resource state metrics of kube-state-metrics 2.20 (docs/metrics/extend/customresourcestate-metrics.md). */
const customResourceState = (): Schema =>
  strict(
    {
      kind: { const: "CustomResourceStateMetrics" },
      spec: strict(
        {
          resources: {
            ...list(
              strict(
                {
                  groupVersionKind: strict({ group: text, version: text, kind: text }, ["group", "version", "kind"]),
                  metricNamePrefix: text,
                  metrics: {
                    ...list(
                      strict(
                        {
                          name: { type: "string", pattern: "^[a-z_]+$" },
                          help: text,
                          each: strict(
                            {
                              type: { enum: ["Info"] },
                              info: strict({ labelsFromPath: map({ ...list(text), minItems: 1 }) }, ["labelsFromPath"]),
                            },
                            ["type", "info"],
                          ),
                          labelsFromPath: map({ ...list(text), minItems: 1 }),
                        },
                        ["name", "help", "each"],
                      ),
                    ),
                    minItems: 1,
                  },
                },
                ["groupVersionKind", "metrics"],
              ),
            ),
            minItems: 1,
          },
        },
        ["resources"],
      ),
    },
    ["kind", "spec"],
  );

const drops: HandedOn = [
  "handed on to a ServiceMonitor's endpoint",
  // Of labels that the metrics have: a misspelt one is empty everywhere, and nothing would be dropped.
  () =>
    list(
      strict(
        {
          action: { const: "drop" },
          sourceLabels: list({ enum: ["__name__", "environment", "id", "interface", "le", "pod", "reason", "scope"] }),
          regex: text,
        },
        ["action", "sourceLabels", "regex"],
      ),
    ),
];

const components = setting(({ cluster }) => cluster.type === "kind" && cluster.kind.scrapeControlPlane);
const control = "Kind lets Prometheus reach the control plane; elsewhere nobody answers and TargetDown would fire";

export const freeForm: FreeForm = {
  "kube-prometheus-stack": {
    "prometheus-node-exporter/containerSecurityContext": containerSecurityContext,
    "kube-state-metrics/collectorsExclude": ["names of kinds; empty in the chart", () => list({ enum: ["secrets"] })],
    "kube-state-metrics/rbac/extraRules": ["rules of a ClusterRole", () => policyRulesSchema],
    "kube-state-metrics/customResourceState/config": ["kube-state-metrics' own configuration", customResourceState],
    "kubeApiServer/serviceMonitor/metricRelabelings": drops,
    "kubelet/serviceMonitor/cAdvisorMetricRelabelings": drops,
    "kube-state-metrics/prometheus/monitor/http/metricRelabelings": drops,
  },
};

export const pins: readonly Pin[] = [
  ...release(
    "kube-prometheus-stack",
    [
      ["kube-state-metrics/resources", setting((s) => asks(s.exporters.kubeStateMetrics)), why.sized],
      ["kube-state-metrics/customResourceState/enabled", true, why.unmeasured],
      ["prometheus-node-exporter/resources", setting((s) => asks(s.exporters.nodeExporter)), why.sized],
      ["kubeControllerManager/enabled", components, control],
      ["kubeEtcd/enabled", components, control],
      ["kubeProxy/enabled", components, control],
      ["kubeScheduler/enabled", components, control],
    ],
    ({ exporters }) => exporters.enabled,
  ),
];

export const scraped: Scraped = {
  jobs: [
    "node-exporter",
    "kube-state-metrics",
    "kubelet",
    "apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-etcd",
    "kube-proxy",
    "coredns",
  ],
  metrics: ["kube_", "node_", "container_", "kubelet_", "apiserver_", "gotk_resource_info", "namespace_workload_pod:"],
};
