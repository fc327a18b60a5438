import {
  colors,
  dashboard,
  high,
  line,
  lines,
  none,
  perSecond,
  range,
  redAbove,
  stat,
} from "../../../../dashboards/kit.ts";

/** Whoever keeps samples, takes them, and answers: the single store does all three. */
const keeps = 'job=~"vm(single|storage)-metrics"';
const takes = 'job=~"vm(single|insert)-metrics"';
const answers = 'job=~"vm(single|select)-metrics"';
const agent = 'job="vmagent-metrics"';
/** Of its queues that of the store; those of other servers are on the dashboard "Remote write (vmagent)". */
const queue = `${agent}, remote_name="metrics_store"`;
const alert = 'job="vmalert-metrics"';
const rate = (metric: string, matchers: string) => `sum(rate(${metric}{${matchers}}[$__rate_interval]))`;
const increase = (metric: string, matchers: string) => `sum(increase(${metric}{${matchers}}[1h]))`;
const used = (by: string) => {
  const sum = (metric: string) => `sum by (${by}) (${metric}{${keeps}})`;
  return `${sum("vm_data_size_bytes")} / (${sum("vm_data_size_bytes")} + ${sum("vm_free_disk_space_bytes")})`;
};

export default dashboard(
  {
    uid: "victoria-metrics",
    title: "VictoriaMetrics",
    description: "Is every sample kept, from the scrape to the disk, and does the store answer in time?",
    folder: "Platform",
    of: "victoria-metrics",
    needs: ["scraping"],
    tags: ["platform", "metrics"],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Samples",
          description: "Samples that the store keeps a second.",
          unit: perSecond("samples"),
          width: 6,
        },
        range(rate("vm_rows_inserted_total", takes), "samples"),
      ).noValue("no samples"),
      stat(
        {
          title: "Active series",
          description: "Series that got a sample within the last hour.",
          unit: "short",
          width: 6,
        },
        range(`sum(vm_cache_entries{${keeps}, type="storage/hour_metric_ids"})`, "series"),
      ),
      stat(
        {
          title: "Disk",
          description: "How full the fullest disk is. VictoriaMetricsDiskFillingUp fires above 85 %.",
          unit: "percentunit",
          width: 6,
        },
        range(`max(${used("pod")})`, "disk"),
      ).thresholds(high(0.7, 0.85)),
      stat(
        {
          title: "Buffer of vmagent",
          description: "Samples that wait for the store, on vmagent's disk.",
          unit: "bytes",
          width: 6,
        },
        range(`sum(vm_persistentqueue_bytes_pending{${queue}})`, "pending"),
      ).thresholds(none("red", 100_000_000)),
    ],
    "Samples on their way": [
      lines(
        {
          title: "Samples taken",
          description: "What is scraped, and what the store keeps of it and of what vmalert records.",
          unit: perSecond("samples"),
          width: 8,
        },
        range(rate("vm_protoparser_rows_read_total", `${agent}, type="promscrape"`), "scraped"),
        range(rate("vm_rows_inserted_total", takes), "kept"),
        range(rate("vmalert_remotewrite_sent_rows_total", alert), "recorded"),
      )
        .min(0)
        .overrides(colors({ scraped: "blue", kept: "green", recorded: "purple" })),
      lines(
        {
          title: "Buffer of vmagent",
          description: "Bytes that wait on disk. It fills while the store is away, and empties by itself.",
          unit: "bytes",
          width: 8,
        },
        range(`sum by (pod) (vm_persistentqueue_bytes_pending{${queue}})`, "{{pod}}"),
      ).min(0),
      lines(
        {
          title: "Lost, within an hour",
          description:
            "Blocks that vmagent threw away, series that the store refused, and samples that vmalert could not write.",
          unit: "short",
          width: 8,
        },
        range(increase("vm_persistentqueue_blocks_dropped_total", queue), "vmagent, buffer full"),
        range(increase("vm_rows_ignored_total", takes), "store, refused"),
        range(increase("vmalert_remotewrite_dropped_rows_total", alert), "vmalert"),
      )
        .min(0)
        .noValue("nothing lost"),
    ],
    Store: [
      line(
        lines(
          {
            title: "Disk used",
            description: "Share of each disk. Dashed: VictoriaMetricsDiskFillingUp fires above.",
            unit: "percentunit",
            width: 8,
          },
          range(used("pod"), "{{pod}}"),
        )
          .min(0)
          .max(1),
        redAbove(0.85),
      ),
      lines(
        {
          title: "Bytes on disk",
          description: "Samples, and the index that finds them by their labels.",
          unit: "bytes",
          width: 8,
        },
        range(`sum(vm_data_size_bytes{${keeps}, type=~"storage.*"})`, "samples"),
        range(`sum(vm_data_size_bytes{${keeps}, type=~"indexdb.*"})`, "index"),
      ).min(0),
      lines(
        {
          title: "New series",
          description:
            "Series that were not there before, a second. Steady growth at rest means a label whose values never repeat.",
          unit: perSecond("series"),
          width: 8,
        },
        range(rate("vm_new_timeseries_created_total", keeps), "created"),
      ).min(0),
    ],
    "Queries and rules": [
      lines(
        {
          title: "Queries",
          description: "What dashboards and rules ask, by path.",
          unit: "reqps",
          width: 8,
        },
        range(
          `sum by (path) (rate(vm_http_requests_total{${answers}, path=~".*/api/v1/query(_range)?"}[$__rate_interval]))`,
          "{{path}}",
        ),
      ).min(0),
      lines(
        {
          title: "Rules that failed, alerts not told, within an hour",
          description: "VmalertRulesFail and VmalertTellsNobody fire when they go on.",
          unit: "short",
          width: 8,
        },
        range(increase("vmalert_execution_errors_total", alert), "rules"),
        range(increase("vmalert_alerts_send_errors_total", alert), "alerts"),
      )
        .min(0)
        .noValue("no errors"),
      lines(
        { title: "Memory", description: "Resident memory of each program.", unit: "bytes", width: 8 },
        range('sum by (job) (process_resident_memory_bytes{job=~"vm[a-z]+-metrics"})', "{{job}}"),
      ).min(0),
    ],
  },
);
