/** Strict readers of configurations, by the keys and kinds that a program's documentation names (facts/*-keys.json). */
import { asMap } from "./finding.ts";

/** A key's kind, or the keys below it. `...` names blocks whose keys stand among the others. */
export type Kind = string | Keys;
export interface Keys {
  readonly [key: string]: Kind;
}

export interface DocumentedKeys {
  /** Sections of the configuration. */
  readonly sections: Keys;
  /** Blocks that kinds name (`<block>`). @default none */
  readonly blocks?: Readonly<Record<string, Keys>>;
}

/** Durations of Prometheus know days, weeks and years; Go's do not. */
const durations = {
  prometheus: /^(?:0|(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?(?:\d+ms)?)$/,
  go: /^(?:0|(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+)$/,
} as const;

/**
 * What is wrong of a configuration's keys, and of its plain values; kinds that are not known here take everything.
 *
 * @param program its name and version, for messages
 * @param isPrometheus whether durations at a place are Prometheus's
 */
export function keyMistakes(
  program: string,
  { sections, blocks = {} }: DocumentedKeys,
  isPrometheus: (where: string) => boolean,
  config: unknown,
): string[] {
  function wrongValue(where: string, kind: string, value: unknown): string | undefined {
    const fits = (() => {
      switch (kind) {
        case "boolean":
          return typeof value === "boolean";
        case "int":
          return (
            Number.isInteger(value) || (typeof value === "string" && /^\d+(?:\.\d+)?\s*[kKMGTPE]?i?B$/.test(value))
          );
        case "float":
          return typeof value === "number";
        case "duration": {
          const known = isPrometheus(where) ? durations.prometheus : durations.go;
          return value === 0 || (typeof value === "string" && value !== "" && known.test(value));
        }
        case "string":
        case "url":
          return typeof value === "string";
        case "daytime":
          return typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value));
        case "list of strings":
          return Array.isArray(value) && value.every((item) => typeof item === "string");
        default:
          return true;
      }
    })();
    return fits ? undefined : `${where}: ${JSON.stringify(value)} is no ${kind}.`;
  }

  /** The keys of a map, those of the blocks that stand among them too. */
  function flat(keys: Keys): Keys {
    const { "...": among, ...own } = keys;
    return typeof among === "string" ? { ...blocks[among.slice(1, -1)], ...own } : own;
  }

  function* mistakes(where: string, kind: Kind, value: unknown): Generator<string> {
    const [, list, block] = typeof kind === "string" ? (/^(list )?<(\w+)>$/.exec(kind) ?? []) : [];
    if (list !== undefined) {
      if (!Array.isArray(value)) yield `${where}: is no list.`;
      else for (const [index, item] of value.entries()) yield* mistakes(`${where}.${index}`, `<${block ?? ""}>`, item);
      return;
    }
    const keys = block === undefined ? kind : blocks[block];
    if (typeof keys !== "object") {
      const wrong = wrongValue(where, String(keys), value);
      if (wrong !== undefined) yield wrong;
      return;
    }
    const map = asMap(value);
    if (map === undefined) {
      if (value !== null) yield `${where}: is no map.`;
      return;
    }
    const known = flat(keys);
    for (const [key, inner] of Object.entries(map)) {
      const place = where === "" ? key : `${where}.${key}`;
      const of = Object.hasOwn(known, key) ? known[key] : undefined;
      if (of === undefined) yield `${place}: ${program} has no such key.`;
      else yield* mistakes(place, of, inner);
    }
  }

  return [...mistakes("", sections, config)];
}
