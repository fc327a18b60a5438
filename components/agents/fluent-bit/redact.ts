/** Fluent Bit's part of `redact`. None of its filters replaces what an expression fits (5.1), but it runs Lua, which has no expressions of its own. */
import { readFileSync } from "node:fs";
import { compileRe2, firstOf, type Instruction, type Program } from "../../../settings/re2-program.ts";
import { expressions, type Redaction } from "../redaction.ts";

/** Name of the script in the chart's `luaScripts`, which it mounts in `/fluent-bit/scripts`. */
export const scriptName = "redact.lua";

/** No two braces follow each other: the chart passes scripts through its template engine. */
const table = (parts: readonly string[]) => `{ ${parts.join(", ")} }`;

/** @param at number of the first instruction, which Lua counts from 1 */
function instruction(one: Instruction): string {
  const to = (pc: number) => String(pc + 1);
  const parts = {
    alt: () => (one.op === "alt" ? [to(one.out), to(one.other)] : []),
    empty: () => (one.op === "empty" ? [to(one.out), String(one.where)] : []),
    rune: () => (one.op === "rune" ? [to(one.out), ...one.ranges.map(String)] : []),
    match: () => [],
    fail: () => [],
  }[one.op]();
  return table([JSON.stringify(one.op), ...parts]);
}

/** A class of Lua with every byte that a match may begin with; undefined where that is any. */
function firstBytes(program: Program): string | undefined {
  const bytes = new Set<number>();
  for (const one of firstOf(program)) {
    if (one.op !== "rune") continue;
    for (let index = 0; index < one.ranges.length; index += 2) {
      const [low = 0, high = 0] = one.ranges.slice(index);
      for (let byte = low; byte <= Math.min(high, 127); byte++) bytes.add(byte);
      // The first byte of any other character, or one that is no UTF-8.
      if (high > 127) for (let byte = 128; byte < 256; byte++) bytes.add(byte);
    }
  }
  if (bytes.size === 256) return undefined;
  // Letters and digits would have a meaning after the sign of escape, all others may have one without.
  const escaped = (byte: number) => {
    const plain = /[0-9A-Za-z]/.test(String.fromCharCode(byte)) || byte > 127 ? "" : "%";
    return byte === 0 ? "%z" : `${plain}\\${String(byte).padStart(3, "0")}`;
  };
  return `"[${[...bytes]
    .sort((a, b) => a - b)
    .map(escaped)
    .join("")}]"`;
}

function programTable(expression: string): string {
  const program = compileRe2(expression);
  const first = firstBytes(program);
  return table([
    `start = ${program.start + 1}`,
    ...(first === undefined ? [] : [`first = ${first}`]),
    ...program.instructions.map(instruction),
  ]);
}

/** The script with its rules. */
export function redactScript(redaction: Redaction): string {
  const hidden = redaction.fields.map((name) => `[${JSON.stringify(name.toLowerCase())}] = true`);
  return [
    `local hidden = ${table(hidden)}`,
    `local programs = ${table(expressions(redaction).map(programTable))}`,
    readFileSync(new URL("./redact.lua", import.meta.url), "utf8"),
  ].join("\n");
}
