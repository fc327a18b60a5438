/**
 * The unit tests of all rules, by VictoriaMetrics' own engine (vmalert-tool) in place of promtool: prints a table of those that it
 * sees otherwise, and ends with 1 for one whose reason is not known here.
 *
 *   node tests/bench/rules.ts [NAME...]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { obtainProgram } from "../../contract/readers.ts";
import { readRuleFiles, unitTests } from "../contract/support/content.ts";

/** Why a test may be seen otherwise, by how its name begins. */
const reasons: readonly (readonly [test: RegExp, reason: string])[] = [
  [
    /^Certificate/,
    "the tool's clock begins at another date than promtool's (1970), and the rule compares dates with time()",
  ],
  [/^FluxControllerStalled/, "`increase` counts from the last sample before the window: one evaluation sooner"],
  [/^(RemoteWriteReceiverSilent|ThanosCompactStuck)/, "the same: one evaluation later"],
  [/^ErrorBudgetBurns/, "what a group records is seen by the evaluation after: two evaluations (a minute) later"],
];

const tool = await obtainProgram("vmalert-tool");
const wanted = process.argv.slice(2);
let [tests, unexplained] = [0, 0];
const rows: string[] = [];
for (const file of readRuleFiles().filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const folder = mkdtempSync(join(tmpdir(), "rules-"));
  writeFileSync(join(folder, `${file.name}.yaml`), stringify({ groups: file.groups }));
  writeFileSync(join(folder, "test.yaml"), stringify(unitTests(file)));
  // Prometheus' alerts have no such label; nor have those here.
  const { stdout, stderr } = spawnSync(tool, ["unittest", "--files=test.yaml", "--disableAlertgroupLabel"], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  rmSync(folder, { recursive: true });
  const { length } = unitTests(file).tests;
  tests += length;
  process.stderr.write(`${file.name}: ${length} tests\n`);
  for (const [, name = ""] of new Set([...(stdout + stderr).matchAll(/testGroupName: (.*?),?$/gm)])) {
    const reason = reasons.find(([form]) => form.test(name))?.[1];
    if (reason === undefined) unexplained += 1;
    rows.push(`| ${file.name} | ${name} | ${reason ?? "**not known**"} |`);
  }
}
console.log(`${tests} tests, ${tests - new Set(rows).size} alike\n\n| rules | test | why |\n| --- | --- | --- |`);
for (const row of new Set(rows)) console.log(row);
if (unexplained > 0) process.exitCode = 1;
