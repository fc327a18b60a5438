import { writeFileSync } from "node:fs";
import Mocha from "mocha";

/** Tests that may be skipped in CI, each with its reason. Any other skip fails there: what is skipped proves nothing. */
const allowedSkips: readonly { readonly test: RegExp; readonly reason: string }[] = [
  { test: /kustomize/, reason: "neither kustomize nor kubectl is installed" },
  { test: /real Kind/, reason: "Kind needs Docker, or root on Debian" },
  { test: /runs (?:Grafana|Fluent Bit)$/, reason: "no image of these can be made of Go modules" },
  { test: /by a Chromium/, reason: "no Chromium is installed" },
  {
    test: /has its network policies enforced$/,
    reason: "the pod network of the node image that is built enforces none",
  },
];

/**
 * Mocha's spec reporter, which also writes how many tests passed, failed and were skipped to the file named by
 * `--reporter-option totals=<file>`, as three numbers: what is printed can be imitated by a test, the file cannot. In CI a
 * skip that is not allowed is a failure.
 */
export default class TotalsReporter extends Mocha.reporters.Spec {
  private readonly file: unknown;
  private readonly skips: string[] = [];

  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions & { reporterOption?: { totals?: unknown } }) {
    super(runner, options);
    this.file = options.reporterOption?.totals;
    runner.on("pending", (test) => {
      const title = test.fullTitle();
      if (process.env["CI"] && !allowedSkips.some(({ test: allowed }) => allowed.test(title))) this.skips.push(title);
    });
  }

  override done(failures: number, finished?: (failures: number) => void): void {
    if (typeof this.file === "string") {
      const { passes, failures: failed, pending } = this.stats;
      writeFileSync(this.file, `${passes} ${failed + this.skips.length} ${pending - this.skips.length}\n`);
    }
    for (const title of this.skips)
      console.log(`Skipped, which CI does not allow (commands/totals-reporter.ts): ${title}`);
    finished?.(failures + this.skips.length);
  }
}
