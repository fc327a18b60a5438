import { writeFileSync } from "node:fs";
import Mocha from "mocha";

/**
 * Mocha's spec reporter, which also writes how many tests passed, failed and were skipped to the file named by
 * `--reporter-option totals=<file>`, as three numbers: what is printed can be imitated by a test, the file cannot.
 */
export default class TotalsReporter extends Mocha.reporters.Spec {
  private readonly file: unknown;

  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions & { reporterOption?: { totals?: unknown } }) {
    super(runner, options);
    this.file = options.reporterOption?.totals;
  }

  override done(failures: number, finished?: (failures: number) => void): void {
    if (typeof this.file === "string") {
      const { passes, failures: failed, pending } = this.stats;
      writeFileSync(this.file, `${passes} ${failed} ${pending}\n`);
    }
    finished?.(failures);
  }
}
