/**
 * `node tests/kind-tier/ci.ts [--warm]`: the tests on real Kind that this run of CI has time for. It says what it leaves out and why,
 * and its last line is `N passed, N failed, N skipped`; a test file that is left out counts as one that is skipped.
 *
 * What the environment's test needs is the programs of its components: it runs where they are built already, or where
 * MINUTES_LEFT says that there is time to build them. With --warm it runs nothing: its exit code is 0 when nothing has to be built.
 */
import { globSync } from "node:fs";
import { join } from "node:path";
import { mocha, testStep, totalsLine } from "../../commands/mocha.ts";
import { componentsAreBuilt } from "./components.ts";
import { isWarm } from "./warm.ts";

const projectFolder = join(import.meta.dirname, "../..");

const needsComponents = "tests/kind/environment.test.ts";

/** Minutes that a part takes on two cores, with room. */
const takes = { tests: 25, nodeImage: 16, components: 14 } as const;

export interface Plan {
  /** Paths of test files. */
  readonly files: readonly string[];
  /** Those that are not run. */
  readonly skipped: readonly string[];
  /** What is run, and why that. */
  readonly why: string;
}

/** What is there already. */
export interface Warmth {
  readonly nodeImage: boolean;
  /** The programs of the environment's components. */
  readonly components: boolean;
}

/**
 * @param all paths of all test files
 * @param minutesLeft of the time that CI has; undefined when it is not limited
 */
export function plan(all: readonly string[], warm: Warmth, minutesLeft = Number.POSITIVE_INFINITY): Plan {
  if (warm.nodeImage && warm.components) return { files: all, skipped: [], why: "all tests: what they need is there" };
  const built = warm.nodeImage ? "the components' programs are not built" : "there is no node image";
  const needed = takes.tests + takes.components + (warm.nodeImage ? 0 : takes.nodeImage);
  if (minutesLeft >= needed) return { files: all, skipped: [], why: `all tests: ${built}, but there is time` };
  return {
    files: all.filter((file) => file !== needsComponents),
    skipped: [needsComponents],
    why: `SKIPPED: ${needsComponents}: ${built}, so it needs ${needed} minutes, and ${minutesLeft} are left`,
  };
}

if (import.meta.main) {
  const started = Date.now();
  const { warm, why } = await isWarm();
  process.stdout.write(`${warm ? "warm" : "cold"}: ${why}\n`);
  const all = globSync("tests/kind/*.test.ts", { cwd: projectFolder }).sort();
  const warmth = { nodeImage: warm, components: warm && (await componentsAreBuilt()) };
  if (process.argv.includes("--warm")) process.exit(warmth.nodeImage && warmth.components ? 0 : 1);
  const left = process.env["MINUTES_LEFT"] ?? "";
  const chosen = plan(all, warmth, left === "" ? undefined : Number(left));
  process.stdout.write(`Kind tier: ${chosen.why}\n`);
  const { passed, totals } = await mocha(chosen.files, { projectFolder, env: process.env, atOnce: false });
  process.stdout.write(`Kind tier: ${Math.round((Date.now() - started) / 60_000)} min\n`);
  const sum = { ...totals, skipped: totals.skipped + chosen.skipped.length };
  process.stdout.write(`\n${totalsLine(sum, passed ? [] : [testStep])}\n`);
  process.exitCode = passed ? 0 : 1;
}
