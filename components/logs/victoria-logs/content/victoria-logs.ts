import { dashboard, high, lines, none, perSecond, range, stat } from "../../../../dashboards/kit.ts";

const job = 'job="victoria-logs"';
/** Any loss is too much; below this it is what rates leave of a single event. */
const loss = none("red", 0.001);
const rate = (metric: string, matchers = "") => `rate(${metric}{${job}${matchers}}[$__rate_interval])`;

export default dashboard(
  {
    uid: "victoria-logs",
    title: "VictoriaLogs",
    description: "Does VictoriaLogs take every line, does it answer in time, and is there room?",
    folder: "Platform",
    of: "victoria-logs",
    needs: ["scraping"],
    tags: ["platform", "logs"],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Lines VictoriaLogs drops",
          description: "Lines that it threw away, a second: too long, with too many fields, too old or of the future.",
          unit: perSecond("lines"),
          width: 8,
        },
        range(
          `sum(${rate("vl_rows_dropped_total", ', reason!="debug"')}) + sum(${rate("vl_too_long_lines_skipped_total")})`,
          "dropped",
        ),
      ).thresholds(loss),
      stat(
        {
          title: "Log lines into VictoriaLogs",
          description: "Lines that reach it a second. Zero for 15 minutes: VictoriaLogsReceivesNothing.",
          unit: perSecond("lines"),
          width: 8,
        },
        range(`sum(${rate("vl_rows_ingested_total")})`, "lines"),
      ).noValue("no lines"),
      stat(
        {
          title: "Disk",
          description: "How full its volume is. From victoriaLogs.storage.fullAt on the oldest days go.",
          unit: "percentunit",
          width: 8,
        },
        range(`1 - min(vl_free_disk_space_bytes{${job}} / vl_total_disk_space_bytes{${job}})`, "full"),
      ).thresholds(high(0.85, 0.95)),
    ],
    Requests: [
      lines(
        { title: "Requests", description: "Requests by path.", unit: "reqps", width: 12 },
        range(`sum by (path) (${rate("vl_http_requests_total")}) > 0`, "{{path}}"),
      ),
      lines(
        {
          title: "Errors",
          description: "Requests that it refused or could not answer, by path.",
          unit: "reqps",
          width: 12,
        },
        range(`sum by (path) (${rate("vl_http_errors_total")})`, "{{path}}"),
      ),
      lines(
        {
          title: "Request duration, mean",
          description: "How long it takes to take lines and to answer queries.",
          unit: "s",
          width: 12,
        },
        range(
          `sum by (path) (${rate("vl_http_request_duration_seconds_sum")}) / sum by (path) (${rate("vl_http_request_duration_seconds_count")})`,
          "{{path}}",
        ),
      ),
      lines(
        {
          title: "What it keeps",
          description: "Bytes on its volume, and what the lines would be without compression.",
          unit: "bytes",
          width: 12,
        },
        range(`sum(vl_compressed_data_size_bytes{${job}})`, "on disk"),
        range(`sum(vl_uncompressed_data_size_bytes{${job}})`, "uncompressed"),
      ),
    ],
  },
);
