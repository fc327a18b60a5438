/**
 * LogQL by Grafana's own grammar (`@grafana/lezer-logql`, the one of Grafana's query editor), made strict: what the editor
 * would underline is a mistake, and so is what Loki refuses of a query that the grammar takes.
 */
import { parser } from "@grafana/lezer-logql";
import { type Node, nodeOf, nodesOf, part } from "./lezer.ts";

/** A query that Loki would refuse. */
export class LogqlMistake extends Error {
  override readonly name = "LogqlMistake";
}

/** The text that a string of a query stands for. */
export function textOf({ text }: Node): string {
  return text.startsWith("`") ? text.slice(1, -1) : (JSON.parse(text) as string);
}

/**
 * A regular expression of Loki (RE2) in JavaScript's form.
 *
 * @param whole whether it has to match the whole text, as it has in selectors and label filters
 */
export function regexOf(text: string, whole: boolean): RegExp {
  const [, flags = "", rest = ""] = /^(?:\(\?([is]+)\))?(.*)$/s.exec(text.replaceAll("(?P<", "(?<")) ?? [];
  try {
    return new RegExp(whole ? `^(?:${rest})$` : rest, flags);
  } catch (error) {
    throw new LogqlMistake(`\`${text}\` is no regular expression: ${error instanceof Error ? error.message : ""}`);
  }
}

/** @throws LogqlMistake for a query that Loki would refuse */
export function parseLogql(query: string): Node {
  const tree = nodeOf(query, parser.parse(query).topNode);
  const [misfit] = nodesOf(tree, "error");
  if (misfit !== undefined) {
    const rest = query.slice(misfit.from).trim();
    throw new LogqlMistake(rest === "" ? "the query ends too early" : `nothing fits here: ${rest}`);
  }
  for (const selector of nodesOf(tree, "Selector")) {
    // Loki wants one matcher that does not take the empty text: else every stream would be read.
    const narrow = nodesOf(selector, "Matcher").some((matcher) => !matcherOf(matcher).matches(""));
    if (!narrow) throw new LogqlMistake(`${selector.text} selects everything`);
  }
  for (const filter of nodesOf(tree, "LineFilter")) {
    if (/[~]/.test(part(filter, "Filter")?.text ?? "")) regexOf(textOf(part(filter, "String") ?? filter), false);
  }
  for (const matcher of nodesOf(tree, "Matcher")) matcherOf(matcher);
  for (const labels of nodesOf(tree, "LabelParser").filter((stage) => part(stage, "Regexp") !== undefined)) {
    if (!textOf(part(labels, "String") ?? labels).includes("(?P<"))
      throw new LogqlMistake(`${labels.text} names no group`);
  }
  return tree;
}

export interface Matcher {
  readonly label: string;
  readonly matches: (value: string) => boolean;
}

/** What `label="value"` asks, in a selector and in a label filter. */
export function matcherOf(node: Node): Matcher {
  const [label, operator, value] = node.parts;
  if (label === undefined || operator === undefined || value?.name !== "String")
    throw new LogqlMistake(`${node.text} compares a label with no text`);
  const text = textOf(value);
  const regex = operator.text.includes("~") ? regexOf(text, true) : undefined;
  const equal = (given: string) => (regex === undefined ? given === text : regex.test(given));
  return { label: label.text, matches: operator.text.startsWith("!") ? (given) => !equal(given) : equal };
}

/** What is wrong with a query, or undefined. */
export function logqlMistake(query: string): string | undefined {
  try {
    parseLogql(query);
    return undefined;
  } catch (error) {
    if (error instanceof LogqlMistake) return error.message;
    throw error;
  }
}
