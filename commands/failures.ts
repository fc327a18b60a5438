import { appendFileSync } from "node:fs";

/** Lines and characters of a reason that are kept: enough to see what it is about. */
const kept = { lines: 12, characters: 300 } as const;

/** Notes what failed, and why, in the file that FAILURES_FILE names: `.ci/run` ends with it. */
export function noteFailure(what: string, reason: string): void {
  const file = process.env["FAILURES_FILE"];
  if (!file) return;
  const lines = reason.trimEnd().split("\n").slice(0, kept.lines);
  appendFileSync(file, `${what}\n${lines.map((line) => `    ${line.slice(0, kept.characters)}\n`).join("")}`);
}
