/** What a check of the contract suite finds. */

export interface Finding {
  /** The check, by its short name. */
  readonly check: string;
  /** What is wrong: a release or an object (`Kind namespace/name`). */
  readonly object: string;
  /** Where in it, keys joined by dots; empty for the whole of it. */
  readonly path: string;
  /** A sentence that says what is wrong and what would be right. */
  readonly message: string;
}

/** One line for a person. */
export function describeFinding({ check, object, path, message }: Finding): string {
  return `${check}: ${object}${path === "" ? "" : ` ${path}`}: ${message}`;
}

/** Plain data. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A map of plain data; undefined for anything else. */
export function asMap(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

/** The value at a path, or undefined. */
export function at(value: unknown, ...keys: readonly (string | number)[]): unknown {
  let here: unknown = value;
  for (const key of keys) {
    if (typeof here !== "object" || here === null) return undefined;
    here = (here as Record<string | number, unknown>)[key];
  }
  return here;
}

/** The text at a path, or undefined for anything else. */
export function textAt(value: unknown, ...keys: readonly (string | number)[]): string | undefined {
  const found = at(value, ...keys);
  return typeof found === "string" ? found : undefined;
}
