/**
 * `npm run test:stand-ins`: the tests of the stand-ins that other tests rely on (tests/stand-ins). They run when something
 * has changed of what they load since they last passed on this machine, which a file in the cache folder keeps; deleting it, or
 * `-- --again`, runs them all the same. The last line is `N passed, N failed, N skipped`.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { longestFirst } from "./durations.ts";
import { mocha, testStep, totalsLine } from "./mocha.ts";
import { digestOfFiles, passedWith } from "./passed.ts";

/** The files of a project that some files import, with those themselves, however far away. */
export function importedBy(projectFolder: string, files: readonly string[]): string[] {
  const found = new Set<string>();
  const visit = (file: string) => {
    if (found.has(file)) return;
    found.add(file);
    // Imports, and programs that are started.
    for (const [, path = ""] of readFileSync(join(projectFolder, file), "utf8").matchAll(/"(\.{1,2}\/[^"?]+\.ts)"/g)) {
      const other = join(projectFolder, dirname(file), path);
      if (existsSync(other)) visit(relative(projectFolder, other));
    }
  };
  files.forEach(visit);
  return [...found].sort();
}

/**
 * One digest of all that the result of the tests depends on: what they import, what lies beside the stand-ins as data, and
 * what pins packages and programs.
 */
export function digestOf(projectFolder: string, tests: readonly string[]): string {
  const data = globSync(["rehearsal/**", "toolchain/control-plane/**", "package-lock.json"], { cwd: projectFolder });
  return digestOfFiles(projectFolder, [...importedBy(projectFolder, tests), ...data]);
}

if (import.meta.main) {
  const projectFolder = join(import.meta.dirname, "..");
  const tests = longestFirst(globSync("tests/stand-ins/*.test.ts", { cwd: projectFolder }), () => 0);
  const { before, note } = passedWith("stand-ins", digestOf(projectFolder, tests));
  if (before !== undefined && !process.argv.includes("--again")) {
    process.stdout.write(`Nothing has changed since ${before}: not run again\n`);
    process.stdout.write(`\n${totalsLine({ passed: 0, failed: 0, skipped: 0 }, [])}\n`);
  } else {
    const { passed, totals } = await mocha(tests, { projectFolder, env: process.env, atOnce: true });
    const line = totalsLine(totals, passed ? [] : [testStep]);
    if (passed) note(line);
    process.stdout.write(`\n${line}\n`);
    process.exitCode = passed ? 0 : 1;
  }
}
