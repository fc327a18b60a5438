/** `npm run lint:rules`: each fault that it knows, and rules without any; what it makes of labels, by Prometheus' own engine. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { main } from "../../commands/lint-rules.ts";
import { labelsOf, parsed } from "../../contract/promql.ts";
import { lintFile, type Rule, ruleFaults, shortRanges } from "../../contract/rules-lint.ts";
import { programOrSkip } from "../support/program.ts";
import { projectFolder } from "./support/content.ts";
import { promtool as askPromtool } from "./support/promtool.ts";

const fine: Rule = {
  alert: "ShopErrors",
  expr: 'sum by (namespace, route) (rate(http_requests_total{job="shop", code=~"5.."}[5m])) > 1',
  for: "5m",
  labels: { severity: "warning" },
  annotations: { summary: "{{ $labels.route }} fails", runbook_url: "https://example.com/ShopErrors" },
};
const around = { scrape: 30, evaluated: 60, namespace: "shop" };
const { expr } = fine;

describe("lint of rules", () => {
  it("has nothing against rules that are right", () => {
    const right: readonly Partial<Rule>[] = [
      {},
      { expr: "avg_over_time(up[1m]) < 0.5" },
      {
        expr: 'absent(up{job="shop"})',
        annotations: { ...fine.annotations, summary: "{{ $labels.job }}" },
        labels: { severity: "info", namespace: "shop" },
      },
      { expr: 'rate(otelcol_exporter_sent_spans_total{job="jaeger"}[5m]) == 0' },
      { labels: { severity: "{{ if gt $value 2.0 }}critical{{ else }}warning{{ end }}" } },
    ];
    for (const change of right)
      expect(ruleFaults({ ...fine, ...change }, around), JSON.stringify(change)).to.deep.equal([]);
    const records = ["route:http_requests:rate5m", "job:up:avg", "slo:burn_rate:ratio1h"];
    for (const record of records) {
      const range = /\d+[mh]$/.exec(record)?.[0] ?? "5m";
      expect(ruleFaults({ record, expr: `sum(rate(a[${range}]))` }, around), record).to.deep.equal([]);
    }
  });

  for (const [what, change, words] of [
    ["no severity", { labels: {} }, "has no label severity."],
    ["a severity that nobody is told by", { labels: { severity: "page" } }, "has the severity page"],
    ["no summary", { annotations: { runbook_url: "a" } }, "has no annotation summary."],
    ["an empty runbook", { annotations: { summary: "a", runbook_url: " " } }, "has no annotation runbook_url."],
    ["a rate over two scrapes", { expr: expr.replace("5m", "1m") }, "looks back over [1m]. Take at least 120 seconds"],
    [
      "an increase in a subquery",
      { expr: `max_over_time((${expr.replace("5m", "90s")})[1h:1m])` },
      "looks back over [90s].",
    ],
    ["a mean over one scrape", { expr: "avg_over_time(up[30s]) < 1" }, "looks back over [30s]."],
    ["a wait shorter than an evaluation", { for: "30s" }, "waits 30s, and is evaluated every 60 seconds"],
    [
      "absence without a wait",
      { expr: 'absent(up{namespace="shop", route="a"})', for: undefined },
      "asks absent() and has no for",
    ],
    [
      "a label that a sum has lost",
      { expr: expr.replace(", route", "") },
      "names the label route, which its expression has lost",
    ],
    ["a label that a join has lost", { expr: `(${expr}) / on (namespace) a` }, "names the label route"],
    ["a label in a label", { labels: { severity: "info", team: "{{ $labels.team }}" } }, "names the label team"],
    ["no namespace", { expr: expr.replace("namespace, ", "") }, "no AlertmanagerConfig of shop sees it"],
    ["a misspelt job", { expr: 'up{job="fluent-bitt"} == 0' }, "Did you mean fluent-bit?"],
    [
      "metrics of another job",
      { expr: 'fluentbit_uptime{job="jaeger"} == 0' },
      "for fluentbit_uptime, which fluent-bit or containers or journal or audit has.",
    ],
  ] as const)
    it(`tells of ${what}`, () => {
      expect(ruleFaults({ ...fine, ...change }, around).join("\n")).to.include(words);
    });

  for (const [what, record, query, words] of [
    ["no level", "requests:rate5m", "sum(rate(a[5m]))", "is not called level:metric:operations."],
    ["no colon", "requests", "sum(rate(a[5m]))", "is not called level:metric:operations."],
    ["another window", "job:requests:rate5m", "sum(rate(a[10m]))", "says 5m in its name"],
  ] as const)
    it(`tells of a name with ${what}`, () => {
      expect(ruleFaults({ record, expr: query }, around).join("\n")).to.include(words);
    });

  it("leaves what is no PromQL to promtool", () => {
    expect(shortRanges("rate(x[1m) +", 30)).to.deep.equal([]);
    expect(ruleFaults({ ...fine, expr: "rate(x[1m) +" }, around)).to.deep.equal([]);
  });

  describe("by promtool", () => {
    let promtool: string;
    let folder: string;
    before(async function () {
      promtool = await programOrSkip(this, "promtool");
      folder = mkdtempSync(join(tmpdir(), "lint-"));
    });
    after(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    it("knows which labels a result has", () => {
      // a and b have labels x, y and z of the same values; a has u besides, b has v.
      const queries = [
        ...[
          "a",
          "sum(a)",
          "sum by (x, q) (a)",
          "sum without (x) (a)",
          "max by (x) (a) + 1",
          "1 - a",
          "-(a)",
          "a offset 1m",
        ],
        ...["a * on (x, y) b", "a * ignoring (u, v) b", "a * on (x) group_left (v) b", "a * on (x) group_right (u) b"],
        ...[
          "a and on (x) b",
          "a unless on (x) c",
          "a > bool 3",
          "sum by (x) (a) == on (x) sum by (x, y) (b)",
          "topk(1, a)",
        ],
        ...[
          'count_values("w", a)',
          'count_values by (x) ("w", a)',
          'label_replace(sum(a), "w", "1", "", "")',
          "vector(1)",
        ],
        ...[
          'absent(none{x="1", y=~"2"})',
          "rate(a[5m])",
          "max_over_time(sum by (x) (a)[5m:1m])",
          "sum by (x) (a) or b",
        ],
        ...[
          "clamp_max(a, 2)",
          "scalar(a) + b",
          "histogram_quantile(0.5, h)",
          "sum by (x) (a) / sum by (x) (b)",
          'a{u="1"}',
        ],
      ];
      const labels = ["x", "y", "z", "u", "v", "w", "q", "le"];
      const constant = (name: string) => ({ series: name, values: "1+1x30" });
      const all = 'x="1", y="2", z="3"';
      const tests = {
        evaluation_interval: "1m",
        tests: [
          {
            interval: "1m",
            input_series: [`a{${all}, u="4"}`, `b{${all}, v="5"}`, `h{${all}, le="1"}`, `h{${all}, le="+Inf"}`].map(
              constant,
            ),
            promql_expr_test: queries.map((query) => ({
              expr: query,
              eval_time: "20m",
              exp_samples: [{ labels: "never", value: 0 }],
            })),
          },
        ],
      };
      const { said: printed } = askPromtool(promtool, { "labels.yaml": tests }, ["test", "rules", "labels.yaml"]);
      const got = [...printed.matchAll(/^ +expr: (.*), time: .*\n +exp: .*\n +got: (.*)$/gm)];
      expect(got).to.have.length(queries.length);
      for (const [index, [, , said = ""]] of got.entries()) {
        const query = parsed(queries[index] ?? "");
        const has = query === undefined ? () => false : labelsOf(query);
        // A result of several series: what any of them has.
        const real = labels.filter((label) => new RegExp(`[{ ]${label}="`).test(said));
        const selectsAll = labels.filter((label) => has(label));
        // Of plain series nobody knows which labels they have: those of the made-up ones.
        const expected = selectsAll.filter((label) => real.includes(label));
        expect(
          real.filter((label) => !has(label)),
          `${queries[index] ?? ""}: ${said}`,
        ).to.deep.equal([]);
        if (
          /^(sum|count|label|vector|absent|max by)/.test(queries[index] ?? "") &&
          !/without|or b/.test(queries[index] ?? "")
        )
          expect(
            selectsAll.filter((label) => label !== "q"),
            queries[index],
          ).to.deep.equal(expected);
      }
    });

    it("reads Prometheus' own files and PrometheusRule objects, and says file, line, group and rule of every fault", () => {
      const bad: Rule = { ...fine, expr: "sum(rate(a[5m])", labels: {} };
      const plain = join(folder, "plain.yaml");
      writeFileSync(
        plain,
        stringify({ groups: [{ name: "shop", rules: [fine, bad, { ...fine, alert: "Other", nonsense: 1 }] }] }),
      );
      const object = {
        ...{
          apiVersion: "monitoring.coreos.com/v1",
          kind: "PrometheusRule",
          metadata: { name: "a", namespace: "shop" },
        },
        spec: { groups: [{ name: "shop", partial_response_strategy: "warn", rules: [{ ...fine, labels: {} }] }] },
      };
      const objects = join(folder, "objects.yaml");
      writeFileSync(
        objects,
        ["kind: Service", stringify(object), "kind: PrometheusRule", "groups: 3", "a: ["].join("\n---\n"),
      );
      const lines = (file: string) =>
        lintFile(file, promtool, 30).faults.map(({ line, where, message }) => `${line}: ${where}: ${message}`);
      expect(lines(plain)).to.deep.equal([
        "2: : promtool: field nonsense not found in type rulefmt.Rule",
        "13: shop, ShopErrors: promtool: could not parse expression: 1:16: parse error: unclosed left parenthesis",
        "13: shop, ShopErrors: has no label severity. Set it to critical, warning, info, none.",
      ]);
      expect(lines(objects).map((line) => line.replace(/^\d+/, "N"))).to.deep.equal([
        "N: shop, ShopErrors: has no label severity. Set it to critical, warning, info, none.",
        "N: : has no spec.groups: it is neither a file of rules nor a PrometheusRule.",
        "N: : has no groups: it is neither a file of rules nor a PrometheusRule.",
        "N: : is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
      ]);
      // As kubectl gets several, and as one is written.
      const bare = { metadata: object.metadata, spec: structuredClone(object.spec) };
      for (const [kind, items] of [
        ["List", [{ kind: "Service" }, object]],
        ["PrometheusRuleList", [object, bare]],
      ] as const) {
        const list = join(folder, `${kind}.yaml`);
        writeFileSync(list, stringify({ apiVersion: "v1", kind, items }));
        const found = lintFile(list, promtool, 30);
        expect(found.faults.map(({ message }) => message)).to.have.length(kind === "List" ? 1 : 2);
        expect(found.rules).to.equal(found.faults.length);
        expect(found.others).to.deep.equal(kind === "List" ? ["Service"] : []);
        expect(found.faults[0]?.line).to.be.greaterThan(3);
      }
    });

    it("ends with 0, 1 or 2", async () => {
      const good = join(folder, "good.yaml");
      writeFileSync(good, stringify({ groups: [{ name: "shop", rules: [fine] }] }));
      const wrong = join(folder, "wrong.yaml");
      writeFileSync(wrong, stringify({ groups: [{ name: "shop", rules: [{ ...fine, labels: {} }] }] }));
      const both = join(folder, "{good,wrong}.yaml");
      const { status } = spawnSync(process.execPath, ["commands/lint-rules.ts", both], { cwd: projectFolder });
      expect(status).to.equal(1);
      const run = async (...args: string[]) => {
        const [said, complained]: [string[], string[]] = [[], []];
        const code = await main(args, {
          log: (text: string) => said.push(text),
          error: (text: string) => complained.push(text),
        });
        return `${code} ${[...said, ...complained].map((text) => `${text}\n`).join("")}`;
      };
      expect(await run(good)).to.equal("0 1 rule in 1 file: no fault.\n");
      expect(await run(both)).to.include("1 2 rules in 2 files: one fault.");
      expect(await run("--scrape-interval", "2m", good)).to.include("looks back over [5m]. Take at least 480 seconds");
      expect(await run("--scrape-interval", "1h", good)).to.match(/^2 --scrape-interval must be from 5s to 2m/);
      expect(await run(join(folder, "none-*.yaml"))).to.match(/^2 .*none-\*.yaml: there is no such file\./);
      expect(await run("package.json")).to.match(/^1 .*package.json:1: has no groups/s);
      const beside = join(folder, "beside.yaml");
      writeFileSync(beside, "kind: Service\n---\nkind: ConfigMap\n");
      expect(await run(beside)).to.equal("0 0 rules in 1 file: no fault.\nNot looked at: ConfigMap, Service.\n");
      expect(await run()).to.match(/^2 No file is named\./);
    });
  });
});
