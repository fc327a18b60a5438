/** What Fluentd's filters are made of: rules of lines.ts and `redact` in front of records.rb. */
import { readFileSync } from "node:fs";
import {
  auditFields,
  auditJob,
  droppedFields,
  journalFields,
  journalJob,
  lineJob,
  lineLabels,
  nodeLabels,
  priorities,
  textField,
} from "../lines.ts";
import { expressions, mask, type Redaction } from "../redaction.ts";
import { rubyExpression } from "./expressions.ts";

type Value = string | number | readonly Value[] | { readonly [key: string]: Value };

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

/** A literal of Ruby. */
function ruby(value: Value): string {
  if (typeof value === "number") return String(value);
  // `#` may begin an expression.
  if (typeof value === "string") return JSON.stringify(value).replaceAll("#", String.raw`\u0023`);
  if (isList(value)) return `[${value.map(ruby).join(", ")}]`;
  return `{ ${Object.entries(value)
    .map(([key, of]) => `${ruby(key)} => ${ruby(of)}`)
    .join(", ")} }`;
}

/** Scripts by their file names. Fluentd looks for a filter in the file of its name. */
export function scripts(redaction: Redaction): Readonly<Record<"filter_observability.rb" | "records.rb", string>> {
  const text = (name: string) => readFileSync(new URL(`./${name}`, import.meta.url), "utf8");
  const ofNode = Object.fromEntries(nodeLabels.map((label) => [label, "host"]));
  const constants: Readonly<Record<string, Value>> = {
    TEXT_FIELD: textField,
    DROPPED: droppedFields,
    MASK: mask,
    HIDDEN: redaction.fields.map((name) => name.toLowerCase()),
    JOURNAL_FIELDS: journalFields,
    AUDIT_FIELDS: auditFields,
    PRIORITIES: priorities,
    LABELS: {
      [lineJob]: Object.fromEntries(lineLabels.map((label) => [label, `${label}_name`])),
      [journalJob]: ofNode,
      [auditJob]: ofNode,
    },
  };
  const sources = expressions(redaction).map((expression) => ruby(rubyExpression(expression)));
  return {
    "filter_observability.rb": text("filter_observability.rb"),
    "records.rb": [
      "module Observability",
      ...Object.entries(constants).map(([name, value]) => `  ${name} = ${ruby(value)}.freeze`),
      '  NODE = ENV["NODE_NAME"]',
      // What takes longer is masked as a whole. Older than Ruby 3.2 knows no limit.
      "  LIMIT = Regexp.respond_to?(:timeout) ? { timeout: 1.0 } : {}",
      `  EXPRESSIONS = [${sources.join(", ")}].map { |source| Regexp.new(source, **LIMIT) }.freeze`,
      "end",
      "",
      text("records.rb"),
    ].join("\n"),
  };
}
