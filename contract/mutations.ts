/**
 * Small mistakes in the plain data of an environment, as people make them: a key with two letters swapped, a number in
 * quotes, a misspelt label, an element left out, a broken query. The same seed makes the same mistakes.
 */
import { parse, stringify } from "yaml";
import { asMap } from "./finding.ts";

/** A source of numbers in [0, 1) that depends on nothing but its seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export type Random = () => number;

export type Kind = "rename key" | "change type" | "misspell" | "drop element" | "flip value";

export interface Mutation {
  readonly kind: Kind;
  /** Keys that lead to what is changed, joined by `/`. */
  readonly path: string;
  /** What it was and what it became, for people. */
  readonly change: string;
  /** The tree with the mistake in it. */
  readonly tree: unknown;
}

function pick<T>(list: readonly T[], random: Random): T | undefined {
  return list[Math.floor(random() * list.length)];
}

/**
 * A text with a typing mistake in one of its words: two letters swapped, or one left out. Numbers after a colon (ports)
 * count as words. Undefined for a text without a word.
 */
export function misspelt(text: string, random: Random): string | undefined {
  const word = pick([...text.matchAll(/[A-Za-z]{3,}|(?<=:)\d{4,}/g)], random);
  if (word === undefined) return undefined;
  const [letters] = word;
  const swaps = Array.from({ length: letters.length - 1 }, (_, index) => index + 1).filter(
    (index) => letters[index - 1] !== letters[index],
  );
  const at = pick(swaps, random);
  if (at === undefined) return undefined;
  const wrong =
    random() < 0.5
      ? letters.slice(0, at - 1) + (letters[at] ?? "") + (letters[at - 1] ?? "") + letters.slice(at + 1)
      : letters.slice(0, at) + letters.slice(at + 1);
  return text.slice(0, word.index) + wrong + text.slice(word.index + letters.length);
}

/** A value of another type that a person could take for the same. */
function otherType(value: unknown): unknown {
  switch (typeof value) {
    case "string":
      return /^\d+$/.test(value) ? Number(value) : [value];
    case "number":
    case "boolean":
      return String(value);
    default:
      return Array.isArray(value) ? { 0: value[0] as unknown } : [value];
  }
}

/** A tree with the value at a path replaced; `undefined` takes it away. */
export function replaced(tree: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (Array.isArray(tree)) {
    const index = Number(key);
    const list = tree as readonly unknown[];
    if (rest.length === 0 && value === undefined) return list.filter((_, position) => position !== index);
    return list.map((item, position) => (position === index ? replaced(item, rest, value) : item));
  }
  const map = asMap(tree) ?? {};
  const entries = Object.entries(map).flatMap(([name, child]) => {
    if (name !== key) return [[name, child] as const];
    return rest.length === 0 && value === undefined ? [] : [[name, replaced(child, rest, value)] as const];
  });
  return Object.fromEntries(entries);
}

function renamed(tree: unknown, path: readonly string[], name: string): unknown {
  const parent = path.slice(0, -1);
  const last = path.at(-1) ?? "";
  const map = asMap(parent.reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], tree)) ?? {};
  const entries = Object.entries(map).map(([key, value]) => [key === last ? name : key, value] as const);
  return replaced(tree, parent, Object.fromEntries(entries));
}

/** A text that has an inner form: it is mutated by that form. */
interface Form {
  readonly fits: (path: readonly string[], text: string) => boolean;
  readonly read: (text: string) => unknown;
  readonly write: (tree: unknown) => string;
}

/** One option of Fluent Bit per line, as a map; its heading is kept under an empty key. */
const classic: Form = {
  fits: (path) => path.at(-2) === "config" && ["service", "inputs", "filters", "outputs"].includes(path.at(-1) ?? ""),
  read: (text) => {
    const [heading = "", ...lines] = text.trimEnd().split("\n");
    const options = lines
      .map((line) => /^\s*(\S+)\s+(.*)$/.exec(line))
      .map((match) => [match?.[1] ?? "", match?.[2] ?? ""]);
    return { "": heading, ...(Object.fromEntries(options) as Record<string, string>) };
  },
  write: (tree) => {
    const { "": heading = "", ...options } = asMap(tree) ?? {};
    const lines = Object.entries(options).map(([key, value]) => `    ${key} ${String(value)}`);
    return [String(heading), ...lines, ""].join("\n");
  },
};

const yaml: Form = {
  fits: (path) => path.at(-1) === "patch" || path.at(-1) === "KIND_CONFIG" || path.at(-2) === "kubeadmConfigPatches",
  read: (text) => parse(text) as unknown,
  write: (tree) => stringify(tree),
};

const forms = [classic, yaml];

/** The form of a text at a path, if it has one. */
export function formAt(path: readonly string[], text: string): Form | undefined {
  return forms.find(({ fits }) => fits(path, text));
}

/** Places whose content no reader could call wrong. */
export type Exempt = (path: readonly string[], kind: Kind) => boolean;

/**
 * Every mistake of a tree, one per place and kind.
 *
 * @param exempt places that are left out
 */
export function mutations(tree: unknown, random: Random, exempt: Exempt): Mutation[] {
  const found: Mutation[] = [];
  const add = (kind: Kind, path: readonly string[], change: string, result: unknown) => {
    if (!exempt(path, kind)) found.push({ kind, path: path.join("/"), change, tree: result });
  };
  const show = (value: unknown) => JSON.stringify(value).slice(0, 80);
  const walk = (value: unknown, path: readonly string[]): void => {
    const key = path.at(-1);
    const inList = Array.isArray(
      path.slice(0, -1).reduce<unknown>((node, k) => (node as Record<string, unknown>)[k], tree),
    );
    if (key !== undefined && key !== "" && !inList) {
      const name = misspelt(key, random);
      if (name !== undefined) add("rename key", path, `${key} -> ${name}`, renamed(tree, path, name));
    }
    if (inList) add("drop element", path, `without ${show(value)}`, replaced(tree, path, undefined));
    if (typeof value === "string") {
      const form = formAt(path, value);
      if (form !== undefined) {
        for (const inner of mutations(form.read(value), random, (below, kind) => exempt([...path, ...below], kind))) {
          // An option of a text has no type.
          if (form === classic && inner.kind === "change type") continue;
          const result = replaced(tree, path, form.write(inner.tree));
          found.push({ ...inner, path: [...path, inner.path].join("/"), tree: result });
        }
        return;
      }
      const wrong = misspelt(value, random);
      if (wrong !== undefined) add("misspell", path, `${show(value)} -> ${show(wrong)}`, replaced(tree, path, wrong));
    }
    if (value !== null && path.length > 0) {
      add("change type", path, `${show(value)} -> ${show(otherType(value))}`, replaced(tree, path, otherType(value)));
    }
    if (Array.isArray(value)) {
      (value as readonly unknown[]).forEach((child, index) => {
        walk(child, [...path, String(index)]);
      });
    } else for (const [name, child] of Object.entries(asMap(value) ?? {})) walk(child, [...path, name]);
  };
  walk(tree, []);
  return found;
}

/** A list in another order, by the seed. */
export function shuffled<T>(list: readonly T[], random: Random): T[] {
  return list
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
