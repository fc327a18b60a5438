/** What promtool says of a rule file, and of its unit tests (alerts/<name>.test.yaml). */
import { programSaid } from "../../../contract/said.ts";
import { recordedNames, type Rule, type RuleFile, unitTests } from "./content.ts";

/** An exit code, and what was printed. */
interface Verdict {
  readonly status: number;
  readonly said: string;
}

/** Gives files of YAML to promtool: JSON is YAML, too, and is written in no time. */
export function promtool(program: string, files: Readonly<Record<string, unknown>>, args: readonly string[]): Verdict {
  const texts = Object.fromEntries(Object.entries(files).map(([name, content]) => [name, JSON.stringify(content)]));
  const { status, stdout, stderr } = programSaid(program, { files: texts, args });
  return { status, said: stdout + stderr };
}

export function checkRules(program: string, { name, groups }: RuleFile): Verdict {
  const file = `${name}.yaml`;
  return promtool(program, { [file]: { groups } }, ["check", "rules", "--lint=all", "--lint-fatal", file]);
}

/** Groups with some alerts, and the recording rules of the file that those are made of. */
function groupsWith(groups: RuleFile["groups"], alerts: readonly string[]): RuleFile["groups"] {
  const rules = groups.flatMap((group) => group.rules);
  const wanted = new Set(rules.filter(({ alert }) => alert !== undefined && alerts.includes(alert)));
  for (const { expr } of wanted) {
    const names = recordedNames(expr);
    for (const rule of rules) if (rule.record !== undefined && names.includes(rule.record)) wanted.add(rule);
  }
  return groups
    .map((group) => ({ ...group, rules: group.rules.filter((rule) => wanted.has(rule)) }))
    .filter((group) => group.rules.length > 0);
}

/**
 * Runs the unit tests of a rule file, with its rules as they are or changed. A test gets the rules that it asks about: of all of
 * them promtool would evaluate every one at every moment of every test.
 */
export function testRules(program: string, file: RuleFile, change: (rule: Rule) => Rule = (rule) => rule): Verdict {
  const { tests, ...all } = unitTests(file);
  const files: Record<string, object> = {};
  const alertsOf = ({ alert_rule_test: list }: (typeof tests)[number]) =>
    [...new Set(list.map(({ alertname }) => alertname))].sort();
  for (const [alerts = "", some = []] of Map.groupBy(tests, (test) => alertsOf(test).join())) {
    const groups = groupsWith(file.groups, alerts.split(","));
    const order = groups.map(({ name }) => name);
    files[`rules-${alerts}.yaml`] = { groups: groups.map((group) => ({ ...group, rules: group.rules.map(change) })) };
    files[`${alerts}.yaml`] = { ...all, rule_files: [`rules-${alerts}.yaml`], group_eval_order: order, tests: some };
  }
  return promtool(program, files, [
    "test",
    "rules",
    ...Object.keys(files).filter((name) => !name.startsWith("rules-")),
  ]);
}
