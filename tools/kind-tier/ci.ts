/**
 * `node tools/kind-tier/ci.ts`: the tests on real Kind that fit this run of CI. It says which it takes and why, and its last
 * line is `N passed, N failed, N skipped`.
 *
 * CI has 90 minutes for everything. A node image that has to be built takes some, the programs of the environment's components
 * half an hour. So a run without a node image takes the life of one cluster (create, adopt, stop, kill, delete), or all tests of the
 * Kind component when the change touches it; a run that has one takes those, and everything when the programs are there too.
 */
import { spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { run } from "../run.ts";
import { parseTotals, totalsLine, type Totals } from "../run-tests.ts";
import { componentsAreBuilt } from "./components.ts";
import { isWarm } from "./warm.ts";

const projectFolder = join(import.meta.dirname, "../..");

/** What a change has to touch for all tests of the Kind component to run without a node image. */
const kindComponent = /^(components\/cluster\/|tools\/kind-tier\/|tests\/kind\/|tests\/support\/kind-tier\.ts$)/;

/** Needs the components' programs. */
const needsComponents = "tests/kind/environment.test.ts";

export interface Plan {
  /** Paths of test files. */
  readonly files: readonly string[];
  /** Of these files, only tests whose title matches. */
  readonly grep?: string;
  /** What is run, and why that. */
  readonly why: string;
}

/** One cluster's life, and an `up` that is killed while kind makes the cluster. */
const smallest = {
  files: ["tests/kind/kind-cluster.test.ts", "tests/kind/interrupted.test.ts"],
  grep: "^the Kind cluster of an environment|SIGKILL in the first half",
} as const;

/** What is there already. */
export interface Warmth {
  readonly nodeImage: boolean;
  /** The programs of the environment's components. */
  readonly components: boolean;
}

/**
 * @param all paths of all test files
 * @param changed paths that the change touches; undefined when that cannot be told
 */
export function plan(all: readonly string[], warm: Warmth, changed: readonly string[] | undefined): Plan {
  if (warm.nodeImage && warm.components) return { files: all, why: "everything, because all that it needs is there" };
  const files = all.filter((file) => file !== needsComponents);
  if (warm.nodeImage) {
    const why = `all tests of the Kind component; not ${needsComponents}, because its programs are not built yet`;
    return { files, why };
  }
  const touched = changed?.find((path) => kindComponent.test(path));
  if (touched !== undefined) {
    return {
      files,
      why: `all tests of the Kind component, because the change touches ${touched}; there is no node image yet`,
    };
  }
  const because = changed === undefined ? "what the change touches cannot be told" : "the change leaves Kind alone";
  return { ...smallest, why: `one cluster's life, because there is no node image yet and ${because}` };
}

/** Paths that differ from the branch that a pull request is for, else from the commit before; with what is not committed. */
async function changedPaths(): Promise<readonly string[] | undefined> {
  const git = async (...args: string[]) => {
    const result = await run("git", args, { cwd: projectFolder }).catch(() => undefined);
    return result?.code === 0 ? result.stdout.split("\n").filter((line) => line !== "") : undefined;
  };
  const target = process.env["GITHUB_BASE_REF"];
  const committed = await git("diff", "--name-only", target ? `origin/${target}...HEAD` : "HEAD~1");
  const added = await git("ls-files", "--others", "--exclude-standard");
  return committed && added && [...committed, ...added];
}

/** Runs Mocha. Returns whether all passed; the totals are undefined when it did not get to report. */
async function mocha({
  files,
  grep,
}: Plan): Promise<{ readonly passed: boolean; readonly totals: Totals | undefined }> {
  const folder = mkdtempSync(join(tmpdir(), "kind-totals-"));
  try {
    const file = join(folder, "totals");
    const reporter = [
      "--reporter",
      join(projectFolder, "tools/totals-reporter.ts"),
      "--reporter-option",
      `totals=${file}`,
    ];
    const args = [...reporter, ...(grep === undefined ? [] : ["--grep", grep]), ...files];
    // What the tests start is the project's own, on its own Node.js, whatever else is on PATH.
    const bin = join(projectFolder, "node_modules/.bin");
    const env = { ...process.env, PATH: [bin, process.env["PATH"] ?? ""].join(delimiter) };
    const child = spawn(join(bin, "mocha"), args, { cwd: projectFolder, env, stdio: "inherit" });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    let totals: Totals | undefined;
    try {
      totals = parseTotals(readFileSync(file, "utf8"));
    } catch {
      // It ended before its report: a crash, an error while loading a test.
    }
    return { passed: code === 0, totals };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const started = Date.now();
  const { warm, why } = await isWarm();
  process.stdout.write(`${warm ? "warm" : "cold"}: ${why}\n`);
  const all = globSync("tests/kind/*.test.ts", { cwd: projectFolder }).sort();
  const warmth = { nodeImage: warm, components: warm && (await componentsAreBuilt()) };
  const chosen = plan(all, warmth, await changedPaths());
  process.stdout.write(`Kind tier: ${chosen.why}\n`);
  const { passed, totals } = await mocha(chosen);
  const none = { passed: 0, failed: 0, skipped: 0 };
  // A run of no test proves nothing: a title that the pattern no longer finds is a failure.
  const ran = totals !== undefined && totals.passed + totals.failed + totals.skipped > 0;
  process.stdout.write(`Kind tier: ${Math.round((Date.now() - started) / 60_000)} min\n`);
  process.stdout.write(`\n${totalsLine(totals ?? none, passed && ran ? [] : ["tests"])}\n`);
  process.exitCode = passed && ran ? 0 : 1;
}
