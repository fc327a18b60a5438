/**
 * Which ranges a query of PromQL looks back over, and which labels its result can have. Whether it is PromQL at all, promtool says.
 */
import { durationSeconds } from "../settings/formats.ts";
import { type Node, nodesOf, part } from "../settings/lezer.ts";
import { selectorOf, selectorsOf, unquoted } from "../settings/promql.ts";

export { parsed, type Selector, selectorsOf } from "../settings/promql.ts";

const grouping = (node: Node | undefined): string[] =>
  (node?.parts ?? []).map(({ text }) => unquoted(text)).filter((text) => text !== "");

/** A range that a function looks back over. */
export interface Range {
  /** The function as the grammar calls it (`Rate`); empty where there is none. */
  readonly by: string;
  /** As written, such as `[5m]`. */
  readonly text: string;
  readonly seconds: number;
}

/** Ranges of selectors; the steps of subqueries are none. */
export function rangesOf(node: Node, by = ""): Range[] {
  if (node.name === "MatrixSelector") {
    const text = part(node, "DurationExpr")?.text ?? "";
    return [{ by, text: `[${text}]`, seconds: durationSeconds(text) }];
  }
  const own = node.name === "FunctionCall" ? (part(node, "FunctionIdentifier")?.parts[0]?.name ?? "") : by;
  return node.parts.flatMap((child) => rangesOf(child, own));
}

/** Whether a function is called, by its name in the grammar. */
export const calls = (node: Node, name: string): boolean => nodesOf(node, name).length > 0;

/** Labels of a result: whether it can have one of a name. */
type Labels = (label: string) => boolean;

const none: Labels = () => false;
const only =
  (names: readonly string[], of: Labels): Labels =>
  (label) =>
    names.includes(label) && of(label);
const less =
  (names: readonly string[], of: Labels): Labels =>
  (label) =>
    !names.includes(label) && of(label);
const more =
  (names: readonly string[], of: Labels): Labels =>
  (label) =>
    names.includes(label) || of(label);

const literals = ["NumberDurationLiteral", "StringLiteral"];

/** A number, not a vector. */
function isScalar(node: Node): boolean {
  if (["ParenExpr", "UnaryExpr"].includes(node.name))
    return node.parts.every((one) => one.name === "UnaryOp" || isScalar(one));
  if (node.name === "BinaryExpr")
    return [node.parts[0], node.parts.at(-1)].every((one) => one !== undefined && isScalar(one));
  return literals.includes(node.name) || (node.name === "FunctionCall" && /^(scalar|time|pi)\b/.test(node.text));
}

function ofAggregate(node: Node): Labels {
  const operator = part(node, "AggregateOp")?.parts[0]?.name ?? "";
  const args = part(node, "FunctionCallBody")?.parts ?? [];
  const [body] = args.slice(-1);
  const inner = body === undefined ? none : labelsOf(body);
  const modifier = part(node, "AggregateModifier");
  const names = grouping(modifier && part(modifier, "GroupingLabels"));
  const [first] = modifier?.parts ?? [];
  const kept = first?.name === "By" ? only(names, inner) : first?.name === "Without" ? less(names, inner) : none;
  if (/^(Topk|Bottomk|LimitK|LimitRatio)$/.test(operator)) return inner;
  return operator === "CountValues" ? more([unquoted(args[0]?.text ?? "")], kept) : kept;
}

function ofFunction(node: Node): Labels {
  const called = part(node, "FunctionIdentifier")?.parts[0]?.name ?? "";
  const args = part(node, "FunctionCallBody")?.parts ?? [];
  if (/^Absent/.test(called)) {
    const [selector] = selectorsOf(node);
    const equal = (selector?.matchers ?? []).filter(({ operator }) => operator === "=").map(({ label }) => label);
    return (label) => equal.includes(label);
  }
  const vector = args.find((one) => !isScalar(one));
  const inner = vector === undefined ? none : labelsOf(vector);
  if (/^Label(Replace|Join)$/.test(called)) return more([unquoted(args[1]?.text ?? "")], inner);
  return /^Histogram(Quantile|Fraction)$/.test(called) ? less(["le"], inner) : inner;
}

/** As `resultMetric` and `VectorAnd` have it (promql/engine.go of Prometheus). */
function ofBinary(node: Node): Labels {
  const [left, operator, ...rest] = node.parts;
  const right = rest.at(-1);
  if (left === undefined || right === undefined) return none;
  const [a, b] = [labelsOf(left), labelsOf(right)];
  if (isScalar(left)) return b;
  if (isScalar(right)) return a;
  if (operator?.name === "And" || operator?.name === "Unless") return a;
  if (operator?.name === "Or") return (label) => a(label) || b(label);
  const clause = part(node, "MatchingModifierClause")?.parts ?? [];
  const side = clause.findIndex(({ name }) => name === "GroupLeft" || name === "GroupRight");
  if (side >= 0) return more(grouping(clause[side + 1]), clause[side]?.name === "GroupLeft" ? a : b);
  const names = grouping(clause[1]);
  if (clause[0]?.name === "On") return only(names, a);
  return clause[0]?.name === "Ignoring" ? less(names, a) : (label) => a(label) && b(label);
}

/** Which labels the result of a query can have. */
export function labelsOf(node: Node): Labels {
  switch (node.name) {
    case "VectorSelector": {
      const { matchers } = selectorOf(node);
      return less(
        matchers.filter(({ operator, value }) => operator === "=" && value === "").map(({ label }) => label),
        () => true,
      );
    }
    case "AggregateExpr":
      return ofAggregate(node);
    case "FunctionCall":
      return ofFunction(node);
    case "BinaryExpr":
      return ofBinary(node);
    default: {
      if (literals.includes(node.name)) return none;
      const [inner] = node.parts.filter(({ name }) => name !== "UnaryOp");
      return inner === undefined ? none : labelsOf(inner);
    }
  }
}
