import {
  bars,
  colors,
  cores,
  dashboard,
  fixedChoice,
  lines,
  link,
  logChoice,
  logLines,
  logNow,
  logRange,
  range,
  table,
  textInput,
} from "../../../../dashboards/kit.ts";
import { levelColors, logJob, logStreams } from "../../../../dashboards/names.ts";
import { toWorkload } from "../../../../dashboards/panels.ts";

const { agent, otlp } = logStreams({ namespace: "$namespace", pod: "$pod", container: "$container" });
/** Labels of lines that came by OTLP as the log agent calls them. */
const asAgent = "label_format namespace=k8s_namespace_name, pod=k8s_pod_name, container=k8s_container_name";
/** The text is looked for in the line; a record sent by OTLP has its trace id beside it. */
const found = {
  agent: `${agent} |~ \`(?i)$search\``,
  otlp:
    `${otlp} | label_format line="{{__line__}}" | line=~\`(?is).*$search.*\` or trace_id=~\`(?i).*$search.*\` ` +
    `| drop line | ${asAgent}`,
};
type Ways = typeof found;
const where = (levels: string): Ways => ({ agent: `${found.agent} | ${levels}`, otlp: `${found.otlp} | ${levels}` });
/** Loki detects the level of each line when it arrives and keeps it as structured metadata. */
const matching = where('detected_level=~"${level:pipe}"');
const errors = where('detected_level=~"error|critical|fatal"');

/** Something counted over the lines of both ways, by labels; `job` keeps them apart until they are added up. */
function both(by: string, of: Ways, count: (selector: string) => string): string {
  const part = (selector: string) => `sum by (${by}, job) (${count(selector)})`;
  return `sum by (${by}) (${part(of.agent)} or ${part(of.otlp)})`;
}

const containers = `namespace=~"$namespace", pod=~"$pod", container=~"$container", container!="", container!="POD"`;

export default dashboard(
  {
    uid: "logs",
    title: "Logs",
    description: "What did these containers write, when did it change, and what did it cost them in CPU and memory?",
    folder: "Logs",
    of: "logs.loki",
    needs: [],
    rowNeeds: { "What the selected containers use": ["exporters", "scraping"] },
    tags: ["logs"],
    variables: [
      logChoice(
        { name: "namespace", label: "Namespace", description: "Namespaces that write logs." },
        "namespace",
        `{job="${logJob}"}`,
        ".+",
      ),
      logChoice(
        { name: "pod", label: "Pod", description: "Pods of the chosen namespaces." },
        "pod",
        `{job="${logJob}", namespace=~"$namespace"}`,
        ".+",
      ),
      logChoice(
        { name: "container", label: "Container", description: "Containers of the chosen pods." },
        "container",
        `{job="${logJob}", namespace=~"$namespace", pod=~"$pod"}`,
        // Also lines that came by OTLP without a word about their container.
        ".*",
      ),
      fixedChoice(
        { name: "level", label: "Level", description: "Levels as Loki detects them in the line." },
        {
          error: "error|critical|fatal",
          warning: "warn",
          info: "info",
          debug: "debug|trace",
          unknown: "unknown",
        },
      ),
      textInput({
        name: "search",
        label: "Search",
        description: "Text or regular expression, upper and lower case alike. Paste a trace_id to see one request.",
      }),
    ],
  },
  {
    When: [
      bars(
        {
          title: "Lines by level",
          description: "Log lines that match all filters. Drag over a bar to look closer.",
          unit: "short",
          width: 16,
          height: 9,
        },
        "sum",
        logRange(
          both("detected_level", matching, (selector) => `count_over_time(${selector} [$__auto])`),
          "{{detected_level}}",
        ),
      )
        .maxDataPoints(120)
        .noValue("no line matches")
        .overrides(colors({ ...levelColors, unknown: "gray" })),
      table(
        {
          title: "Most errors",
          description: "The ten pods with most error lines in the time range. Click one to see only its lines.",
          unit: "short",
          width: 8,
          height: 9,
        },
        {
          namespace: "Namespace",
          pod: {
            title: "Pod",
            links: [link("Only this pod", "logs", { namespace: "${__data.fields.namespace}", pod: "${__value.raw}" })],
          },
          "Value #A": { title: "Errors", width: 90 },
        },
        "-Errors",
        logNow(`topk(10, ${both("namespace, pod", errors, (selector) => `count_over_time(${selector} [$__range])`)})`),
      ).noValue("no errors"),
    ],
    "What the selected containers use": [
      lines(
        {
          title: "CPU",
          description: "CPU of the selected containers: a burst of lines beside a burst of CPU is one event.",
          unit: cores,
          width: 8,
        },
        range(
          `topk(10, sum by (namespace, pod, container) (rate(container_cpu_usage_seconds_total{${containers}}[$__rate_interval])))`,
          "{{pod}}/{{container}}",
        ),
      )
        .decimals(3)
        .min(0)
        .dataLinks([toWorkload]),
      lines(
        { title: "Memory", description: "Working set of the selected containers.", unit: "bytes", width: 8 },
        range(
          `topk(10, sum by (namespace, pod, container) (container_memory_working_set_bytes{${containers}}))`,
          "{{pod}}/{{container}}",
        ),
      )
        .min(0)
        .dataLinks([toWorkload]),
      lines(
        {
          title: "Volume by container",
          description: "Bytes of log lines a second, of the log agent and by OTLP together: who fills the store.",
          unit: "Bps",
          width: 8,
        },
        logRange(
          `topk(10, ${both("namespace, container", { agent, otlp: `${otlp} | ${asAgent}` }, (selector) => `bytes_rate(${selector} [$__auto])`)})`,
          "{{namespace}}/{{container}}",
        ),
      )
        .maxDataPoints(120)
        .noValue("no line matches"),
    ],
    Lines: [
      logLines(
        {
          title: "Log lines",
          description:
            "The newest lines that match: what containers write, and what applications send by OTLP. Open a line for its fields; trace_id carries a link to the trace.",
          width: 24,
          height: 18,
        },
        [matching.agent, matching.otlp],
        { before: "pod" },
      ).noValue("no line matches"),
    ],
  },
);
