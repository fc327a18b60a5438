/**
 * The tests of a suite build on each other: after one that failed, the others are skipped. Mocha's `bail` is not that: with
 * --parallel it ends the tests of every other file, too (lib/nodejs/parallel-buffered-runner.cjs of 12.0.3), and without it every
 * later suite that has it, when anything at all has failed before (runSuite in lib/runner.js).
 */
export function buildOnEachOther(suite: Mocha.Suite): void {
  let failed = false;
  suite.beforeEach(function () {
    if (failed) this.skip();
  });
  suite.afterEach(function () {
    failed ||= this.currentTest?.state === "failed";
  });
}
