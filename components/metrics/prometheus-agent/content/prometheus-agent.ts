import { dashboard, line, lines, none, perSecond, range, redAbove, stat } from "../../../../dashboards/kit.ts";

const agent = 'job="prometheus-agent"';
/** Of its queues that of the store; those of other servers are on the dashboard "Remote write". */
const queue = `${agent}, remote_name="metrics_store"`;
const rate = (metric: string, of = agent) => `sum by (pod) (rate(${metric}{${of}}[$__rate_interval]))`;
const behind = `max by (pod) (prometheus_remote_storage_queue_highest_timestamp_seconds{${queue}} - prometheus_remote_storage_queue_highest_sent_timestamp_seconds{${queue}})`;

export default dashboard(
  {
    uid: "prometheus-agent",
    title: "Prometheus agent",
    description: "Does all that is scraped get to the store, and how long could the store be away?",
    folder: "Platform",
    of: "prometheus-agent",
    needs: ["scraping"],
    tags: ["platform", "metrics"],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Behind",
          description:
            "How much older what was sent is than what was scraped. PrometheusAgentWriteBehind fires above two minutes. What is not sent yet is not here either.",
          unit: "s",
          width: 8,
        },
        range(behind, "{{pod}}"),
      ).thresholds(none("red", 120)),
      stat(
        {
          title: "Samples refused",
          description: "Samples that the store refused, a second: they are lost.",
          unit: perSecond("samples"),
          width: 8,
        },
        range(`sum(rate(prometheus_remote_storage_samples_failed_total{${queue}}[$__rate_interval]))`, "refused"),
      ).thresholds(none("red", 0.001)),
      stat(
        {
          title: "Series",
          description: "Series that have had a sample lately.",
          unit: "short",
          width: 8,
        },
        range(`sum by (pod) (prometheus_agent_active_series{${agent}})`, "{{pod}}"),
      ).decimals(0),
    ],
    "On the way to the store": [
      lines(
        {
          title: "Samples scraped",
          description: "Samples that the agent has taken, and those that the store has, a second.",
          unit: perSecond("samples"),
          width: 12,
        },
        range(rate("prometheus_agent_samples_appended_total"), "{{pod}} scraped"),
        range(rate("prometheus_remote_storage_samples_total", queue), "{{pod}} sent"),
      ).min(0),
      line(
        lines(
          {
            title: "Behind, over time",
            description: "Dashed: PrometheusAgentWriteBehind fires above.",
            unit: "s",
            width: 12,
          },
          range(behind, "{{pod}}"),
        ).min(0),
        redAbove(120),
      ),
      lines(
        {
          title: "Connections",
          description: "Connections to the store, and how many the agent would like to have; it makes 50 at most.",
          unit: "short",
          width: 8,
        },
        range(`sum by (pod) (prometheus_remote_storage_shards{${queue}})`, "{{pod}}"),
        range(`sum by (pod) (prometheus_remote_storage_shards_desired{${queue}})`, "{{pod}} wanted"),
      ).min(0),
      lines(
        {
          title: "Sent again",
          description: "Samples that were sent once more, because the store did not answer, or with 429 or 5xx.",
          unit: perSecond("samples"),
          width: 8,
        },
        range(rate("prometheus_remote_storage_samples_retried_total", queue), "{{pod}}"),
      )
        .min(0)
        .noValue("none"),
      lines(
        {
          title: "Write-ahead log",
          description:
            "Bytes on the node's disk: of the last hours, sent or not. PrometheusAgentBufferFillingUp fires above 3 GiB, and at 4 the pod is evicted.",
          unit: "bytes",
          width: 8,
        },
        range(`max by (pod) (prometheus_tsdb_wal_storage_size_bytes{${agent}})`, "{{pod}}"),
      ).min(0),
    ],
  },
);
