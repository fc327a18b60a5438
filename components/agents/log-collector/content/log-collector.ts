import {
  choice,
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

const agent = `job="log-agent-collector-monitoring", pod=~"$pod"`;
/** Any loss is too much; below this it is what rates leave of a single event. */
const loss = none("red", 0.001);
const records = (what: string) => `sum(pod:log_collector_${what}_records:rate5m{pod=~"$pod"})`;

export default dashboard(
  {
    uid: "log-collector",
    title: "Log collector",
    description: "Do the lines that containers write leave their node: what waits there, and what is lost?",
    folder: "Platform",
    of: "log-collector",
    needs: ["rules", "scraping"],
    tags: ["platform", "logs"],
    variables: [
      choice(
        { name: "pod", label: "Collector pod", description: "One pod a node." },
        'label_values(otelcol_process_uptime{job="log-agent-collector-monitoring"}, pod)',
      ),
    ],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Log records dropped",
          description: "Records that were thrown away, a second. LogCollectorDropsRecords fires above zero.",
          unit: perSecond("lines"),
          width: 8,
        },
        range(`${records("dropped")} or vector(0)`, "dropped"),
      ).thresholds(loss),
      stat(
        {
          title: "Lines read",
          description: "Lines that the chosen pods read a second.",
          unit: perSecond("lines"),
          width: 8,
        },
        range(records("read"), "read"),
      ),
      stat(
        {
          title: "Fullest buffer",
          description:
            "What is taken of a node's buffer for lines that wait. LogCollectorBufferFillingUp fires above 70 %.",
          unit: "percentunit",
          width: 8,
        },
        range(`max(pod:log_collector_queue:ratio{pod=~"$pod"})`, "taken"),
      )
        .decimals(0)
        .thresholds(high(0.4, 0.7)),
    ],
    "Lines on their way": [
      lines(
        {
          title: "Records read and delivered",
          description: "Of the chosen pods. Read without delivered: records wait on the node's disk.",
          unit: perSecond("lines"),
          width: 12,
        },
        range(records("read"), "read"),
        range(records("sent"), "delivered"),
        range(records("dropped"), "dropped"),
      ).overrides(colors({ read: "blue", delivered: "green", dropped: "red" })),
      line(
        lines(
          {
            title: "Buffers",
            description:
              "What waits for each store as a share of its buffer. A steady climb means that a log store takes too little.",
            unit: "percentunit",
            width: 12,
          },
          range(
            `otelcol_exporter_queue_size{${agent}} / (otelcol_exporter_queue_capacity{${agent}} > 0)`,
            "{{pod}} {{exporter}}",
          ),
        )
          .min(0)
          .max(1),
        redAbove(0.7),
      ),
      lines(
        {
          title: "Memory",
          description: "Resident memory of each pod.",
          unit: "bytes",
          width: 12,
        },
        range(`sum by (pod) (otelcol_process_memory_rss{${agent}})`, "{{pod}}"),
      ).min(0),
      lines(
        {
          title: "Open files",
          description: "Files of containers that each pod reads, two or three for each container that writes.",
          unit: "short",
          width: 12,
        },
        range(`sum by (pod) (otelcol_fileconsumer_open_files{${agent}})`, "{{pod}}"),
      ).min(0),
    ],
  },
);
