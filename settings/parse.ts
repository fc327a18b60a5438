/** Raw configuration to validated settings; every error is for a person. Pure: no Pulumi, no environment. */
import { z } from "zod";
import { nearest } from "./nearest.ts";
import type { Finding } from "./finding.ts";
import { checkRules } from "./rules.ts";
import { readScalars, type SchemaNode } from "./scalars.ts";
import { readGroups, type Settings, settingsSchema } from "./schema.ts";
import { type Members, secretCommand, secretGroups, type SecretName, secretSettings } from "./secrets.ts";

export { nearest } from "./nearest.ts";

/** The settings of a stack are wrong. The message lists every finding and is headed by the file to mend. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly findings: readonly Finding[];

  constructor(file: string, findings: readonly Finding[]) {
    const count = findings.length === 1 ? "one setting is" : `${findings.length} settings are`;
    const lines = findings.map(({ path, line, message }) => {
      const where = line === undefined ? "" : ` (line ${line})`;
      return `  ${path}${where}: ${message}`;
    });
    super([`${file}: ${count} wrong`, ...lines].join("\n"));
    this.findings = findings;
  }
}

let schema: SchemaNode | undefined;

function settingsNode(): SchemaNode {
  schema ??= z.toJSONSchema(settingsSchema, { io: "input", reused: "inline" }) as SchemaNode;
  return schema;
}

/** Keys that are allowed below a path. */
function keysAt(path: readonly PropertyKey[]): string[] {
  let node = settingsNode();
  for (const key of path) {
    const next = typeof key === "number" ? node.items : node.properties?.[String(key)];
    if (next === undefined) return [];
    node = next;
  }
  const keys = Object.keys(node.properties ?? {});
  return path.length === 0 ? [...keys, ...Object.keys(secretSettings), ...Object.keys(secretGroups)] : keys;
}

/** A key that is not a setting, and what to do about it. */
function unknownKey(path: readonly PropertyKey[], key: string): Finding {
  const whole = [...path.map(String), key].join(".");
  const steps = key.split(".");
  const [group = "", ...rest] = steps;
  if (path.length === 0 && group in secretGroups && rest.length > 0) {
    const remedy = `Run \`npm run pulumi -- <stack> config rm ${key}\`, then \`${secretCommand(group, rest.join("."))}\`.`;
    return { path: whole, message: `is set without --path. ${remedy}` };
  }
  if (path.length === 0 && rest.length > 0 && keysAt(steps.slice(0, -1)).includes(steps.at(-1) ?? "")) {
    const remedy = `Run \`npm run pulumi -- <stack> config rm ${key}\`, then \`npm run pulumi -- <stack> config set --path ${key} <value>\`.`;
    return { path: whole, message: `is set without --path. ${remedy}` };
  }
  const keys = keysAt(path);
  const near = nearest(key, keys);
  const known = keys.length === 0 ? "Remove it." : `Known here: ${keys.join(", ")}.`;
  const remedy = near === undefined ? known : `Did you mean ${[...path.map(String), near].join(".")}?`;
  return { path: whole, message: `is not a setting. ${remedy}` };
}

function findingsOf(error: z.ZodError): Finding[] {
  return error.issues.flatMap((issue): Finding[] =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => unknownKey(issue.path, key))
      : [{ path: issue.path.map(String).join("."), message: `${issue.message}.` }],
  );
}

const types: Readonly<Record<string, string>> = {
  string: "a text",
  int: "a whole number",
  number: "a number",
  boolean: "true or false",
  object: "a map of settings",
  record: "a map",
  array: "a list",
};

/** What is wrong with a value where the schema has no words of its own. */
const inWords: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return "is missing";
      return `must be ${types[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${issue.values.map(String).join(" or ")}`;
    case "too_small":
      return issue.origin === "string" || issue.origin === "array"
        ? "must not be empty"
        : `must be at least ${String(issue.minimum)}`;
    case "too_big":
      return issue.origin === "string"
        ? `must have at most ${String(issue.maximum)} characters`
        : `must be at most ${String(issue.maximum)}`;
    case "invalid_key":
      return issue.issues[0]?.message;
    default:
      return undefined;
  }
};

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}

/** Paths below a member that Pulumi nested because there are dots in its name. */
function dottedNames(member: object): string[] {
  return Object.entries(member).flatMap(([key, child]) =>
    typeof child === "object" && child !== null && !("secure" in child)
      ? dottedNames(child as object).map((name) => `${key}.${name}`)
      : [key],
  );
}

/** What is wrong with a group of secrets by name: nested, empty, or, where it is not encrypted, in plain text. */
export function groupFindings(group: string, value: unknown, encrypted = false): Finding[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const command = secretCommand(group, "<name>");
    return [
      {
        path: group,
        message: `${encrypted ? "is not a map of names" : "is stored in plain text"}. Run \`${command}\`.`,
      },
    ];
  }
  return Object.entries(value).flatMap(([name, member]): Finding[] => {
    const path = `${group}.${name}`;
    if (typeof member === "object" && member !== null) {
      const commands = dottedNames(member as object).map((rest) => `\`${secretCommand(group, `${name}.${rest}`)}\``);
      const remedy = `Run \`npm run pulumi -- <stack> config rm --path ${path}\`, then ${commands.join(", ")}.`;
      return [{ path, message: `is nested, because --path reads a dot as a step. ${remedy}` }];
    }
    if (encrypted && member !== "" && member !== null) return [];
    const what = encrypted ? "is empty" : "is stored in plain text";
    return [{ path, message: `${what}. Run \`${secretCommand(group, name)}\`.` }];
  });
}

/** Who reads keys of other namespaces: Pulumi itself, providers that take defaults from there, and this project. */
const readElsewhere: Readonly<Record<string, readonly string[] | "all">> = {
  pulumi: "all",
  tls: "all",
  github: ["owner", "token"],
};

/** Keys that look as if a provider read them, and the settings that do what they would. */
const settingsInstead: Readonly<Record<string, string>> = {
  "github:baseUrl": "repository.apiUrl",
  "kubernetes:kubeconfig": "cluster.existing.kubeconfig",
  "kubernetes:context": "cluster.existing.context",
};

/** Keys of a stack file that nobody reads. */
function unreadKeys(keys: readonly string[], project: string): Finding[] {
  return keys.flatMap((key): Finding[] => {
    const [namespace = "", ...rest] = key.split(":");
    const name = rest.join(":");
    const readers = readElsewhere[namespace];
    if (readers === "all" || readers?.includes(name) === true) return [];
    const own = rest.length === 0 ? namespace : name;
    const near = readers === undefined ? nearest(own.split(".")[0] ?? "", keysAt([])) : nearest(name, readers);
    const instead =
      settingsInstead[key] ??
      (near === undefined ? undefined : readers === undefined ? `${project}:${near}` : `${namespace}:${near}`);
    const remedy = instead === undefined ? "Remove it." : `Did you mean ${instead}?`;
    return [{ path: key, message: `is read by nothing. ${remedy}` }];
  });
}

/** Where settings come from, and what is known beside them. */
export interface SettingsSource {
  /** The file that an error is headed with. */
  readonly file: string;
  /** Secrets that are set. */
  readonly secrets: readonly SecretName[];
  /** Names in groups of secrets. @default not known, and so not looked at */
  readonly members?: Members<readonly string[]>;
  /** Keys of other namespaces in that file. @default none */
  readonly others?: readonly string[];
  /** What was found before, told with the rest. @default nothing */
  readonly found?: readonly Finding[];
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
  const groups = Object.keys(secretGroups).filter((group) => group in raw);
  const settings = Object.fromEntries(Object.entries(raw).filter(([key]) => !groups.includes(key)));
  const result = readGroups(readScalars(settingsNode(), settings) as typeof settings, { error: inWords });
  const findings = [
    ...(source.found ?? []),
    ...unreadKeys(source.others ?? [], "observability"),
    ...groups.flatMap((group) => groupFindings(group, raw[group])),
    ...(result.success
      ? checkRules(result.data, {
          secrets: source.secrets,
          members: source.members,
          now: source.now ?? new Date(),
        })
      : findingsOf(result.error)),
  ];
  if (findings.length > 0 || !result.success) throw new SettingsError(source.file, findings);
  return deepFreeze(result.data);
}
