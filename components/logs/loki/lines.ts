/** LogQL of lines that are asked for. */
import { lineJob } from "../../agents/lines.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import { type Asked, askedBy, type Counted, type Grouping, named } from "../asked.ts";

/** Labels of lines that came by OTLP as the log agent calls them. */
const asAgent = "label_format namespace=k8s_namespace_name, pod=k8s_pod_name, container=k8s_container_name";

/** How Loki calls a field or an attribute. */
const labelOf = (field: string) => field.replaceAll(/\W/g, "_");

/** LogQL of lines, one of each way. @param alike whether labels are to be called alike */
export function lokiLines(asked: Asked, alike: boolean): string[] {
  const { search, level, outside, agentOnly, fields = {} } = asked;
  const matchers = [
    ...named(asked).map(([label, value]) => [label, `=~"${value}"`] as const),
    ...(outside === undefined ? [] : [["namespace", `!="${outside}"`] as const]),
  ];
  const found = search === undefined ? "" : ` |~ \`(?i)${search}\``;
  const agent = [`{${[`job="${lineJob}"`, ...matchers.map((matcher) => matcher.join(""))].join(", ")}}${found}`];
  const otlp = [`{${matchers.map(([label, value]) => `k8s_${label}_name${value}`).join(", ")}}`];
  if (search !== undefined) {
    // A record has its trace id beside the line.
    const anywhere = `.*(?:${search}).*`;
    otlp.push('label_format line="{{__line__}}"', `line=~\`(?is)${anywhere}\` or trace_id=~\`(?i)${anywhere}\``);
    otlp.push("drop line");
  }
  const ofFields = Object.entries(fields).map(([field, value]) => `${labelOf(field)}=~"${value}"`);
  // Of a line that is no JSON a parser makes a mistake, which a query that counts does not forgive.
  if (ofFields.length > 0) agent.push("json", '__error__=""', ...ofFields);
  otlp.push(...ofFields);
  if (alike) otlp.push(asAgent);
  // Loki detects the level of each line when it arrives and keeps it as structured metadata.
  const levels = level === undefined ? [] : [`detected_level=~"${level.replace(/^\$(\w+)$/, "${$1:pipe}")}"`];
  return [agent, ...(agentOnly ? [] : [otlp])].map((way) => [...way, ...levels].join(" | "));
}

/** Something counted over lines of both ways, by labels; `job` keeps the ways apart until they are added up. */
export function lokiSum(asked: Asked, by: readonly Grouping[], count: (selector: string) => string): string {
  const labels = by.map((label) => (label === "level" ? "detected_level" : label));
  const ways = lokiLines(asked, true).map(
    (selector) => `sum by (${[...labels, "job"].join(", ")}) (${count(selector)})`,
  );
  return `sum${labels.length === 0 ? "" : ` by (${labels.join(", ")})`} (${ways.join(" or ")})`;
}

/** What an alert asks. Nothing stands for no lines but where few are the alert. */
export function lokiAlert(count: Counted): string {
  const { by, window, than } = count;
  const asked = askedBy(count, namespaces.monitoring.name);
  const sum = lokiSum(asked, by, (selector) => `count_over_time(${selector} [${window}])`);
  return "above" in than ? `${sum} > ${than.above}` : `(${sum} or vector(0)) < ${than.below}`;
}
