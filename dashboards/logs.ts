/** The dashboard of log lines, in the language of a log store. */
import { bars, colors, cores, dashboard, fixedChoice, lines, link, logsPanel, range, table, textInput } from "./kit.ts";
import type { Asked } from "../components/logs/asked.ts";
import { type LogLanguage, logQueries } from "./log-queries.ts";
import { levelColors } from "./names.ts";
import { toWorkload } from "./panels.ts";

const of: Asked = { namespace: "$namespace", pod: "$pod", container: "$container" };
const found: Asked = { ...of, search: "$search" };
const matching: Asked = { ...found, level: "$level" };
const errors: Asked = { ...found, level: "error|critical|fatal" };

const containers = `namespace=~"$namespace", pod=~"$pod", container=~"$container", container!="", container!="POD"`;

/** A field of the row, in Grafana's form. */
const fieldValue = (name: string) => `\${__data.fields${/^\w+$/.test(name) ? `.${name}` : `["${name}"]`}}`;

/**
 * @param levels how the store knows the level of a line
 * @param search what one may search for
 */
export const logsDashboard = (
  language: LogLanguage,
  levels: string,
  search = "Text or regular expression, upper and lower case alike. Paste a trace_id to see one request.",
) => {
  const ask = logQueries[language];
  return dashboard(
    {
      uid: "logs",
      title: "Logs",
      description: "What did these containers write, when did it change, and what did it cost them in CPU and memory?",
      folder: "Logs",
      of: `logs.${language}`,
      needs: [],
      rowNeeds: { "What the selected containers use": ["exporters", "scraping"] },
      tags: ["logs"],
      variables: [
        ask.choice(
          { name: "namespace", label: "Namespace", description: "Namespaces that write logs." },
          "namespace",
          {},
          ".+",
        ),
        ask.choice(
          { name: "pod", label: "Pod", description: "Pods of the chosen namespaces." },
          "pod",
          { namespace: "$namespace" },
          ".+",
        ),
        ask.choice(
          { name: "container", label: "Container", description: "Containers of the chosen pods." },
          "container",
          { namespace: "$namespace", pod: "$pod" },
          // Also lines that came by OTLP without a word about their container.
          ".*",
        ),
        fixedChoice(
          { name: "level", label: "Level", description: levels },
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
          description: search,
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
          ask.count(matching, "level"),
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
            [ask.columns.namespace]: "Namespace",
            [ask.columns.pod]: {
              title: "Pod",
              links: [
                link("Only this pod", "logs", { namespace: fieldValue(ask.columns.namespace), pod: "${__value.raw}" }),
              ],
            },
            [ask.columns.count]: { title: "Errors", width: 90 },
          },
          "-Errors",
          ask.most(errors, ["namespace", "pod"]),
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
          ask.bytes(of, ["namespace", "container"]),
        )
          .maxDataPoints(120)
          .noValue("no line matches"),
      ],
      Lines: [
        logsPanel(
          {
            title: "Log lines",
            description:
              "The newest lines that match: what containers write, and what applications send by OTLP. Open a line for its fields; trace_id carries a link to the trace.",
            width: 24,
            height: 18,
          },
          ask.lines(matching, { before: "pod" }),
        ).noValue("no line matches"),
      ],
    },
  );
};
