/**
 * `npm run mutate [-- <seed> [<count>]]`: puts seeded mistakes into what the environment declares, one at a time, and asks
 * the contract checks; then flips every value of it that schemas know nothing of. Prints how many were caught, and each
 * that was not.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { manifestId } from "../../components/kubernetes/manifest.ts";
import {
  queriesOf,
  type Query,
  readDashboards,
  readRuleFiles,
  type Rule,
  type RuleFile,
  unitTests,
} from "./support/content.ts";
import { emptyQueries, logqlMistakes, promqlMistakes } from "./support/queries.ts";
import { fluxObjects } from "../support/flux.ts";
import type { SettingsInput } from "../../settings/schema.ts";
import { collectorSchemas } from "../../contract/collector-schemas.ts";
import { kubeconfigText } from "../../contract/combinations.ts";
import { describeFinding, type Finding } from "../../contract/finding.ts";
import { flipped, flips } from "../../contract/flips.ts";
import { firstFinding, judge, type Readers } from "../../contract/judge.ts";
import { kubernetesApi } from "../../contract/kubernetes-api.ts";
import {
  type Exempt,
  misspelt,
  type Mutation,
  mutations,
  type Random,
  seeded,
  shuffled,
} from "../../contract/mutations.ts";
import { obtainProgram } from "../../contract/readers.ts";
import { unknownLabels, unknownMetrics, unknownStreams, unknownVariables } from "../../contract/query-labels.ts";
import { kindConfigOf, projectRoot, type Rendered, render } from "../../contract/rendered.ts";

/** Mistakes of one area, and how each was judged. */
interface Score {
  readonly area: string;
  readonly total: number;
  readonly survivors: readonly string[];
  /** How many each check caught first; a mistake that several see counts once. */
  readonly by: Readonly<Record<string, number>>;
}

/** Places where a changed word is as right as the old one: no reader could tell. Each with the reason. */
export const exemptions: readonly { readonly where: RegExp; readonly reason: string }[] = [
  { where: /\/(help|description|summary|urlDisplayLabel)$/, reason: "text for people" },
  { where: /\/(queries|derivedFields)\/\d+\/name$/, reason: "a title for people" },
  { where: /^ConfigMap .*/, reason: "dashboards: their queries are mutated as queries" },
  { where: /^PrometheusRule .*/, reason: "rules: their expressions are mutated as queries" },
  { where: /^Secret .*\/(string)?[dD]ata\/(?!known_hosts)[^/]+$/, reason: "secrets are placeholders here" },
  { where: /^NetworkPolicy .*\/metadata\/name$/, reason: "a policy's name: nothing refers to it" },
  {
    where: /^(ServiceMonitor|PodMonitor|ScrapeConfig|Instrumentation) .*\/metadata\/labels/,
    reason: "labels that nothing selects by",
  },
  { where: /\/metadata\/labels\/app\.kubernetes\.io\/(managed-by|part-of)$/, reason: "labels for people" },
  { where: /\/index\/prefix$/, reason: "any prefix of Loki's index is right" },
];

/** Why a mistake that got through cannot be told from what is right; the first that fits. */
const reasons: readonly { readonly where: RegExp; readonly reason: string }[] = [
  {
    where: /substitute\/(DEMO_|GRAFANA_|RUNBOOK_|CLUSTER_)/,
    reason: "a person's own address or name: any is possible",
  },
  {
    where: /containers\/0\/image: "[^"]*\/kbot:|GitRepository demo\/kbot spec\/(ref|url)/,
    reason: "a person's own image or repository: any is possible",
  },
  { where: /additionalPrometheusRulesMap\/\w+: /, reason: "a name that nothing refers to" },
  { where: /additionalPrometheusRulesMap/, reason: "which rules inhibit is for the tests of alerting" },
  { where: /[mM]etricRelabelings/, reason: "which metrics are dropped is for a test of its own" },
  {
    where: /\/ports\/\d+\/name: |(Service|ClusterRoleBinding|HelmRelease) .*metadata\/name: /,
    reason: "nothing refers to it by this name",
  },
  { where: /Affinity\/.*\/weight: /, reason: "the only preference that there is: any weight is the same" },
  { where: /^flip value: .*(Shift|nodeGraph\/enabled): /, reason: "a convenience of Grafana: any is possible" },
  {
    where: /^flip value: Instrumentation .*[rR]esource/,
    reason: "init containers and sidecars of applications: no sum rests on them",
  },
  { where: /query_ingesters_within: /, reason: "more than max_chunk_age is right, too" },
  { where: /^flip value: Service .*host-.*\/port: /, reason: "nobody uses the port of a NodePort's Service" },
  { where: /Probe\/periodSeconds: /, reason: "any period is possible that is longer than the time-out" },
  { where: /PodMonitor .*sampleLimit: /, reason: "any limit is possible that its targets keep" },
  { where: /\/env\/\d+\//, reason: "an environment variable of a program that is not read here" },
  { where: /inhibit_rules/, reason: "what inhibits what is for the tests of alerting, not for these checks" },
  { where: /PodMonitor .*relabelings/, reason: "a label that only some dashboards group by" },
  {
    where: /^break query/,
    reason: "the made-up data answers it all the same: one of several alternatives, or a filter that excludes",
  },
];

/** The reason of a survivor, for a person who decides whether a check is missing. */
export function survivorReason(survivor: string): string {
  return reasons.find(({ where }) => where.test(survivor))?.reason ?? "no check looks there";
}

function exemptIn(id: string): Exempt {
  return (keys) => exemptions.some(({ where }) => where.test(`${id}/${keys.join("/")}`));
}

/** Objects with their mistakes, by area. */
function structuredMutations(rendered: Rendered, flux: readonly Manifest[], random: Random) {
  const released = new Set(flux.map(manifestId));
  const all = [
    // What Flux released is not ours to get wrong.
    ...rendered.declared.filter((object) => !released.has(manifestId(object))).map((object) => ({ object, own: true })),
    ...rendered.content.map((object) => ({ object, own: false })),
  ];
  const areas = new Map<string, { readonly mutation: Mutation; readonly object: Manifest; readonly own: boolean }[]>();
  for (const { object, own } of all) {
    for (const mutation of mutations(object, random, exemptIn(manifestId(object)))) {
      const area =
        object.kind === "HelmRelease" && mutation.path.startsWith("spec/values/")
          ? own
            ? "values"
            : "kbot's values"
          : object.kind === "OpenTelemetryCollector" && mutation.path.startsWith("spec/config/")
            ? "collector configuration"
            : object.kind === "NetworkPolicy" || object.kind === "Service" || object.kind === "Namespace"
              ? "network and namespaces"
              : "other objects";
      areas.set(area, [...(areas.get(area) ?? []), { mutation, object, own }]);
    }
  }
  return areas;
}

/** The check that sees that something is wrong, if one does. */
function caughtBy(changed: Rendered, readers: Readers, mutant: Manifest): string | undefined {
  try {
    return firstFinding(changed, readers, mutant)?.check;
  } catch {
    return "a check that could not even read it";
  }
}

/** Values of the checked-in production stack, for a cluster that everybody has. */
function productionSettings(kubeconfig: string): SettingsInput {
  const file = parse(readFileSync(path.join(projectRoot, "Pulumi.production.yaml"), "utf8")) as {
    readonly config: Readonly<Record<string, unknown>>;
  };
  const settings = Object.entries(file.config).map(([key, value]) => [key.replace(/^observability:/, ""), value]);
  const cluster = { type: "existing" as const, existing: { kubeconfig, context: "platform" } };
  return { ...(Object.fromEntries(settings) as SettingsInput), cluster };
}

/** Flips of every object that is ours, judged; `most` of them by the seed. */
function judgeFlips(
  name: string,
  rendered: Rendered,
  flux: readonly Manifest[],
  readers: Readers,
  random: Random,
  most: number,
): Score {
  const released = new Set(flux.map(manifestId));
  const candidates = (["declared", "content", "machinery"] as const).flatMap((list) =>
    rendered[list]
      .filter((object) => list !== "declared" || !released.has(manifestId(object)))
      .flatMap((object) => flips(object, exemptIn(manifestId(object))).map((mutation) => ({ list, object, mutation }))),
  );
  const chosen = shuffled(candidates, random).slice(0, most);
  const by: Record<string, number> = {};
  const survivors = chosen.flatMap(({ list, object, mutation }) => {
    const mutant = mutation.tree as Manifest;
    const swapped = { ...rendered, [list]: rendered[list].map((other) => (other === object ? mutant : other)) };
    const first = caughtBy({ ...swapped, kindConfig: kindConfigOf(swapped.machinery) }, readers, mutant);
    if (first === undefined) return [`flip value: ${manifestId(object)} ${mutation.path}: ${mutation.change}`];
    by[first] = (by[first] ?? 0) + 1;
    return [];
  });
  return { area: `values of the ${name} environment`, total: chosen.length, survivors, by };
}

function judgeStructured(
  rendered: Rendered,
  flux: readonly Manifest[],
  readers: Readers,
  random: Random,
  count: number,
): Score[] {
  const areas = structuredMutations(rendered, flux, random);
  return [...areas].map(([area, candidates]) => {
    const chosen = shuffled(candidates, random).slice(0, Math.ceil(count / areas.size));
    const by: Record<string, number> = {};
    const survivors = chosen.flatMap(({ mutation, object, own }) => {
      const mutant = mutation.tree as Manifest;
      const swap = (objects: readonly Manifest[]) => objects.map((other) => (other === object ? mutant : other));
      const changed = own
        ? { ...rendered, declared: swap(rendered.declared) }
        : { ...rendered, content: swap(rendered.content) };
      const first = caughtBy(changed, readers, mutant);
      if (first !== undefined) by[first] = (by[first] ?? 0) + 1;
      return first !== undefined
        ? []
        : [`${mutation.kind}: ${manifestId(object)} ${mutation.path}: ${mutation.change}`];
    });
    return { area, total: chosen.length, survivors, by };
  });
}

/** A mistake in a query: a word misspelt, or a bracket left out. */
function brokenQuery(expr: string, random: Random): string | undefined {
  const wrong = random() < 0.6 ? misspelt(expr, random) : undefined;
  if (wrong !== undefined) return wrong;
  const brackets = [...expr.matchAll(/[()[\]{}]/g)];
  const chosen = brackets[Math.floor(random() * brackets.length)];
  return chosen === undefined ? undefined : expr.slice(0, chosen.index) + expr.slice(chosen.index + 1);
}

interface BrokenQuery extends Query {
  readonly was: string;
}

/** Splits a list of queries until one that cannot be executed is found: that one is caught. */
function emptyOrBroken(promtool: string, queries: readonly Query[]): string[] {
  if (queries.length === 0) return [];
  try {
    const empty = emptyQueries(promtool, queries);
    return queries.filter(({ where, expr }) => empty.includes(`${where}: ${expr}`)).map(({ where }) => where);
  } catch {
    const [only] = queries;
    if (queries.length === 1 && only !== undefined) return [only.where];
    const half = Math.ceil(queries.length / 2);
    return [...emptyOrBroken(promtool, queries.slice(0, half)), ...emptyOrBroken(promtool, queries.slice(half))];
  }
}

/** Whether a query names a label, a variable or a metric that nothing has. */
function unknownNames(expr: string, source: "prometheus" | "loki" = "prometheus"): boolean {
  const own = source === "prometheus" ? unknownMetrics(expr) : unknownStreams(expr);
  return [...unknownLabels(expr), ...unknownVariables(expr), ...own].length > 0;
}

function dashboardScores(promtool: string, random: Random, count: number): Score[] {
  const broken = (source: "prometheus" | "loki", most: number): BrokenQuery[] =>
    shuffled(
      readDashboards()
        .flatMap((file) => queriesOf(file, source))
        .filter(({ where, expr }) => expr !== "" && where.includes("panel")),
      random,
    )
      .slice(0, most)
      .flatMap((query, index) => {
        const expr = brokenQuery(query.expr, random);
        return expr === undefined ? [] : [{ where: `${query.where} #${index}`, expr, was: query.expr }];
      });
  const score = (area: string, queries: readonly BrokenQuery[], caught: (query: BrokenQuery) => boolean): Score => ({
    area,
    by: {},
    total: queries.length,
    survivors: queries
      .filter((query) => !caught(query))
      .map(({ where, expr, was }) => `break query: ${where}: ${was} -> ${expr}`),
  });

  const promql = broken("prometheus", count);
  const unparsed = promqlMistakes(promtool, promql).join("\n");
  const parsed = promql.filter(({ where }) => !unparsed.includes(`${where}: `));
  const empty = emptyOrBroken(promtool, parsed);
  const lines = broken("loki", Math.ceil(count / 4));
  const mistakes = logqlMistakes(lines).join("\n");
  return [
    score(
      "dashboards' PromQL",
      promql,
      (query) => !parsed.includes(query) || empty.includes(query.where) || unknownNames(query.expr),
    ),
    score(
      "dashboards' LogQL",
      lines,
      ({ where, expr }) => mistakes.includes(`${where}: `) || unknownNames(expr, "loki"),
    ),
  ];
}

/** Runs the unit tests of a rule file whose rule is another one; true when they notice. */
function rulesCaught(promtool: string, file: RuleFile, rule: Rule, mutant: Rule): boolean {
  const folder = mkdtempSync(path.join(tmpdir(), "mutate-"));
  try {
    const groups = file.groups.map((group) => ({
      ...group,
      rules: group.rules.map((other) => (other === rule ? mutant : other)),
    }));
    writeFileSync(path.join(folder, `${file.name}.yaml`), stringify({ groups }));
    writeFileSync(path.join(folder, "test.yaml"), stringify(unitTests(file)));
    return spawnSync(promtool, ["test", "rules", "test.yaml"], { cwd: folder }).status !== 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function ruleScore(promtool: string, random: Random, count: number): Score {
  const all = readRuleFiles().flatMap((file) =>
    file.groups.flatMap(({ rules }) => rules.map((rule) => ({ file, rule }))),
  );
  const chosen = shuffled(all, random)
    .slice(0, count)
    .flatMap(({ file, rule }) => {
      const expr = brokenQuery(rule.expr, random);
      return expr === undefined ? [] : [{ file, rule, expr }];
    });
  const survivors = chosen.flatMap(({ file, rule, expr }) => {
    if (
      unknownLabels(expr).length > 0 ||
      unknownMetrics(expr).length > 0 ||
      rulesCaught(promtool, file, rule, { ...rule, expr })
    )
      return [];
    return [`break query: ${file.name} ${rule.alert ?? rule.record ?? "?"}: ${rule.expr.trim()} -> ${expr.trim()}`];
  });
  return { area: "rules", total: chosen.length, survivors, by: {} };
}

function refuseFindings(before: readonly Finding[]): void {
  if (before.length > 0) throw new Error(`Wrong without any mistake:\n${before.map(describeFinding).join("\n")}`);
}

/** How long an alert waits, doubled, by the same unit tests. */
function waitScore(promtool: string, random: Random, most: number): Score {
  const all = readRuleFiles().flatMap((file) =>
    file.groups.flatMap(({ rules }) => rules.filter((rule) => rule.for !== undefined).map((rule) => ({ file, rule }))),
  );
  const chosen = shuffled(all, random).slice(0, most);
  const survivors = chosen.flatMap(({ file, rule }) => {
    const other = String(flipped(rule.for));
    if (rulesCaught(promtool, file, rule, { ...rule, for: other })) return [];
    return [`flip value: ${file.name} ${rule.alert ?? "?"} for: ${rule.for ?? ""} -> ${other}`];
  });
  return { area: "how long alerts wait", total: chosen.length, survivors, by: {} };
}

async function orSay<T>(what: string, get: () => Promise<T>): Promise<T | undefined> {
  try {
    return await get();
  } catch (error) {
    console.log(`Without ${what}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** What a run of the mutation proof found. */
export interface Result {
  readonly caught: number;
  readonly total: number;
  readonly scores: readonly Score[];
}

const sum = (scores: readonly Score[]): Result => {
  const total = scores.reduce((all, score) => all + score.total, 0);
  const missed = scores.reduce((all, score) => all + score.survivors.length, 0);
  return { caught: total - missed, total, scores };
};

/**
 * Makes mistakes and asks the checks.
 *
 * @param count mistakes in objects; queries come on top, a quarter as many each
 * @param most flips of values in each environment; all there are when absent
 * @throws when the environment is wrong before any mistake is in it
 */
export async function mutate(
  seed: number,
  count: number,
  most = Infinity,
): Promise<{ readonly mistakes: Result; readonly flipped: Result }> {
  const random = seeded(seed);
  const readers: Readers = {
    api: await orSay("Kubernetes' OpenAPI", kubernetesApi),
    collector: await orSay("the collector's schemas", collectorSchemas),
  };
  const flux = (await orSay("Flux's manifests", fluxObjects)) ?? [];
  const rendered = await render({ fluxManifests: flux });
  refuseFindings(judge(rendered, readers));
  const scores = judgeStructured(rendered, flux, readers, random, count);
  const promtool = await orSay("promtool", () => obtainProgram("promtool"));
  if (promtool !== undefined) {
    scores.push(ruleScore(promtool, random, Math.ceil(count / 8)));
    scores.push(...dashboardScores(promtool, random, Math.ceil(count / 4)));
  }
  const values = [judgeFlips("default", rendered, flux, readers, random, most)];
  if (promtool !== undefined) values.push(waitScore(promtool, random, Math.ceil(most / 15)));
  const folder = mkdtempSync(path.join(tmpdir(), "mutate-"));
  try {
    const kubeconfig = path.join(folder, "kubeconfig");
    writeFileSync(kubeconfig, kubeconfigText);
    const production = await render({ settings: productionSettings(kubeconfig), fluxManifests: flux });
    refuseFindings(judge(production, readers));
    values.push(judgeFlips("production", production, flux, readers, random, most));
  } finally {
    rmSync(folder, { recursive: true });
  }
  return { mistakes: sum(scores), flipped: sum(values) };
}

if (import.meta.main) {
  const [seed = "1", count = "400"] = process.argv.slice(2);
  const { mistakes, flipped: values } = await mutate(Number(seed), Number(count));
  for (const { area, total, survivors, by } of [...mistakes.scores, ...values.scores]) {
    const checks = Object.entries(by).map(([check, times]) => `${check} ${times}`);
    console.log(
      `${area}: ${total - survivors.length} of ${total} caught${checks.length > 0 ? ` (${checks.join(", ")})` : ""}`,
    );
    for (const survivor of survivors) {
      console.log(`  survived (${survivorReason(survivor)}): ${survivor.replaceAll(/\s+/g, " ")}`);
    }
  }
  console.log(`Left out, because no reader could tell: ${exemptions.map(({ reason }) => reason).join("; ")}.`);
  const share = ({ caught, total }: Result) =>
    `${caught} of ${total} caught (${((caught / total) * 100).toFixed(1)} %)`;
  console.log(`Mistakes: ${share(mistakes)}, seed ${seed}. Flipped values: ${share(values)}.`);
  process.exitCode = mistakes.caught / mistakes.total >= 0.95 && values.caught / values.total >= 0.9 ? 0 : 1;
}
