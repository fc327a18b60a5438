/** Reads a stack's settings from its file, without an engine: for the rehearsal, for rendering and for tests. */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { parseDocument, visit } from "yaml";
import { type Members, type SecretGroup, secretGroups, secretSettings } from "./secrets.ts";

/** What `Pulumi.<stack>.yaml` says: plain settings of the project, and which keys are secret there. */
export interface StackFile {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly secrets: readonly string[];
  /** Names in groups of secrets that are secret there. */
  readonly members: Members<readonly string[]>;
  /** Keys that are not the project's (`github:owner`). */
  readonly others: readonly string[];
}

function isSecret(value: unknown): boolean {
  return typeof value === "object" && value !== null && "secure" in value;
}

/** The `config` of a stack file; a number that is written in another way than it is printed (`1.10`, `03000`) is a text. */
function configOf(text: string): Readonly<Record<string, unknown>> {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) throw error;
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value === "number" && node.source !== undefined && String(node.value) !== node.source) {
        node.value = node.source;
      }
    },
  });
  return (document.toJS() as { config?: Record<string, unknown> | null } | null)?.config ?? {};
}

/**
 * Reads `Pulumi.<stack>.yaml` of a folder. A secret's value stays encrypted and is only named.
 * @throws when there is no such file
 */
export function readStackFile(folder: string, project: string, stack: string): StackFile {
  const config = configOf(readFileSync(path.join(folder, `Pulumi.${stack}.yaml`), "utf8"));
  const settings: Record<string, unknown> = {};
  const secrets: string[] = [];
  const members: Partial<Record<SecretGroup, readonly string[]>> = {};
  const others: string[] = [];
  for (const [key, value] of Object.entries(config)) {
    if (!key.startsWith(`${project}:`)) {
      others.push(key);
      continue;
    }
    const name = key.slice(project.length + 1);
    if (isSecret(value) && name in secretSettings) secrets.push(name);
    else if (name in secretGroups && typeof value === "object" && value !== null) {
      const group = Object.entries(value);
      members[name as SecretGroup] = group.filter(([, member]) => isSecret(member)).map(([member]) => member);
      // What is in plain text, or nested, is told by parseSettings.
      const open = group.filter(([, member]) => !isSecret(member));
      if (open.length > 0) settings[name] = Object.fromEntries(open);
    } else settings[name] = value;
  }
  return { settings, secrets, members, others };
}
