/** Gives a configuration to the program that reads it where it is deployed, and says what it thinks. */
import { stringify } from "yaml";
import { programSaid } from "../../../contract/said.ts";

export interface Verdict {
  readonly accepted: boolean;
  /** What the program printed. */
  readonly said: string;
}

/** @param args of the program, for a configuration in a file */
export function judge(
  program: string,
  args: (file: string) => readonly string[],
  config: unknown,
  env: Readonly<Record<string, string>> = {},
): Verdict {
  const file = "config.yaml";
  const { status, stdout, stderr } = programSaid(program, {
    files: { [file]: stringify(config) },
    args: args(file),
    env,
  });
  return { accepted: status === 0, said: stdout + stderr };
}

/** A configuration in which one key, at whatever depth, is misspelt. */
export interface Misspelling {
  /** Path of the key as it was. */
  readonly path: string;
  readonly config: unknown;
}

/** Every configuration that is one misspelt key away. */
export function* misspellings(config: unknown, at = ""): Generator<Misspelling> {
  if (typeof config !== "object" || config === null) return;
  for (const [key, value] of Object.entries(config)) {
    const path = at === "" ? key : `${at}.${key}`;
    if (Array.isArray(config)) {
      for (const inner of misspellings(value, path)) {
        yield {
          path: inner.path,
          config: config.map((item: unknown, index) => (index === Number(key) ? inner.config : item)),
        };
      }
      continue;
    }
    const rest = Object.entries(config);
    yield { path, config: Object.fromEntries(rest.map(([k, v]) => [k === key ? `${k}x` : k, v])) };
    for (const inner of misspellings(value, path)) {
      yield { path: inner.path, config: { ...config, [key]: inner.config } };
    }
  }
}

/** The different configurations of many environments. */
export function different<T>(configs: readonly T[]): T[] {
  return [...new Map(configs.map((config) => [JSON.stringify(config), config])).values()];
}
