/** What objectives record, by Prometheus' own engine; what the alerts make of it is in `components/alerts/slos/content/slos.test.yaml`. */
import { expect } from "chai";
import { sloRules, step } from "../../components/alerts/slos/rules.ts";
import { durationSeconds } from "../../settings/formats.ts";
import { programOrSkip } from "../support/program.ts";
import { readRuleFiles } from "./support/content.ts";
import { promtool } from "./support/promtool.ts";
import { cases, requests, whole } from "./support/slos.ts";

describe("service level objectives, by promtool", () => {
  let program: string;
  before(async function () {
    program = await programOrSkip(this, "promtool");
  });

  const run = (command: string, files: Readonly<Record<string, object>>, ...args: string[]) =>
    promtool(program, files, [command, "rules", ...args]);

  it("record events and bad events a second, whatever they are measured by", () => {
    for (const [index, { slo, series, events, errors }] of Object.values(cases).entries()) {
      // Extrapolation leaves digits that nobody looks at.
      const samples = (what: string, value: number | undefined) => ({
        expr: `abs(slo:sli_${what}:rate5m - ${value ?? 0}) < bool 0.0001`,
        eval_time: "20m",
        exp_samples: value === undefined ? [] : [{ labels: '{slo="a"}', value: 1 }],
      });
      const { status, said } = run(
        "test",
        {
          "rules.yaml": { groups: sloRules(whole(slo)) },
          "test.yaml": {
            rule_files: ["rules.yaml"],
            evaluation_interval: "1m",
            tests: [
              {
                interval: "30s",
                input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
                promql_expr_test: [samples("events", events), samples("errors", errors)],
              },
            ],
          },
        },
        "test.yaml",
      );
      expect(status, `${Object.keys(cases)[index] ?? ""}: ${said}`).to.equal(0);
    }
  });

  it("are accepted with promtool's lint", () => {
    const groups = Object.values(cases).flatMap(({ slo }, index) => sloRules(whole({ ...slo, name: `n${index}` })));
    const { status, said } = run("check", { "rules.yaml": { groups } }, "--lint=all", "--lint-fatal", "rules.yaml");
    expect(status, said).to.equal(0);
  });

  it("know what is left of the budget, and of how much of the window: a night without traffic changes neither", () => {
    const slo = whole({ name: "a", ratio: requests, target: 99, window: "7d", owner: "web", description: "Orders" });
    // A day: for 6 hours 200 requests a second, of which half as many fail as may; then nobody comes.
    const day = (perSecond: number) => `0+${perSecond * 60}x360 ${perSecond * 60 * 360}x1080`;
    const { status, said } = run(
      "test",
      {
        "rules.yaml": { groups: sloRules(slo) },
        "test.yaml": {
          rule_files: ["rules.yaml"],
          evaluation_interval: "1m",
          fuzzy_compare: true,
          group_eval_order: sloRules(slo).map(({ name }) => name),
          tests: [
            {
              interval: "1m",
              input_series: [
                { series: 'r_total{code="200"}', values: day(199) },
                { series: 'r_total{code="500"}', values: day(1) },
              ],
              promql_expr_test: [
                {
                  expr: "round(slo:error_budget_remaining:ratio, 0.0001)",
                  eval_time: "1d",
                  exp_samples: [{ labels: '{slo="a"}', value: 0.5 }],
                },
                {
                  expr: "round(slo:sli_events:covered_ratio, 0.01)",
                  eval_time: "1d",
                  exp_samples: [{ labels: '{slo="a"}', value: 0.14 }],
                },
                {
                  expr: "slo:error_budget:ratio",
                  eval_time: "1d",
                  exp_samples: [
                    {
                      labels: 'slo:error_budget:ratio{description="Orders", owner="web", pages="true", slo="a"}',
                      value: 0.01,
                    },
                  ],
                },
              ],
            },
          ],
        },
      },
      "test.yaml",
    );
    expect(status, said).to.equal(0);
  });

  it("are looked at as often as they are recorded, which their sums count on", () => {
    const [recorded] = sloRules(whole({ name: "a", check: "b" }));
    const [window] = readRuleFiles().find(({ name }) => name === "slos")?.groups ?? [];
    for (const interval of [recorded?.interval, window?.interval])
      expect(durationSeconds(interval ?? "")).to.equal(step);
    const [counted] = window?.rules.filter(({ record }) => record === "slo:sli_errors:increase1h") ?? [];
    expect(counted?.expr).to.match(new RegExp(`^${step} \\*`));
  });
});
