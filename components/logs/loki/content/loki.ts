import { dashboard, lines, none, perSecond, range, stat } from "../../../../dashboards/kit.ts";

const loki = 'job="monitoring/loki"';
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
  },
);
