/** Raw configuration to validated settings; every error is for a person. Pure: no Pulumi, no environment. */
import { z } from "zod";
import { nearest } from "./nearest.ts";
import { checkRules, type Finding } from "./rules.ts";
import { secretGroups, type SecretName, secretSettings, type Settings, settingsSchema } from "./schema.ts";

export { nearest } from "./nearest.ts";

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
  readonly items?: SchemaNode;
}

/** Keys that are allowed below a path. */
function keysAt(path: readonly PropertyKey[]): string[] {
  let node = z.toJSONSchema(settingsSchema, { io: "input" }) as SchemaNode;
  for (const key of path) {
    const next = typeof key === "number" ? node.items : node.properties?.[String(key)];
    if (next === undefined) return [];
    node = next;
  }
  const keys = Object.keys(node.properties ?? {});
  return path.length === 0 ? [...keys, ...Object.keys(secretSettings), ...Object.keys(secretGroups)] : keys;
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
      return { path: [...path, key].join("."), message: `is not a setting. ${advice}` };
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

/** Secrets of a group that are in plain text. */
function openSecrets(raw: Readonly<Record<string, unknown>>): Finding[] {
  return Object.keys(secretGroups)
    .filter((group) => group in raw)
    .flatMap((group) => {
      const value = raw[group];
      const names = typeof value === "object" && value !== null ? Object.keys(value) : ["<name>"];
      return names.map((name) => ({
        path: `${group}.${name}`,
        message: `is stored in plain text. Run \`pulumi config set --secret --path ${group}.${name}\`.`,
      }));
    });
}

/** Where settings come from, and what is known beside them. */
export interface SettingsSource {
  /** The file that an error is headed with. */
  readonly file: string;
  /** Secrets that are set. */
  readonly secrets: readonly SecretName[];
  /** Names in `alertingSecrets`. @default not known, and so not looked at */
  readonly alertingSecrets?: readonly string[];
  /** @default the present */
  readonly now?: Date;
}

/**
 * Validates what a stack says and fills in the defaults.
 *
 * @param raw keys of the project's configuration, without the project's name, secrets left out
 * @throws SettingsError with every finding
 */
export function parseSettings(raw: Readonly<Record<string, unknown>>, source: SettingsSource): Settings {
  const open = openSecrets(raw);
  if (open.length > 0) throw new SettingsError(source.file, open);
  const result = settingsSchema.safeParse(raw);
  if (!result.success) throw new SettingsError(source.file, findingsOf(result.error));
  const findings = checkRules(result.data, {
    secrets: source.secrets,
    alertingSecrets: source.alertingSecrets,
    now: source.now ?? new Date(),
  });
  if (findings.length > 0) throw new SettingsError(source.file, findings);
  return deepFreeze(result.data);
}
