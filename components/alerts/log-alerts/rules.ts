/** Alerts on lines as rule files have them, which Loki's ruler and vmalert both read. */
import type { Context } from "../../component.ts";
import type { Asked, Counted } from "../../logs/asked.ts";
import type { Evaluator } from "./evaluator.ts";
import { countedBy, type LogAlert, logAlerts, type LogAlerts } from "./settings.ts";
import { shipped } from "./shipped.ts";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What both programs take for a template is a text here. */
const literal = (text: string) => text.replaceAll("{{", '{{ "{{" }}');
const literals = (texts: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, literal(text)]));

/** All of them, those that are shipped first, each with the base of its runbook. */
export function declaredAlerts({ shipped: names, rules }: Pick<LogAlerts, "shipped" | "rules">): LogAlert[] {
  const own = logAlerts.parse({ rules: names.map((name) => ({ name, ...shipped[name] })) }).rules;
  return [...own, ...rules];
}

function asked({ where }: LogAlert): Asked {
  const { level, text, fields, ...named } = where;
  const given = Object.entries({ ...named, level: level?.join("|"), search: text }).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  );
  return { ...Object.fromEntries(given), fields };
}

/** The dashboard of lines, with what is known of those that count. */
function linesUrl(rule: LogAlert, grafana: string): string {
  const { namespace, pod, container, text } = rule.where;
  // What is more than a name is no choice of a drop-down.
  const name = (value: string | undefined) => (value !== undefined && /^[\w.-]+$/.test(value) ? value : undefined);
  const known: Readonly<Record<string, string | undefined>> = {
    namespace: name(namespace),
    pod: name(pod),
    container: name(container),
    search: text === undefined ? undefined : encodeURIComponent(text),
    ...Object.fromEntries(countedBy(rule).map((label) => [label, `{{ $labels.${label} }}`])),
  };
  const query = Object.entries(known).flatMap(([variable, value]) =>
    value === undefined ? [] : [`var-${variable}=${value}`],
  );
  return [`${grafana}/d/logs`, ...(query.length === 0 ? [] : [query.join("&")])].join("?");
}

/** What a rule counts; undefined where it has a query of its own. */
function counted(rule: LogAlert): Counted | undefined {
  if (rule.query !== undefined) return undefined;
  const { above = 0, below, window } = rule;
  return { lines: asked(rule), by: countedBy(rule), window, than: below === undefined ? { above } : { below } };
}

const number = '{{ $value | printf "%.0f" }}';

function described({ window, above = 0, below, query }: LogAlert): string {
  if (query !== undefined) return `The query answers ${number}.`;
  return below === undefined
    ? `${number} lines fit within ${window}, more than ${above}. The link leads to them.`
    : `${number} lines fit within ${window}, fewer than ${below}.`;
}

/**
 * The rule file, JSON, which is YAML.
 *
 * @param evaluator whose queries are written
 * @param write asks for what is counted in its language
 */
export function ruleFile(
  settings: LogAlerts,
  evaluator: Evaluator,
  write: (count: Counted) => string,
  {
    browserUrl,
    environment: { runbooks = "docs/runbooks" },
    offered,
  }: Pick<Context<unknown>, "browserUrl" | "environment" | "offered">,
): string {
  const grafana = offered("dashboards") === undefined ? "" : browserUrl("dashboards");
  const rules = declaredAlerts(settings).flatMap((rule): Rule[] => {
    const count = counted(rule);
    const expr = count === undefined ? rule.query?.[evaluator] : write(count);
    if (expr === undefined) return [];
    const page = rule.name in shipped ? rule.name : "LogAlert";
    return [
      {
        alert: rule.name,
        expr,
        for: rule.for,
        labels: { ...literals(rule.labels), severity: rule.severity },
        annotations: {
          summary: literal(rule.summary),
          description: rule.description === undefined ? described(rule) : literal(rule.description),
          runbook_url: rule.runbook === undefined ? `${runbooks}/${page}.md` : literal(rule.runbook),
          dashboard_url: linesUrl(rule, grafana),
        },
      },
    ];
  });
  // VictoriaMetrics' programs fill in `%{...}` wherever it stands; to JSON the other form is the same.
  return JSON.stringify({ groups: [{ name: "log-alerts", interval: settings.interval, rules }] }).replaceAll(
    "%",
    "\\u0025",
  );
}
