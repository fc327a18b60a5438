/** Steps that passed before on this machine, with all that their result depends on as it is now: they need not run again. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheFolder } from "../toolchain/cache.ts";

/** One digest of files of a project, their names included, and of the platform with its Node.js. */
export function digestOfFiles(projectFolder: string, files: Iterable<string>): string {
  const hash = createHash("sha256");
  for (const file of [...new Set(files)].sort()) {
    const path = join(projectFolder, file);
    if (statSync(path).isFile()) hash.update(`${file}\0`).update(readFileSync(path)).update("\0");
  }
  return hash.update(`${process.version} ${process.platform} ${process.arch}`).digest("hex").slice(0, 16);
}

/**
 * Whether a step passed with this digest, kept as a file in the cache folder; deleting it runs the step again.
 *
 * @returns what it said of itself then, and how to note that it passes now
 */
export function passedWith(
  step: string,
  digest: string,
): {
  readonly before: string | undefined;
  readonly note: (said: string) => void;
} {
  const file = join(cacheFolder(), "passed", `${step}-${digest}`);
  return {
    before: existsSync(file) ? readFileSync(file, "utf8").trim() : undefined,
    note: (said) => {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `${said} (${new Date().toISOString()})\n`);
    },
  };
}
