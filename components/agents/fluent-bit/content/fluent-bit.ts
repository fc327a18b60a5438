import {
  choice,
  colors,
  dashboard,
  lines,
  low,
  none,
  perSecond,
  range,
  stack,
  stat,
} from "../../../../dashboards/kit.ts";
import { logLines } from "../../../../dashboards/log-queries.ts";

const fluentBit = `job="fluent-bit", pod=~"$pod"`;
/** Any loss is too much; below this it is what rates leave of a single event. */
const loss = none("red", 0.001);
const rate = (metric: string, matchers: string) => `rate(${metric}{${matchers}}[$__rate_interval])`;
const agent = (what: string) => `sum(pod:fluentbit_${what}:rate5m{pod=~"$pod"})`;

export default dashboard(
  {
    uid: "fluent-bit",
    title: "Fluent Bit",
    description:
      "Do the lines that containers write leave their node: what waits there, what is sent again, and what is lost?",
    folder: "Platform",
    of: "fluent-bit",
    needs: ["rules", "scraping"],
    tags: ["platform", "logs"],
    variables: [
      choice(
        { name: "pod", label: "Fluent Bit pod", description: "One pod a node." },
        'label_values(fluentbit_uptime{job="fluent-bit"}, pod)',
      ),
    ],
  },
  {
    "At a glance": [
      stat(
        {
          title: "Log records dropped",
          description: "Records that Fluent Bit threw away, a second. FluentBitDropsRecords fires above zero.",
          unit: perSecond("lines"),
          width: 8,
        },
        range(`${agent("output_dropped_records")} or vector(0)`, "dropped"),
      ).thresholds(loss),
      stat(
        {
          title: "Lines read",
          description: "Lines that the chosen pods read a second.",
          unit: perSecond("lines"),
          width: 8,
        },
        range(agent("input_records"), "read"),
      ),
      stat(
        {
          title: "Room in the fullest buffer",
          description:
            "What is left of a node's buffer for lines that wait. FluentBitBufferFillingUp fires below 30 %.",
          unit: "percentunit",
          width: 8,
        },
        range(`min(fluentbit_output_chunk_available_capacity_percent{${fluentBit}}) / 100`, "left"),
      )
        .decimals(0)
        .thresholds(low(0.3, 0.6)),
    ],
    "Lines on their way": [
      lines(
        {
          title: "Records read and delivered",
          description: "Of the chosen pods. Read without delivered: records wait on the node's disk.",
          unit: perSecond("lines"),
          width: 8,
        },
        range(agent("input_records"), "read"),
        range(agent("output_proc_records"), "delivered"),
        range(agent("output_dropped_records"), "dropped"),
      ).overrides(colors({ read: "blue", delivered: "green", dropped: "red" })),
      lines(
        {
          title: "Retries and errors",
          description: "Chunks that had to be sent again, that failed for good, and whose retries ran out.",
          unit: "ops",
          width: 8,
        },
        range(`sum(${rate("fluentbit_output_retries_total", fluentBit)})`, "retries"),
        range(`sum(${rate("fluentbit_output_errors_total", fluentBit)})`, "errors"),
        range(`sum(${rate("fluentbit_output_retries_failed_total", fluentBit)})`, "retries failed"),
      ).overrides(colors({ retries: "yellow", errors: "orange", "retries failed": "red" })),
      stack(
        {
          title: "Chunks that wait",
          description: "Chunks buffered in memory and on disk. A steady climb means that a log store takes too little.",
          unit: "short",
          width: 8,
        },
        range(`sum(fluentbit_storage_mem_chunks{${fluentBit}})`, "in memory"),
        range(`sum(fluentbit_storage_fs_chunks{${fluentBit}})`, "on disk"),
      ),
    ],
    "What the pipeline says of itself": [
      logLines(
        {
          title: "Errors of the pipeline itself",
          description: "Error lines of Fluent Bit, the collector and the stores: they name the cause.",
          width: 24,
        },
        "no errors",
        {
          namespace: "monitoring|node-agents",
          container: "loki|vlogs|fluent-bit|otc-container|jaeger|tempo",
          level: "error|critical|fatal",
          agentOnly: true,
        },
        { before: "container" },
      ),
    ],
  },
);
