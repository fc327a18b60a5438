/** What is wrong with rules beside their syntax, which promtool knows: for those of the environment, and for people's own. */
import { readFileSync } from "node:fs";
import { LineCounter, isNode, parseAllDocuments, stringify } from "yaml";
import { namespaces } from "../components/kubernetes/namespaces.ts";
import { durationSeconds } from "../settings/formats.ts";
import { nearest } from "../settings/nearest.ts";
import { componentContracts } from "./component-files.ts";
import { calls, labelsOf, parsed, rangesOf, selectorsOf } from "./promql.ts";
import { programSaid } from "./said.ts";

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What a rule is looked at with. */
export interface Around {
  /** How often targets are scraped, in seconds. */
  readonly scrape: number;
  /** How often the rule's group is evaluated, in seconds. @default as often as targets are scraped */
  readonly evaluated?: number | undefined;
  /** The namespace of the object that it is in. @default none is known */
  readonly namespace?: string | undefined;
}

/** `none`: told to nobody, such as the dead man's switch. */
export const severities = ["critical", "warning", "info", "none"] as const;

/** Functions that need several samples: a range of four scrapes has two, should one fail and the moments be unlucky. */
const rates = /^(Rate|Increase|Delta|Deriv|PredictLinear|Changes|Resets)$/;

/** Ranges that hold too few scrapes. */
export function shortRanges(expr: string, scrape: number): string[] {
  const query = parsed(expr);
  if (query === undefined) return [];
  return rangesOf(query)
    .filter(({ by, seconds }) => seconds < (rates.test(by) ? 4 : 2) * scrape)
    .map(({ text }) => text);
}

/** Who is scraped, and how names of its metrics begin. */
const scraped = (await componentContracts()).flatMap(({ scraped: own }) => own ?? []);
const knownJobs = scraped.flatMap(({ jobs }) => jobs);

/** Jobs that are misspelt, and those that are asked for metrics of others. */
function strangeJobs(expr: string): string[] {
  const query = parsed(expr);
  if (query === undefined) return [];
  return selectorsOf(query).flatMap(({ metric, matchers }) => {
    const job = matchers.find(({ label, operator }) => label === "job" && operator === "=")?.value;
    if (job === undefined) return [];
    if (!knownJobs.includes(job)) {
      const near = nearest(job, knownJobs);
      return near === undefined ? [] : [`asks the job ${job}, which is not one of the platform. Did you mean ${near}?`];
    }
    const makers = scraped.filter(({ metrics = [] }) => metrics.some((start) => metric?.startsWith(start)));
    if (makers.length === 0 || makers.some(({ jobs }) => jobs.includes(job))) return [];
    const whose = [...new Set(makers.flatMap(({ jobs }) => jobs))].join(" or ");
    return [`asks the job ${job} for ${metric ?? ""}, which ${whose} has.`];
  });
}

/** Labels that the text of a rule shows or that its templates name. */
const shown = (texts: Readonly<Record<string, string>> = {}) =>
  [...JSON.stringify(texts).matchAll(/\$labels\.(\w+)/g)].map(([, label = ""]) => label);

function ofAlert(rule: Rule, { scrape, evaluated = scrape, namespace }: Around): string[] {
  const { labels = {}, annotations = {}, expr } = rule;
  const faults: string[] = [];
  const query = parsed(expr);
  const severity = labels["severity"];
  if (severity === undefined) faults.push(`has no label severity. Set it to ${severities.join(", ")}.`);
  else if (!severity.includes("{{") && !severities.some((one) => one === severity))
    faults.push(`has the severity ${severity}, by which nobody is told. Known: ${severities.join(", ")}.`);
  for (const key of ["summary", "runbook_url"])
    if ((annotations[key] ?? "").trim() === "") faults.push(`has no annotation ${key}.`);
  const wait = rule.for === undefined ? 0 : durationSeconds(rule.for);
  if (wait > 0 && wait < evaluated)
    faults.push(`waits ${rule.for ?? ""}, and is evaluated every ${evaluated} seconds: it fires no earlier than that.`);
  if (query === undefined) return faults;
  if (wait === 0 && calls(query, "Absent"))
    faults.push("asks absent() and has no for: a scrape that is late fires it.");
  const has = labelsOf(query);
  const lost = [...new Set([...shown(annotations), ...shown(labels)])].filter((label) => !has(label));
  for (const label of lost)
    faults.push(`names the label ${label}, which its expression has lost: an aggregation or a join leaves it out.`);
  const ours = Object.values(namespaces).some(({ name }) => name === namespace);
  if (namespace !== undefined && !ours && labels["namespace"] === undefined && !has("namespace"))
    faults.push(
      `has no label namespace: no AlertmanagerConfig of ${namespace} sees it. Keep it in the expression, or set it in labels.`,
    );
  return faults;
}

/** As Prometheus' practices have it (docs/practices/rules.md): level:metric:operations, with the window at its end. */
function ofRecord(record: string, expr: string): string[] {
  if (!/^[a-zA-Z_]\w*:\w+:\w+$/.test(record)) return [`is not called level:metric:operations.`];
  const [, window] = /(?:rate|ratio|increase|delta|p\d+_)(\d+[smhdw])$/.exec(record) ?? [];
  const query = parsed(expr);
  if (window === undefined || query === undefined) return [];
  const ranges = rangesOf(query).map(({ seconds }) => seconds);
  return ranges.length === 0 || ranges.includes(durationSeconds(window))
    ? []
    : [`says ${window} in its name, and looks back over another range.`];
}

/** What is wrong with a rule, sentences that go on after its name. */
export function ruleFaults(rule: Rule, around: Around): string[] {
  const { expr, record } = rule;
  const least = `${4 * around.scrape} seconds, four scrapes, for rates, and half of that for others`;
  return [
    ...shortRanges(expr, around.scrape).map((range) => `looks back over ${range}. Take at least ${least}.`),
    ...strangeJobs(expr),
    ...(record === undefined ? ofAlert(rule, around) : ofRecord(record, expr)),
  ];
}

/** A fault of a file. */
export interface Fault {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Group and rule, where it is about one. */
  readonly where: string;
  readonly message: string;
}

/** A group as far as it has the form of one; what has not, promtool tells. */
interface Group {
  readonly name: string;
  readonly interval: string | undefined;
  readonly rules: readonly (Rule | undefined)[];
}

function groupOf(raw: unknown): Group {
  const { name, interval, rules } = Object(raw) as Readonly<Record<string, unknown>>;
  const all = Array.isArray(rules) ? (rules as readonly (Rule | null)[]) : [];
  return {
    name: String(name),
    interval: typeof interval === "string" ? interval : undefined,
    rules: all.map((rule) => (typeof rule?.expr === "string" ? rule : undefined)),
  };
}

export interface Linted {
  readonly faults: readonly Fault[];
  readonly rules: number;
  /** Kinds of objects beside them, which are not looked at. */
  readonly others: readonly string[];
}

interface RuleObject {
  readonly kind?: string;
  readonly metadata?: { readonly namespace?: string };
  readonly spec?: { readonly groups?: unknown };
  readonly groups?: unknown;
  readonly items?: unknown;
}

/** Objects of a document, each with its place: of a list (`kubectl get prometheusrules --output yaml`) each of its items. */
function objectsOf(
  content: RuleObject | null,
): { readonly at: readonly (string | number)[]; readonly object: RuleObject }[] {
  if (content === null) return [];
  const { kind, items } = content;
  if (!(kind === "List" || kind === "PrometheusRuleList") || !Array.isArray(items))
    return [{ at: [], object: content }];
  return (items as readonly (RuleObject | null)[]).map((item, index) => ({
    at: ["items", index],
    object: { ...(kind === "PrometheusRuleList" ? { kind: "PrometheusRule" } : {}), ...item },
  }));
}

/** A group without what the operator's form alone has, for Thanos. */
const prometheusGroup = (group: unknown): unknown =>
  typeof group !== "object" || group === null
    ? group
    : Object.fromEntries(Object.entries(group).filter(([key]) => key !== "partial_response_strategy"));

/** What promtool says of groups, by the rule that it names. */
function ofPromtool(
  promtool: string,
  groups: readonly unknown[],
): { readonly group: string; readonly rule: number; readonly message: string }[] {
  const files = { "rules.yaml": stringify({ groups }) };
  const check = (...more: string[]) => {
    const args = ["check", "rules", "--lint=all", "--lint-fatal", ...more, "rules.yaml"];
    const { status, stdout, stderr } = programSaid(promtool, { files, args });
    return status === 0 ? "" : stdout + stderr;
  };
  const strict = check();
  // Of a file with a field that it does not know it says no more.
  const said = strict.includes("unmarshal errors") ? strict + check("--ignore-unknown-fields") : strict;
  const lines = said
    .split("\n")
    .map((line) => line.replace(/^(?:rules\.yaml|\s)*:? ?/, "").replace(/^(?:\d+:\d+|line \d+): /, ""))
    .filter(
      (line) =>
        line !== "" && !/^(Checking |yaml: unmarshal errors:|SUCCESS|FAILED|\d+ rules found|error:? *$)/.test(line),
    );
  // It reads the file twice, in two forms.
  const once = new Set(lines.filter((line) => !/rulefmt\.\w+Node$/.test(line)));
  return [...once].map((line) => {
    const [, group = "", rule = "0", message = line] =
      /^group "([^"]*)", rule (\d+), (?:"[^"]*": )?(.*)$/.exec(line) ?? [];
    return { group, rule: Number(rule), message: `promtool: ${message}` };
  });
}

/**
 * What is wrong with a file of rules: Prometheus' own (`groups`), or PrometheusRule objects, several in a file.
 * @param scrape how often targets are scraped, in seconds
 */
export function lintFile(file: string, promtool: string, scrape: number): Linted {
  const lineCounter = new LineCounter();
  const faults: Fault[] = [];
  const others: string[] = [];
  let count = 0;
  const documents = parseAllDocuments(readFileSync(file, "utf8"), { lineCounter, prettyErrors: false });
  for (const document of documents) {
    const line = (...keys: readonly (string | number)[]) => {
      const node = document.getIn(keys, true);
      return isNode(node) && node.range ? lineCounter.linePos(node.range[0]).line : 1;
    };
    for (const { message, pos } of document.errors)
      faults.push({ file, line: lineCounter.linePos(pos[0]).line, where: "", message: `is not YAML: ${message}` });
    if (document.errors.length > 0) continue;
    for (const { at: within, object } of objectsOf(document.toJS() as RuleObject | null)) {
      const { kind } = object;
      if (kind !== undefined && kind !== "PrometheusRule") {
        others.push(kind);
        continue;
      }
      const below = kind === "PrometheusRule" ? ["spec", "groups"] : ["groups"];
      const root = [...within, ...below];
      const found = kind === "PrometheusRule" ? object.spec?.groups : object.groups;
      if (!Array.isArray(found)) {
        const message = `has no ${below.join(".")}: it is neither a file of rules nor a PrometheusRule.`;
        faults.push({ file, line: line(...within), where: "", message });
        continue;
      }
      const raw = found as readonly unknown[];
      const groups = raw.map(groupOf);
      for (const { group, rule, message } of ofPromtool(promtool, raw.map(prometheusGroup))) {
        const at = groups.findIndex(({ name }) => name === group);
        const place = at < 0 ? line(...root) : line(...root, at, "rules", rule - 1);
        const name = groups[at]?.rules[rule - 1];
        faults.push({
          file,
          line: place,
          where: at < 0 ? "" : `${group}, ${name?.alert ?? name?.record ?? ""}`,
          message,
        });
      }
      for (const [at, { name, interval, rules }] of groups.entries()) {
        for (const [index, rule] of rules.entries()) {
          count++;
          if (rule === undefined) continue;
          const evaluated = interval === undefined ? undefined : durationSeconds(interval);
          for (const message of ruleFaults(rule, { scrape, evaluated, namespace: object.metadata?.namespace }))
            faults.push({
              ...{ file, line: line(...root, at, "rules", index) },
              ...{ where: `${name}, ${rule.alert ?? rule.record ?? ""}`, message },
            });
        }
      }
    }
  }
  return { faults: faults.sort((a, b) => a.line - b.line), rules: count, others };
}
