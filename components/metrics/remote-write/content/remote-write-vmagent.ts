import {
  choice,
  dashboard,
  high,
  lines,
  none,
  now,
  perSecond,
  range,
  stack,
  stat,
} from "../../../../dashboards/kit.ts";

/** The store itself is told of by the dashboard "VictoriaMetrics". */
const chosen = 'remote_name=~"$target", remote_name!~"|metrics_store"';
const rate = (metric: string) => `sum by (remote_name) (rate(${metric}{${chosen}}[$__rate_interval]))`;
const waiting = `sum by (remote_name) (vm_persistentqueue_bytes_pending{${chosen}})`;
const full = `${waiting} / (${waiting} + sum by (remote_name) (vm_persistentqueue_free_disk_space_bytes{${chosen}}))`;

export default dashboard(
  {
    uid: "remote-write-vmagent",
    title: "Remote write (vmagent)",
    description: "Does every server that vmagent sends samples to have all of them: what waits, what is lost?",
    folder: "Platform",
    of: "remote-write",
    needs: ["scraping.vmagent"],
    tags: ["platform", "metrics"],
    variables: [
      choice(
        { name: "target", label: "Target", description: "Servers of remoteWrite." },
        'label_values(vmagent_remotewrite_queues{remote_name!~"|metrics_store"}, remote_name)',
      ),
    ],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Waiting",
          description: "Samples on vmagent's disk. RemoteWriteBehind fires when there have been some for 15 minutes.",
          unit: "bytes",
          width: 6,
        },
        range(`sum(${waiting})`, "waiting"),
      ).thresholds(none("yellow")),
      stat(
        {
          title: "Sent",
          description: "Blocks of samples that servers take a second.",
          unit: perSecond("blocks"),
          width: 6,
        },
        range(`sum(rate(vmagent_remotewrite_blocks_sent_total{${chosen}}[$__rate_interval]))`, "sent"),
      ),
      stat(
        {
          title: "Lost",
          description:
            "Blocks of samples within the time range that a server refused for good, or for which the buffer was full. RemoteWriteFails and RemoteWriteDropsSamples fire.",
          unit: "short",
          width: 6,
        },
        now(
          `sum(increase(vmagent_remotewrite_packets_dropped_total{${chosen}}[$__range])) + sum(increase(vm_persistentqueue_blocks_dropped_total{${chosen}}[$__range]))`,
          "lost",
        ),
      ).thresholds(none()),
      stat(
        {
          title: "Fullest buffer",
          description:
            "Share of victoriaMetrics.agent.buffer, which each server has for itself. When it is full the oldest samples go.",
          unit: "percentunit",
          width: 6,
        },
        range(`max(${full})`, "full"),
      ).thresholds(high(0.1, 0.5)),
    ],
    Delivery: [
      lines(
        {
          title: "Waiting, by target",
          description: "Bytes on disk. It fills while a server is away, and empties by itself.",
          unit: "bytes",
          width: 12,
        },
        range(waiting, "{{remote_name}}"),
      ).min(0),
      lines(
        {
          title: "Sent again, refused, dropped",
          description:
            "Blocks that a server did not take and that are sent again, that it refused for good, and that went because the buffer was full. The last two are lost.",
          unit: perSecond("blocks"),
          width: 12,
        },
        range(rate("vmagent_remotewrite_retries_count_total"), "{{remote_name}} again"),
        range(rate("vmagent_remotewrite_packets_dropped_total"), "{{remote_name}} refused"),
        range(rate("vm_persistentqueue_blocks_dropped_total"), "{{remote_name}} dropped"),
      ).min(0),
      stack(
        {
          title: "Answers",
          description: "Requests by what servers answered.",
          unit: perSecond("requests"),
          width: 12,
        },
        range(
          `sum by (remote_name, status_code) (rate(vmagent_remotewrite_requests_total{${chosen}}[$__rate_interval]))`,
          "{{remote_name}} {{status_code}}",
        ),
      ),
      lines(
        { title: "Traffic", description: "Bytes that leave, compressed.", unit: "Bps", width: 12 },
        range(rate("vmagent_remotewrite_bytes_sent_total"), "{{remote_name}}"),
      ).min(0),
    ],
  },
);
