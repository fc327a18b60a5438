import { choice, colors, dashboard, lines, low, none, perSecond, range, stat } from "../../../../dashboards/kit.ts";

const stores = `job="fluentd", type=~"http|elasticsearch", pod=~"$pod"`;
/** Any loss is too much; below this it is what rates leave of a single event. */
const loss = none("red", 0.001);
const agent = (what: string) => `pod:fluentd_${what}:rate5m{pod=~"$pod"}`;

export default dashboard(
  {
    uid: "fluentd",
    title: "Fluentd",
    description:
      "Do the lines that containers write leave their node: what waits there, what is sent again, and what is refused?",
    folder: "Platform",
    of: "fluentd",
    needs: ["rules", "scraping"],
    tags: ["platform", "logs"],
    variables: [
      choice(
        { name: "pod", label: "Fluentd pod", description: "One pod a node." },
        'label_values(fluentd_output_status_emit_records{job="fluentd"}, pod)',
      ),
    ],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Records dropped",
          description: "Records that a store refused for good, a second. FluentdDropsRecords fires above zero.",
          unit: perSecond("lines"),
          width: 8,
        },
        range(`sum(${agent("dropped")}) or vector(0)`, "dropped"),
      ).thresholds(loss),
      stat(
        {
          title: "Records read",
          description: "Records that the chosen pods read a second.",
          unit: perSecond("lines"),
          width: 8,
        },
        range(`max(sum by (plugin_id) (${agent("records")}))`, "read"),
      ),
      stat(
        {
          title: "Room in the fullest buffer",
          description: "What is left of a node's buffer for a store. FluentdBufferFillingUp fires below 30 %.",
          unit: "percentunit",
          width: 8,
        },
        range(`min(fluentd_output_status_buffer_available_space_ratio{${stores}}) / 100`, "left"),
      )
        .decimals(0)
        .thresholds(low(0.3, 0.6)),
    ],
    "Records on their way": [
      lines(
        {
          title: "Records by store",
          description: "Records that go into the buffer of each store. With a full buffer there are none for any.",
          unit: perSecond("lines"),
          width: 12,
        },
        range(`sum by (plugin_id) (${agent("records")})`, "{{plugin_id}}"),
      ),
      lines(
        {
          title: "Chunks delivered and sent again",
          description: "Of up to 2 MB. A store did not answer, or could not take them for now.",
          unit: "ops",
          width: 12,
        },
        range(`sum(${agent("delivered_chunks")})`, "delivered"),
        range(`sum(${agent("failed_chunks")})`, "sent again"),
      ).overrides(colors({ delivered: "green", "sent again": "yellow" })),
      lines(
        {
          title: "What waits",
          description: "On the disks of the nodes, by store. A steady climb means that it takes too little.",
          unit: "bytes",
          width: 12,
        },
        range(`sum by (plugin_id) (fluentd_output_status_buffer_total_bytes{${stores}})`, "{{plugin_id}}"),
      ).min(0),
      lines(
        {
          title: "Time that sending takes",
          description: "Share of the time in which the one thread of a store is sending, of the busiest pod.",
          unit: "percentunit",
          width: 12,
        },
        range(
          `max by (plugin_id) (rate(fluentd_output_status_flush_time_count{${stores}}[$__rate_interval])) / 1000`,
          "{{plugin_id}}",
        ),
      ).min(0),
    ],
  },
);
