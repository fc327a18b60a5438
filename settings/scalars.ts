/**
 * Scalars, read as what their setting is. YAML and Pulumi's CLI decide by the look of a value: `pulumi config set --path
 * opentelemetry.samplingRatio 0.1` stores a text, `demo.image.tag 1234567` a number, and people write `yes`.
 */

/** A node of the settings' JSON Schema, as far as it is read here. */
export interface SchemaNode {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly SchemaNode[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
}

function scalar(node: SchemaNode, value: unknown): unknown {
  const types = (node.anyOf ?? [node]).map(({ type }) => type);
  const takes = (...names: readonly string[]) => types.some((type) => names.includes(type ?? ""));
  if (typeof value === "number" || typeof value === "boolean") {
    return types.every((type) => type === "string") ? String(value) : value;
  }
  if (typeof value !== "string" || takes("string")) return value;
  // Decimal only: to one YAML 03000 is a number of eight's, to another it is 3000.
  if (takes("integer", "number") && /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(value)) return Number(value);
  if (takes("boolean") && /^(true|yes|on)$/i.test(value)) return true;
  if (takes("boolean") && /^(false|no|off)$/i.test(value)) return false;
  return takes("null") && value === "null" ? null : value;
}

/** A raw value with each scalar as its setting wants it, where it can be read so; the rest is left to validation. */
export function readScalars(node: SchemaNode, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => readScalars(node.items ?? {}, item));
  if (typeof value !== "object" || value === null) return scalar(node, value);
  const others = typeof node.additionalProperties === "object" ? node.additionalProperties : {};
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [key, readScalars(node.properties?.[key] ?? others, child)]),
  );
}

/**
 * Numbers as they stand in the file. The engine hands on what its YAML made of them, `1.1` for the tag `1.10` and 1536 for
 * the port 03000.
 */
export function numbersAsWritten(value: unknown, written: unknown): unknown {
  if (typeof value === "number") {
    const same = typeof written === "string" && (Number(written) === value || Number.parseInt(written, 8) === value);
    return same ? written : value;
  }
  if (typeof value !== "object" || value === null || typeof written !== "object" || written === null) return value;
  const child = (key: string) => (written as Readonly<Record<string, unknown>>)[key];
  if (Array.isArray(value)) return value.map((item, index) => numbersAsWritten(item, child(String(index))));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, numbersAsWritten(one, child(key))]));
}
