/** What Flux ships, against what is there to be asked: no rule that fires for ever, and no panel that stays empty. */
import { catalogue } from "../../components/catalogue.ts";
import { type Manifest, manifestId } from "../../components/kubernetes/manifest.ts";
import { plan } from "../../components/plan.ts";
import { jobs, logJob } from "../../dashboards/names.ts";
import { at, type Finding } from "../finding.ts";
import type { Rendered } from "../rendered.ts";

type Key = (typeof catalogue)[number]["key"];

/** Who is behind a scrape job, or the label `job` of log lines. */
const jobOwners: readonly (readonly [job: RegExp, owner: Key])[] = [
  [new RegExp(`^(${jobs.nodeExporter}|${jobs.kubeStateMetrics}|${jobs.kubelet}|${jobs.apiServer})$`), "exporters"],
  [new RegExp(`^${jobs.prometheus}$`), "prometheus"],
  [/^kube-prometheus-stack-alertmanager$/, "alertmanager"],
  [/^kube-prometheus-stack-grafana$/, "grafana"],
  [/^kube-prometheus-stack-operator$/, "prometheusOperator"],
  [new RegExp(`^${jobs.loki}$`), "loki"],
  [new RegExp(`^(${jobs.fluentBit}|${logJob})$`), "fluentBit"],
  [new RegExp(`^${jobs.collector}$`), "collector"],
  [new RegExp(`^${jobs.jaeger}$`), "jaeger"],
  [new RegExp(`^${jobs.tempo}$`), "tempo"],
  [/^cert-manager$/, "certManager"],
  [/^(podinfo-.*|kbot)$/, "demo"],
];

/** Who makes a metric; where several do, one is enough. */
const metricOwners: readonly (readonly [metric: RegExp, owners: readonly Key[]])[] = [
  [/^(kube_|node_|container_|kubelet_|apiserver_|gotk_resource_info$)/, ["exporters"]],
  [/^(namespace_workload_pod:|node_namespace_pod:)/, ["exporters"]],
  [/^prometheus_/, ["prometheus"]],
  [/^loki_/, ["loki"]],
  [/^fluentbit_/, ["fluentBit"]],
  [/^otelcol_/, ["collector", "jaeger"]],
  [/^tempo(db)?_/, ["tempo"]],
  [/^certmanager_/, ["certManager"]],
];

/** What Grafana's types of data sources need. */
const sourceNeeds: Readonly<Record<string, string>> = { prometheus: "scraping", loki: "logql", jaeger: "jaeger" };

/** Words of a query outside of its texts and labels. */
function words(query: string): string[] {
  return [...query.replaceAll(/"(?:[^"\\]|\\.)*"|`[^`]*`/g, "").matchAll(/[a-zA-Z_:][\w:]*/g)].map(([word]) => word);
}

/** Components that a query asks and that are not there; of recorded series, those that nobody records. */
function missing(query: string, has: (need: string) => boolean, records: ReadonlySet<string>): string[] {
  // Lines that came by OTLP have other labels: a query that counts both ways has an answer without the log agent.
  const named = (/\{k8s_/.test(query) ? [] : [...query.matchAll(/\bjob=~?"([^"$]+)"/g)])
    .flatMap(([, value = ""]) => (value.includes("(") || value.includes(".") ? [value] : value.split("|")))
    .flatMap((job) => jobOwners.filter(([form]) => form.test(job)).map(([, owner]) => [owner]));
  const asked = words(query);
  const made = asked.flatMap((word) => metricOwners.filter(([form]) => form.test(word)).map(([, owners]) => owners));
  // What kube-prometheus-stack records about nodes and workloads comes with the exporters.
  const recorded = asked.filter((word) => /^(job|pod|metric|kind|command)\w*:\w+:/.test(word) && !records.has(word));
  const gone = [...named, ...made].filter((owners) => !owners.some(has)).map((owners) => owners.join(" or "));
  return [...new Set([...gone, ...recorded])];
}

interface Panel {
  readonly title?: string;
  readonly targets?: readonly { readonly expr?: string; readonly datasource?: { readonly type?: string } }[];
  readonly panels?: readonly Panel[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly type: string; readonly query: unknown }[] };
}

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
}

const rulesOf = (object: Manifest) =>
  ((at(object, "spec", "groups") ?? []) as readonly { readonly rules: readonly Rule[] }[]).flatMap(
    ({ rules }) => rules,
  );

/** Findings about the dashboards and rules of an environment. */
export function checkContent({ content, settings }: Rendered): Finding[] {
  const findings: Finding[] = [];
  const { chosen } = plan(settings);
  // What others provide is scraped by them, or under another job.
  const able = new Set(
    chosen.flatMap(({ component: { key }, offers, provided }) => [...(provided ? [] : [key]), ...Object.keys(offers)]),
  );
  const has = (need: string) => able.has(need);
  const records = new Set(content.flatMap(rulesOf).flatMap(({ record }) => record ?? []));
  const add = (object: Manifest, path: string, message: string) =>
    findings.push({ check: "content", object: manifestId(object), path, message });
  for (const object of content) {
    const reader = { PrometheusRule: "rules", PodMonitor: "scraping" }[object.kind];
    if (reader !== undefined && !has(reader)) add(object, "", `nobody reads it: there is nobody for ${reader}.`);
    for (const { alert, record, expr } of object.kind === "PrometheusRule" ? rulesOf(object) : []) {
      for (const gone of missing(expr, has, records))
        add(object, alert ?? record ?? "", `asks ${gone}, which is not there.`);
    }
    for (const [file, text] of Object.entries((object["data"] ?? {}) as Readonly<Record<string, string>>)) {
      if (object.kind !== "ConfigMap" || !file.endsWith(".json")) continue;
      if (!has("dashboards")) add(object, file, "nobody shows it: there is nothing for dashboards.");
      const dashboard = JSON.parse(text) as Dashboard;
      for (const { type, query } of dashboard.templating.list) {
        const need = type === "datasource" ? sourceNeeds[String(query)] : undefined;
        if (need !== undefined && !has(need)) add(object, file, `has a choice of ${need}, which is not there.`);
      }
      for (const panel of dashboard.panels.flatMap((one) => [one, ...(one.panels ?? [])])) {
        const targets = panel.targets ?? [];
        const gone = targets.map(({ expr = "", datasource }) => {
          const need = sourceNeeds[datasource?.type ?? ""];
          return need !== undefined && !has(need) ? [need] : missing(expr, has, records);
        });
        // A limit beside what it limits may be missing; nothing at all may not.
        if (targets.length > 0 && gone.every((some) => some.length > 0))
          add(
            object,
            `${file}, panel "${panel.title ?? ""}"`,
            `asks only ${[...new Set(gone.flat())].join(", ")}, which is not there.`,
          );
      }
    }
  }
  return findings;
}
