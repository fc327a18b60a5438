import { dashboard, lines, none, perSecond, range, stat } from "../../../../dashboards/kit.ts";

/** One job, or one for each part of mode: distributed. */
const loki = 'job=~"monitoring/loki(-distributed-.+)?"';
const routes = 'route=~"loki_api_v1_push|otlp_v1_logs|loki_api_v1_query|loki_api_v1_query_range"';
/** Any loss is too much; below this it is what rates leave of a single event. */
const loss = none("red", 0.001);
const rate = (metric: string, matchers: string) => `rate(${metric}{${matchers}}[$__rate_interval])`;

export default dashboard(
  {
    uid: "loki",
    title: "Loki",
    description: "Does Loki take every line, and does it answer in time?",
    folder: "Platform",
    of: "loki",
    needs: ["scraping"],
    tags: ["platform", "logs"],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Lines Loki discards",
          description: "Lines that Loki refused for good, a second.",
          unit: perSecond("lines"),
          width: 12,
        },
        range(`sum(${rate("loki_discarded_samples_total", loki)}) or vector(0)`, "discarded"),
      ).thresholds(loss),
      stat(
        {
          title: "Log lines into Loki",
          description: "Lines that reach Loki a second. Zero for 15 minutes: LokiReceivesNothing.",
          unit: perSecond("lines"),
          width: 12,
        },
        range(`sum(${rate("loki_distributor_lines_received_total", loki)})`, "lines"),
      ),
    ],
    Requests: [
      lines(
        {
          title: "Requests by answer",
          description: "Requests to Loki by route and status code.",
          unit: "reqps",
          width: 12,
        },
        range(
          `sum by (route, status_code) (${rate("loki_request_duration_seconds_count", `${loki}, ${routes}`)})`,
          "{{route}} {{status_code}}",
        ),
      ),
      lines(
        {
          title: "Request duration, p99",
          description: "How long Loki takes to accept lines and to answer queries.",
          unit: "s",
          width: 12,
        },
        range(
          `histogram_quantile(0.99, sum by (route, le) (${rate("loki_request_duration_seconds_bucket", `${loki}, ${routes}`)}))`,
          "{{route}}",
        ),
      ),
    ],
    Parts: [
      lines(
        {
          title: "Pods by part",
          description:
            "Pods that are scraped. In mode: distributed each part is a job. A part without any: LokiPartAbsent.",
          unit: "short",
          width: 12,
        },
        range(`sum by (job) (up{${loki}})`, "{{job}}"),
      ),
      stat(
        {
          title: "Pods that are waited for",
          description: "Of those that keep the latest lines and have said nothing for a while: LokiMembersUnhealthy.",
          unit: "short",
          width: 6,
        },
        range(`max(loki_ring_members{${loki}, name="ingester", state="Unhealthy"})`, "unhealthy"),
      ).thresholds(none("red", 1)),
      stat(
        {
          title: "Since the index was put in order",
          description:
            "By the compactor, which also deletes what is older than the retention. 3 hours: LokiCompactorStuck.",
          unit: "s",
          width: 6,
        },
        range(
          `time() - max(loki_boltdb_shipper_compact_tables_operation_last_successful_run_timestamp_seconds{${loki}} > 0)`,
          "since",
        ),
      ).thresholds(none("red", 3 * 3600)),
    ],
  },
);
