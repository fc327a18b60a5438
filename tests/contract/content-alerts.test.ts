import { expect } from "chai";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { shippedNames } from "../../components/alerts/log-alerts/shipped.ts";
import { chartNamed } from "../../components/catalogue.ts";
import { parsed, selectorsOf } from "../../contract/promql.ts";
import { ruleFaults } from "../../contract/rules-lint.ts";
import { durationSeconds } from "../../settings/formats.ts";
import { shapedSeries } from "../../dashboards/sample/cluster.ts";
import { programOrSkip } from "../support/program.ts";
import {
  ofObjectives,
  projectFolder,
  readRuleFiles,
  recordedNames,
  rulesOf,
  scrapeIntervalSeconds,
  shipped,
  targetAbsent,
  unitTests,
} from "./support/content.ts";
import { checkRules, testRules } from "./support/promtool.ts";

const files = readRuleFiles();
const rules = files.flatMap(rulesOf);
const alerts = rules.flatMap((rule) => (rule.alert === undefined ? [] : [{ ...rule, alert: rule.alert }]));
const records = rules.flatMap((rule) => (rule.record === undefined ? [] : [rule.record]));

/** Labels that a rule may keep: each has as many values as there are things a person looks after. */
const keptLabels = [
  ...["namespace", "exported_namespace", "node", "pod", "container", "job", "instance", "name", "app"],
  ...[
    "resource",
    "customresource_kind",
    "kind",
    "metric",
    "receiver",
    "exporter",
    "signal",
    "reason",
    "route",
    // Of controllers in an operator.
    "controller",
    // Of Fluentd's outputs, one for each store.
    "plugin_id",
    // Of Elasticsearch's thread pools.
    "type",
    // Of VictoriaLogs' handlers.
    "path",
    "command",
    "check",
    "remote_name",
    "rule_group",
    "username",
    "horizontalpodautoscaler",
    "scaledObject",
    "slo",
  ],
  // Buckets, inside histogram_quantile only; __name__, inside the count of series only.
  ...["le", "__name__"],
  // Kinds of the VictoriaMetrics operator, and the namespaces of its objects.
  ...["crd", "object_namespace"],
];

describe("alert and recording rules", () => {
  it("are of the version of kube-prometheus-stack that is deployed", () => {
    expect(
      shipped.version,
      "read the chart's rules again into contract/facts/shipped-rules.json and see which of ours it ships now",
    ).to.equal(chartNamed("kube-prometheus-stack").version);
  });

  it("have names of their own, and none that kube-prometheus-stack ships", () => {
    // Every component has the one about its own jobs. One scraper excludes the other.
    const others = ["scraping.prometheus", "scraping.vmagent"];
    const names = alerts.map(({ alert }) => alert).filter((name) => name !== targetAbsent);
    expect(names).to.have.length.greaterThan(30);
    for (const other of others) {
      const together = files.filter(({ file }) => !file.includes(other)).flatMap(rulesOf);
      const own = together.flatMap(({ alert = targetAbsent }) => (alert === targetAbsent ? [] : [alert]));
      expect(own.filter((name, index) => own.indexOf(name) !== index)).to.deep.equal([]);
    }
    for (const name of names) expect(shipped.alerts).to.not.include(name);
    for (const record of records) expect(shipped.records).to.not.include(record);
  });

  it("use Flux's variables for the two addresses only", () => {
    for (const { file, text } of files) {
      for (const [variable] of text.matchAll(/\$\{[^}]*\}/g)) {
        expect(["${RUNBOOK_BASE_URL:=docs/runbooks}", "${GRAFANA_URL:=}"], file).to.include(variable);
      }
      // Flux would make one dollar of two.
      expect(text, file).to.not.include("$$");
    }
  });

  it("have no fault that `npm run lint:rules` knows, and ask for recorded series that exist", () => {
    const faults = files.flatMap(({ file, groups }) =>
      groups.flatMap(({ interval, rules: own }) => {
        const evaluated = interval === undefined ? undefined : durationSeconds(interval);
        const around = { scrape: scrapeIntervalSeconds, evaluated, namespace: "monitoring" };
        return own.flatMap((rule) =>
          ruleFaults(rule, around).map((fault) => `${file}, ${rule.alert ?? rule.record ?? ""} ${fault}`),
        );
      }),
    );
    expect(faults).to.deep.equal([]);
    for (const { alert, record, expr } of rules) {
      const where = alert ?? record ?? "";
      for (const name of recordedNames(expr))
        expect([...shipped.records, ...ofObjectives, ...records], where).to.include(name);
    }
  });

  it("ask for series and labels that the platform has, each of the job that has them: so there is what can make them fire", () => {
    // Every job has `up`, and of whom a job is checks/content.ts holds.
    const recorded = [...records, ...shipped.records, "up"];
    const series = Map.groupBy(shapedSeries(), ({ name }) => name);
    const asked = rules.flatMap(({ alert, record, expr }) => {
      const query = parsed(expr);
      return (query === undefined ? [] : selectorsOf(query)).map((one) => ({ where: alert ?? record ?? "", ...one }));
    });
    const named = asked.filter(({ metric }) => metric !== undefined && !recorded.includes(metric));
    expect(named).to.have.length.greaterThan(100);
    for (const { where, metric, matchers } of named) {
      const jobs = matchers
        .filter(({ label, operator }) => label === "job" && !operator.startsWith("!"))
        .map(({ value }) => new RegExp(`^(?:${value})$`));
      const fits = (series.get(metric ?? "") ?? []).some(({ labels }) => {
        const has = matchers.every(({ label }) => label === "__name__" || label in labels);
        return has && jobs.every((job) => job.test(labels["job"] ?? ""));
      });
      const what = `${where}: ${metric ?? ""}{${matchers.map(({ label, value }) => `${label}="${value}"`).join(", ")}}`;
      expect(fits, `${what} is not in the made-up cluster (content/*.series): does the program have it?`).to.equal(
        true,
      );
    }
  });

  it("keep only labels with few values", () => {
    for (const { alert, record, expr, labels } of rules) {
      const where = alert ?? record ?? "";
      for (const [, list = ""] of expr.matchAll(/\b(?:by|group_left|group_right) \(([^)]*)\)/g)) {
        for (const label of list.split(",").map((text) => text.trim())) {
          if (label !== "") expect(keptLabels, where).to.include(label);
        }
      }
      expect(JSON.stringify(labels ?? {}), `${where}: a label must not change with the value`).to.not.include("$value");
    }
  });

  for (const rule of new Map(alerts.map((alert) => [alert.alert, alert])).values()) {
    describe(rule.alert, () => {
      it("says how bad it is, what happens, and where to look", () => {
        expect(rule.labels?.["severity"]).to.be.oneOf(["critical", "warning", "info"]);
        expect(rule.for, "for").to.match(/^\d+[smh]$/);
        expect(rule.annotations).to.have.all.keys("summary", "description", "runbook_url", "dashboard_url");
        expect(rule.annotations?.["summary"]).to.have.length.within(15, 120);
        // As in monitoring-mixins: what differs from object to object is in labels and the description.
        expect(rule.annotations?.["summary"]).not.to.include("{{");
        expect(rule.annotations?.["description"]).to.match(/^.{60,}\.$/);
        expect(rule.annotations?.["runbook_url"]).to.equal(`docs/runbooks/${rule.alert}.md`);
      });

      it("has a runbook page", () => {
        const page = join(projectFolder, `docs/runbooks/${rule.alert}.md`);
        expect(existsSync(page), `docs/runbooks/${rule.alert}.md`).to.equal(true);
        const text = readFileSync(page, "utf8");
        expect(text).to.match(new RegExp(`^# ${rule.alert}\n`));
        for (const part of ["Meaning", "Impact", "Look at", "Fix"]) {
          expect(text, `section "${part}"`).to.match(new RegExp(`\n## ${part}\n\n[^#\\s]`));
        }
      });

      it("is listed in docs/alerts.md", () => {
        expect(readFileSync(join(projectFolder, "docs/alerts.md"), "utf8")).to.include(`\`${rule.alert}\``);
      });
    });
  }

  it("have no runbook page without an alert", () => {
    const pages = readdirSync(join(projectFolder, "docs/runbooks")).filter((name) => name !== "README.md");
    // Alerts on log lines are in no file; the page of those without one of their own is LogAlert.
    const named = [...alerts.map(({ alert }) => alert), "LogAlert", ...shippedNames];
    expect(pages.sort()).to.deep.equal([...new Set(named.map((name) => `${name}.md`))].sort());
  });

  describe("unit tests, by promtool", () => {
    let promtool: string;
    before(async function () {
      promtool = await programOrSkip(this, "promtool");
    });

    for (const file of files) {
      describe(file.name, () => {
        const own = rulesOf(file).flatMap(({ alert }) => (alert === undefined ? [] : [alert]));

        it("has a test that fires and one that stays quiet for each alert", () => {
          const { tests } = unitTests(file);
          for (const alert of own) {
            const fires = tests
              .map(({ alert_rule_test: list }) => list.filter(({ alertname }) => alertname === alert))
              .filter((list) => list.length > 0)
              .map((list) => list.some(({ exp_alerts: alerting }) => alerting.length > 0));
            expect(fires, alert).to.include.members([true, false]);
          }
        });

        it("passes", () => {
          for (const { status, said } of [checkRules(promtool, file), testRules(promtool, file)])
            expect(status, said).to.equal(0);
        });
      });
    }
  });
});
