import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";
import Mocha from "mocha";
import { noteFailure } from "./failures.ts";
import { noteDurations } from "./durations.ts";

/** Tests that may be skipped in CI, each with its reason. Any other skip fails there: what is skipped proves nothing. */
const allowedSkips: readonly { readonly test: RegExp; readonly reason: string }[] = [
  { test: /kustomize/, reason: "neither kustomize nor kubectl is installed" },
  { test: /real Kind/, reason: "Kind needs Docker, or root on Debian" },
  { test: /runs (?:Grafana|Fluent Bit)$/, reason: "no image of these can be made of Go modules" },
  { test: /in a real Ruby/, reason: "no Ruby is installed" },
  { test: /by a Chromium/, reason: "no Chromium is installed" },
  {
    test: /has its network policies enforced$/,
    reason: "the pod network of the node image that is built enforces none",
  },
];

/** What Mocha says of an error, without the lines that are the same on both sides. */
function reasonOf(error: unknown): string {
  const { message, actual, expected } = error as Error & { readonly actual?: unknown; readonly expected?: unknown };
  if (typeof actual !== "string" || typeof expected !== "string") return message;
  const diff = stripVTControlCharacters(Mocha.reporters.Base.generateDiff(actual, expected)).split("\n");
  return [message, ...diff.filter((line) => /^ *[-+](?! expected| actual)/.test(line))].join("\n");
}

/**
 * Mocha's spec reporter, which also writes how many tests passed, failed and were skipped to the file named by
 * `--reporter-option totals=<file>`, as three numbers: what is printed can be imitated by a test, the file cannot. In CI a
 * skip that is not allowed is a failure, unless it is a later step of a suite in which one failed. What failed is noted
 * (failures.ts), and how long each file took (durations.ts).
 */
export default class TotalsReporter extends Mocha.reporters.Spec {
  private readonly file: unknown;
  private readonly skips: string[] = [];
  private readonly took: Record<string, number> = {};
  private readonly failed: { readonly title: string; readonly reason: string }[] = [];

  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions & { reporterOption?: { totals?: unknown } }) {
    super(runner, options);
    this.file = options.reporterOption?.totals;
    const broken = new Set<string>();
    const add = ({ file, duration = 0 }: { readonly file?: string; readonly duration?: number }) => {
      if (file === undefined) return;
      const name = relative(process.cwd(), file);
      this.took[name] = (this.took[name] ?? 0) + duration;
    };
    runner.on("test end", add);
    runner.on("hook end", add);
    runner.on("fail", (test, error: unknown) => {
      this.failed.push({ title: test.fullTitle(), reason: reasonOf(error) });
      broken.add(test.parent?.fullTitle() ?? "");
    });
    runner.on("pending", (test) => {
      const title = test.fullTitle();
      if (broken.has(test.parent?.fullTitle() ?? "")) return;
      if (process.env["CI"] && !allowedSkips.some(({ test: allowed }) => allowed.test(title))) this.skips.push(title);
    });
  }

  override done(failures: number, finished?: (failures: number) => void): void {
    if (typeof this.file === "string") {
      const { passes, failures: failed, pending } = this.stats;
      writeFileSync(this.file, `${passes} ${failed + this.skips.length} ${pending - this.skips.length}\n`);
      noteDurations(this.took);
    }
    for (const title of this.skips)
      console.log(`Skipped, which CI does not allow (commands/totals-reporter.ts): ${title}`);
    for (const { title, reason } of this.failed) noteFailure(title, reason);
    for (const title of this.skips) noteFailure(title, "skipped, which CI does not allow");
    finished?.(failures + this.skips.length);
  }
}
