/** `docs/figures.json`: what the benchmarks measured last, one key a benchmark. Its history in Git is the figures' history. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import * as path from "node:path";
import { format, resolveConfig } from "prettier";

const file = path.join(import.meta.dirname, "../../docs/figures.json");

export const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

/** Prints the figures, rounded to hundredths, and writes them under the benchmark's name. */
export function record(benchmark: string, figures: Readonly<Record<string, unknown>>): void {
  const rounded = JSON.parse(
    JSON.stringify({ ...figures, processors: availableParallelism(), node: process.version }, (_, value: unknown) =>
      typeof value === "number" ? Math.round(value * 100) / 100 : value,
    ),
  ) as unknown;
  console.log(JSON.stringify({ [benchmark]: rounded }, undefined, 2));
  const others = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>) : {};
  writeFileSync(file, `${JSON.stringify({ ...others, [benchmark]: rounded }, undefined, 2)}\n`);
}

/** Writes Markdown into a page, at the place of a benchmark: between its mark and the end of that. @throws Error without such a place */
export async function writeInto(page: string, benchmark: string, markdown: string): Promise<void> {
  const begin = `<!-- npm run ${benchmark} -->`;
  const text = readFileSync(page, "utf8");
  const from = text.indexOf(begin);
  const to = text.indexOf("<!-- end -->", from);
  if (from < 0 || to < from) throw new Error(`${page} has no place for what is measured (${begin}).`);
  const changed = `${text.slice(0, from + begin.length)}\n\n${markdown}\n\n${text.slice(to)}`;
  writeFileSync(page, await format(changed, { ...(await resolveConfig(page)), parser: "markdown" }));
}
