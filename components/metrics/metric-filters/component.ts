import { fitsWhole } from "../../../settings/formats.ts";
import { parsed, type Selector, selectorsOf } from "../../../settings/promql.ts";
import type { Finding } from "../../../settings/finding.ts";
import type { Relabeling } from "../../capabilities.ts";
import { type ContentQuery, defineComponent } from "../../component.ts";
import { anyOf } from "../relabelings.ts";
import { type MetricFilter, metricFilters } from "./settings.ts";

/** A label while rules run: set where a job's metric is not among those that are kept. An empty label is none. */
const marked = "__tmp_dropped";

/** Rules for samples as they are scraped; those of other jobs they leave as they are. RE2 cannot say "not". */
function rulesOf({ job, keepMetrics, dropMetrics, dropLabels = [] }: MetricFilter): Relabeling[] {
  const named = (metrics: readonly string[]) => ({
    sourceLabels: ["job", "__name__"],
    regex: `(?:${job});(?:${anyOf(metrics)})`,
  });
  return [
    ...(keepMetrics === undefined
      ? []
      : [
          { action: "replace", sourceLabels: ["job"], regex: job, targetLabel: marked, replacement: "true" },
          { action: "replace", ...named(keepMetrics), targetLabel: marked, replacement: "" },
          { action: "drop", sourceLabels: [marked], regex: "true" },
        ]),
    ...(dropMetrics === undefined ? [] : [{ action: "drop", ...named(dropMetrics) }]),
    ...dropLabels.map((targetLabel) => ({
      action: "replace",
      sourceLabels: ["job"],
      regex: job,
      targetLabel,
      replacement: "",
    })),
  ];
}

/** What a query asks for, with Grafana's variables filled in but in values of labels; nothing where it is another language. */
function selectorsIn(query: string): readonly Selector[] {
  const filled = query
    .replaceAll(/\$__(rate_interval|range|interval|auto)/g, "5m")
    .replaceAll(/("(?:[^"\\]|\\.)*")|\$\{?\w+(?::\w+)?\}?/g, (_, text?: string) => text ?? "1");
  const node = parsed(filled);
  return node === undefined ? [] : selectorsOf(node);
}

/** What whoever scrapes says of a scrape, past these rules (Prometheus 3.14, scrape/scrape.go, `addReportSample`), and what rules record. */
const unfiltered = /^(up|scrape_\w+)$|:/;

/** Jobs that a selector names; undefined where it names none, or a variable. */
function jobsOf({ matchers }: Selector): string[] | undefined {
  const job = matchers.find(({ label, operator }) => label === "job" && /^=~?$/.test(operator));
  return job === undefined || job.value.includes("$") ? undefined : job.value.split("|");
}

/** What dashboards and rules would lack of a filter. */
function lacking(filter: MetricFilter, index: number, queries: readonly ContentQuery[]): Finding[] {
  const { job, keepMetrics, dropMetrics } = filter;
  const dropped = anyFits(dropMetrics);
  const kept = keepMetrics === undefined ? undefined : anyFits(keepMetrics);
  const ofJob = fitsWhole(job);
  const lost = new Map<string, Set<string>>();
  for (const { where, query } of queries) {
    for (const selector of selectorsIn(query)) {
      const { metric } = selector;
      if (metric === undefined || unfiltered.test(metric)) continue;
      const asked = jobsOf(selector)?.some(ofJob);
      // Of a query that names no job this is known only of what is dropped.
      const gone = asked === false ? false : dropped(metric) || (asked === true && kept?.(metric) === false);
      if (gone) lost.set(metric, (lost.get(metric) ?? new Set()).add(where));
    }
  }
  if (lost.size === 0) return [];
  const metrics = [...lost].map(([metric, who]) => `${metric} (${[...who].sort().join(", ")})`);
  const message = `drops what dashboards and rules of the environment ask for: ${metrics.sort().join("; ")}.`;
  return [{ path: `metricFilters.${index}`, message }];
}

const anyFits = (expressions: readonly string[] = []): ((name: string) => boolean) => {
  const all = expressions.map(fitsWhole);
  return (name) => all.some((fits) => fits(name));
};

export const metricFiltersComponent = defineComponent({
  key: "metricFilters",
  title: "Filters of metrics",
  settings: { metricFilters },
  charts: [],
  enabled: (settings) => settings.metricFilters.length > 0,
  needs: ["scraping"],
  namespaces: () => [],
  offers: (settings) =>
    settings.metricFilters.length === 0 ? {} : { metricFilters: settings.metricFilters.flatMap(rulesOf) },
  warnings: ({ metricFilters: all }, _now, _offered, queries) =>
    all.flatMap((filter, index) => lacking(filter, index, queries())),
});
