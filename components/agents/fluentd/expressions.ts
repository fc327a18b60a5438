/** Expressions of RE2 in the syntax of Ruby's own machine (Onigmo), which prefers the same matches: leftmost, and of those the first. */
import { compileRe2 } from "../../../settings/re2-program.ts";

type Flag = "i" | "m" | "s" | "U";

/** A part of an expression: what is quoted, a group's begin or end, a repetition, a class, an escape, a character. */
const part =
  /\\Q(?<quoted>.*?)(?:\\E|$)|\(\?(?<flags>[imsU]*(?:-[imsU]+)?)(?<end>[:)])|(?<open>\((?:\?P?<\w+>)?)|(?<close>\))|(?<or>\|)|(?<repeat>[*+?]|\{\d+(?:,\d*)?\})(?<lazy>\??)|(?<one>\[\^?\]?(?:\[:\^?\w+:\]|\\[pP]\{\^?\w+\}|\\.|[^\]\\])*\]|\\[pP](?:\{\^?\w+\}|.)|\\x(?:\{[0-9A-Fa-f]+\}|[0-9A-Fa-f]{2})|\\[0-7]{1,3}|\\.|.)/gsu;

const code = (rune: number) =>
  /[0-9A-Za-z]/.test(String.fromCodePoint(rune))
    ? String.fromCodePoint(rune)
    : rune < 128
      ? String.raw`\x${rune.toString(16).padStart(2, "0")}`
      : String.raw`\u{${rune.toString(16)}}`;

/** Surrogates are no characters to Ruby. */
function ranges(of: readonly number[]): string {
  const all: string[] = [];
  for (let index = 0; index < of.length; index += 2) {
    const [low = 0, high = 0] = of.slice(index);
    for (const [first, last] of [
      [low, Math.min(high, 0xd7ff)],
      [Math.max(low, 0xe000), high],
    ] as const)
      if (first <= last) all.push(first === last ? code(first) : `${code(first)}-${code(last)}`);
  }
  return `[${all.join("")}]`;
}

/** Assertions by their bits (`Instruction`). Ruby's own of a line's begin does not hold behind the last line break. */
const assertions: Readonly<Record<number, string>> = {
  1: String.raw`(?<![^\n])`,
  2: String.raw`(?![^\n])`,
  4: String.raw`(?:\A)`,
  8: String.raw`(?:\z)`,
  16: String.raw`(?a:\b)`,
  32: String.raw`(?a:\B)`,
};

/** What takes one character or none, as RE2 says it under these flags. */
function one(text: string, flags: ReadonlySet<Flag>): string {
  const under = [...flags].filter((flag) => flag !== "U").join("");
  const { start, instructions } = compileRe2(under === "" ? text : `(?${under})${text}`);
  const first = instructions[start];
  if (first?.op === "rune") return ranges(first.ranges);
  if (first?.op === "empty") return assertions[first.where] ?? "(?!)";
  return "(?!)";
}

/** @throws RE2JSException for what is no expression of RE2 */
export function rubyExpression(expression: string): string {
  compileRe2(expression);
  const groups: ReadonlySet<Flag>[] = [];
  let flags: ReadonlySet<Flag> = new Set();
  const literal = (text: string) =>
    Array.from(text, (rune) => one(`\\x{${(rune.codePointAt(0) ?? 0).toString(16)}}`, flags));
  const written = [...expression.matchAll(part)].map(({ groups: found = {} }) => {
    const { quoted, flags: changed, end, open, close, or, repeat, lazy, one: single } = found;
    if (quoted !== undefined) return literal(quoted).join("");
    if (changed !== undefined) {
      if (end === ":") groups.push(flags);
      const [on = "", off = ""] = changed.split("-");
      flags = new Set([...flags, ...(Array.from(on) as Flag[])].filter((flag) => !off.includes(flag)));
      return end === ":" ? "(?:" : "";
    }
    if (open !== undefined) {
      groups.push(flags);
      return "(?:";
    }
    if (close !== undefined) {
      flags = groups.pop() ?? new Set();
      return ")";
    }
    if (or !== undefined) return "|";
    if (repeat === undefined) return one(single ?? "", flags);
    // To Ruby `{2}?` is two or none.
    return /^\{\d+\}$/.test(repeat) || (lazy === "?") === flags.has("U") ? repeat : `${repeat}?`;
  });
  return written.join("");
}
