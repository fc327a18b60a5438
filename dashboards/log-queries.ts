/**
 * What dashboards ask log stores, in the language of each. The same pods write in two ways, which label lines differently: by the log
 * agent, and by OTLP.
 */
import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import type * as sdk from "@grafana/grafana-foundation-sdk/dashboard";
import { type Asked, type Grouping, named as list } from "../components/logs/asked.ts";
import { lokiLines, lokiSum } from "../components/logs/loki/lines.ts";
import { victoriaLogsLines, whole } from "../components/logs/victoria-logs/lines.ts";
import {
  bars,
  colors,
  type Columns,
  type Language,
  logChoice,
  logsPanel,
  logql,
  logsql,
  lucene,
  type Named,
  type Query,
  type Shown,
  table,
  type Translated,
} from "./kit.ts";
import { logJob } from "./names.ts";

/** Languages of log stores, by Grafana's type of data source. */
export type LogLanguage = Extract<Language, "loki" | "victoriametrics-logs-datasource" | "elasticsearch">;

/** What of a line is shown beside its message. */
export interface Line {
  /** A label that comes first: which of several writes. */
  readonly before?: Grouping;
  /** Fields after it. */
  readonly fields?: readonly string[];
}

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

const top10 = 10;
const top20 = 20;
const most = 500;

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
    lokiLines(asked, line.before !== undefined).map((selector) =>
      logql(`${selector} ${readable(line)}`, "", "range", most),
    ),
  count: (asked, by) =>
    logql(
      lokiSum(asked, [by], (selector) => `count_over_time(${selector} [$__auto])`),
      by === "level" ? "{{detected_level}}" : `{{${by}}}`,
      "range",
    ),
  most: (asked, by) =>
    logql(
      `topk(${top10}, ${lokiSum(asked, by, (selector) => `count_over_time(${selector} [$__range])`)})`,
      "",
      "instant",
    ),
  bytes: (asked, by) =>
    logql(
      `topk(${top10}, ${lokiSum(asked, by, (selector) => `bytes_rate(${selector} [$__auto])`)})`,
      legend(by),
      "range",
    ),
  choice: (named, label, within, all) => {
    const matchers = list(within).map(([of, value]) => `, ${of}=~"${value}"`);
    return logChoice(named, "loki", all, { type: 1, label, stream: `{job="${logJob}"${matchers.join("")}}` });
  },
  columns: prometheusColumns,
};

const victoriaLogs: LogQueries = {
  lines: (asked, { before, fields = [] }) => [
    logsql(
      [
        victoriaLogsLines(asked),
        ...["error", ...fields].map((field) => `format if (${field}:*) "<_msg> ${field}=<${field}>" as _msg`),
        ...(before === undefined ? [] : [`format "<${before}>: <_msg>" as _msg`]),
      ].join(" | "),
      "",
      "instant",
      most,
    ),
  ],
  count: (asked, by) =>
    logsql(`${victoriaLogsLines(asked)} | stats by (${by}) count() lines`, `{{${by}}}`, "statsRange"),
  most: (asked, by) =>
    logsql(
      `${victoriaLogsLines(asked)} | stats by (${by.join(", ")}) count() lines | sort by (lines desc) limit ${top10}`,
      "",
      "stats",
    ),
  bytes: (asked, by) =>
    logsql(
      `${victoriaLogsLines(asked)} | pack_json as line | len(line) as bytes | stats by (${by.join(", ")}) rate_sum(bytes) bytes ` +
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
    ...(agentOnly ? [`data_stream.dataset:"${logJob}.otel"`] : []),
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

/** Records that are not containers' lines (components/agents/lines.ts), which come in one way. */
export interface Records {
  readonly job: string;
  /** The label beside `job`, and the field of Elasticsearch that has it: a text of the variable of that name is in its value. */
  readonly label?: readonly [name: string, field: string];
  /** Fields that a text of the variable of the same name is in. */
  readonly found?: readonly string[];
  /** Levels, as a regular expression. @default any */
  readonly level?: string;
  /** Fields whose value is one of these. */
  readonly fields?: Readonly<Record<string, readonly string[]>>;
  /** What a line begins with: fields. */
  readonly before: readonly string[];
}

/** LogQL, LogsQL and Lucene of records; a text of the variable `search` is in their line. */
const selected = {
  loki: ({ job, label, found = [], level, fields = {} }: Records) =>
    [
      `{${[`job="${job}"`, ...(label === undefined ? [] : [`${label[0]}=~".*$${label[0]}.*"`])].join(", ")}} |~ \`(?i)$search\``,
      "json",
      "drop __error__, __error_details__",
      ...(level === undefined ? [] : [`level=~"${level}"`]),
      ...Object.entries(fields).map(([field, values]) => `${field}=~"${values.join("|")}"`),
      ...found.map((field) => `${field}=~".*$${field}.*"`),
    ].join(" | "),
  "victoriametrics-logs-datasource": ({ job, label, found = [], level, fields = {} }: Records) =>
    [
      [
        `job:="${job}"`,
        ...(label === undefined ? [] : [`${label[0]}:~".*$${label[0]}.*"`]),
        ...(level === undefined ? [] : [`level${whole(level)}`]),
        ...Object.entries(fields).map(([field, values]) => `${field}${whole(values.join("|"))}`),
        ...found.map((field) => `${field}:~".*$${field}.*"`),
      ].join(" "),
      "pack_json as line",
      'filter line:~"(?i)$search"',
      "delete line",
    ].join(" | "),
  elasticsearch: ({ job, label, found = [], level, fields = {} }: Records) =>
    [
      `data_stream.dataset:"${job}.otel"`,
      ...(label === undefined ? [] : [`${label[1]}:/.*\${${label[0]}:raw}.*/`]),
      ...(level === undefined ? [] : [matching("severity_text", level)]),
      ...Object.entries(fields).map(([field, values]) => `attributes.${field}:(${values.join(" OR ")})`),
      // One that has no such field counts while the variable is empty: then alone is the dataset what stands there.
      ...found.map(
        (field) =>
          `(attributes.${field}:/.*\${${field}:raw}.*/ OR (NOT _exists_:attributes.${field} AND data_stream.dataset:/${job}.otel\${${field}:raw}/))`,
      ),
      `(body.text:(*\${search:raw}*) OR attributes.\\*:(*\${search:raw}*))`,
    ].join(" AND "),
};

/** What Elasticsearch calls a field or a label of records. */
const termOf = ({ label }: Records, field: string) =>
  field === "level" ? "severity_text" : field === label?.[0] ? label[1] : `attributes.${field}`;

/** How many of them there are over the time range, by one of their fields. @param colored colours of its values */
export const countRecords = (
  shown: Shown,
  of: Records,
  by: string,
  colored: Readonly<Record<string, string>> = {},
): Translated => ({
  in: [
    logql(`sum by (${by}) (count_over_time(${selected.loki(of)} [$__auto]))`, `{{${by}}}`, "range"),
    logsql(
      `${selected["victoriametrics-logs-datasource"](of)} | stats by (${by}) count() lines`,
      `{{${by}}}`,
      "statsRange",
    ),
    lucene(selected.elasticsearch(of), { by: [termOf(of, by)], most: 50, over: "range" }, `{{term ${termOf(of, by)}}}`),
  ].map((query) => bars(shown, "sum", query).maxDataPoints(120).noValue("none").overrides(colors(colored))),
});

/** The twenty combinations of some fields' values that most of them have, in the whole time range. @param by columns, by field */
export function mostRecords(shown: Shown, of: Records, by: Columns): Translated {
  const names = Object.keys(by);
  const columns = (field: (name: string) => string, count: string) => ({
    ...Object.fromEntries(names.map((name) => [field(name), by[name] ?? ""])),
    [count]: { title: "Lines", width: 80 },
  });
  const plain = columns((name) => name, prometheusColumns.count);
  const listed = names.join(", ");
  return {
    in: [
      [
        plain,
        logql(`topk(${top20}, sum by (${listed}) (count_over_time(${selected.loki(of)} [$__range])))`, "", "instant"),
      ] as const,
      [
        plain,
        logsql(
          `${selected["victoriametrics-logs-datasource"](of)} | stats by (${listed}) count() lines | sort by (lines desc) limit ${top20}`,
          "",
          "stats",
        ),
      ] as const,
      [
        columns((name) => termOf(of, name), "Count"),
        lucene(selected.elasticsearch(of), { by: names.map((name) => termOf(of, name)), most: top20, over: "instant" }),
      ] as const,
    ].map(([its, query]) => table(shown, its, "-Lines", query).noValue("none")),
  };
}

/** The newest of them. */
export function listRecords(shown: Shown, of: Records): Translated {
  const begin = (field: (name: string) => string) => of.before.map((name) => `${field(name)} `).join("");
  return {
    in: [
      logql(`${selected.loki(of)} | line_format "${begin((name) => `{{.${name}}}`)}{{.message}}"`, "", "range", most),
      logsql(
        `${selected["victoriametrics-logs-datasource"](of)} | format "${begin((name) => `<${name}>`)}<_msg>" as _msg`,
        "",
        "instant",
        most,
      ),
      // Grafana shows the message, and every field in the details.
      lucene(selected.elasticsearch(of), most),
    ].map((query) => logsPanel(shown, [query]).noValue("none")),
  };
}

/** Log lines, the newest first, in whichever language the store knows. */
export const logLines = (shown: Shown, nothing: string, asked: Asked, line: Line = {}): Translated => ({
  in: Object.values(logQueries).map((queries) => logsPanel(shown, queries.lines(asked, line)).noValue(nothing)),
});
