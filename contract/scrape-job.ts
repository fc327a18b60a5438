/** The scrape job that the Prometheus Operator makes of a ScrapeConfig, as far as the environment's uses one. */
import type { Manifest } from "../components/kubernetes/manifest.ts";
import { at, textAt } from "./finding.ts";
import type { RelabelRule } from "./relabel.ts";

export interface ScrapeJob {
  readonly job_name: string;
  readonly kubernetes_sd_configs?: readonly { readonly role: string; readonly namespaces: unknown }[];
  readonly relabel_configs: readonly RelabelRule[];
}

interface Relabeling {
  readonly sourceLabels?: readonly string[];
  readonly targetLabel?: string;
  readonly [field: string]: unknown;
}

/** Keys that go into the job under another name; credentials are texts there, out of Secrets. */
function asTheyAre(object: Manifest): Readonly<Record<string, unknown>> {
  const spec = (key: string) => at(object, "spec", key);
  const all = {
    static_configs: spec("staticConfigs"),
    dns_sd_configs: spec("dnsSDConfigs"),
    // Certificates are files there, which the operator mounts.
    http_sd_configs: (spec("httpSDConfigs") as readonly object[] | undefined)?.map((one) => ({ url: at(one, "url") })),
    scheme: textAt(object, "spec", "scheme")?.toLowerCase(),
    metrics_path: spec("metricsPath"),
    scrape_interval: spec("scrapeInterval"),
    authorization: spec("authorization") === undefined ? undefined : { credentials: "text of a Secret" },
    basic_auth: spec("basicAuth") === undefined ? undefined : { username: "a", password: "text of a Secret" },
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** (prometheus-operator 0.92, pkg/prometheus/promcfg.go, `generateScrapeConfig`) */
export function scrapeJob(object: Manifest): ScrapeJob {
  const { name, namespace = "" } = object.metadata;
  const discoveries = (at(object, "spec", "kubernetesSDConfigs") ?? []) as readonly unknown[];
  const relabelings = (at(object, "spec", "relabelings") ?? []) as readonly Relabeling[];
  return {
    job_name: `scrapeConfig/${namespace}/${name}`,
    ...(discoveries.length === 0
      ? {}
      : {
          kubernetes_sd_configs: discoveries.map((discovery) => ({
            role: (textAt(discovery, "role") ?? "").toLowerCase(),
            namespaces: at(discovery, "namespaces"),
          })),
        }),
    ...asTheyAre(object),
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
