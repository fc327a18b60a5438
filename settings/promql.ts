/** PromQL by Prometheus' own grammar for editors (`@prometheus-io/lezer-promql`): what a query asks for. */
import { parser } from "@prometheus-io/lezer-promql";

type SyntaxNode = ReturnType<typeof parser.parse>["topNode"];

/** A part of a query: its name in the grammar, its text, and its parts. */
export interface Node {
  readonly name: string;
  readonly text: string;
  readonly parts: readonly Node[];
}

function nodeOf(query: string, node: SyntaxNode): Node {
  const parts: Node[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) parts.push(nodeOf(query, child));
  return { name: node.type.isError ? "error" : node.name, text: query.slice(node.from, node.to), parts };
}

/** A query; undefined where it is not PromQL. */
export function parsed(query: string): Node | undefined {
  const node = nodeOf(query, parser.parse(query).topNode);
  return nodesOf(node, "error").length > 0 ? undefined : node;
}

/** Every node of a name below another, itself included. */
export function nodesOf(node: Node, name: string): Node[] {
  return [...(node.name === name ? [node] : []), ...node.parts.flatMap((part) => nodesOf(part, name))];
}

export const part = (node: Node, ...names: readonly string[]) => node.parts.find(({ name }) => names.includes(name));

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
