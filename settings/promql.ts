/** PromQL by Prometheus' own grammar for editors (`@prometheus-io/lezer-promql`): what a query asks for. */
import { parser } from "@prometheus-io/lezer-promql";
import { type Node, nodeOf, nodesOf, part } from "./lezer.ts";

/** A query; undefined where it is not PromQL. */
export function parsed(query: string): Node | undefined {
  const node = nodeOf(query, parser.parse(query).topNode);
  return nodesOf(node, "error").length > 0 ? undefined : node;
}

/** What a text in quotes stands for, as far as names of labels and values without escapes go. */
export const unquoted = (text: string) => (/^["'`]/.test(text) ? text.slice(1, -1) : text);

/** A selector of series: the metric's name, where it has one, and its matchers. */
export interface Selector {
  readonly metric: string | undefined;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

export function selectorOf(node: Node): Selector {
  const list = part(node, "LabelMatchers")?.parts ?? [];
  const matchers = list
    .filter(({ name }) => name !== "QuotedLabelName")
    .map(({ parts: [label, operator, value] }) => ({
      label: unquoted(label?.text ?? ""),
      operator: operator?.text ?? "",
      value: unquoted(value?.text ?? ""),
    }));
  const named = part(node, "Identifier") ?? list.find(({ name }) => name === "QuotedLabelName");
  const byLabel = matchers.find(({ label, operator }) => label === "__name__" && operator === "=")?.value;
  return { metric: named === undefined ? byLabel : unquoted(named.text), matchers };
}

export const selectorsOf = (node: Node): Selector[] => nodesOf(node, "VectorSelector").map(selectorOf);
