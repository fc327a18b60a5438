/**
 * What dashboards ask log stores, in the language of each. The same pods write in two ways, which label lines differently: by the log
 * agent, and by OTLP.
 */
import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import type * as sdk from "@grafana/grafana-foundation-sdk/dashboard";
import {
  type Language,
  logChoice,
  logsPanel,
  logql,
  logsql,
  lucene,
  type Named,
  type Query,
  type Shown,
  type Translated,
} from "./kit.ts";
import { logJob } from "./names.ts";

/** Languages of log stores, by Grafana's type of data source. */
export type LogLanguage = Extract<Language, "loki" | "victoriametrics-logs-datasource" | "elasticsearch">;

/** Lines that are asked for. Values are regular expressions, which variables may be. */
export interface Asked {
  readonly namespace: string;
  readonly pod?: string;
  readonly container?: string;
  /** One of error, critical, fatal, warn, info, debug, trace, unknown. @default any */
  readonly level?: string;
  /** A text in the line or in one of its fields; upper and lower case alike. @default any */
  readonly search?: string;
  /** Only what the log agent read. @default what came by OTLP as well */
  readonly agentOnly?: true;
}

/** What of a line is shown beside its message. */
export interface Line {
  /** A label that comes first: which of several writes. */
  readonly before?: Grouping;
  /** Fields after it. */
  readonly fields?: readonly string[];
}

type Grouping = "namespace" | "pod" | "container" | "level";

/** What a language says. */
interface LogQueries {
  /** The lines. */
  lines(asked: Asked, line: Line): Query[];
  /** How many there are, over the time range. */
  count(asked: Asked, by: Grouping): Query;
  /** The ten that have most of them, in the whole time range. */
  most(asked: Asked, by: readonly Grouping[]): Query;
  /** Bytes a second of the ten that have most, over the time range. */
  bytes(asked: Asked, by: readonly Grouping[]): Query;
  /** A variable whose values are a label's of the log agent's lines. @param all what "All" stands for */
  choice(named: Named, label: Grouping, within: Partial<Asked>, all: string): Builder<sdk.VariableModel>;
  /** What columns of `most` are called: those of labels, and that of the number. */
  readonly columns: Readonly<Record<"namespace" | "pod" | "count", string>>;
}

const prometheusColumns = { namespace: "namespace", pod: "pod", count: "Value #A" } as const;

const legend = (by: readonly Grouping[]) => by.map((label) => `{{${label}}}`).join("/");

const list = (of: Partial<Asked>) =>
  (["namespace", "pod", "container"] as const).flatMap((label) => {
    const value = of[label];
    return value === undefined ? [] : [[label, value] as const];
  });

const top10 = 10;
const most = 500;

/** Labels of lines that came by OTLP as the log agent calls them. */
const asAgent = "label_format namespace=k8s_namespace_name, pod=k8s_pod_name, container=k8s_container_name";

/** LogQL of lines, one of each way. @param named whether labels are to be called alike */
function inLoki(asked: Asked, named: boolean): string[] {
  const { search, level, agentOnly } = asked;
  const matchers = list(asked).map(([label, value]) => [label, `=~"${value}"`] as const);
  const found = search === undefined ? "" : ` |~ \`(?i)${search}\``;
  const agent = [`{job="${logJob}", ${matchers.map((matcher) => matcher.join("")).join(", ")}}${found}`];
  const otlp = [`{${matchers.map(([label, value]) => `k8s_${label}_name${value}`).join(", ")}}`];
  if (search !== undefined) {
    // A record has its trace id beside the line.
    otlp.push('label_format line="{{__line__}}"', `line=~\`(?is).*${search}.*\` or trace_id=~\`(?i).*${search}.*\``);
    otlp.push("drop line");
  }
  if (named) otlp.push(asAgent);
  // Loki detects the level of each line when it arrives and keeps it as structured metadata.
  const levels = level === undefined ? [] : [`detected_level=~"${level.replace(/^\$(\w+)$/, "${$1:pipe}")}"`];
  return [agent, ...(agentOnly ? [] : [otlp])].map((way) => [...way, ...levels].join(" | "));
}

/** Something counted over lines of both ways, by labels; `job` keeps the ways apart until they are added up. */
function addedUp(asked: Asked, by: readonly Grouping[], count: (selector: string) => string): string {
  const of = by.map((label) => (label === "level" ? "detected_level" : label)).join(", ");
  return `sum by (${of}) (${inLoki(asked, true)
    .map((selector) => `sum by (${of}, job) (${count(selector)})`)
    .join(" or ")})`;
}

/**
 * What a log panel does with a line: the fields of a JSON line are parsed, so that one can filter by them and see them in
 * the details, and its message is shown in place of the braces. Fluent Bit sends a line of plain text as the field `log`.
 */
function readable({ before, fields = [] }: Line): string {
  const first = before === undefined ? "" : `{{.${before}}}: `;
  const more = ["error", ...fields].map((field) => `{{if .${field}}} ${field}={{.${field}}}{{end}}`).join("");
  const line = `${first}{{if .msg}}{{.msg}}${more}{{else}}{{if .log}}{{.log}}{{else}}{{__line__}}{{end}}{{end}}`;
  return `| json | drop __error__, __error_details__ | line_format "${line}"`;
}

const loki: LogQueries = {
  lines: (asked, line) =>
    inLoki(asked, line.before !== undefined).map((selector) =>
      logql(`${selector} ${readable(line)}`, "", "range", most),
    ),
  count: (asked, by) =>
    logql(
      addedUp(asked, [by], (selector) => `count_over_time(${selector} [$__auto])`),
      by === "level" ? "{{detected_level}}" : `{{${by}}}`,
      "range",
    ),
  most: (asked, by) =>
    logql(
      `topk(${top10}, ${addedUp(asked, by, (selector) => `count_over_time(${selector} [$__range])`)})`,
      "",
      "instant",
    ),
  bytes: (asked, by) =>
    logql(
      `topk(${top10}, ${addedUp(asked, by, (selector) => `bytes_rate(${selector} [$__auto])`)})`,
      legend(by),
      "range",
    ),
  choice: (named, label, within, all) => {
    const matchers = list(within).map(([of, value]) => `, ${of}=~"${value}"`);
    return logChoice(named, "loki", all, { type: 1, label, stream: `{job="${logJob}"${matchers.join("")}}` });
  },
  columns: prometheusColumns,
};

/** A regular expression that fits the whole value, as those of LogQL do; LogsQL's fit a part. */
const whole = (value: string) => `:~"^(${value})$"`;

/** LogsQL of lines of both ways, with the log agent's names of labels, and a level. */
function inVictoriaLogs(asked: Asked): string {
  const { search, level, agentOnly } = asked;
  const agent = [`job:="${logJob}"`, ...list(asked).map(([label, value]) => `${label}${whole(value)}`)];
  const otlp = list(asked).map(([label, value]) => `"k8s.${label}.name"${whole(value)}`);
  return [
    `((${agent.join(" ")})${agentOnly ? "" : ` or (${otlp.join(" ")})`})`,
    ...["namespace", "pod", "container"].map((label) => `format if (${label}:"") "<k8s.${label}.name>" as ${label}`),
    // OTLP's, or the first word in a line of plain text that is one.
    'format if (level:"") "<severity_text>" as level',
    'extract_regexp if (level:"") "(?i)(?P<level>fatal|critical|error|warn|info|debug|trace)" from _msg',
    'format if (level:"") "unknown" as level',
    'format "<lc:level>" as level',
    'replace_regexp ("^warning$", "warn") at level',
    ...(level === undefined ? [] : [`filter level${whole(level)}`]),
    // The fields of a JSON line are no part of its message.
    ...(search === undefined ? [] : ["pack_json as line", `filter line:~"(?i)${search}"`, "delete line"]),
  ].join(" | ");
}

const victoriaLogs: LogQueries = {
  lines: (asked, { before, fields = [] }) => [
    logsql(
      [
        inVictoriaLogs(asked),
        ...["error", ...fields].map((field) => `format if (${field}:*) "<_msg> ${field}=<${field}>" as _msg`),
        ...(before === undefined ? [] : [`format "<${before}>: <_msg>" as _msg`]),
      ].join(" | "),
      "",
      "instant",
      most,
    ),
  ],
  count: (asked, by) => logsql(`${inVictoriaLogs(asked)} | stats by (${by}) count() lines`, `{{${by}}}`, "statsRange"),
  most: (asked, by) =>
    logsql(
      `${inVictoriaLogs(asked)} | stats by (${by.join(", ")}) count() lines | sort by (lines desc) limit ${top10}`,
      "",
      "stats",
    ),
  bytes: (asked, by) =>
    logsql(
      `${inVictoriaLogs(asked)} | pack_json as line | len(line) as bytes | stats by (${by.join(", ")}) rate_sum(bytes) bytes ` +
        `| first ${top10} by (bytes desc) partition by (_time)`,
      legend(by),
      "statsRange",
    ),
  choice: (named, label, within, all) =>
    logChoice(named, "victoriametrics-logs-datasource", all, {
      type: "fieldValue",
      field: label,
      query: [`job:="${logJob}"`, ...list(within).map(([of, value]) => `${of}${whole(value)}`)].join(" "),
      limit: 1000,
    }),
  columns: prometheusColumns,
};

/** What fields of a line are called, whichever way it came (components/logs/elasticsearch/setup.ts). */
const fields: Readonly<Record<Grouping, string>> = {
  namespace: "k8s.namespace.name",
  pod: "k8s.pod.name",
  container: "k8s.container.name",
  level: "severity_text",
};

/** A regular expression that fits the whole value. */
const matching = (field: string, value: string) => `${field}:/(${value.replaceAll(/\$(\w+)/g, "${$1:pipe}")})/`;

/** Lucene of lines of both ways. */
function inElasticsearch({ search, level, agentOnly, ...asked }: Partial<Asked>): string {
  const found = (field: string) => `${field}:(*${search?.replaceAll(/\$(\w+)/g, "${$1:raw}") ?? ""}*)`;
  return [
    ...(agentOnly ? ['data_stream.dataset:"kubernetes.otel"'] : []),
    ...list(asked).map(([label, value]) =>
      label === "container"
        ? // A line that came by OTLP may say nothing of its container.
          `(${matching(fields.container, value)} OR NOT _exists_:${fields.container})`
        : matching(fields[label], value),
    ),
    ...(level === undefined ? [] : [matching(fields.level, level)]),
    ...(search === undefined ? [] : [`(${["body.text", "trace_id", "attributes.\\*"].map(found).join(" OR ")})`]),
  ].join(" AND ");
}

const termLegend = (by: readonly Grouping[]) => by.map((label) => `{{term ${fields[label]}}}`).join("/");

const elasticsearch: LogQueries = {
  // Grafana shows the message, and every field in the details.
  lines: (asked) => [lucene(inElasticsearch(asked), most)],
  count: (asked, by) => lucene(inElasticsearch(asked), { by: [fields[by]], most: 50, over: "range" }, termLegend([by])),
  most: (asked, by) =>
    lucene(inElasticsearch(asked), { by: by.map((label) => fields[label]), most: top10, over: "instant" }),
  bytes: (asked, by) =>
    lucene(
      inElasticsearch(asked),
      { by: by.map((label) => fields[label]), most: top10, over: "range", summed: "log.record.length" },
      termLegend(by),
    ),
  choice: (named, label, within, all) =>
    logChoice(
      named,
      "elasticsearch",
      all,
      JSON.stringify({
        find: "terms",
        field: fields[label],
        ...(list(within).length === 0 ? {} : { query: inElasticsearch(within) }),
        size: 1000,
      }),
    ),
  columns: { namespace: fields.namespace, pod: fields.pod, count: "Count" },
};

export const logQueries: Readonly<Record<LogLanguage, LogQueries>> = {
  loki,
  "victoriametrics-logs-datasource": victoriaLogs,
  elasticsearch,
};

/** Log lines, the newest first, in whichever language the store knows. */
export const logLines = (shown: Shown, nothing: string, asked: Asked, line: Line = {}): Translated => ({
  in: Object.values(logQueries).map((queries) => logsPanel(shown, queries.lines(asked, line)).noValue(nothing)),
});
