/** The Pulumi state where it is kept in a folder: what a kill leaves there that the CLI cannot mend. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of a file backend (`file://...`); undefined for every other. */
export function stateFolder(backend: string): string | undefined {
  if (!backend.startsWith("file://")) return undefined;
  const [address = ""] = backend.split("?");
  // "~" and relative paths are the CLI's own reading of such an address.
  const path = address.slice("file://".length).replace(/^~(?=\/|$)/, homedir());
  return join(address.startsWith("file:///") ? fileURLToPath(address) : resolve(path), ".pulumi");
}

/**
 * Removes files of attributes that were cut off while they were written. The CLI's storage library (gocloud.dev, fileblob)
 * writes each file of the state whole, by a rename, but the `<file>.attrs` beside it in place; a kill at that moment leaves
 * it empty, and every later command fails with "failed to load checkpoint: EOF". Nothing in it is needed: without it the
 * library takes defaults.
 *
 * @returns the paths of the removed files
 */
export function removeCutOffAttributes(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".attrs"))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => {
      if (isJson(readFileSync(file, "utf8"))) return false;
      rmSync(file, { force: true });
      return true;
    });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
