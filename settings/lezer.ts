/** What a parser of Lezer makes of a query, as plain data: the same for every language of which Grafana or Prometheus has a grammar. */

/** As far as a parser's nodes are read here. */
interface SyntaxNode {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly type: { readonly isError: boolean };
  readonly firstChild: SyntaxNode | null;
  readonly nextSibling: SyntaxNode | null;
}

/** A part of a query: its name in the grammar, its text and where that begins, and its parts. */
export interface Node {
  /** `error` where nothing of the grammar fits. */
  readonly name: string;
  readonly text: string;
  readonly from: number;
  readonly parts: readonly Node[];
}

export function nodeOf(query: string, node: SyntaxNode): Node {
  const parts: Node[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) parts.push(nodeOf(query, child));
  const { from, to, type, name } = node;
  return { name: type.isError ? "error" : name, text: query.slice(from, to), from, parts };
}

/** Every node of a name below another, itself included. */
export function nodesOf(node: Node, name: string): Node[] {
  return [...(node.name === name ? [node] : []), ...node.parts.flatMap((part) => nodesOf(part, name))];
}

/** The first part of one of some names. */
export function part(node: Node, ...names: readonly string[]): Node | undefined {
  return node.parts.find(({ name }) => names.includes(name));
}
