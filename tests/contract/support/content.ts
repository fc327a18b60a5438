/** The content of flux-repo/ as data, for its tests. */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { sloRules } from "../../../components/alerts/slos/rules.ts";
import { slos } from "../../../components/alerts/slos/settings.ts";
import { remembered } from "../../../components/remembered.ts";
import { durationSeconds } from "../../../settings/formats.ts";
import { componentFiles } from "../../../contract/component-files.ts";
import type { Rule } from "../../../contract/rules-lint.ts";
import { dashboardForms, dashboardPaths, ruleFiles, substituteText } from "../../../contract/flux-repo.ts";

/** The project's folder. */
export const projectFolder = fileURLToPath(new URL("../../../", import.meta.url));

/** What the tests scrape with; Prometheus of the platform has the same interval. */
export const scrapeIntervalSeconds = 30;

export interface Query {
  /** Where it stands, for people. */
  readonly where: string;
  readonly expr: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string;
      readonly links?: readonly { readonly url: string }[];
      readonly thresholds?: { readonly steps: readonly { readonly color: string }[] };
      readonly custom?: {
        readonly fillOpacity?: number;
        readonly stacking?: { readonly mode: string };
        readonly thresholdsStyle?: object;
      };
    };
    readonly overrides: readonly {
      readonly properties: readonly { readonly id: string; readonly value: unknown }[];
    }[];
  };
  readonly targets?: readonly {
    readonly expr?: string;
    readonly query?: string;
    readonly datasource: { readonly type: string; readonly uid: string };
  }[];
  readonly panels?: readonly Panel[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly type: string;
      readonly description?: string;
      readonly query: string | { readonly query?: string; readonly stream?: string };
      readonly current?: { readonly value?: unknown };
      readonly datasource?: { readonly type: string; readonly uid: string };
    }[];
  };
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr: string }[] };
}

export interface DashboardFile {
  /** Path from the project's folder. */
  readonly file: string;
  readonly dashboard: Dashboard;
}

const read = (file: string): DashboardFile => ({
  file,
  dashboard: JSON.parse(readFileSync(join(projectFolder, file), "utf8")) as Dashboard,
});

/** Each dashboard once, with every panel. */
export function readDashboards(): DashboardFile[] {
  return [...dashboardPaths(projectFolder).values()].sort().map(read);
}

/** Each dashboard in every form that it comes in. */
export function readForms(): DashboardFile[] {
  return dashboardForms(projectFolder).map(read);
}

/** Panels that show something; rows are opened. */
export function panelsOf(dashboard: Dashboard): Panel[] {
  return dashboard.panels.flatMap((panel) => (panel.type === "row" ? (panel.panels ?? []) : [panel]));
}

/** Every query of a dashboard to the data source of a type: panels, variables, annotations. */
export function queriesOf({ file, dashboard }: DashboardFile, source: "prometheus" | "loki" | "tempo"): Query[] {
  const panels = panelsOf(dashboard).flatMap((panel) =>
    (panel.targets ?? [])
      .filter((target) => target.datasource.type === source)
      .map(({ expr, query }) => ({ where: `${file}, panel "${panel.title}"`, expr: expr ?? query ?? "" })),
  );
  const variables = dashboard.templating.list
    .filter((variable) => variable.datasource?.type === source)
    .map((variable) => {
      const query =
        typeof variable.query === "string" ? variable.query : (variable.query.query ?? variable.query.stream);
      return {
        where: `${file}, variable ${variable.name}`,
        expr: (query ?? "").replace(/^label_values\((?:(.*), )?\w+\)$/s, "$1"),
      };
    });
  const annotations =
    source === "prometheus"
      ? dashboard.annotations.list.map(({ name, expr }) => ({ where: `${file}, annotation "${name}"`, expr }))
      : [];
  return [...panels, ...variables, ...annotations];
}

/**
 * A query as Grafana would send it: its own variables filled in, and those of the dashboard.
 *
 * @param valueOf what is chosen for a variable of the dashboard
 */
export function withGrafanaValues(expr: string, valueOf: (variable: string) => string = () => "x"): string {
  return expr
    .replaceAll("$__rate_interval", "2m")
    .replaceAll("$__range", "1h")
    .replaceAll("$__auto", "1m")
    .replaceAll(/\$\{(\w+)(?::\w+)?\}|\$(\w+)/g, (_, braced?: string, bare?: string) => valueOf(braced ?? bare ?? ""));
}

export type { Rule };

export interface RuleFile {
  /** Path from the project's folder. */
  readonly file: string;
  /** Name of the file without its ending: `nodes`. */
  readonly name: string;
  /** The text as Flux keeps it, with its variables. */
  readonly text: string;
  /** What Prometheus gets, in Prometheus's own form. */
  readonly groups: readonly { readonly name: string; readonly interval?: string; readonly rules: readonly Rule[] }[];
}

let readOnce: readonly RuleFile[] | undefined;

/** The rule files, with the defaults of Flux's variables filled in. */
export function readRuleFiles(): readonly RuleFile[] {
  return (readOnce ??= ruleFiles(projectFolder).map((file) => {
    const text = readFileSync(join(projectFolder, file), "utf8");
    const object = parse(substituteText(text, {}, file)) as { spec: { groups: RuleFile["groups"] } };
    return { file, text, name: /([^/]+)\.yaml$/.exec(file)?.[1] ?? file, groups: object.spec.groups };
  }));
}

/** Unit tests of rules, in promtool's form. */
interface UnitTests {
  readonly rule_files: readonly string[];
  readonly evaluation_interval: string;
  readonly group_eval_order?: readonly string[];
  readonly tests: readonly {
    readonly name: string;
    readonly interval: string;
    /** Left out: there are none. */
    readonly input_series?: readonly { readonly series: string; readonly values: string }[];
    readonly alert_rule_test: readonly {
      readonly alertname: string;
      readonly eval_time: string;
      readonly exp_alerts: readonly unknown[];
    }[];
  }[];
}

/** Alert that every component with a scrape job has, and its jobs. */
export const targetAbsent = "PlatformTargetAbsent";
const absentJobs = (expr: string) => [...expr.matchAll(/absent\(up\{job="([^"]+)"\}\)/g)].map(([, job = ""]) => job);

/** The same for every component: the alert fires for each of its jobs alone, and for none of them that is there. */
function absentTests(rules: readonly Rule[]): UnitTests["tests"] {
  const found = rules.find(({ alert }) => alert === targetAbsent);
  if (found === undefined) return [];
  const jobs = absentJobs(found.expr);
  const test = (name: string, there: readonly string[], expected: readonly unknown[]) => ({
    name,
    interval: "30s",
    input_series: there.map((job) => ({ series: `up{job="${job}", instance="a"}`, values: "1x60" })),
    alert_rule_test: [{ alertname: targetAbsent, eval_time: "10m", exp_alerts: expected }],
  });
  const fires = (job: string) => ({
    exp_labels: { severity: "critical", job },
    exp_annotations: {
      summary: "Prometheus does not know a part of the platform",
      description: `There has been no target for the job ${job} for 10 minutes: it is not installed, or its Service or monitor does not select it. No alert about it can fire.`,
      runbook_url: `docs/runbooks/${targetAbsent}.md`,
      dashboard_url: "/d/prometheus-cardinality",
    },
  });
  return [
    ...jobs.map((job) =>
      test(
        `no ${job}`,
        jobs.filter((other) => other !== job),
        [fires(job)],
      ),
    ),
    test("every job has a target", jobs, []),
  ];
}

let testFiles: readonly string[] | undefined;

/**
 * The unit tests of a rule file, to which one is added for each that fires: at the evaluation before it is quiet. So each says
 * when its alert fires, and a wait that is longer or shorter fails it.
 */
export const unitTests = remembered(({ name, groups }: RuleFile): UnitTests => {
  testFiles ??= componentFiles("content/*.test.yaml");
  const own = testFiles.find((file) => basename(file) === `${name}.test.yaml`);
  const absent = absentTests(rulesOf({ groups }));
  const file: UnitTests =
    own !== undefined
      ? (parse(readFileSync(own, "utf8")) as UnitTests)
      : { rule_files: [`${name}.yaml`], evaluation_interval: "30s", tests: [] };
  const step = durationSeconds(file.evaluation_interval);
  const tests = [...file.tests, ...absent].map((test) => ({
    ...test,
    alert_rule_test: test.alert_rule_test.flatMap((one) => {
      const before = { ...one, eval_time: `${durationSeconds(one.eval_time) - step}s`, exp_alerts: [] };
      return one.exp_alerts.length > 0 ? [before, one] : [one];
    }),
  }));
  // Without it promtool takes any order, so that an alert sees its recorded series at once or one evaluation later.
  return { ...file, group_eval_order: groups.map((group) => group.name), tests };
}, new WeakMap<RuleFile, UnitTests>());

/** All rules of a file. */
export function rulesOf({ groups }: Pick<RuleFile, "groups">): Rule[] {
  return groups.flatMap((group) => group.rules);
}

/**
 * What kube-prometheus-stack ships: names of its alerts and recording rules, and of the metrics that its rules ask for (read
 * from the chart's templates).
 */
export const shipped = JSON.parse(readFileSync(join(projectFolder, "contract/facts/shipped-rules.json"), "utf8")) as {
  readonly chart: string;
  readonly version: string;
  readonly alerts: readonly string[];
  readonly records: readonly string[];
  readonly metrics: readonly string[];
};

/** What an objective of the settings records (`slos`). */
export const ofObjectives: readonly string[] = slos
  .parse([{ name: "any", check: "any", target: 99 }])
  .flatMap(sloRules)
  .flatMap(({ rules }) => rules.map(({ record }) => record));

/** Names of recorded series (they have a colon) that a query asks for. */
export function recordedNames(expr: string): string[] {
  const withoutStrings = expr.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  return [...withoutStrings.matchAll(/[a-zA-Z_][\w]*:[\w:]*/g)].map(([name]) => name);
}
