import type { Dashboard } from "../builder.ts";
import { jobs } from "../names.ts";

const self = `job="${jobs.prometheus}"`;

export const cardinality: Dashboard = {
  uid: "prometheus-cardinality",
  title: "Prometheus cardinality",
  description: "What fills Prometheus: which metric, which job, since when, and how near is each scrape to its limit?",
  folder: "platform",
  tags: ["platform", "metrics"],
  sources: ["metrics"],
  from: "now-6h",
  refresh: "5m",
  variables: [
    {
      name: "metric",
      label: "Metric",
      description: "One of the metrics with most series; its labels are counted below.",
      query: "label_values(metric:prometheus_series:top20, metric)",
      multi: false,
    },
  ],
  rows: [
    {
      title: "At a glance",
      panels: [
        {
          kind: "stat",
          title: "Series in memory",
          description: "Active series of the head block. PrometheusHeadSeriesHigh fires above 500 thousand.",
          unit: "short",
          width: 6,
          height: 4,
          thresholds: [
            { from: 0, color: "green" },
            { from: 300_000, color: "yellow" },
            { from: 500_000, color: "red" },
          ],
          targets: [{ expr: `sum(prometheus_tsdb_head_series{${self}})`, legend: "series" }],
        },
        {
          kind: "stat",
          title: "Samples",
          description: "Samples that Prometheus stores a second.",
          unit: "samples/s",
          width: 6,
          height: 4,
          targets: [
            {
              expr: `sum(rate(prometheus_tsdb_head_samples_appended_total{${self}}[$__rate_interval]))`,
              legend: "samples",
            },
          ],
        },
        {
          kind: "stat",
          title: "New series",
          description: "Series created a second. Steady growth at rest means a label whose values never repeat.",
          unit: "series/s",
          width: 6,
          height: 4,
          targets: [
            {
              expr: `sum(rate(prometheus_tsdb_head_series_created_total{${self}}[$__rate_interval]))`,
              legend: "created",
            },
          ],
        },
        {
          kind: "stat",
          title: "Memory",
          description: "Resident memory of Prometheus.",
          unit: "bytes",
          width: 6,
          height: 4,
          targets: [{ expr: `sum(process_resident_memory_bytes{${self}})`, legend: "memory" }],
        },
      ],
    },
    {
      title: "Growth",
      panels: [
        {
          kind: "timeseries",
          title: "Series in memory",
          description: "Active series, and how many there were an hour before (dashed).",
          unit: "short",
          width: 12,
          min: 0,
          targets: [
            { expr: `sum(prometheus_tsdb_head_series{${self}})`, legend: "series" },
            { expr: `sum(prometheus_tsdb_head_series{${self}} offset 1h)`, legend: "an hour before" },
          ],
          overrides: [{ field: "an hour before", limit: true, color: "gray" }],
        },
        {
          kind: "timeseries",
          title: "Series added by job",
          description: "The ten jobs whose scrapes bring most new series.",
          unit: "short",
          width: 12,
          targets: [{ expr: `topk(10, sum by (job) (scrape_series_added))`, legend: "{{job}}" }],
        },
      ],
    },
    {
      title: "Who it is",
      panels: [
        {
          kind: "bargauge",
          title: "Metrics with most series",
          description:
            "The twenty largest metrics, counted every 5 minutes. MetricSeriesExploding fires above 50 thousand.",
          unit: "short",
          width: 12,
          height: 14,
          thresholds: [
            { from: 0, color: "green" },
            { from: 20_000, color: "yellow" },
            { from: 50_000, color: "red" },
          ],
          targets: [
            {
              expr: "sort_desc(max by (metric) (metric:prometheus_series:top20))",
              legend: "{{metric}}",
              instant: true,
            },
          ],
        },
        {
          kind: "table",
          title: "Jobs",
          description:
            "Samples of one scrape of each job after relabelling, what was dropped, and the share of its limit.",
          unit: "short",
          width: 12,
          height: 14,
          columns: ["job", "Value #A", "Value #B", "Value #C"],
          joinBy: "job",
          sortBy: { column: "Samples", descending: true },
          targets: [
            {
              expr: "sum by (job) (scrape_samples_post_metric_relabeling)",
              instant: true,
              format: "table",
            },
            {
              expr: "sum by (job) (scrape_samples_scraped - scrape_samples_post_metric_relabeling)",
              instant: true,
              format: "table",
            },
            {
              expr: "max by (job) (scrape_samples_post_metric_relabeling / (scrape_sample_limit > 0))",
              instant: true,
              format: "table",
            },
          ],
          overrides: [
            { field: "job", rename: "Job" },
            { field: "Value #A", rename: "Samples", width: 110 },
            { field: "Value #B", rename: "Dropped", width: 110 },
            {
              field: "Value #C",
              rename: "Of limit",
              unit: "percentunit",
              width: 110,
              thresholds: [
                { from: 0, color: "green" },
                { from: 0.8, color: "red" },
              ],
            },
          ],
        },
      ],
    },
    {
      title: "Chosen metric: $metric",
      panels: [
        {
          kind: "timeseries",
          title: "Series of $metric by job",
          description: "Which job brings the series of the chosen metric, and since when.",
          unit: "short",
          width: 12,
          targets: [{ expr: `count by (job) ({__name__="$metric"})`, legend: "{{job}}" }],
        },
        {
          kind: "timeseries",
          title: "Series of $metric by namespace",
          description: "The namespaces with most series of the chosen metric.",
          unit: "short",
          width: 12,
          targets: [{ expr: `topk(10, count by (namespace) ({__name__="$metric"}))`, legend: "{{namespace}}" }],
        },
      ],
    },
  ],
};
