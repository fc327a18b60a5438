/** Raw configuration to validated settings; every error is for a person. Pure: no Pulumi, no environment. */
import { distance } from "fastest-levenshtein";
import { z } from "zod";
import { checkRules, type Finding } from "./rules.ts";
import { type SecretName, secretSettings, type Settings, settingsSchema } from "./schema.ts";

/** The settings of a stack are wrong. The message lists every finding and is headed by the file to mend. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly findings: readonly Finding[];

  constructor(file: string, findings: readonly Finding[]) {
    const count = findings.length === 1 ? "one setting is" : `${findings.length} settings are`;
    super([`${file}: ${count} wrong`, ...findings.map((f) => `  ${f.path}: ${f.message}`)].join("\n"));
    this.findings = findings;
  }
}

/** A node of the JSON Schema, as far as keys are concerned. */
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
}

/** Keys that are allowed below a path. */
function keysAt(path: readonly PropertyKey[]): string[] {
  let node = z.toJSONSchema(settingsSchema, { io: "input" }) as SchemaNode;
  for (const key of path) {
    const next = node.properties?.[String(key)];
    if (next === undefined) return [];
    node = next;
  }
  const keys = Object.keys(node.properties ?? {});
  return path.length === 0 ? [...keys, ...Object.keys(secretSettings)] : keys;
}

/** The candidate that a misspelt word most likely means, if any is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const scored = candidates
    .map((candidate) => ({ candidate, score: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.score - b.score)[0];
  return scored !== undefined && scored.score <= Math.max(2, Math.floor(word.length / 3))
    ? scored.candidate
    : undefined;
}

function findingsOf(error: z.ZodError): Finding[] {
  return error.issues.flatMap((issue): Finding[] => {
    const path = issue.path.map(String);
    if (issue.code !== "unrecognized_keys") return [{ path: path.join("."), message: `${issue.message}.` }];
    return issue.keys.map((key) => {
      const keys = keysAt(issue.path);
      const near = nearest(key, keys);
      const advice =
        near === undefined ? `Known here: ${keys.join(", ")}.` : `Did you mean ${[...path, near].join(".")}?`;
      return { path: [...path, key].join("."), message: `is no setting. ${advice}` };
    });
  });
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}

/**
 * Validates what a stack says and fills in the defaults.
 *
 * @param raw keys of the project's configuration, without the project's name, secrets left out
 * @param source the file that an error is headed with, and the secrets that are set
 * @throws SettingsError with every finding
 */
export function parseSettings(
  raw: Readonly<Record<string, unknown>>,
  source: { readonly file: string; readonly secrets: readonly SecretName[] },
): Settings {
  const result = settingsSchema.safeParse(raw);
  if (!result.success) throw new SettingsError(source.file, findingsOf(result.error));
  const findings = checkRules(result.data, { secrets: source.secrets });
  if (findings.length > 0) throw new SettingsError(source.file, findings);
  return deepFreeze(result.data);
}
