import { homedir } from "node:os";
import { join } from "node:path";

/**
 * The project's folder in the user's cache: `$XDG_CACHE_HOME`, else `~/Library/Caches` on macOS, else `~/.cache`. What the
 * program downloads and what its tools build is kept there.
 */
export function cacheFolder(
  env: Readonly<Record<string, string | undefined>> = process.env,
  platform: string = process.platform,
): string {
  const home = env["HOME"] ?? homedir();
  const base = env["XDG_CACHE_HOME"] || join(home, ...(platform === "darwin" ? ["Library", "Caches"] : [".cache"]));
  return join(base, "observability-environment");
}
