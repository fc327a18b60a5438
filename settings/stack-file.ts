/** Reads a stack's settings from its file, without an engine: for the rehearsal, for rendering and for tests. */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { secretGroups } from "./schema.ts";

/** What `Pulumi.<stack>.yaml` says: plain settings of the project, and which keys are secret there. */
export interface StackFile {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly secrets: readonly string[];
  /** Names in `alertingSecrets` that are secret there. */
  readonly alertingSecrets: readonly string[];
}

function isSecret(value: unknown): boolean {
  return typeof value === "object" && value !== null && "secure" in value;
}

/**
 * Reads `Pulumi.<stack>.yaml` of a folder. Keys of other packages (`github:owner`) are left out; a secret's value stays
 * encrypted and is only named.
 * @throws when there is no such file
 */
export function readStackFile(folder: string, project: string, stack: string): StackFile {
  const file = path.join(folder, `Pulumi.${stack}.yaml`);
  const content = (parse(readFileSync(file, "utf8")) ?? {}) as { config?: Record<string, unknown> };
  const settings: Record<string, unknown> = {};
  const secrets: string[] = [];
  const alertingSecrets: string[] = [];
  for (const [key, value] of Object.entries(content.config ?? {})) {
    if (!key.startsWith(`${project}:`)) continue;
    const name = key.slice(project.length + 1);
    if (isSecret(value)) secrets.push(name);
    else if (name in secretGroups && typeof value === "object" && value !== null) {
      const members = Object.entries(value);
      alertingSecrets.push(...members.filter(([, member]) => isSecret(member)).map(([member]) => member));
      // What is in clear is told by parseSettings.
      const open = members.filter(([, member]) => !isSecret(member));
      if (open.length > 0) settings[name] = Object.fromEntries(open);
    } else settings[name] = value;
  }
  return { settings, secrets, alertingSecrets };
}
