/** What is put in place of secrets before anything leaves a node or the gateway, from one description (`redact`). */

/** As the settings say it. */
export interface Redaction {
  readonly patterns: readonly string[];
  readonly fields: readonly string[];
}

/** What stands for what was there: the collector's processor has no other (processor/redactionprocessor 0.158, `maskValue`). */
export const mask = "****";

export const isRedacted = ({ patterns, fields }: Redaction): boolean => patterns.length + fields.length > 0;

const quoted = (name: string) => name.replaceAll(/[.\-]/g, String.raw`\$&`);

/**
 * What is looked for in texts. Fields are, too: a text may be JSON that nobody parses, or hold some. There the name goes along with its value; what
 * begins with a bracket does to the end of the text, because no expression knows where it ends.
 */
export function expressions({ patterns, fields }: Redaction): readonly string[] {
  if (fields.length === 0) return patterns;
  const value = String.raw`(?:"(?:[^"\\]|\\(?s:.))*"?|[{\[](?s:.)*|[^\s",{}\[\]]+)`;
  return [...patterns, String.raw`"(?i:${fields.map(quoted).join("|")})"\s*:\s*${value}`];
}

/** What the environment itself says of a record: labels and links are made of it. */
const own = [
  ...["namespace.name", "pod.name", "pod.uid", "pod.ip", "deployment.name", "node.name", "container.name"].map(
    (name) => `k8s.${name}`,
  ),
  ...["service.name", "service.namespace"],
];

/** In the collector's configuration `$` begins a variable. */
const literal = (text: string) => text.replaceAll("$", "$$$$");

/** The collector's processor for logs and spans. */
export const redactionProcessor = (redaction: Redaction) => ({
  allow_all_keys: true,
  // Numbers, too, and in attributes what lists and maps hold.
  redact_all_types: true,
  ignored_keys: own,
  blocked_key_patterns:
    redaction.fields.length === 0 ? [] : [literal(`(?i)^(?:${redaction.fields.map(quoted).join("|")})$`)],
  blocked_values: expressions(redaction).map(literal),
  // Which fields there were would be told in further ones.
  summary: "silent",
});
