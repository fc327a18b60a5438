/** Flux's objects as metrics: kube-state-metrics reads them like any other custom resource. */

import { environmentLabel } from "../../kubernetes/labels.ts";
import type { MetricRelabeling } from "./metric-waste.ts";

/** Kinds of Flux that the environment uses, and where each says which revision it is at. */
const kinds = [
  ["kustomize.toolkit.fluxcd.io", "v1", "Kustomization", ["status", "lastAppliedRevision"]],
  ["helm.toolkit.fluxcd.io", "v2", "HelmRelease", ["status", "history", "0", "chartVersion"]],
  ["source.toolkit.fluxcd.io", "v1", "GitRepository", ["status", "artifact", "revision"]],
  ["source.toolkit.fluxcd.io", "v1", "OCIRepository", ["status", "artifact", "revision"]],
  ["source.toolkit.fluxcd.io", "v1", "HelmRepository", ["status", "artifact", "revision"]],
  ["source.toolkit.fluxcd.io", "v1", "HelmChart", ["status", "artifact", "revision"]],
] as const;

/** Whose object it is, on a cluster whose Flux has those of others, too. */
const environment = ["metadata", "labels", environmentLabel] as const;

/** Drops objects of others, whom no alert of this environment should tell about them. */
export const othersObjects = {
  action: "drop",
  sourceLabels: ["__name__", "environment"],
  regex: "gotk_resource_info;",
} as const satisfies MetricRelabeling;

/**
 * Values of kube-state-metrics that make
 * `gotk_resource_info{customresource_kind, exported_namespace, name, ready, suspended, revision}`, the metric of Flux's
 * own monitoring guide, which the Flux dashboard and alerts ask for.
 * @param own whether the cluster's Flux is the environment's
 */
export const fluxMetricsValues = (own: boolean) => ({
  rbac: {
    extraRules: [
      {
        apiGroups: [...new Set(kinds.map(([group]) => group))],
        resources: [
          "kustomizations",
          "helmreleases",
          "gitrepositories",
          "ocirepositories",
          "helmrepositories",
          "helmcharts",
        ],
        verbs: ["list", "watch"],
      },
    ],
  },
  customResourceState: {
    enabled: true,
    config: {
      kind: "CustomResourceStateMetrics",
      spec: {
        resources: kinds.map(([group, version, kind, revision]) => ({
          groupVersionKind: { group, version, kind },
          metricNamePrefix: "gotk",
          metrics: [
            {
              name: "resource_info",
              help: "State of a Flux object.",
              each: { type: "Info", info: { labelsFromPath: { name: ["metadata", "name"] } } },
              labelsFromPath: {
                exported_namespace: ["metadata", "namespace"],
                ready: ["status", "conditions", "[type=Ready]", "status"],
                suspended: ["spec", "suspend"],
                revision: [...revision],
                ...(own ? {} : { environment }),
              },
            },
          ],
        })),
      },
    },
  },
});
