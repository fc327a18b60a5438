import { readFileSync } from "node:fs";
import { expect } from "chai";
import { parse } from "yaml";
import { warningsOf } from "../../../components/content.ts";
import { plan } from "../../../components/plan.ts";
import { parseSettings } from "../../../settings/parse.ts";

const ratio = { bad: 'r_total{code=~"5.."}', total: "r_total" };
const one = { name: "shop", ratio, target: 99.9 };
const checks = [{ name: "page", target: "https://example.com/" }];

const read = (settings: object) => parseSettings({ ...settings }, { file: "Pulumi.dev.yaml", secrets: [] });

function findings(settings: object): string {
  try {
    read(settings);
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** In a bucket of the environment's. */
const thanos = { objectStorage: "seaweedfs", thanos: { enabled: true } } as const;

const external = (retention: string | undefined) => ({
  metrics: "external",
  external: { metrics: { queryUrl: "https://mimir.example.com/prometheus", evaluatesRules: true, retention } },
});

const ofSelector = (bad: string) => ({ slos: [{ ...one, ratio: { bad, total: "r_total" } }] });

describe("service level objectives", () => {
  it("are measured by counters, spans and checks", () => {
    const all = [
      one,
      { name: "a", errors: { service: "front", namespace: "shop" }, target: 99 },
      { name: "b", latency: { service: "front", below: "2.5s" }, target: 95, window: "4w" },
      { name: "c", check: "page", target: 99.5 },
    ];
    expect(findings({ checks, slos: all })).to.equal("");
  });

  it("accept the example of docs/alerts.md", () => {
    const page = readFileSync(new URL("../../../docs/alerts.md", import.meta.url), "utf8");
    const example = /```yaml\n(config:\n {2}observability:slos:.*?)```/s.exec(page)?.[1] ?? "";
    const { config } = parse(example) as { config: Readonly<Record<string, object[]>> };
    const slos = config["observability:slos"];
    expect(slos).to.have.length.greaterThan(3);
    expect(findings({ checks: [{ name: "login", target: "https://example.com/" }], slos })).to.equal("");
  });

  for (const selector of [
    "r_total",
    "r_total{}",
    ' r_total { a = "b" , } '.trim(),
    'r:x{a!="",b!~"a|b"}',
    String.raw`r{a="\"{}\\", b=~"a\\.b"}`,
  ])
    it(`take the selector ${selector}`, () => {
      expect(findings(ofSelector(selector))).to.equal("");
    });

  for (const [what, settings, words] of [
    ["nothing to measure by", { slos: [{ name: "a", target: 99 }] }, "slos.0: has none of ratio, errors, latency and"],
    [
      "two measures",
      { checks, slos: [{ ...one, check: "page" }] },
      "slos.0: has several of ratio, errors, latency and",
    ],
    ["one name twice", { slos: [one, one] }, "slos.1.name: is shop, as is slos.0.name."],
    ["one counter", { slos: [{ ...one, ratio: { bad: "a" } }] }, "slos.0.ratio: must have two of good, bad and total."],
    ["a range", ofSelector("r_total[5m]"), "slos.0.ratio.bad: must be the name of a metric with its labels"],
    ["a function", ofSelector("rate(r_total)"), "must be the name of a metric with its labels"],
    ["a value without quotes", ofSelector("r{a=b}"), "must be the name of a metric with its labels"],
    ["an escape that Go does not know", ofSelector(String.raw`r{a=~"\."}`), "must be the name of a metric"],
    ["a name twice", ofSelector('r{__name__="b"}'), "must be the name of a metric with its labels"],
    ["a number as a name", ofSelector("NaN"), "must be the name of a metric with its labels"],
    ["an expression that RE2 has not", ofSelector('r{a=~"(?=b)"}'), "regular expression that Prometheus refuses"],
    ["a target that nobody could miss", { slos: [{ ...one, target: 90 }] }, "slos.0.target: must be at least 94."],
    ["a target that nobody could meet", { slos: [{ ...one, target: 100 }] }, "slos.0.target: must be at most 99.999."],
    ["a day", { slos: [{ ...one, window: "1d" }] }, "slos.0.window: must be from 7d to 90d."],
    ["hours", { slos: [{ ...one, window: "720h" }] }, "slos.0.window: must be days or weeks, such as 30d or 4w."],
    [
      "a label of its own",
      { slos: [{ ...one, labels: { severity: "x" } }] },
      "is a label that an objective has of itself",
    ],
    [
      "a check that is not there",
      { checks, slos: [{ name: "a", check: "pag", target: 99 }] },
      "checks, which has page.",
    ],
    ["no check at all", { slos: [{ name: "a", check: "page", target: 99 }] }, "checks, which is empty."],
    [
      "a duration between two that are counted",
      { slos: [{ name: "a", latency: { service: "f", below: "300ms" }, target: 99 }] },
      "slos.0.latency.below: is 300ms, by which the collector does not count. Set it to one of 10ms,",
    ],
    [
      "spans that nobody counts",
      {
        gateway: "none",
        instrumentation: { enabled: false },
        slos: [{ name: "a", errors: { service: "f" }, target: 99 }],
      },
      "slos.0.errors: is measured by spans, and the gateway counts none. Set gateway to collector",
    ],
    ["nobody who evaluates", { metrics: "none", slos: [one] }, "slos cannot do without it"],
  ] as const)
    it(`are refused with ${what}`, () => {
      expect(findings(settings)).to.include(words);
    });

  for (const [what, settings, said] of [
    ["a day, nowhere", {}, ["prometheus.retention is 24h", "Set prometheus.storage."]],
    [
      "too little on a volume",
      { prometheus: { retention: "7d", storage: "20Gi" } },
      ["Set prometheus.retention to 30d."],
    ],
    ["enough on a volume", { prometheus: { retention: "30d", storage: "20Gi" } }, []],
    [
      "a day in pods of another kind",
      { metrics: "victoriaMetrics" },
      ["victoriaMetrics.retention is 24h", "Set victoriaMetrics.storage."],
    ],
    // Prometheus evaluates by its own samples, whatever the bucket has.
    ["years in a bucket, which who evaluates does not ask", thanos, ["prometheus.retention", "prometheus.storage"]],
    ["years in a bucket, which is asked", { ...thanos, ruler: "thanosRuler" }, []],
    ["for ever", { ...thanos, ruler: "thanosRuler", thanos: { enabled: true, retention: { raw: "0d" } } }, []],
    ["a week elsewhere", external("7d"), ["external.metrics.retention is 7d"]],
    ["nobody knows how much", external(undefined), []],
  ] as const)
    it(`are warned of a store that keeps ${what}`, () => {
      const slos = [{ ...one, name: "week", window: "7d" }, one];
      const warned = warningsOf(plan(read({ ...settings, slos })).chosen).filter(({ path }) => path === "slos");
      expect(warned).to.have.length(said.length);
      for (const [index, words] of said.entries()) expect(warned[index]?.message).to.include(words);
    });
});
