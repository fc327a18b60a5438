/** What Flux ships, against what is there to be asked: no rule that fires for ever, and no panel that stays empty. */
import { dataSourceUid } from "../../components/capabilities.ts";
import { abilities, firstSources } from "../../components/content.ts";
import { type Manifest, manifestId } from "../../components/kubernetes/manifest.ts";
import { plan } from "../../components/plan.ts";
import { remembered } from "../../components/remembered.ts";
import { componentContracts } from "../component-files.ts";
import { at, type Finding, textAt } from "../finding.ts";
import { releases, type Rendered } from "../rendered.ts";

/** Who is scraped, by the component's key. */
const scraped = (await componentContracts()).flatMap(({ component, scraped: own }) =>
  own === undefined ? [] : [{ owner: component, ...own }],
);

/** Words of a query outside of its texts and labels. */
function words(query: string): string[] {
  return [...query.replaceAll(/"(?:[^"\\]|\\.)*"|`[^`]*`/g, "").matchAll(/[a-zA-Z_:][\w:]*/g)].map(([word]) => word);
}

/** What a query asks for. */
interface Asked {
  /** Jobs that nobody has. */
  readonly unknown: readonly string[];
  /** Components that have a job or make a metric: where several do, one is enough. */
  readonly owners: readonly (readonly string[])[];
  /** Recorded series. */
  readonly recorded: readonly string[];
}

/** The same in every environment that has the query. */
const askedBy = remembered((query: string): Asked => {
  // Lines that came by OTLP have other labels: a query that counts both ways has an answer without the log agent.
  const named = (/\{k8s_/.test(query) ? [] : [...query.matchAll(/\bjob=~?"([^"$]+)"/g)])
    .flatMap(([, value = ""]) => (value.includes("(") || value.includes(".") ? [value] : value.split("|")))
    .map((job) => ({
      job,
      owners: scraped.filter(({ jobs }) => jobs.some((one) => new RegExp(`^(${job})$`).test(one))),
    }));
  const asked = words(query);
  const made = asked.map((word) =>
    scraped.filter(({ metrics = [] }) => metrics.some((start) => word.startsWith(start))),
  );
  return {
    unknown: named.filter(({ owners }) => owners.length === 0).map(({ job }) => `the job ${job}`),
    owners: [...named.map(({ owners }) => owners), ...made]
      .map((owners) => owners.map(({ owner }) => owner))
      .filter((owners) => owners.length > 0),
    // What kube-prometheus-stack records about nodes and workloads comes with the exporters.
    recorded: asked.filter((word) => /^(job|pod|metric|kind|command)\w*:\w+:/.test(word)),
  };
});

/** Components that a query asks and that are not there; jobs that nobody has, and recorded series that nobody records. */
function missing(query: string, has: (need: string) => boolean, records: ReadonlySet<string>): string[] {
  const { unknown, owners, recorded } = askedBy(query);
  const gone = owners.filter((some) => !some.some(has)).map((some) => some.join(" or "));
  return [...new Set([...unknown, ...gone, ...recorded.filter((name) => !records.has(name))])];
}

interface Source {
  readonly type?: string;
  readonly uid?: string;
}

interface Panel {
  readonly title?: string;
  readonly targets?: readonly { readonly expr?: string; readonly datasource?: Source }[];
  readonly panels?: readonly Panel[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly type: string;
      readonly query: unknown;
      readonly current?: { readonly value?: unknown };
    }[];
  };
}

/** Dashboards of a ConfigMap, by their files. */
const dashboardsOf = remembered(
  ({ kind, data }: Manifest) =>
    Object.entries(kind === "ConfigMap" ? ((data ?? {}) as Readonly<Record<string, string>>) : {})
      .filter(([file]) => file.endsWith(".json"))
      .map(([file, text]) => [file, JSON.parse(text) as Dashboard] as const),
  new WeakMap<Manifest, (readonly [file: string, dashboard: Dashboard])[]>(),
);

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
}

const rulesOf = (object: Manifest) =>
  ((at(object, "spec", "groups") ?? []) as readonly { readonly rules: readonly Rule[] }[]).flatMap(
    ({ rules }) => rules,
  );

/** Types of the data sources that Grafana is given, by UID. */
function provisioned(declared: readonly Manifest[]): ReadonlyMap<string, string> {
  const sources = releases(declared).flatMap(
    ({ values }) => (at(values, "grafana", "additionalDataSources") ?? []) as readonly unknown[],
  );
  return new Map(sources.map((source) => [textAt(source, "uid") ?? "", textAt(source, "type") ?? ""]));
}

/** Findings about the dashboards and rules of an environment. */
export function checkContent({ content, declared, settings }: Rendered): Finding[] {
  const findings: Finding[] = [];
  const { chosen } = plan(settings);
  // What others provide is scraped by them, or under another job.
  const able = abilities(chosen);
  // A Grafana that is there already has its own, and is to have them by the same UIDs.
  const sources = able.has("grafana")
    ? provisioned(declared)
    : new Map(firstSources(chosen).map(({ capability, type }) => [dataSourceUid[capability], type]));
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
    for (const [file, dashboard] of dashboardsOf(object)) {
      if (!has("dashboards")) add(object, file, "nobody shows it: there is nothing for dashboards.");
      // What a dashboard opens with: the value of each of its variables for data sources.
      const opens = new Map<string, string>();
      for (const { name, type, query, current } of dashboard.templating.list.filter(
        (one) => one.type === "datasource",
      )) {
        const uid = String(current?.value);
        opens.set(`\${${name}}`, uid);
        if (type === "datasource" && sources.get(uid) !== query)
          add(
            object,
            file,
            `opens with the data source ${uid}, which is ${sources.get(uid) ?? "not there"}, not ${String(query)}.`,
          );
      }
      for (const panel of dashboard.panels.flatMap((one) => [one, ...(one.panels ?? [])])) {
        const targets = panel.targets ?? [];
        const gone = targets.map(({ expr = "", datasource }) => {
          const type = datasource?.type ?? "";
          if (type === "prometheus" && !has("scraping")) return ["scraping"];
          return sources.get(opens.get(datasource?.uid ?? "") ?? "") === type ? missing(expr, has, records) : [type];
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
