/** Programs of RE2, for what has to run an expression and has no RE2 (Lua in Fluent Bit). */
import { RE2JS } from "re2js";

/** An instruction of RE2's machine; `out` is the number of the next. */
export type Instruction =
  | { readonly op: "alt"; readonly out: number; readonly other: number }
  /** An assertion: 1 begin and 2 end of a line, 4 begin and 8 end of the text, 16 at and 32 not at a word's edge. */
  | { readonly op: "empty"; readonly out: number; readonly where: number }
  /** Code points that are taken: first and last of each range, ascending. */
  | { readonly op: "rune"; readonly out: number; readonly ranges: readonly number[] }
  | { readonly op: "match" }
  | { readonly op: "fail" };

export interface Program {
  readonly start: number;
  readonly instructions: readonly Instruction[];
}

/** The part of RE2JS 2.10's `Inst` that is read here. */
interface Inst {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  readonly runes: Int32Array;
  matchRune(rune: number): boolean;
}

const lastRune = 0x10ffff;
/** The last code point that has another case (Unicode 16, Adlam). */
const lastCased = 0x1e943;

/** What a letter takes, whose case does not matter. */
const folded = new Map<number, readonly number[]>();
function foldedRanges(inst: Inst): readonly number[] {
  const letter = inst.runes[0] ?? 0;
  const known = folded.get(letter);
  if (known !== undefined) return known;
  const taken: number[] = [];
  for (let rune = 0; rune <= Math.max(lastCased, letter); rune++) if (inst.matchRune(rune)) taken.push(rune, rune);
  folded.set(letter, taken);
  return taken;
}

/** Ranges of what an instruction takes (`Inst.op` of RE2JS: RUNE, RUNE1, RUNE_ANY, RUNE_ANY_NOT_NL); undefined for any other. */
function rangesOf(inst: Inst): readonly number[] | undefined {
  if (inst.op === 10) return [0, lastRune];
  if (inst.op === 11) return [0, 9, 11, lastRune];
  if (inst.op !== 8 && inst.op !== 9) return undefined;
  const [only] = inst.runes;
  if (inst.runes.length !== 1 || only === undefined) return [...inst.runes];
  return (inst.arg & 1) === 0 ? [only, only] : foldedRanges(inst);
}

/** @throws RE2JSException for what is no expression of RE2 */
export function compileRe2(expression: string): Program {
  const { prog } = RE2JS.compile(expression).re2() as unknown as {
    readonly prog: { readonly start: number; numInst(): number; getInst(pc: number): Inst };
  };
  /** Past what only captures and labels. */
  const next = (pc: number): number => {
    const { op, out } = prog.getInst(pc);
    return op === 3 || op === 7 ? next(out) : pc;
  };
  const instructions = Array.from({ length: prog.numInst() }, (_, pc): Instruction => {
    const inst = prog.getInst(pc);
    const out = next(inst.out);
    if (inst.op === 1 || inst.op === 2) return { op: "alt", out, other: next(inst.arg) };
    if (inst.op === 4) return { op: "empty", out, where: inst.arg };
    if (inst.op === 6) return { op: "match" };
    const ranges = rangesOf(inst);
    return ranges === undefined ? { op: "fail" } : { op: "rune", out, ranges };
  });
  return { start: next(prog.start), instructions };
}

/** Instructions that are reached without a character, assertions taken as met. */
export function firstOf({ start, instructions }: Program): readonly Instruction[] {
  const seen = new Set<number>();
  const visit = (pc: number): void => {
    const instruction = instructions[pc];
    if (instruction === undefined || seen.has(pc)) return;
    seen.add(pc);
    if (instruction.op === "alt" || instruction.op === "empty") visit(instruction.out);
    if (instruction.op === "alt") visit(instruction.other);
  };
  visit(start);
  return [...seen].flatMap((pc) => instructions[pc] ?? []);
}
