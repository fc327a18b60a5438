/**
 * A stand-in for Loki's engine: answers the LogQL that the dashboards and Grafana's links ask, over log entries. It refuses
 * what it does not know, so that nothing is answered by chance. By the documentation of Loki 3.7 ("LogQL: Log query",
 * "Metric queries"); where images can be pulled, the Kind tier asks the real Loki.
 */
import { asMap } from "../finding.ts";
import { type Entry, type Labels, type Row } from "./entries.ts";
import { type Node, nodesOf, part } from "../../settings/lezer.ts";
import { matcherOf, parseLogql, regexOf, textOf } from "../../settings/logql.ts";

/** A number with its labels. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** A query that can be asked: it answers rows, or numbers at a time. */
export type Asked =
  | { readonly kind: "rows"; readonly rows: readonly Row[] }
  | { readonly kind: "metric"; readonly at: (time: number) => readonly Sample[] };

function unknown(node: Node): never {
  throw new Error(`The stand-in for Loki's engine does not know ${node.name} (${node.text}).`);
}

/** The text of a part that the grammar promises. */
function need(node: Node, ...names: readonly string[]): Node {
  return part(node, ...names) ?? unknown(node);
}

type Stage = (row: Row) => Row | undefined;

/** `|= "a" or "b"`; a negative filter wants none of them. */
function lineFilter(node: Node): Stage {
  const filter = need(node, "Filter").text;
  const test = filter.includes("~")
    ? (text: string) => {
        const regex = regexOf(text, false);
        return (line: string) => regex.test(line);
      }
    : (text: string) => (line: string) => line.includes(text);
  if (!["|=", "|~", "!=", "!~"].includes(filter)) unknown(node);
  const tests = nodesOf(node, "String").map((text) => test(textOf(text)));
  const wanted = filter.startsWith("|");
  return (row) => (tests.some((fits) => fits(row.line)) === wanted ? row : undefined);
}

function labelFilter(node: Node): (labels: Labels) => boolean {
  if (node.parts.some(({ name }) => !["Matcher", "LabelFilter", "Or", "And"].includes(name))) unknown(node);
  const matcher = part(node, "Matcher");
  if (matcher !== undefined) {
    const { label, matches } = matcherOf(matcher);
    return (labels) => matches(labels[label] ?? "");
  }
  const sides = node.parts.filter(({ name }) => name === "LabelFilter").map(labelFilter);
  return part(node, "Or") === undefined
    ? (labels) => sides.every((fits) => fits(labels))
    : (labels) => sides.some((fits) => fits(labels));
}

/** What a parser adds; a label that is there already stays, and the new one is called by another name. */
function extracted(labels: Labels, found: Iterable<readonly [string, string]>): Labels {
  return {
    ...labels,
    ...Object.fromEntries([...found].map(([name, value]) => [name in labels ? `${name}_extracted` : name, value])),
  };
}

function* jsonFields(value: unknown, name = ""): Generator<readonly [string, string]> {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") yield [name, String(value)];
  else if (!Array.isArray(value))
    for (const [key, inner] of Object.entries(asMap(value) ?? {}))
      yield* jsonFields(inner, [name, key.replaceAll(/\W/g, "_")].filter(Boolean).join("_"));
}

function parserStage(node: Node): Stage {
  if (part(node, "Json") !== undefined)
    return (row) => {
      try {
        return { ...row, labels: extracted(row.labels, jsonFields(JSON.parse(row.line))) };
      } catch {
        return { ...row, labels: { ...row.labels, __error__: "JSONParserErr" } };
      }
    };
  if (part(node, "Regexp") === undefined) unknown(node);
  const regex = regexOf(textOf(need(node, "String")), false);
  return (row) => ({
    ...row,
    labels: extracted(row.labels, Object.entries(regex.exec(row.line)?.groups ?? {})),
  });
}

/** `a=b` renames, `a="text"` sets; of templates it knows the whole line. */
function labelFormat(node: Node): Stage {
  const changes = nodesOf(node, "LabelFormatMatcher").map(({ parts: [to, , from] }) => {
    if (to === undefined || from === undefined) return unknown(node);
    const text = from.name === "String" ? textOf(from) : undefined;
    if (text !== undefined && text !== "{{__line__}}") unknown(node);
    return { to: to.text, from: text === undefined ? from.text : undefined };
  });
  return (row) => {
    let labels = row.labels;
    for (const { to, from } of changes) {
      const value = from === undefined ? row.line : labels[from];
      if (value === undefined) continue;
      labels = { ...without(labels, from === undefined ? [] : [from]), [to]: value };
    }
    return { ...row, labels };
  };
}

/** Go's template of a line, as far as our dashboards use it: `{{.label}}`, `{{__line__}}`, `{{if .label}}`, `{{else}}`, `{{end}}`. */
function lineFormat(node: Node): Stage {
  const tokens = textOf(need(node, "String")).split(/(\{\{.*?\}\})/);
  return (row) => {
    let line = "";
    /** Of each `if` that is open, whether its text is taken. */
    const open: boolean[] = [];
    for (const token of tokens) {
      const [, test, label = ""] = /^\{\{(if )?\.?(\w+)\}\}$/.exec(token) ?? [];
      const taken = open.every(Boolean);
      if (!token.startsWith("{{")) line += taken ? token : "";
      else if (test !== undefined) open.push((row.labels[label] ?? "") !== "");
      else if (label === "else" && open.length > 0) open.push(open.pop() !== true);
      else if (label === "end" && open.length > 0) open.pop();
      else if (label === "__line__" || token.startsWith("{{."))
        line += taken ? (label === "__line__" ? row.line : (row.labels[label] ?? "")) : "";
      else unknown(node);
    }
    return { ...row, line };
  };
}

function without(labels: Labels, names: readonly string[]): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !names.includes(name)));
}

function stageOf(node: Node): Stage {
  const inner = node.parts.find(({ name }) => name !== "Pipe") ?? unknown(node);
  switch (inner.name) {
    case "LineFilters": {
      const filters = nodesOf(inner, "LineFilter").map(lineFilter);
      return (row) => filters.reduce<Row | undefined>((kept, filter) => kept && filter(kept), row);
    }
    case "LabelFilter": {
      const fits = labelFilter(inner);
      return (row) => (fits(row.labels) ? row : undefined);
    }
    case "LabelParser":
      return parserStage(inner);
    case "LineFormatExpr":
      return lineFormat(inner);
    case "LabelFormatExpr":
      return labelFormat(inner);
    case "DropLabelsExpr": {
      const names = nodesOf(inner, "DropLabel").map((label) => {
        const [only, more] = label.parts;
        return only?.name === "Identifier" && more === undefined ? only.text : unknown(label);
      });
      return (row) => ({ ...row, labels: without(row.labels, names) });
    }
    default:
      return unknown(inner);
  }
}

/** What a selector and a pipeline leave of the entries. */
function rowsOf(node: Node, entries: readonly Entry[]): Row[] {
  const matchers = nodesOf(need(node, "Selector"), "Matcher").map(matcherOf);
  const stages = nodesOf(node, "PipelineStage").map(stageOf);
  return entries
    .filter(({ stream }) => matchers.every(({ label, matches }) => matches(stream[label] ?? "")))
    .flatMap(({ time, line, stream, metadata }) => {
      const first: Row | undefined = { time, line, labels: { ...stream, ...metadata } };
      return stages.reduce<Row | undefined>((row, stage) => row && stage(row), first) ?? [];
    });
}

/** A length of time of LogQL, in milliseconds. */
function milliseconds(text: string): number {
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h|d)/g)];
  if (parts.map(([all]) => all).join("") !== text) throw new Error(`The stand-in does not know the duration ${text}.`);
  const factors: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  return parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (factors[unit] ?? 0), 0);
}

type Vector = (time: number) => readonly Sample[];

const bytes = (rows: readonly Row[]) => rows.reduce((sum, { line }) => sum + Buffer.byteLength(line), 0);

function grouped<T extends { readonly labels: Labels }>(list: readonly T[], key: (labels: Labels) => Labels) {
  const groups = Map.groupBy(list, ({ labels }) =>
    JSON.stringify(Object.entries(key(labels)).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  );
  return [...groups].map(([name, members]) => ({
    labels: Object.fromEntries(JSON.parse(name) as [string, string][]),
    members,
  }));
}

function rangeAggregation(node: Node, entries: readonly Entry[]): Vector {
  if (node.parts.some(({ name }) => !["RangeOp", "LogRangeExpr"].includes(name))) unknown(node);
  const range = need(node, "LogRangeExpr");
  const rows = rowsOf(range, entries);
  const length = milliseconds(need(need(range, "Range"), "Duration").text);
  const functions: Readonly<Record<string, (rows: readonly Row[]) => number>> = {
    count_over_time: (list) => list.length,
    rate: (list) => (list.length / length) * 1000,
    bytes_over_time: bytes,
    bytes_rate: (list) => (bytes(list) / length) * 1000,
  };
  const value = functions[need(node, "RangeOp").text] ?? unknown(need(node, "RangeOp"));
  return (time) =>
    grouped(
      rows.filter((row) => row.time > time - length && row.time <= time),
      (labels) => labels,
    ).map(({ labels, members }) => ({ labels, value: value(members) }));
}

function vectorAggregation(node: Node, entries: readonly Entry[]): Vector {
  const inner = vectorOf(need(node, "MetricExpr"), entries);
  const operation = need(node, "VectorOp").text;
  const grouping = part(node, "Grouping");
  const names = grouping === undefined ? [] : nodesOf(grouping, "Identifier").map(({ text }) => text);
  if (operation === "topk" && grouping === undefined) {
    const most = Number(need(node, "Number").text);
    return (time) =>
      inner(time)
        .toSorted((a, b) => b.value - a.value)
        .slice(0, most);
  }
  if (operation !== "sum" || (grouping !== undefined && part(grouping, "By") === undefined)) unknown(node);
  return (time) =>
    grouped(inner(time), (labels) =>
      Object.fromEntries(names.filter((name) => name in labels).map((name) => [name, labels[name] ?? ""])),
    ).map(({ labels, members }) => ({ labels, value: members.reduce((sum, sample) => sum + sample.value, 0) }));
}

/** `> 3` and `< 3` leave what fits. */
function compared(node: Node, bound: number, entries: readonly Entry[]): Vector {
  const left = vectorOf(need(node, "Expr"), entries);
  const more = part(node, "Gtr") !== undefined;
  if ((!more && part(node, "Lss") === undefined) || part(node, "BinOpModifier")?.text !== "") unknown(node);
  return (time) => left(time).filter(({ value }) => (more ? value > bound : value < bound));
}

function vectorOf(node: Node, entries: readonly Entry[]): Vector {
  switch (node.name) {
    case "VectorExpr": {
      const value = Number(need(node, "Number").text);
      return () => [{ labels: {}, value }];
    }
    case "Expr":
    case "MetricExpr":
      return vectorOf(node.parts[0] ?? unknown(node), entries);
    case "RangeAggregationExpr":
      return rangeAggregation(node, entries);
    case "VectorAggregationExpr":
      return vectorAggregation(node, entries);
    case "BinOpExpr": {
      const bound = part(node.parts.at(-1)?.parts[0] ?? node, "LiteralExpr");
      if (bound !== undefined) return compared(node, Number(bound.text), entries);
      const [left, right] = node.parts.filter(({ name }) => name === "Expr").map((side) => vectorOf(side, entries));
      const modifier = part(node, "BinOpModifier")?.text ?? "";
      if (part(node, "Or") === undefined || modifier !== "" || left === undefined || right === undefined)
        return unknown(node);
      return (time) => {
        const first = left(time);
        const known = new Set(grouped(first, (labels) => labels).map(({ labels }) => JSON.stringify(labels)));
        return [
          ...first,
          ...grouped(right(time), (labels) => labels)
            .filter(({ labels }) => !known.has(JSON.stringify(labels)))
            .flatMap(({ members }) => members),
        ];
      };
    }
    default:
      return unknown(node);
  }
}

/**
 * @throws LogqlMistake for a query that Loki would refuse
 * @throws Error for what this stand-in does not know
 */
export function ask(query: string, entries: readonly Entry[]): Asked {
  const inner = need(parseLogql(query), "Expr").parts[0];
  if (inner?.name === "LogExpr") return { kind: "rows", rows: rowsOf(inner, entries) };
  if (inner === undefined) throw new Error("An empty query.");
  return { kind: "metric", at: vectorOf(inner, entries) };
}
