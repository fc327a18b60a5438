import type { Dashboard } from "../builder.ts";
import { dashboardUrl, logJob, logStreams } from "../names.ts";

const { agent, otlp } = logStreams({ namespace: "$namespace", pod: "$pod", container: "$container" });
/** Labels of lines that came by OTLP as the log agent calls them. */
const asAgent = "label_format namespace=k8s_namespace_name, pod=k8s_pod_name, container=k8s_container_name";
/** Loki detects the level of each line when it arrives and keeps it as structured metadata. */

const chosenLevels = 'detected_level=~"${level:pipe}"';
const errorLevels = 'detected_level=~"error|critical|fatal"';
/** The text is looked for in the line; a record sent by OTLP has its trace id beside it. */
const found = {
  agent: "|~ `(?i)$search`",
  otlp:
    '| label_format line="{{__line__}}" | line=~`(?is).*$search.*` or trace_id=~`(?i).*$search.*` | drop line ' +
    `| ${asAgent}`,
};
const lines = {
  agent: `${agent} ${found.agent} | ${chosenLevels}`,
  otlp: `${otlp} ${found.otlp} | ${chosenLevels}`,
};
const errors = {
  agent: `${agent} ${found.agent} | ${errorLevels}`,
  otlp: `${otlp} ${found.otlp} | ${errorLevels}`,
};

/** Something counted over the lines of both ways, by labels; `job` keeps them apart until they are added up. */
function both(by: string, of: typeof lines, count: (selector: string) => string): string {
  const part = (selector: string) => `sum by (${by}, job) (${count(selector)})`;
  return `sum by (${by}) (${part(of.agent)} or ${part(of.otlp)})`;
}

const containers = `namespace=~"$namespace", pod=~"$pod", container=~"$container", container!="", container!="POD"`;

const levels = [
  { field: "critical", color: "purple" },
  { field: "fatal", color: "purple" },
  { field: "error", color: "red" },
  { field: "warn", color: "orange" },
  { field: "info", color: "green" },
  { field: "debug", color: "blue" },
  { field: "trace", color: "light-blue" },
  { field: "unknown", color: "gray" },
];

export const logs: Dashboard = {
  uid: "logs",
  title: "Logs",
  description: "What did these containers write, when did it change, and what did it cost them in CPU and memory?",
  folder: "logs",
  tags: ["logs"],
  sources: ["metrics", "logs", "traces"],
  variables: [
    {
      name: "namespace",
      label: "Namespace",
      description: "Namespaces that write logs.",
      source: "logs",
      query: "namespace",
      stream: `{job="${logJob}"}`,
      all: ".+",
    },
    {
      name: "pod",
      label: "Pod",
      description: "Pods of the chosen namespaces.",
      source: "logs",
      query: "pod",
      stream: `{job="${logJob}", namespace=~"$namespace"}`,
      all: ".+",
    },
    {
      name: "container",
      label: "Container",
      description: "Containers of the chosen pods.",
      source: "logs",
      query: "container",
      stream: `{job="${logJob}", namespace=~"$namespace", pod=~"$pod"}`,
      // Also lines that came by OTLP without a word about their container.
      all: ".*",
    },
    {
      name: "level",
      label: "Level",
      description: "Levels as Loki detects them in the line.",
      choices: {
        error: "error|critical|fatal",
        warning: "warn",
        info: "info",
        debug: "debug|trace",
        unknown: "unknown",
      },
    },
    {
      name: "search",
      label: "Search",
      description: "Text or regular expression, upper and lower case alike. Paste a trace_id to see one request.",
      text: true,
    },
  ],
  rows: [
    {
      title: "When",
      panels: [
        {
          kind: "timeseries",
          title: "Lines by level",
          description: "Log lines that match all filters. Drag over a bar to look closer.",
          unit: "short",
          width: 16,
          height: 7,
          draw: "bars",
          stack: true,
          points: 120,
          source: "logs",
          legendValues: ["sum"],
          noValue: "no line matches",
          targets: [
            {
              expr: both("detected_level", lines, (selector) => `count_over_time(${selector} [$__auto])`),
              legend: "{{detected_level}}",
            },
          ],
          overrides: levels,
        },
        {
          kind: "table",
          title: "Most errors",
          description: "The ten containers with most error lines in the time range. Click one to see only its lines.",
          unit: "short",
          width: 8,
          height: 7,
          source: "logs",
          columns: ["namespace", "pod", "Value #A"],
          sortBy: { column: "Errors", descending: true },
          noValue: "no errors",
          targets: [
            {
              expr: `topk(10, ${both("namespace, pod", errors, (selector) => `count_over_time(${selector} [$__range])`)})`,
              instant: true,
            },
          ],
          overrides: [
            { field: "namespace", rename: "Namespace" },
            {
              field: "pod",
              rename: "Pod",
              links: [
                {
                  title: "Only this pod",
                  url: dashboardUrl("logs", {
                    namespace: "${__data.fields.namespace}",
                    pod: "${__value.raw}",
                  }),
                },
              ],
            },
            { field: "Value #A", rename: "Errors", width: 90 },
          ],
        },
      ],
    },
    {
      title: "What the selected containers use",
      panels: [
        {
          kind: "timeseries",
          title: "CPU",
          description: "CPU of the selected containers: a burst of lines beside a burst of CPU is one event.",
          unit: "cores",
          decimals: 3,
          width: 8,
          height: 8,
          min: 0,
          targets: [
            {
              expr: `topk(10, sum by (namespace, pod, container) (rate(container_cpu_usage_seconds_total{${containers}}[$__rate_interval])))`,
              legend: "{{pod}}/{{container}}",
            },
          ],
          links: [
            {
              title: "Workload",
              url: dashboardUrl("workload", { namespace: "${__field.labels.namespace}", pod: "${__field.labels.pod}" }),
            },
          ],
        },
        {
          kind: "timeseries",
          title: "Memory",
          description: "Working set of the selected containers.",
          unit: "bytes",
          width: 8,
          height: 8,
          min: 0,
          targets: [
            {
              expr: `topk(10, sum by (pod, container) (container_memory_working_set_bytes{${containers}}))`,
              legend: "{{pod}}/{{container}}",
            },
          ],
        },
        {
          kind: "timeseries",
          title: "Volume by container",
          description: "Bytes of log lines a second, of the log agent and by OTLP together: who fills Loki.",
          points: 120,
          unit: "Bps",
          width: 8,
          height: 8,
          source: "logs",
          noValue: "no line matches",
          targets: [
            {
              expr: `topk(10, ${both("namespace, container", { agent, otlp: `${otlp} | ${asAgent}` }, (selector) => `bytes_rate(${selector} [$__auto])`)})`,
              legend: "{{namespace}}/{{container}}",
            },
          ],
        },
      ],
    },
    {
      title: "Lines",
      panels: [
        {
          kind: "logs",
          title: "Log lines",
          description:
            "The newest lines that match: what containers write, and what applications send by OTLP. Open a line for its fields; trace_id carries a link to the trace.",
          unit: "string",
          width: 24,
          height: 18,
          source: "logs",
          noValue: "no line matches",
          targets: [{ expr: lines.agent }, { expr: lines.otlp }],
        },
      ],
    },
  ],
};
