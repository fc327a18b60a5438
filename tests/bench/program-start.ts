/**
 * How long the program takes from the start of Node to the last resource registered, without an engine, against a bare
 * start of Node in the same run (acceptance, performance 1). Writes its part of
 * `docs/figures.json`; `--runs N` sets how often (default 7).
 */
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { median, record } from "./figures.ts";

const { values } = parseArgs({ options: { runs: { type: "string", default: "7" } } });
const program = path.join(import.meta.dirname, "program-under-mocks.ts");

/** Wall time in seconds and peak memory in MB of a whole process. */
function measure(args: readonly string[]): { seconds: number; megabytes: number } {
  const start = process.hrtime.bigint();
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (status !== 0) throw new Error(`node ${args.join(" ")} failed:\n${stderr}`);
  return { seconds, megabytes: Number(stdout) };
}

const runs = Number(values.runs);
const rss = "process.stdout.write(String(process.resourceUsage().maxRSS / 1024))";
measure([program]); // The first run fills the file cache.
const pairs = Array.from({ length: runs }, () => ({ bare: measure(["-e", rss]), program: measure([program]) }));
record("programStart", {
  how: "node tests/bench/program-start.ts: medians of whole processes, without an engine",
  runs,
  bareSeconds: median(pairs.map(({ bare }) => bare.seconds)),
  programSeconds: median(pairs.map((pair) => pair.program.seconds)),
  programMegabytes: median(pairs.map((pair) => pair.program.megabytes)),
});
