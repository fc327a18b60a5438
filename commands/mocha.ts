/** Mocha as the project's commands run it: with totals that its output cannot imitate, on the project's own Node.js. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Environment } from "../toolchain/run.ts";

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** What {@link TotalsReporter} wrote. @throws Error when it is not that */
export function parseTotals(text: string): Totals {
  const match = /^(\d+) (\d+) (\d+)\n$/.exec(text);
  if (!match) throw new Error(`not the totals of a test run: ${JSON.stringify(text)}`);
  return { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3]) };
}

/** The step that is Mocha itself. */
export const testStep = "tests";

/** The last line of a run. A step that failed counts as one failure, unless failed tests say it already. */
export function totalsLine(totals: Totals, failedSteps: readonly string[]): string {
  const others = failedSteps.filter((step) => step !== testStep || totals.failed === 0);
  return `${totals.passed} passed, ${totals.failed + others.length} failed, ${totals.skipped} skipped`;
}

/**
 * Runs test files.
 *
 * @param atOnce whether several files may run at the same time
 * @returns whether all passed and there were any; the totals are zeros when Mocha did not get to report (a crash, an error
 *   while loading a test)
 */
export async function mocha(
  files: readonly string[],
  options: { readonly projectFolder: string; readonly env: Environment; readonly atOnce: boolean },
): Promise<{ readonly passed: boolean; readonly totals: Totals }> {
  const { projectFolder, env, atOnce } = options;
  const folder = mkdtempSync(join(tmpdir(), "test-totals-"));
  try {
    const file = join(folder, "totals");
    const reporter = join(import.meta.dirname, "totals-reporter.ts");
    // Much of the time is waiting for processes: two files more than there are cores pay.
    const jobs = Math.min(4, availableParallelism() + 2);
    const args = [
      ...(atOnce ? ["--parallel", "--jobs", String(jobs)] : []),
      ...["--reporter", reporter, "--reporter-option", `totals=${file}`],
      ...files,
    ];
    // What the tests start is the project's own, whatever else is on PATH.
    const bin = join(projectFolder, "node_modules/.bin");
    const child = spawn(join(bin, "mocha"), args, {
      cwd: projectFolder,
      env: { ...env, PATH: [bin, env["PATH"] ?? ""].join(delimiter), TEST_RUN_FOLDER: folder },
      stdio: ["ignore", "inherit", "inherit"],
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    try {
      const totals = parseTotals(readFileSync(file, "utf8"));
      return { passed: code === 0 && totals.passed + totals.failed + totals.skipped > 0, totals };
    } catch {
      return { passed: false, totals: { passed: 0, failed: 0, skipped: 0 } };
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
