/** What promtool says of a rule file, and of its unit tests (alerts/<name>.test.yaml). */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { type Rule, type RuleFile, unitTests } from "./content.ts";

interface Said {
  readonly status: number | null;
  readonly said: string;
}

function promtool(program: string, file: RuleFile, args: readonly string[], change: (rule: Rule) => Rule): Said {
  const folder = mkdtempSync(join(tmpdir(), "rules-"));
  try {
    const groups = file.groups.map((group) => ({ ...group, rules: group.rules.map(change) }));
    writeFileSync(join(folder, `${file.name}.yaml`), stringify({ groups }));
    writeFileSync(join(folder, "test.yaml"), stringify(unitTests(file)));
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: "utf8" });
    return { status, said: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function checkRules(program: string, file: RuleFile): Said {
  return promtool(program, file, ["check", "rules", "--lint=all", "--lint-fatal", `${file.name}.yaml`], (rule) => rule);
}

/** Runs the unit tests of a rule file, with its rules as they are or changed. */
export function testRules(program: string, file: RuleFile, change: (rule: Rule) => Rule = (rule) => rule): Said {
  return promtool(program, file, ["test", "rules", "test.yaml"], change);
}
