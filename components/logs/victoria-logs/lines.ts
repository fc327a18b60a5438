/** LogsQL of lines that are asked for. */
import { lineJob, lineLabels } from "../../agents/lines.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { type Asked, askedBy, type Counted, escaped, named } from "../asked.ts";

/** A regular expression that fits the whole value, as those of LogQL do; LogsQL's fit a part. */
export const whole = (value: string) => `:~"^(${value})$"`;

/** LogsQL of lines of both ways, with the log agent's names of labels, and a level. */
export function victoriaLogsLines(asked: Asked): string {
  const { search, level, outside, agentOnly, fields = {} } = asked;
  const apart = (name: string) => (outside === undefined ? [] : [`!${name}:="${outside}"`]);
  const agent = [
    `job:="${lineJob}"`,
    ...named(asked).map(([label, value]) => `${label}${whole(value)}`),
    ...apart("namespace"),
  ];
  const otlp = [
    ...named(asked).map(([label, value]) => `"k8s.${label}.name"${whole(value)}`),
    ...apart('"k8s.namespace.name"'),
  ];
  return [
    [
      `((${agent.join(" ")})${agentOnly ? "" : ` or (${otlp.join(" ")})`})`,
      ...Object.entries(fields).map(([field, value]) => `"${field}"${whole(value)}`),
    ].join(" "),
    ...lineLabels.map((label) => `format if (${label}:"") "<k8s.${label}.name>" as ${label}`),
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

/** What an alert asks. */
export function victoriaLogsAlert(count: Counted): string {
  const { lines, by, window, than } = count;
  const search = lines.search === undefined ? {} : { search: escaped(lines.search) };
  const asked = { ...askedBy(count, namespaces.monitoring.name), ...search };
  const stats = `stats ${by.length === 0 ? "" : `by (${by.join(", ")}) `}count() lines`;
  const [sign, number] = "above" in than ? [">", than.above] : ["<", than.below];
  return `_time:${window} ${victoriaLogsLines(asked)} | ${stats} | filter lines:${sign}${number}`;
}
