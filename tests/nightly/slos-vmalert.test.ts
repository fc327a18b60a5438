/** Objectives and their alerts, evaluated by VictoriaMetrics' own engine: the cases that promtool is given (`tests/contract`). */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { sloRules } from "../../components/alerts/slos/rules.ts";
import { durationSeconds } from "../../settings/formats.ts";
import { readRuleFiles, unitTests } from "../contract/support/content.ts";
import { cases, whole } from "../contract/support/slos.ts";
import { programOrSkip } from "../support/program.ts";

describe("service level objectives, by vmalert-tool", function () {
  this.timeout("10m");
  let tool: string;
  let folder: string;
  before(async function () {
    tool = await programOrSkip(this, "vmalert-tool");
    folder = mkdtempSync(join(tmpdir(), "slos-"));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (rules: object, tests: object, what: string) => {
    writeFileSync(join(folder, "slos.yaml"), stringify(rules));
    writeFileSync(join(folder, "test.yaml"), stringify(tests));
    const args = ["unittest", "--files=test.yaml", "--disableAlertgroupLabel"];
    const { status, stdout, stderr } = spawnSync(tool, args, { cwd: folder, encoding: "utf8" });
    expect(status, `${what}: ${stdout}${stderr}`).to.equal(0);
  };

  it("record the same events and bad events, but for the extrapolation of rates", () => {
    for (const [what, { slo, series, events, errors }] of Object.entries(cases)) {
      const samples = (of: string, value: number | undefined) => ({
        // MetricsQL does not extrapolate.
        expr: `abs(slo:sli_${of}:rate5m - ${value ?? 0}) <= bool ${Math.max(0.0001, (value ?? 0) * 0.02)}`,
        eval_time: "20m",
        exp_samples: value === undefined ? [] : [{ labels: '{slo="a"}', value: 1 }],
      });
      // It wants some series.
      const input_series = Object.entries({ other: "1x50", ...series }).map(([name, values]) => ({
        series: name,
        values,
      }));
      const test = { interval: "30s", input_series };
      const metricsql_expr_test = [samples("events", events), samples("errors", errors)];
      run(
        { groups: sloRules(whole(slo)) },
        { rule_files: ["slos.yaml"], evaluation_interval: "1m", tests: [{ ...test, metricsql_expr_test }] },
        what,
      );
    }
  });

  it("fire and stay quiet at the same moments, but for one evaluation: rules of a group see what it recorded the time before", () => {
    const file = readRuleFiles().find(({ name }) => name === "slos");
    if (file === undefined) throw new Error("There are no rules of objectives.");
    const { tests, ...rest } = unitTests(file);
    const later = (time: string) => `${durationSeconds(time) + durationSeconds(rest.evaluation_interval)}s`;
    const shifted = tests.map((test) => ({
      ...test,
      alert_rule_test: test.alert_rule_test.map((one) => ({
        ...one,
        // It asks what the objectives' own groups have recorded.
        eval_time: one.alertname === "SloDataMissing" ? one.eval_time : later(one.eval_time),
      })),
    }));
    run({ groups: file.groups }, { ...rest, tests: shifted }, "alerts");
  });
});
