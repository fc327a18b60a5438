import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import type { Environment } from "./run.ts";

const project = "observability-environment";

export { cacheFolder } from "../components/cache-folder.ts";

/** The project's folder in the user's configuration: `$XDG_CONFIG_HOME`, else `~/.config`. */
export function configFolder(env: Environment = process.env): string {
  return join(env["XDG_CONFIG_HOME"] || join(env["HOME"] ?? homedir(), ".config"), project);
}

/** The project's folder for what must not be lost: `$XDG_DATA_HOME`, else `~/.local/share`. */
export function dataFolder(env: Environment = process.env): string {
  return join(env["XDG_DATA_HOME"] || join(env["HOME"] ?? homedir(), ".local", "share"), project);
}

/**
 * Runs `work` while no other process holds the lock of the same file. The lock is SQLite's, which the operating system
 * releases when its process ends, however it ends: there is no stale lock to detect.
 *
 * @param onWait called once if another process has the lock
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  options: { readonly onWait?: () => void; readonly signal?: AbortSignal | undefined } = {},
): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  const database = new DatabaseSync(file);
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        database.exec("BEGIN EXCLUSIVE");
        break;
      } catch (error) {
        if (!(error instanceof Error && error.message.includes("locked"))) throw error;
      }
      if (attempt === 0) options.onWait?.();
      await sleep(500, undefined, { signal: options.signal });
    }
    return await work();
  } finally {
    database.close();
  }
}

/**
 * A new temporary folder beside `destination` (so that a rename into place is atomic), removed after `work`. What an
 * earlier, killed process left is removed first: call it with the lock of `destination` held.
 */
export async function withTemporaryFolder<T>(destination: string, work: (temporary: string) => Promise<T>): Promise<T> {
  const prefix = `${basename(destination)}.tmp-`;
  mkdirSync(dirname(destination), { recursive: true });
  for (const entry of readdirSync(dirname(destination))) {
    if (entry.startsWith(prefix)) rmSync(join(dirname(destination), entry), { recursive: true, force: true });
  }
  const temporary = mkdtempSync(join(dirname(destination), prefix));
  try {
    return await work(temporary);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
