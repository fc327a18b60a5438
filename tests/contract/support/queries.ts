/** Queries before their readers: Prometheus's own parser and engine, and Grafana's grammars of LogQL and TraceQL. */
import { parser as traceql } from "@grafana/lezer-traceql";
import { programSaid } from "../../../contract/said.ts";
import { logqlMistake } from "../../../settings/logql.ts";
import { interval, minutesOfData, type Series, shapedSeries } from "../../../dashboards/sample/cluster.ts";
import { type Query, readRuleFiles, type RuleFile, withGrafanaValues } from "./content.ts";
import { promtool } from "./promtool.ts";

/** A series in promtool's form; it says where one ends. */
function promtoolSeries({ name, labels, values }: Series): { readonly series: string; readonly values: string } {
  const list = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  const written = values.map((value, index) => {
    if (value !== undefined) return String(value);
    return index > 0 && values[index - 1] !== undefined ? "stale" : "_";
  });
  return { series: `${name}{${list.join(", ")}}`, values: written.join(" ") };
}

/** What a person has chosen: everything, and of the metrics one. */
export const chosen = (variable: string): string => (variable === "metric" ? "up" : ".*");

/** What is wrong with each query by Prometheus's parser; a query without a mistake is left out. */
export function promqlMistakes(program: string, queries: readonly Query[]): string[] {
  const rules = queries.map(({ expr }, index) => ({ record: `query_${index}`, expr: withGrafanaValues(expr) }));
  const files = { "queries.yaml": { groups: [{ name: "queries", rules }] } };
  const { status, said } = promtool(program, files, ["check", "rules", "--lint=none", "queries.yaml"]);
  if (status === 0) return [];
  const named = [...said.matchAll(/"query_(\d+)"[^\n]*/g)];
  if (named.length === 0) throw new Error(`promtool failed and named no query:\n${said}`);
  return named.map(([line, index]) => `${queries[Number(index)]?.where ?? "?"}: ${line}`);
}

/** What is wrong with each query of LogQL; a query without a mistake is left out. */
export function logqlMistakes(queries: readonly Query[]): string[] {
  return queries.flatMap(({ where, expr }) => {
    const mistake = logqlMistake(withGrafanaValues(expr));
    return mistake === undefined ? [] : [`${where}: ${mistake}`];
  });
}

/** What is wrong with each query of TraceQL, by the grammar of Grafana's editor alone; one without a mistake is left out. */
export function traceqlMistakes(queries: readonly Query[]): string[] {
  return queries.flatMap(({ where, expr }) => {
    const query = withGrafanaValues(expr);
    const mistakes: string[] = [];
    traceql.parse(query).iterate({
      enter({ type, from }) {
        if (type.isError) mistakes.push(`${where}: nothing fits here: ${query.slice(from)}`);
      },
    });
    return mistakes.slice(0, 1);
  });
}

/** An engine of unit tests of rules: promtool's, which is Prometheus' own, or vmalert-tool's, VictoriaMetrics'. */
export interface Engine {
  readonly program: string;
  readonly of: "promql" | "metricsql";
}

/** Of a series of an answer: its labels, and its value. */
export type Answer = ReadonlyMap<string, number>;

/**
 * What each query answers from the made-up cluster (dashboards/sample/cluster.ts), with the rules that record series at work. The
 * tools compare with what is expected; expecting nothing, they say what there is.
 *
 * @throws Error when the engine cannot execute a query: a join that matches many to many parses, but does not run
 */
export function answersOf(
  { program, of }: Engine,
  queries: readonly Query[],
  series: readonly Series[] = shapedSeries(),
  rules: readonly Pick<RuleFile, "name" | "groups">[] = readRuleFiles(),
): Answer[] {
  // The clock of vmalert-tool's tests begins in 2000 (1.151, app/vmalert-tool/unittest), promtool's in 1970.
  const told = (text: string) =>
    of === "promql" ? text : text.replaceAll(/\btime\(\)/g, `(time() - ${Date.UTC(2000) / 1000})`);
  // Each query is a test of its own name: label_replace makes the expression say which one answered.
  const expressions = queries.map(({ expr }, index) => ({
    expr: `label_replace(${told(withGrafanaValues(expr, chosen))}, "query", "query_${index}_", "", "")`,
    eval_time: `${minutesOfData}m`,
    exp_samples: [],
  }));
  const test = { rule_files: rules.map(({ name }) => `${name}.yaml`), evaluation_interval: `${interval}s` };
  const tests = [
    { interval: `${interval}s`, input_series: series.map(promtoolSeries), [`${of}_expr_test`]: expressions },
  ];
  const files = {
    ...Object.fromEntries(rules.map(({ name, groups }) => [`${name}.yaml`, told(JSON.stringify({ groups }))])),
    "test.yaml": JSON.stringify({ ...test, tests }),
  };
  const args =
    of === "promql"
      ? ["test", "rules", "test.yaml"]
      : ["unittest", "--files=test.yaml", "--disableAlertgroupLabel", "--loggerLevel=ERROR"];
  const { stdout, stderr } = programSaid(program, { files, args });
  const said = stdout + stderr;
  const broken = /^.*(?:found duplicate series|many-to-many|err:.*|parse error.*|couldn't evaluate).*$/m.exec(said);
  if (broken !== null) throw new Error(`${program} cannot execute a query: ${broken[0]}`);
  const answers = queries.map(() => new Map<string, number>());
  for (const [, labels = "", value] of said.matchAll(
    /(\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\}) ([-+]?(?:[\d.]+(?:E[-+]\d+)?|Inf|NaN))/g,
  )) {
    const [part, index] = /(?:, )?query="query_(\d+)_"/.exec(labels) ?? [];
    if (part !== undefined)
      answers[Number(index)]?.set(labels.replace(part, ""), Number(value?.replace("Inf", "Infinity")));
  }
  return answers;
}

/** Queries that return no data from the made-up cluster, by Prometheus' engine. @throws Error as {@link answersOf} does */
export function emptyQueries(
  promtool: string,
  queries: readonly Query[],
  ...data: readonly [series?: readonly Series[], rules?: readonly Pick<RuleFile, "name" | "groups">[]]
): string[] {
  const answers = answersOf({ program: promtool, of: "promql" }, queries, ...data);
  return queries.filter((_, index) => answers[index]?.size === 0).map(({ where, expr }) => `${where}: ${expr}`);
}
