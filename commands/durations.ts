/** How long each test file took when it last ran on this machine. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheFolder } from "../toolchain/cache.ts";

/** Milliseconds by a file's path in the project; of all clones, which differ little. */
export type Durations = Readonly<Partial<Record<string, number>>>;

const durationsFile = () => join(cacheFolder(), "durations.json");

/** What is known; nothing where nothing was kept. */
function durations(): Durations {
  try {
    return JSON.parse(readFileSync(durationsFile(), "utf8")) as Durations;
  } catch {
    return {};
  }
}

/** Keeps what these files took; of others what was known. */
export function noteDurations(took: Durations): void {
  const file = durationsFile();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, JSON.stringify({ ...durations(), ...took }));
  renameSync(`${file}.${process.pid}`, file);
}

/**
 * @param guess of a file of which nothing is known
 * @returns the files, the longest first: or all but one process would wait for it at the end
 */
export function longestFirst(files: readonly string[], guess: (file: string) => number, took = durations()): string[] {
  const of = (file: string) => took[file] ?? guess(file);
  return [...files].sort((a, b) => of(b) - of(a) || a.localeCompare(b));
}
