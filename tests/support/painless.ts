/**
 * A stand-in for Painless, in which Elasticsearch's ingest pipelines have their scripts and whose licence keeps it out: the few of its words that the
 * scripts of components/logs/elasticsearch/setup.ts have, put into JavaScript. A word that it does not know is a mistake of syntax or has no value.
 */
import { runInNewContext } from "node:vm";

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Java's map; in Painless what is read off it by a dot is an entry. */
class HashMap extends Map<string, unknown> {
  put(key: string, value: unknown): void {
    this.set(key, value);
  }
  remove(key: string): unknown {
    const was = this.get(key);
    this.delete(key);
    return was;
  }
  entrySet(): { getKey: () => string; getValue: () => unknown }[] {
    return [...this].map(([key, value]) => ({ getKey: () => key, getValue: () => value }));
  }
  keySet(): string[] {
    return [...this.keys()];
  }
}

const map = (entries: Iterable<readonly [string, unknown]> = []) =>
  new Proxy(new HashMap(entries), {
    get: (of, key) => {
      const member: unknown = Reflect.get(of, key, of);
      if (typeof member === "function") return member.bind(of) as unknown;
      return typeof key === "string" ? of.get(key) : member;
    },
    set: (of, key, value) => {
      of.set(String(key), value);
      return true;
    },
  });

function from(value: Json): unknown {
  if (Array.isArray(value)) return value.map((one: Json) => from(one));
  if (typeof value !== "object" || value === null) return value;
  return map(Object.entries(value).map(([key, one]) => [key, from(one)]));
}

function back(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(back);
  return value instanceof Map ? Object.fromEntries([...value].map(([key, one]) => [String(key), back(one)])) : value;
}

/** Each word of Painless, and what does the same in JavaScript. */
const words: readonly (readonly [RegExp, string])[] = [
  [/\bfor \(def (\w+) : /g, "for (const $1 of "],
  [/\b(def|int) (?=\w+ =)/g, "let "],
  [/([\w.]+) instanceof String\b/g, '(typeof $1 === "string")'],
  [/ instanceof List\b/g, " instanceof Array"],
  [/new HashMap\(\)/g, "map()"],
  [/new ArrayList\(/g, "Array.from("],
  [/= \[('\w+': .*)\];/g, "= map(Object.entries({$1}));"],
  [/\.length\(\)/g, ".length"],
];

/** What a script makes of a document. */
export function painless(source: string, params: object, document: object): Readonly<Record<string, unknown>> {
  const script = words.reduce((text, [word, by]) => text.replaceAll(word, by), source);
  const ctx = from(document as Json);
  runInNewContext(`"use strict";\n${script}`, { ctx, params: from(params as Json), map, Map, Array, Object });
  return back(ctx) as Readonly<Record<string, unknown>>;
}
