import {
  barGauge,
  choice,
  dashboard,
  high,
  limits,
  lines,
  none,
  now,
  range,
  rows,
  stat,
  table,
} from "../../../../dashboards/kit.ts";

const self = 'job="kube-prometheus-stack-prometheus"';
const head = `prometheus_tsdb_head_series{${self}}`;

export default dashboard(
  {
    uid: "prometheus-cardinality",
    title: "Prometheus cardinality",
    description:
      "What fills Prometheus: which metric, which job, since when, and how near is each scrape to its limit?",
    folder: "Platform",
    of: "prometheus",
    needs: ["rules", "scraping"],
    tags: ["platform", "metrics"],
    from: "now-6h",
    refresh: "5m",
    variables: [
      choice(
        {
          name: "metric",
          label: "Metric",
          description: "One of the metrics with most series; its labels are counted below.",
        },
        "label_values(metric:prometheus_series:top20, metric)",
        { single: true },
      ),
    ],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Series in memory",
          description:
            "Active series of the head block, about 6 KiB of memory each. PrometheusMemoryNearLimit tells when memory runs out.",
          unit: "short",
          width: 6,
        },
        range(`sum(${head})`, "series"),
      ),
      stat(
        {
          title: "Samples",
          description: "Samples that Prometheus stores a second.",
          unit: "suffix: samples/s",
          width: 6,
        },
        range(`sum(rate(prometheus_tsdb_head_samples_appended_total{${self}}[$__rate_interval]))`, "samples"),
      ),
      stat(
        {
          title: "New series",
          description: "Series created a second. Steady growth at rest means a label whose values never repeat.",
          unit: "suffix: series/s",
          width: 6,
        },
        range(`sum(rate(prometheus_tsdb_head_series_created_total{${self}}[$__rate_interval]))`, "created"),
      ),
      stat(
        { title: "Memory", description: "Resident memory of Prometheus.", unit: "bytes", width: 6 },
        range(`sum(process_resident_memory_bytes{${self}})`, "memory"),
      ),
    ],
    Growth: [
      lines(
        {
          title: "Series in memory over time",
          description: "Active series, and how many there were an hour before (dashed).",
          unit: "short",
          width: 12,
        },
        range(`sum(${head})`, "series"),
        range(`sum(${head} offset 1h)`, "an hour before"),
      )
        .min(0)
        .overrides(limits({ "an hour before": "gray" })),
      lines(
        {
          title: "Series added by job",
          description: "The ten jobs whose scrapes bring most new series.",
          unit: "short",
          width: 12,
        },
        range("topk(10, sum by (job) (scrape_series_added))", "{{job}}"),
      ),
    ],
    "Who it is": [
      barGauge(
        {
          title: "Metrics with most series",
          description:
            "The twenty largest metrics, counted every 5 minutes. MetricSeriesExploding fires above 50 thousand.",
          unit: "short",
          width: 12,
          height: 14,
        },
        now("sort_desc(max by (metric) (metric:prometheus_series:top20))", "{{metric}}"),
      ).thresholds(high(20_000, 50_000)),
      table(
        {
          title: "Jobs",
          description:
            "Samples of one scrape of each job after relabelling, what was dropped, and the share of its limit.",
          unit: "short",
          width: 12,
          height: 14,
        },
        {
          job: "Job",
          "Value #A": { title: "Samples", width: 110 },
          "Value #B": { title: "Dropped", width: 110 },
          "Value #C": { title: "Of limit", unit: "percentunit", width: 110, thresholds: none("red", 0.8) },
        },
        "-Samples",
        rows("sum by (job) (scrape_samples_post_metric_relabeling)"),
        rows("sum by (job) (scrape_samples_scraped - scrape_samples_post_metric_relabeling)"),
        rows("max by (job) (scrape_samples_post_metric_relabeling / (scrape_sample_limit > 0))"),
      ),
    ],
    "Chosen metric: $metric": [
      lines(
        {
          title: "Series of $metric by job",
          description: "Which job brings the series of the chosen metric, and since when.",
          unit: "short",
          width: 12,
        },
        range(`count by (job) ({__name__="$metric"})`, "{{job}}"),
      ),
      lines(
        {
          title: "Series of $metric by namespace",
          description: "The namespaces with most series of the chosen metric.",
          unit: "short",
          width: 12,
        },
        range(`topk(10, count by (namespace) ({__name__="$metric"}))`, "{{namespace}}"),
      ),
    ],
  },
);
