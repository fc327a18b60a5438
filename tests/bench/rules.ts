/**
 * The unit tests of all rules, by VictoriaMetrics' own engine (vmalert-tool) in place of promtool: prints a table of those that it
 * sees otherwise. Each cause is proven by taking it away: without it the same test is seen alike. Ends with 1 for a test for which
 * none of them does.
 *
 *   node tests/bench/rules.ts [NAME...]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { obtainProgram } from "../../contract/readers.ts";
import { readRuleFiles, type RuleFile, unitTests } from "../contract/support/content.ts";

type Groups = RuleFile["groups"];
type UnitTests = ReturnType<typeof unitTests>;

const rewritten = (groups: Groups, from: RegExp, to: string): Groups =>
  groups.map((group) => ({
    ...group,
    rules: group.rules.map((rule) => ({ ...rule, expr: rule.expr.replaceAll(from, to) })),
  }));

/** Why a test may be seen otherwise, and the same rules without that. */
const causes: readonly { readonly why: string; readonly without: (groups: Groups) => Groups }[] = [
  {
    // app/vmalert-tool/unittest of 1.151, testStartTime.
    why: "not the engine: the clock of the tool's tests begins in 2000, promtool's in 1970, and the rule compares dates with `time()`",
    without: (groups) => rewritten(groups, /\btime\(\)/g, `(time() - ${Date.UTC(2000) / 1000})`),
  },
  {
    why: "`increase` counts from the last sample before its window, and answers where there is one sample alone; `increase_prometheus` does neither",
    without: (groups) => rewritten(groups, /\bincrease\(/g, "increase_prometheus("),
  },
  {
    why: "what a group records is seen by its next evaluation; with a group for each rule, by the same",
    without: (groups) =>
      groups.flatMap(({ rules, name, ...group }) =>
        rules.map((rule, index) => ({ ...group, name: `${name} ${index}`, rules: [rule] })),
      ),
  },
];

const tool = await obtainProgram("vmalert-tool");

/** Names of tests that are seen otherwise. @throws Error when the tool fails and names none */
function otherwise(name: string, groups: Groups, tests: UnitTests): Set<string> {
  const folder = mkdtempSync(join(tmpdir(), "rules-"));
  writeFileSync(join(folder, `${name}.yaml`), stringify({ groups }));
  writeFileSync(
    join(folder, "test.yaml"),
    stringify({ ...tests, group_eval_order: groups.map((group) => group.name) }),
  );
  // Prometheus' alerts have no such label; nor have those here.
  const { status, stdout, stderr } = spawnSync(tool, ["unittest", "--files=test.yaml", "--disableAlertgroupLabel"], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  rmSync(folder, { recursive: true });
  const names = new Set([...(stdout + stderr).matchAll(/testGroupName: (.*?),?$/gm)].map(([, test = ""]) => test));
  if (status !== 0 && names.size === 0)
    throw new Error(`vmalert-tool cannot run the tests of ${name}:\n${stdout}${stderr}`);
  return names;
}

const wanted = process.argv.slice(2);
let [count, unexplained] = [0, 0];
const rows: string[] = [];
for (const file of readRuleFiles().filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const all = unitTests(file);
  count += all.tests.length;
  process.stderr.write(`${file.name}: ${all.tests.length} tests\n`);
  for (const name of otherwise(file.name, file.groups, all)) {
    const alone = { ...all, tests: all.tests.filter((test) => test.name === name) };
    const cause = causes.find(({ without }) => otherwise(file.name, without(file.groups), alone).size === 0);
    if (cause === undefined) unexplained += 1;
    rows.push(`| ${file.name} | ${name} | ${cause?.why ?? "**not known**"} |`);
  }
}
console.log(`${count} tests, ${count - rows.length} alike\n\n| rules | test | why |\n| --- | --- | --- |`);
for (const row of rows) console.log(row);
if (unexplained > 0) process.exitCode = 1;
