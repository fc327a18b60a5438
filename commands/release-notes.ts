/** `node commands/release-notes.ts <version>`: the section of CHANGELOG.md about a version, for its release. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What a changelog (keepachangelog.com) says of a version, without its heading.
 * @throws when it says nothing, in one sentence
 */
export function releaseNotes(changelog: string, version: string): string {
  const sections = changelog.split(/^## (?=\[)/m).slice(1);
  const section = sections.find((text) => text.startsWith(`[${version}]`));
  const notes = section?.slice(section.indexOf("\n")).trim() ?? "";
  if (notes !== "") return `${notes}\n`;
  throw new Error(`CHANGELOG.md has no section "## [${version}] - <date>" with text: rename [Unreleased] to it.`);
}

if (import.meta.main) {
  try {
    const changelog = readFileSync(join(import.meta.dirname, "..", "CHANGELOG.md"), "utf8");
    process.stdout.write(releaseNotes(changelog, process.argv[2] ?? ""));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
