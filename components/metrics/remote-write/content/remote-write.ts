import {
  choice,
  dashboard,
  high,
  limits,
  line,
  lines,
  none,
  now,
  perSecond,
  range,
  redAbove,
  stack,
  stat,
} from "../../../../dashboards/kit.ts";

/** The store itself is told of by whoever writes to it. */
const chosen = 'remote_name=~"$target", remote_name!="metrics_store"';
const counted = (what: string) => `prometheus_remote_storage_${what}{${chosen}}`;
const rate = (what: string, by = "remote_name") => `sum by (${by}) (rate(${counted(what)}[$__rate_interval]))`;
const behind =
  `max by (remote_name) (${counted("queue_highest_timestamp_seconds")}` +
  ` - on (job, instance, namespace, pod, remote_name, url) ${counted("queue_highest_sent_timestamp_seconds")})`;
const lost = `prometheus_remote_storage_samples_dropped_total{${chosen}, reason!="dropped_series"}`;

export default dashboard(
  {
    uid: "remote-write",
    title: "Remote write",
    description:
      "Does every server that is sent samples have all of them: how far is it behind, what is lost, what does it cost?",
    folder: "Platform",
    of: "remote-write",
    needs: ["scraping.prometheus"],
    tags: ["platform", "metrics"],
    variables: [
      choice(
        { name: "target", label: "Target", description: "Servers of remoteWrite." },
        'label_values(prometheus_remote_storage_shards_max{remote_name!="metrics_store"}, remote_name)',
      ),
    ],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Behind",
          description:
            "Age of the newest sample that the slowest server lacks. RemoteWriteBehind fires above 2 minutes.",
          unit: "s",
          width: 6,
        },
        range(`max(${behind})`, "behind"),
      ).thresholds(high(60, 120)),
      stat(
        { title: "Sent", description: "Samples that reach servers a second.", unit: perSecond("samples"), width: 6 },
        range(`sum(rate(${counted("samples_total")}[$__rate_interval]))`, "sent"),
      ),
      stat(
        {
          title: "Lost",
          description:
            "Samples within the time range that a server refused for good, or that were not sent in time. RemoteWriteFails and RemoteWriteDropsSamples fire.",
          unit: "short",
          width: 6,
        },
        now(
          `sum(increase(${counted("samples_failed_total")}[$__range])) + (sum(increase(${lost}[$__range])) or vector(0))`,
          "lost",
        ),
      ).thresholds(none()),
      stat(
        { title: "Waiting", description: "Samples that wait in memory to be sent.", unit: "short", width: 6 },
        range(`sum(${counted("samples_pending")})`, "waiting"),
      ),
    ],
    Delivery: [
      line(
        lines(
          {
            title: "Behind, by target",
            description: "Age of the newest sample that a server lacks. Above 2 minutes (red) RemoteWriteBehind fires.",
            unit: "s",
            width: 12,
          },
          range(behind, "{{remote_name}}"),
        ).min(0),
        redAbove(120),
      ),
      lines(
        {
          title: "Sent again, refused, dropped",
          description:
            "Samples that a server was too busy for and that are sent again, that it refused for good, and that were too old or unknown. The last two are lost.",
          unit: perSecond("samples"),
          width: 12,
        },
        range(rate("samples_retried_total"), "{{remote_name}} again"),
        range(rate("samples_failed_total"), "{{remote_name}} refused"),
        range(`sum by (remote_name, reason) (rate(${lost}[$__rate_interval]))`, "{{remote_name}} {{reason}}"),
      ).min(0),
      stack(
        {
          title: "Sent, by target",
          description: "Samples, exemplars and native histograms that reach each server.",
          unit: perSecond("samples"),
          width: 12,
        },
        range(rate("samples_total"), "{{remote_name}} samples"),
        range(rate("exemplars_total"), "{{remote_name}} exemplars"),
        range(rate("histograms_total"), "{{remote_name}} histograms"),
      ),
      stack(
        {
          title: "Left out, by target",
          description: "Samples that the target's own filters and rules take out.",
          unit: perSecond("samples"),
          width: 12,
        },
        range(
          `sum by (remote_name) (rate(prometheus_remote_storage_samples_dropped_total{${chosen}, reason="dropped_series"}[$__rate_interval]))`,
          "{{remote_name}}",
        ),
      ),
    ],
    Cost: [
      lines(
        {
          title: "Connections",
          description:
            "Shards that send, and how many there would have to be. Where that is above queue.maxShards (dashed), what waits grows.",
          unit: "short",
          width: 8,
        },
        range(`sum by (remote_name) (${counted("shards")})`, "{{remote_name}}"),
        range(`sum by (remote_name) (${counted("shards_desired")})`, "{{remote_name}} wanted"),
        range(`max(${counted("shards_max")})`, "at most"),
      )
        .min(0)
        .overrides(limits({ "at most": "gray" })),
      lines(
        {
          title: "Waiting, by target",
          description: "Samples in memory. It holds at most maxShards × (capacity + maxSamplesPerSend).",
          unit: "short",
          width: 8,
        },
        range(`sum by (remote_name) (${counted("samples_pending")})`, "{{remote_name}}"),
      ).min(0),
      lines(
        { title: "Traffic", description: "Bytes that leave, compressed.", unit: "Bps", width: 8 },
        range(rate("bytes_total"), "{{remote_name}}"),
      ).min(0),
    ],
  },
);
