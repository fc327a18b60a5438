import { expect } from "chai";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { staleFiles } from "../../tools/dashboards/build.ts";
import { programOrSkip } from "../support/program.ts";
import {
  panelsOf,
  projectFolder,
  queriesOf,
  type Query,
  readDashboards,
  readRuleFiles,
  recordedNames,
  rulesOf,
  shipped,
  shortRanges,
  withGrafanaValues,
} from "./support/content.ts";

const files = readDashboards();

/** Grafana's own variables that our dashboards use. */
const builtIn = /^__(rate_interval|range|auto|url_time_range|value|data|field)$/;

/** What a person has chosen: everything, and of the metrics one. */
const chosen = (variable: string): string => (variable === "metric" ? "up" : ".*");

/** What is wrong with each query by Prometheus's parser; a query without a mistake is left out. */
function promqlMistakes(promtool: string, queries: readonly Query[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "promql-"));
  try {
    const rules = queries.map(({ expr }, index) => ({ record: `query_${index}`, expr: withGrafanaValues(expr) }));
    writeFileSync(join(folder, "queries.yaml"), stringify({ groups: [{ name: "queries", rules }] }));
    const result = spawnSync(promtool, ["check", "rules", "--lint=none", "queries.yaml"], {
      cwd: folder,
      encoding: "utf8",
    });
    const said = result.stdout + result.stderr;
    if (result.status === 0) return [];
    const named = [...said.matchAll(/"query_(\d+)"[^\n]*/g)];
    if (named.length === 0) throw new Error(`promtool failed and named no query:\n${said}`);
    return named.map(([line, index]) => `${queries[Number(index)]?.where ?? "?"}: ${line}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function logqlMistakes(logql: string, queries: readonly Query[]): string[] {
  const input = JSON.stringify(queries.map(({ expr }) => withGrafanaValues(expr)));
  const answers = JSON.parse(execFileSync(logql, { input, encoding: "utf8" })) as string[];
  expect(answers).to.have.length(queries.length);
  return answers.flatMap((answer, index) => (answer === "" ? [] : [`${queries[index]?.where ?? "?"}: ${answer}`]));
}

/**
 * Queries that return no data from the recorded data set (tests/contract/data/series.yaml), with the rules that record
 * series at work. promtool compares with what is expected; expecting nothing, it fails exactly where there is data.
 *
 * @throws Error when Prometheus cannot execute a query: a join that matches many to many parses, but does not run
 */
function emptyQueries(promtool: string, queries: readonly Query[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "data-"));
  try {
    const { eval_time, ...data } = parse(
      readFileSync(join(projectFolder, "tests/contract/data/series.yaml"), "utf8"),
    ) as { eval_time: string; interval: string; input_series: unknown };
    const rules = readRuleFiles();
    for (const { name, groups } of rules) writeFileSync(join(folder, `${name}.yaml`), stringify({ groups }));
    // Each query is a test of its own name: label_replace makes the expression say which one answered.
    const promql_expr_test = queries.map(({ expr }, index) => ({
      expr: `label_replace(${withGrafanaValues(expr, chosen)}, "query", "query_${index}_", "", "")`,
      eval_time,
      exp_samples: [],
    }));
    const test = { rule_files: rules.map(({ name }) => `${name}.yaml`), evaluation_interval: data.interval };
    writeFileSync(join(folder, "test.yaml"), stringify({ ...test, tests: [{ ...data, promql_expr_test }] }));
    const result = spawnSync(promtool, ["test", "rules", "test.yaml"], {
      cwd: folder,
      encoding: "utf8",
      maxBuffer: 2 ** 26,
    });
    const said = result.stdout + result.stderr;
    const broken = /^.*(?:found duplicate series|many-to-many|err:.*|parse error.*|couldn't evaluate).*$/m.exec(said);
    if (broken !== null) throw new Error(`Prometheus cannot execute a query: ${broken[0]}`);
    return queries
      .filter((_, index) => !said.includes(`query="query_${index}_"`))
      .map(({ where, expr }) => `${where}: ${expr}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("dashboards", () => {
  it("are what the builder writes", async () => {
    expect(await staleFiles(), "run `node tools/dashboards/build.ts`").to.deep.equal([]);
  });

  it("have UIDs of their own, in the file's name", () => {
    expect(files).to.have.length.greaterThan(6);
    for (const { file, dashboard } of files) expect(file).to.match(new RegExp(`/${dashboard.uid}\\.json$`));
    expect(new Set(files.map(({ dashboard }) => dashboard.uid))).to.have.length(files.length);
  });

  for (const { file, dashboard } of files) {
    describe(dashboard.title, () => {
      const panels = panelsOf(dashboard);
      const variables = dashboard.templating.list;

      it("is of the schema of Grafana 13 and says which question it answers", () => {
        expect(dashboard.schemaVersion).to.equal(42);
        expect(dashboard.description).to.match(/\?$/);
        const page = readFileSync(join(projectFolder, "docs/dashboards.md"), "utf8");
        expect(page, "docs/dashboards.md").to.include(`\`${dashboard.uid}\``).and.include(dashboard.description);
      });

      it("has panels with a title, a description, a unit and a data source that is chosen by a variable", () => {
        expect(panels).to.have.length.greaterThan(3);
        const sources = variables.filter(({ type }) => type === "datasource").map(({ name }) => `\${${name}}`);
        for (const panel of panels) {
          const where = `panel "${panel.title}"`;
          expect(panel.title, where).to.match(/\S/);
          expect(panel.description, where).to.match(/\w{3,}.*\./);
          expect(panel.fieldConfig?.defaults.unit, `${where}: unit`).to.match(/\S/);
          expect(panel.targets, `${where}: targets`).to.have.length.greaterThan(0);
          for (const uid of [panel.datasource?.uid, ...(panel.targets ?? []).map(({ datasource }) => datasource.uid)]) {
            expect(sources, where).to.include(uid);
          }
        }
      });

      it("starts with the data sources that the platform provisions, and explains its variables", () => {
        for (const variable of variables) {
          expect(variable.description, variable.name).to.match(/\S/);
          if (variable.type === "datasource") {
            expect(variable.current?.value).to.equal(variable.query).and.be.oneOf(["prometheus", "loki", "jaeger"]);
          }
        }
      });

      it("fills a laptop's width without overlaps", () => {
        const taken = new Map<string, string>();
        const ids = new Set<number>();
        const visible = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
        for (const panel of visible) {
          expect(ids.has(panel.id), `id of "${panel.title}" is used twice`).to.equal(false);
          ids.add(panel.id);
          const { x, y, w, h } = panel.gridPos;
          expect(x + w, `"${panel.title}" is wider than the grid`).to.be.at.most(24);
          expect(w * h, `"${panel.title}" has no size`).to.be.greaterThan(0);
          for (let column = x; column < x + w; column++) {
            for (let row = y; row < y + h; row++) {
              const place = `${column}/${row}`;
              expect(taken.get(place), `"${panel.title}" covers another panel`).to.equal(undefined);
              taken.set(place, panel.title);
            }
          }
        }
      });

      it("uses only variables that it has", () => {
        const known = variables.map(({ name }) => name);
        for (const [, braced, bare] of JSON.stringify(dashboard).matchAll(/\$\{(\w+)[^}]*\}|\$([a-zA-Z_]\w*)/g)) {
          const name = braced ?? bare ?? "";
          if (!builtIn.test(name)) expect(["__all", ...known], `$${name}`).to.include(name);
        }
      });

      it("asks over ranges that hold four scrapes, and for recorded series that exist", () => {
        const recorded = [
          ...shipped.records,
          ...readRuleFiles().flatMap((rules) => rulesOf(rules).map((r) => r.record)),
        ];
        for (const { where, expr } of queriesOf({ file, dashboard }, "prometheus")) {
          expect(shortRanges(expr), where).to.deep.equal([]);
          for (const name of recordedNames(expr)) expect(recorded, where).to.include(name);
        }
      });
    });
  }

  it("link to dashboards and variables that are there", () => {
    const known = new Map(
      files.map(({ dashboard }) => [dashboard.uid, dashboard.templating.list.map(({ name }) => name)] as const),
    );
    const texts = [
      ...files.map(({ file, dashboard }) => ({ file, text: JSON.stringify(dashboard) })),
      ...readRuleFiles(),
    ];
    let links = 0;
    for (const { file, text } of texts) {
      for (const [url, uid = "", query = ""] of text.matchAll(
        /\/d\/([\w-]+)(?:\?((?:[^\s"\\{]|\$\{[^}]*\}|\{\{[^}]*\}\})*))?/g,
      )) {
        links++;
        expect([...known.keys()], `${file}: ${url}`).to.include(uid);
        for (const [, name] of query.matchAll(/var-(\w+)=/g))
          expect(known.get(uid), `${file}: ${url}`).to.include(name);
      }
    }
    expect(links).to.be.greaterThan(40);
  });

  describe("PromQL, by Prometheus's parser", () => {
    let promtool: string;
    before(async function () {
      promtool = await programOrSkip(this, "promtool");
    });

    it("refuses a broken query (the check itself)", () => {
      const broken = { where: "here", expr: "sum by (pod (up)" };
      expect(promqlMistakes(promtool, [{ where: "there", expr: "up" }, broken])).to.have.length(1);
    });

    it("accepts every query", () => {
      const queries = files
        .flatMap((file) => queriesOf(file, "prometheus"))
        // A variable over a bare metric name is a query as well.
        .filter(({ expr }) => expr !== "");
      expect(queries).to.have.length.greaterThan(100);
      expect(promqlMistakes(promtool, queries)).to.deep.equal([]);
    });
  });

  describe("data, from a recorded data set by Prometheus's engine", () => {
    let promtool: string;
    before(async function () {
      promtool = await programOrSkip(this, "promtool");
    });

    it("finds a query that returns nothing (the check itself)", () => {
      const nothing = { where: "here", expr: "no_such_metric" };
      expect(emptyQueries(promtool, [{ where: "there", expr: "up" }, nothing])).to.deep.equal(["here: no_such_metric"]);
      const manyToMany = { where: "here", expr: "kube_pod_info * on (job) up" };
      expect(() => emptyQueries(promtool, [manyToMany])).to.throw("cannot execute");
    });

    it("is returned by every query of every panel", () => {
      const queries = files
        .flatMap((file) => queriesOf(file, "prometheus"))
        .filter(({ where }) => where.includes("panel"));
      expect(queries).to.have.length.greaterThan(100);
      expect(emptyQueries(promtool, queries)).to.deep.equal([]);
    });
  });

  describe("LogQL, by Loki's parser", () => {
    let logql: string;
    before(async function () {
      logql = await programOrSkip(this, "logql");
    });

    it("refuses a broken query (the check itself)", () => {
      expect(logqlMistakes(logql, [{ where: "here", expr: '{job="fluentbit"} |= ' }])).to.have.length(1);
    });

    it("accepts every query", () => {
      // A Loki variable's query may be a label without a stream.
      const queries = files.flatMap((file) => queriesOf(file, "loki")).filter(({ expr }) => expr !== "");
      expect(queries).to.have.length.greaterThan(8);
      expect(logqlMistakes(logql, queries)).to.deep.equal([]);
    });
  });
});
