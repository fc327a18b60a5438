/** Filters of metrics in the words of the Prometheus Operator: for its Prometheus and for its PrometheusAgent. */
import type { Relabeling } from "../capabilities.ts";

/** What is set of `ScrapeClass` (prometheus-operator 0.93.1, monitoring/v1). */
export interface ScrapeClass {
  readonly name: string;
  readonly default: true;
  readonly metricRelabelings: readonly Relabeling[];
}

/** The class of every monitor that names none. */
export const scrapeClasses = (filters: readonly Relabeling[]): { readonly scrapeClasses?: readonly ScrapeClass[] } =>
  filters.length === 0 ? {} : { scrapeClasses: [{ name: "filtered", default: true, metricRelabelings: filters }] };
