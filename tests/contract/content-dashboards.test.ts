import { expect } from "chai";
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { dataSourceUid } from "../../components/capabilities.ts";
import { staleFiles } from "../../commands/dashboards.ts";
import { shortRanges } from "../../contract/rules-lint.ts";
import { shapedSeries } from "../../dashboards/sample/cluster.ts";
import { programOrSkip } from "../support/program.ts";
import {
  panelsOf,
  ofObjectives,
  projectFolder,
  queriesOf,
  readDashboards,
  readForms,
  readRuleFiles,
  recordedNames,
  rulesOf,
  scrapeIntervalSeconds,
  shipped,
  withGrafanaValues,
} from "./support/content.ts";
import { emptyQueries, logqlMistakes, promqlMistakes, traceqlMistakes } from "./support/queries.ts";

const files = readDashboards();
const forms = readForms();

/** Grafana's own variables that our dashboards use. */
const builtIn = /^__(rate_interval|range|auto|url_time_range|value|data|field)$/;

describe("dashboards", () => {
  it("are what their sources make", () => {
    expect(staleFiles(), "run `node commands/dashboards.ts`").to.deep.equal([]);
  });

  it("have UIDs of their own, in the file's name", () => {
    expect(files).to.have.length.greaterThan(6);
    for (const { file, dashboard } of forms) expect(file).to.match(new RegExp(`/${dashboard.uid}\\.json$`));
    expect(new Set(files.map(({ dashboard }) => dashboard.uid))).to.have.length(files.length);
  });

  for (const { file, dashboard } of forms) {
    describe(`${dashboard.title}, ${basename(dirname(file))}`, () => {
      const panels = panelsOf(dashboard);
      const variables = dashboard.templating.list;

      it("is of the schema of Grafana 13 and says which question it answers", () => {
        expect(dashboard.schemaVersion).to.equal(42);
        expect(dashboard.description).to.match(/\?$/);
        const page = readFileSync(join(projectFolder, "docs/dashboards.md"), "utf8");
        expect(page, "docs/dashboards.md").to.include(`\`${dashboard.uid}\``).and.include(dashboard.description);
      });

      it("has panels with a title, a description, a unit and a data source that is chosen by a variable", () => {
        expect(panels).to.have.length.greaterThan(2);
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
            expect(variable.current?.value).to.equal(
              (dataSourceUid as Readonly<Record<string, string>>)[variable.name],
            );
          }
        }
      });

      it("fills no lines that overlap, and draws thresholds in the colour of what is worse", () => {
        for (const { type, title, fieldConfig } of panels.filter((panel) => panel.type === "timeseries")) {
          const { custom, thresholds } = fieldConfig?.defaults ?? {};
          if (custom?.stacking?.mode !== "normal") expect(custom?.fillOpacity, `${type} "${title}"`).to.equal(0);
          // Without a transparent side Grafana draws a lower limit in the colour of what is fine above it.
          if (custom?.thresholdsStyle !== undefined)
            expect(
              thresholds?.steps.map(({ color }) => color),
              title,
            ).to.include("transparent");
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
          ...ofObjectives,
          ...readRuleFiles().flatMap((rules) => rulesOf(rules).map((r) => r.record)),
        ];
        for (const { where, expr } of queriesOf({ file, dashboard }, "prometheus")) {
          expect(shortRanges(withGrafanaValues(expr), scrapeIntervalSeconds), where).to.deep.equal([]);
          for (const name of recordedNames(expr)) expect(recorded, where).to.include(name);
        }
      });
    });
  }

  it("come in every language that a panel knows, and in no two of them", () => {
    const types = forms.map(({ dashboard }) => [
      dashboard.uid,
      ...new Set(panelsOf(dashboard).flatMap(({ targets = [] }) => targets.map(({ datasource }) => datasource.type))),
    ]);
    const logs = ["loki", "victoriametrics-logs-datasource", "elasticsearch"];
    for (const demo of ["kbot", "podinfo"])
      for (const language of ["jaeger", "tempo"])
        for (const lines of [...logs, undefined]) {
          const those = types.filter((of) => of.includes(demo) && of.includes(language));
          const spoken = those.filter((of) =>
            lines === undefined ? !logs.some((one) => of.includes(one)) : of.includes(lines),
          );
          expect(spoken, `${demo} ${language} ${lines ?? "no logs"}`).to.have.length(1);
        }
    for (const [one = "", other = ""] of [["jaeger", "tempo"], logs])
      expect(types.filter((of) => of.includes(one) && of.includes(other))).to.deep.equal([]);
  });

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

  describe("data, from a made-up cluster by Prometheus's engine", function () {
    let promtool: string;
    before(async function () {
      promtool = await programOrSkip(this, "promtool");
    });

    it("finds a query that returns nothing (the check itself)", () => {
      const few = shapedSeries().filter(({ name }) => name === "up" || name === "kube_pod_info");
      const nothing = { where: "here", expr: "no_such_metric" };
      const empty = emptyQueries(promtool, [{ where: "there", expr: "up" }, nothing], few, []);
      expect(empty).to.deep.equal(["here: no_such_metric"]);
      const manyToMany = { where: "here", expr: "kube_pod_info * on (job) up" };
      expect(() => emptyQueries(promtool, [manyToMany], few, [])).to.throw("cannot execute");
    });

    it("is returned by every query of every panel", () => {
      const queries = files
        .flatMap((file) => queriesOf(file, "prometheus"))
        .filter(({ where }) => where.includes("panel"));
      expect(queries).to.have.length.greaterThan(100);
      expect(emptyQueries(promtool, queries)).to.deep.equal([]);
    });
  });

  describe("LogQL, by Grafana's grammar", () => {
    // Loki refuses each.
    for (const broken of [
      '{job="containers"} |= ',
      'sum by (pod (rate({job="containers"}[1m])))',
      '{job="containers"',
      '{namespace=~".*"}',
      '{job="containers"} |~ "("',
      '{job=~"("}',
      '{job="containers"} | regexp "a"',
      '{job="containers"} | line=~`(`',
      'rate({job="containers"})',
      'count_over_time({job="containers"}[5 minutes])',
    ]) {
      it(`refuses ${broken}`, () => {
        expect(logqlMistakes([{ where: "here", expr: broken }])).to.have.length(1);
      });
    }

    it("accepts every query", () => {
      // A Loki variable's query may be a label without a stream.
      const queries = forms.flatMap((file) => queriesOf(file, "loki")).filter(({ expr }) => expr !== "");
      expect(queries).to.have.length.greaterThan(8);
      expect(logqlMistakes(queries)).to.deep.equal([]);
    });
  });

  describe("TraceQL, by Grafana's grammar", () => {
    for (const broken of [
      "{ resource.service.name = x }",
      '{ service.name = "x" }',
      '{ resource.service.name = "x"',
      "x",
    ]) {
      it(`refuses ${broken}`, () => {
        expect(traceqlMistakes([{ where: "here", expr: broken }])).to.have.length(1);
      });
    }

    it("accepts every query", () => {
      const queries = forms.flatMap((file) => queriesOf(file, "tempo"));
      expect(queries).to.have.length.greaterThan(3);
      expect(traceqlMistakes(queries)).to.deep.equal([]);
    });
  });
});
