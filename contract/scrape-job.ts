/** The scrape job that the Prometheus Operator makes of a ScrapeConfig, as far as the environment's uses one. */
import type { Manifest } from "../components/kubernetes/manifest.ts";
import { at, textAt } from "./finding.ts";
import type { RelabelRule } from "./relabel.ts";

export interface ScrapeJob {
  readonly job_name: string;
  readonly kubernetes_sd_configs: readonly { readonly role: string; readonly namespaces: unknown }[];
  readonly relabel_configs: readonly RelabelRule[];
}

interface Relabeling {
  readonly sourceLabels?: readonly string[];
  readonly targetLabel?: string;
  readonly [field: string]: unknown;
}

/** (prometheus-operator 0.92, pkg/prometheus/promcfg.go, `generateScrapeConfig`) */
export function scrapeJob(object: Manifest): ScrapeJob {
  const { name, namespace = "" } = object.metadata;
  const discoveries = (at(object, "spec", "kubernetesSDConfigs") ?? []) as readonly unknown[];
  const relabelings = (at(object, "spec", "relabelings") ?? []) as readonly Relabeling[];
  return {
    job_name: `scrapeConfig/${namespace}/${name}`,
    kubernetes_sd_configs: discoveries.map((discovery) => ({
      role: (textAt(discovery, "role") ?? "").toLowerCase(),
      namespaces: at(discovery, "namespaces"),
    })),
    relabel_configs: [
      { target_label: "job", action: "replace", replacement: textAt(object, "spec", "jobName") ?? name },
      ...relabelings.map(({ sourceLabels, targetLabel, ...rest }) => ({
        ...(sourceLabels === undefined ? {} : { source_labels: sourceLabels }),
        ...(targetLabel === undefined ? {} : { target_label: targetLabel }),
        ...(rest as RelabelRule),
      })),
    ],
  };
}
