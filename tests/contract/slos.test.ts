/** What objectives record, by Prometheus' own engine; what the alerts make of it is in `components/alerts/slos/content/slos.test.yaml`. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { sloRules, step } from "../../components/alerts/slos/rules.ts";
import { slos, type Slo } from "../../components/alerts/slos/settings.ts";
import { durationSeconds } from "../../settings/formats.ts";
import { programOrSkip } from "../support/program.ts";
import { readRuleFiles } from "./support/content.ts";

type Written = Omit<Slo, "window" | "severity" | "labels" | "quiet" | "target"> & Partial<Slo>;
type Series = Readonly<Record<string, string>>;

/** Series of 30 seconds each. */
interface Case {
  readonly slo: Written;
  readonly series: Series;
  /** Events and bad events a second after 20 minutes; undefined: no series. */
  readonly events: number | undefined;
  readonly errors: number | undefined;
}

const counter = (perSecond: number) => `0+${perSecond * 30}x50`;
const requests = { bad: 'r_total{code=~"5.."}', total: "r_total" };
const span = (more: string) =>
  `traces_span_metrics_calls_total{service_name="front", k8s_namespace_name="shop", span_kind="SPAN_KIND_${more}"}`;
const took = (le: string) =>
  `traces_span_metrics_duration_seconds_bucket{service_name="front", span_kind="SPAN_KIND_SERVER", le="${le}"}`;
const counted = `traces_span_metrics_duration_seconds_count{service_name="front", span_kind="SPAN_KIND_SERVER"}`;
const probes = 'probe_success{job="checks", check="shop"}';

const cases: Readonly<Record<string, Case>> = {
  "bad and all events": {
    slo: { name: "a", ratio: requests },
    series: {
      'r_total{code="200"}': counter(9),
      'r_total{code="500"}': counter(0.5),
      'r_total{code="503"}': counter(0.5),
    },
    events: 10,
    errors: 1,
  },
  "no bad event yet": {
    slo: { name: "a", ratio: requests },
    series: { 'r_total{code="200"}': counter(9) },
    events: 9,
    errors: 0,
  },
  "no traffic": {
    slo: { name: "a", ratio: requests },
    series: { 'r_total{code="200"}': "7x50", 'r_total{code="500"}': "1x50" },
    events: 0,
    errors: 0,
  },
  "series that are missing": { slo: { name: "a", ratio: requests }, series: {}, events: undefined, errors: undefined },
  "series that may be missing": {
    slo: { name: "a", ratio: requests, quiet: true },
    series: {},
    events: 0,
    errors: undefined,
  },
  "a counter that starts again": {
    slo: { name: "a", ratio: requests },
    series: { 'r_total{code="200"}': "0+300x35 0+300x14", 'r_total{code="500"}': "0+30x35 0+30x14" },
    events: (11 * 8) / 9,
    errors: 8 / 9,
  },
  "good and all events": {
    slo: { name: "a", ratio: { good: "g_total", total: "t_total" } },
    series: { g_total: counter(8), t_total: counter(10) },
    events: 10,
    errors: 2,
  },
  "no good event yet": {
    slo: { name: "a", ratio: { good: "g_total", total: "t_total" } },
    series: { t_total: counter(10) },
    events: 10,
    errors: 10,
  },
  "more good events than events": {
    slo: { name: "a", ratio: { good: "g_total", total: "t_total" } },
    series: { g_total: counter(10.1), t_total: counter(10) },
    events: 10,
    errors: 0,
  },
  "good and bad events": {
    slo: { name: "a", ratio: { good: "g_total", bad: "b_total" } },
    series: { g_total: counter(8), b_total: counter(2) },
    events: 10,
    errors: 2,
  },
  "bad events alone": {
    slo: { name: "a", ratio: { good: "g_total", bad: "b_total" } },
    series: { b_total: counter(2) },
    events: 2,
    errors: 2,
  },
  "requests that fail": {
    slo: { name: "a", errors: { service: "front", namespace: "shop" } },
    series: {
      [span('SERVER", status_code="STATUS_CODE_UNSET')]: counter(3),
      [span('SERVER", status_code="STATUS_CODE_ERROR')]: counter(1),
      // What it asks others is not what it is asked.
      [span('CLIENT", status_code="STATUS_CODE_ERROR')]: counter(5),
      [span('SERVER", status_code="STATUS_CODE_ERROR').replaceAll("shop", "other")]: counter(5),
    },
    events: 4,
    errors: 1,
  },
  "requests that take long": {
    slo: { name: "a", latency: { service: "front", below: "250ms" } },
    series: { [took("0.1")]: counter(1), [took("0.25")]: counter(3), [took("0.5")]: counter(4), [counted]: counter(5) },
    events: 5,
    errors: 2,
  },
  "a whole bound, as others than Prometheus 3 keep it": {
    slo: { name: "a", latency: { service: "front", below: "1s" } },
    series: { [took("1")]: counter(4), [took("10")]: counter(5), [counted]: counter(5) },
    events: 5,
    errors: 1,
  },
  "a whole bound, as Prometheus 3 writes it": {
    slo: { name: "a", latency: { service: "front", below: "1s" } },
    series: { [took("1.0")]: counter(4), [took("10.0")]: counter(5), [counted]: counter(5) },
    events: 5,
    errors: 1,
  },
  "a check that fails every other time": {
    slo: { name: "a", check: "shop" },
    series: {
      [probes]: Array.from({ length: 51 }, (_, index) => index % 2).join(" "),
      'probe_success{job="checks", check="b"}': "0x50",
    },
    events: 10 / 300,
    errors: 5 / 300,
  },
};

const whole = (slo: Written): Slo => slos.parse([{ target: 99.9, ...slo }])[0] as Slo;

describe("service level objectives, by promtool", () => {
  let promtool: string;
  let folder: string;
  before(async function () {
    promtool = await programOrSkip(this, "promtool");
    folder = mkdtempSync(join(tmpdir(), "slos-"));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (command: string, files: Readonly<Record<string, object>>, ...args: string[]) => {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), stringify(content));
    const { status, stdout, stderr } = spawnSync(promtool, [command, "rules", ...args], {
      cwd: folder,
      encoding: "utf8",
    });
    return { status, said: stdout + stderr };
  };

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
