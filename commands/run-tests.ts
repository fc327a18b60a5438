/**
 * `npm test [-- <part of a test file's path>]`: formatting, lint, types and, beside them, all tests that need no cluster,
 * then one line `N passed, N failed, N skipped`. With a part of a path, only the tests of those files are run.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, readdirSync, renameSync, rmSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { type Durations, longestFirst } from "./durations.ts";
import { noteFailure } from "./failures.ts";
import { mocha, testStep, totalsLine, type Totals } from "./mocha.ts";
import { digestOfFiles, passedWith } from "./passed.ts";
import type { Environment } from "../toolchain/run.ts";
import { saidFolder } from "../contract/said.ts";
import { cacheFolder } from "../toolchain/cache.ts";
import { obtain } from "../toolchain/obtain.ts";

/** The tests of `npm test`. The others have commands of their own. */
const testFiles = "tests/{unit,engine,contract}/**/*.test.ts";

/** Milliseconds that a file takes of which nothing is known: those that run the engine are the longest. */
const guess = (file: string) => (/^tests.engine/.test(file) ? 60_000 : 0);

/**
 * The test files whose path contains `filter`, the longest first.
 * @throws Error when there is none: a run of no test proves nothing
 */
export function selectTests(projectFolder: string, filter?: string, took?: Durations): string[] {
  const files = globSync(testFiles, { cwd: projectFolder }).filter((file) => !filter || file.includes(filter));
  if (files.length === 0) {
    throw new Error(filter ? `no test file's path contains "${filter}" (${testFiles})` : `there are no ${testFiles}`);
  }
  return longestFirst(files, guess, took);
}

/**
 * What the verdicts of the steps beside the tests depend on. The compiler and the linter know the types of every source, so a
 * change of one asks for all.
 */
const looksAt = {
  prettier: ["**/*", "**/.*", ".*/**/*"],
  types: ["**/*.{ts,js,json}"],
  eslint: ["**/*.{ts,js,json}"],
} as const;

/** Digest of the files that a step looks at. */
export function digestFor(step: keyof typeof looksAt, projectFolder: string): string {
  // Kubeconfigs come and go, and no step looks at them.
  const exclude = ["node_modules/**", ".git/**", ".kube/**"];
  const files = globSync(looksAt[step], { cwd: projectFolder, exclude });
  return digestOfFiles(projectFolder, files);
}

/**
 * Empties a folder of the cache when it has more files than that: of clones and versions that are gone nobody else takes
 * away what was kept. What is still needed comes again by itself.
 */
export function bound(folder: string, most: number): void {
  if (!existsSync(folder) || readdirSync(folder, { recursive: true }).length <= most) return;
  // At once for those who use it.
  const old = `${folder}-${process.pid}`;
  renameSync(folder, old);
  rmSync(old, { recursive: true, force: true });
}

/** Runs a command; what it prints is given to `say` when it has ended. */
async function runStep(
  [command = "", ...args]: readonly string[],
  cwd: string,
  env: Environment,
  say: (text: string) => void,
): Promise<boolean> {
  return new Promise((done, failed) => {
    const said: Buffer[] = [];
    const child = spawn(command, args, { cwd, env: { ...env }, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => said.push(chunk));
    child.on("error", failed);
    child.on("close", (code) => {
      say(Buffer.concat(said).toString());
      done(code === 0);
    });
  });
}

/** @returns the exit code */
export async function main(args: readonly string[], projectFolder: string, processEnv: Environment): Promise<number> {
  const [filter] = args;
  // Of one clone it holds 7 000 files, 50 MB (tests/support/compile-cache.ts).
  bound(join(cacheFolder(), "compiled"), 30_000);
  // It grows with each run: what generated settings ask is asked once.
  bound(saidFolder(), 30_000);
  const bin = join(projectFolder, "node_modules", ".bin");
  const processes: Environment = { ...processEnv, PATH: [bin, processEnv["PATH"] ?? ""].join(delimiter) };
  let env = processes;
  const failedSteps: string[] = [];
  const say = (text: string) => {
    process.stdout.write(text);
  };
  /** What steps print that run beside the tests, until those have ended. */
  let kept = "";
  const step = async (name: string, work: () => Promise<boolean>, print: (text: string) => void = say) => {
    print(`\n== ${name}\n`);
    const [started, from] = [Date.now(), kept.length];
    let passed = false;
    try {
      passed = await work();
    } catch (error) {
      print(`${error instanceof Error ? error.message : String(error)}\n`);
    }
    print(`== ${name}: ${passed ? "ok" : "FAILED"} (${Math.round((Date.now() - started) / 1000)} s)\n`);
    if (passed) return;
    failedSteps.push(name);
    if (name !== testStep) noteFailure(name, kept.slice(from));
  };

  const keep = (text: string) => {
    kept += text;
  };
  // One after the other, beside the tests.
  const checks = (async () => {
    if (filter) return;
    // Not in node_modules, which `npm ci` makes anew. What they keep is of one place.
    const place = createHash("sha256").update(projectFolder).digest("hex").slice(0, 16);
    const cache = join(cacheFolder(), "checks", place);
    const prettier = ["--check", "--cache", "--cache-strategy", "content", "--cache-location", join(cache, "prettier")];
    for (const [name, command] of [
      ["prettier", ["prettier", ...prettier, "--log-level", "warn", "."]],
      ["types", ["tsc", "--tsBuildInfoFile", join(cache, "tsbuildinfo")]],
      ["eslint", ["eslint", "--max-warnings=0", "."]],
    ] as const)
      await step(
        name,
        async () => {
          const digest = digestFor(name, projectFolder);
          const passed = passedWith(name, digest);
          if (passed.before !== undefined) keep(`Nothing has changed since it was ${passed.before}: not run again\n`);
          else if (!(await runStep(command, projectFolder, processes, keep))) return false;
          // What was saved meanwhile was perhaps not looked at.
          else if (digestFor(name, projectFolder) === digest) passed.note("right");
          return true;
        },
        keep,
      );
  })();

  await step("Pulumi CLI", async () => {
    const { pulumi } = await obtain(["pulumi"]);
    process.stdout.write(`${pulumi}\n`);
    env = { ...env, PATH: [dirname(pulumi), env["PATH"] ?? ""].join(delimiter) };
    return true;
  });

  let totals: Totals = { passed: 0, failed: 0, skipped: 0 };
  await step(testStep, async () => {
    const run = await mocha(selectTests(projectFolder, filter), { projectFolder, env, atOnce: true });
    ({ totals } = run);
    return run.passed;
  });

  await checks;
  say(kept);
  if (failedSteps.length > 0) process.stdout.write(`\nFailed: ${failedSteps.join(", ")}\n`);
  process.stdout.write(`\n${totalsLine(totals, failedSteps)}\n`);
  return failedSteps.length > 0 ? 1 : 0;
}

if (import.meta.main) {
  process.exitCode = await main(process.argv.slice(2), join(import.meta.dirname, ".."), process.env);
}
