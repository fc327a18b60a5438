/** Values as OTLP says them in JSON, and back. */
export type Any = { readonly [key: string]: Any } | readonly Any[] | string | number | boolean;

export function value(of: Any): object {
  if (typeof of === "string") return { stringValue: of };
  if (typeof of === "boolean") return { boolValue: of };
  if (typeof of === "number") return { intValue: String(of) };
  if (Array.isArray(of)) return { arrayValue: { values: (of as Any[]).map(value) } };
  return { kvlistValue: { values: attributes(of as Readonly<Record<string, Any>>) } };
}

export const attributes = (of: Readonly<Record<string, Any>>) =>
  Object.entries(of).map(([key, is]) => ({ key, value: value(is) }));

export function plain(of: Readonly<Record<string, unknown>>): unknown {
  const [[kind, is] = []] = Object.entries(of);
  const values = () => (is as { values?: Record<string, never>[] }).values ?? [];
  if (kind === "kvlistValue")
    return Object.fromEntries(values().map(({ key, value: inner = {} }) => [key, plain(inner)]));
  if (kind === "arrayValue") return values().map(plain);
  if (kind === undefined) return null;
  return kind === "intValue" ? Number(is) : is;
}
