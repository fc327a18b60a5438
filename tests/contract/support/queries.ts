/** Queries before their readers: Prometheus's own parser and engine, and Grafana's grammars of LogQL and TraceQL. */
import { parser as traceql } from "@grafana/lezer-traceql";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { logqlMistake } from "../../../contract/logql/parse.ts";
import { interval, minutesOfData, type Series, shapedSeries } from "../../../dashboards/sample/cluster.ts";
import { type Query, readRuleFiles, type RuleFile, withGrafanaValues } from "./content.ts";

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
const chosen = (variable: string): string => (variable === "metric" ? "up" : ".*");

/** What is wrong with each query by Prometheus's parser; a query without a mistake is left out. */
export function promqlMistakes(promtool: string, queries: readonly Query[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "promql-"));
  try {
    const rules = queries.map(({ expr }, index) => ({ record: `query_${index}`, expr: withGrafanaValues(expr) }));
    writeFileSync(join(folder, "queries.yaml"), stringify({ groups: [{ name: "queries", rules }] }));
    const result = spawnSync(promtool, ["check", "rules", "--lint=none", "queries.yaml"], {
      cwd: folder,
      encoding: "utf8",
    });
    const said = result.stdout + result.stderr;
    if (result.status === 0) return [];
    const named = [...said.matchAll(/"query_(\d+)"[^\n]*/g)];
    if (named.length === 0) throw new Error(`promtool failed and named no query:\n${said}`);
    return named.map(([line, index]) => `${queries[Number(index)]?.where ?? "?"}: ${line}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
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

/**
 * Queries that return no data from the made-up cluster (dashboards/sample/cluster.ts), with the rules that record
 * series at work. promtool compares with what is expected; expecting nothing, it fails exactly where there is data.
 *
 * @throws Error when Prometheus cannot execute a query: a join that matches many to many parses, but does not run
 */
export function emptyQueries(
  promtool: string,
  queries: readonly Query[],
  series = shapedSeries(),
  rules: readonly Pick<RuleFile, "name" | "groups">[] = readRuleFiles(),
): string[] {
  const folder = mkdtempSync(join(tmpdir(), "data-"));
  try {
    for (const { name, groups } of rules) writeFileSync(join(folder, `${name}.yaml`), stringify({ groups }));
    // Each query is a test of its own name: label_replace makes the expression say which one answered.
    const promql_expr_test = queries.map(({ expr }, index) => ({
      expr: `label_replace(${withGrafanaValues(expr, chosen)}, "query", "query_${index}_", "", "")`,
      eval_time: `${minutesOfData}m`,
      exp_samples: [],
    }));
    const test = { rule_files: rules.map(({ name }) => `${name}.yaml`), evaluation_interval: `${interval}s` };
    const tests = [{ interval: `${interval}s`, input_series: series.map(promtoolSeries), promql_expr_test }];
    writeFileSync(join(folder, "test.yaml"), stringify({ ...test, tests }, { lineWidth: 0 }));
    const result = spawnSync(promtool, ["test", "rules", "test.yaml"], {
      cwd: folder,
      encoding: "utf8",
      maxBuffer: 2 ** 26,
    });
    const said = result.stdout + result.stderr;
    const broken = /^.*(?:found duplicate series|many-to-many|err:.*|parse error.*|couldn't evaluate).*$/m.exec(said);
    if (broken !== null) throw new Error(`Prometheus cannot execute a query: ${broken[0]}`);
    return queries
      .filter((_, index) => !said.includes(`query="query_${index}_"`))
      .map(({ where, expr }) => `${where}: ${expr}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
