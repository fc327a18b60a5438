/**
 * The same rules over the same samples, evaluated side by side by Prometheus, Thanos Ruler and vmalert: which alerts each tells its
 * Alertmanager of, and when; and what each records. Prints tables; ends with 1 when one tells of an alert that another does not, when
 * one tells of it more than an evaluation apart from Prometheus (but for what `apart` and `delay` say below), or when series are recorded by one alone.
 *
 *   npm run bench:rulers [-- --minutes N]
 *
 * It runs in real time. The samples are those of the rules' own unit tests in which alerts fire, of all tests at once that do not
 * contradict each other and fire in time. A Prometheus agent scrapes them and writes them to the three stores, so that each has every
 * sample with the same timestamp. Played: the application with the samples, Alertmanagers, and what the operators make of the
 * declared objects (flags and files are named where they are set).
 */
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { asMap, at } from "../../contract/finding.ts";
import { prometheusStart } from "../../contract/prometheus-config.ts";
import { obtainProgram } from "../../contract/readers.ts";
import { releases, render } from "../../contract/rendered.ts";
import { getJson } from "../../rehearsal/http-client.ts";
import { durationSeconds } from "../../settings/formats.ts";
import { readRuleFiles, recordedNames, rulesOf, unitTests } from "../contract/support/content.ts";
import { Loopback } from "./loopback.ts";

const { values: options } = parseArgs({ options: { minutes: { type: "string", default: "30" } } });
const minutes = Number(options.minutes);
if (!(minutes >= 20))
  throw new Error(`--minutes is ${options.minutes}: most alerts wait for ten minutes or more. Give it 20 at least.`);
const say = (line: string) => process.stderr.write(`${line}\n`);
const rulers = ["Prometheus", "Thanos Ruler", "vmalert"] as const;
type Ruler = (typeof rulers)[number];

/** Seconds between scrapes, and between evaluations of a group that names none. */
const interval = 30;

/** Values in promtool's notation: `1`, `1x3` and `1+2x3` (three more), `_`, `stale`. */
function expand(values: string): (number | undefined)[] {
  return values.split(/\s+/).flatMap((part) => {
    const [, text = "", sign = "+", step = "0", more = "0"] =
      /^(_|stale|[-+]?[\d.]+(?:e[-+]?\d+)?)(?:([-+])([\d.]+))?(?:x(\d+))?$/i.exec(part) ?? [];
    if (text === "") throw new Error(`What is "${part}" among the values of a series?`);
    if (text === "_") return Array.from({ length: Math.max(1, Number(more)) }, () => undefined);
    if (text === "stale") return [undefined];
    return Array.from({ length: Number(more) + 1 }, (_, index) => Number(text) + Number(`${sign}${step}`) * index);
  });
}

interface Played {
  readonly interval: number;
  readonly values: string;
}

/** Series of tests that fire in time, of as many as can be there at once. */
function samples(): { series: Map<string, Played>; alerts: Set<string> } {
  const series = new Map<string, Played>();
  const alerts = new Set<string>();
  for (const file of readRuleFiles()) {
    for (const test of unitTests(file).tests) {
      const fires = test.alert_rule_test.filter(({ exp_alerts }) => exp_alerts.length > 0);
      const last = Math.max(...fires.map(({ eval_time }) => durationSeconds(eval_time)));
      // An evaluation of a group of its own interval more, and what arrives later.
      if (fires.length === 0 || last > (minutes - 3) * 60) continue;
      const own = (test.input_series ?? []).map(({ series: name, values }) => ({
        name: name.replaceAll(/\s*([{},=])\s*/g, "$1"),
        played: { interval: durationSeconds(test.interval), values },
      }));
      const contradicts = own.some(({ name, played }) => {
        const known = series.get(name);
        return known !== undefined && (known.values !== played.values || known.interval !== played.interval);
      });
      if (contradicts) continue;
      for (const { name, played } of own) series.set(name, played);
      for (const { alertname } of fires) alerts.add(alertname);
    }
  }
  return { series, alerts };
}

/** What an Alertmanager was told of an alert: when it began to, and when it was told that it is over, in seconds of this run. */
interface Told {
  readonly fires: number;
  over?: number;
  readonly annotations: string;
}

/** Labels that a program adds to all that it tells or records. */
const added = ["cluster", "prometheus", "prometheus_replica", "thanos_ruler_replica"];
const sorted = (texts: Readonly<Record<string, string>>) =>
  JSON.stringify(Object.fromEntries(Object.entries(texts).sort()));
const labelsOf = (labels: Readonly<Record<string, string>>) =>
  sorted(Object.fromEntries(Object.entries(labels).filter(([name]) => !added.includes(name))));

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly endsAt?: string;
}

await Loopback.use("bench-rulers", async (loopback) => {
  const programs = {
    prometheus: await obtainProgram("prometheus"),
    thanos: await obtainProgram("thanos"),
    store: await obtainProgram("victoria-metrics"),
    vmalert: await obtainProgram("vmalert"),
  };
  const { series, alerts } = samples();
  const everything = new Set(readRuleFiles().flatMap((file) => rulesOf(file).flatMap(({ alert }) => alert ?? [])));
  const played = [...series].map(([name, { interval: step, values }]) => ({ name, step, values: expand(values) }));
  say(`${series.size} series of tests in which ${alerts.size} of ${everything.size} alerts fire, for ${minutes} min`);

  let began: number | undefined;
  const target = createServer((_, response) => {
    began ??= performance.now();
    const now = (performance.now() - began) / 1000;
    const lines = played.flatMap(({ name, step, values }) => {
      // Half an interval, because nobody scrapes to the millisecond.
      const value = values[Math.floor((now + interval / 2) / step)];
      return value === undefined ? [] : [`${name} ${value}\n`];
    });
    response.setHeader("content-type", "text/plain; version=0.0.4").end(lines.join(""));
  }).listen(loopback.port("target"), "127.0.0.1");
  const told = new Map<Ruler, Map<string, Told>>(rulers.map((ruler) => [ruler, new Map()]));
  const alertmanagers = rulers.map((ruler) =>
    createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += String(chunk)));
      request.on("end", () => {
        const now = (performance.now() - (began ?? performance.now())) / 1000;
        for (const alert of body === "" ? [] : (JSON.parse(body) as Alert[])) {
          const { labels, annotations, endsAt } = alert;
          const of = told.get(ruler);
          const known = of?.get(labelsOf(labels));
          const over = endsAt !== undefined && !endsAt.startsWith("0001") && Date.parse(endsAt) <= Date.now();
          if (known === undefined && !over) of?.set(labelsOf(labels), { fires: now, annotations: sorted(annotations) });
          if (known !== undefined && over) known.over ??= now;
        }
        response.end();
      });
    }).listen(loopback.port(ruler), "127.0.0.1"),
  );

  try {
    // Rules as Flux brings them; each operator hands them to its program as they are.
    const rules = readRuleFiles().map(({ name, groups }) =>
      loopback.write(`${name}.rules.yaml`, stringify({ groups })),
    );
    const byThanos = await render({ settings: { ruler: "thanosRuler" } });
    const byVictoria = await render({ settings: { metrics: "victoriaMetrics" } });
    const stack = releases(byThanos.declared).find(({ name }) => name === "kube-prometheus-stack");
    const { config, flags } = prometheusStart(stack?.values ?? {});
    const prometheus = async (name: string, more: object) => {
      const file = loopback.write(`${name}.yaml`, stringify({ ...config, ...more }));
      await loopback.start(
        name,
        programs.prometheus,
        [
          ...[`--config.file=${file}`, `--storage.tsdb.path=${join(loopback.dir, name)}`],
          ...[`--web.listen-address=${loopback.address(name)}`, ...flags],
        ],
        `http://${loopback.address(name)}/prometheus/-/ready`,
      );
    };
    await prometheus("own", {
      rule_files: rules,
      alerting: { alertmanagers: [{ static_configs: [{ targets: [loopback.address("Prometheus")] }] }] },
    });
    await prometheus("ruled", {});

    // The Secret of the component; the rest as the operator starts it (0.93, pkg/thanos/statefulset.go).
    const secret = byThanos.declared.find(
      ({ kind, metadata }) => kind === "Secret" && metadata.name === "thanos-ruler",
    );
    const ruler = byThanos.declared.find(({ kind }) => kind === "ThanosRuler");
    const onLoopback = (key: string) =>
      String(at(secret, "stringData", key))
        .replace("kube-prometheus-stack-prometheus.monitoring.svc:9090", loopback.address("ruled"))
        .replace(/"dns\+alertmanager-operated[^"]*"/, JSON.stringify(loopback.address("Thanos Ruler")))
        .replace("/alertmanager", "/");
    const relabelings = [{ action: "labeldrop", regex: "thanos_ruler_replica" }];
    const written = { url: `http://${loopback.address("ruled")}/prometheus/api/v1/write` };
    await loopback.start(
      "thanos",
      programs.thanos,
      [
        ...["rule", `--data-dir=${join(loopback.dir, "thanos")}`, `--http-address=${loopback.address("thanos")}`],
        ...[`--grpc-address=${loopback.address("grpc")}`, '--label=thanos_ruler_replica="a"'],
        ...[
          `--eval-interval=${String(at(ruler, "spec", "evaluationInterval"))}`,
          "--alert.label-drop=prometheus_replica",
        ],
        `--query.config-file=${loopback.write("query.yaml", onLoopback("query.yaml"))}`,
        `--alertmanagers.config-file=${loopback.write("alertmanagers.yaml", onLoopback("alertmanagers.yaml"))}`,
        `--alert.relabel-config-file=${loopback.write("relabel.yaml", onLoopback("alert-relabelings.yaml"))}`,
        `--remote-write.config-file=${loopback.write("write.yaml", stringify({ remote_write: [{ ...written, write_relabel_configs: relabelings }] }))}`,
        ...rules.map((file) => `--rule-file=${file}`),
      ],
      `http://${loopback.address("thanos")}/-/ready`,
    );

    const [single, alert] = ["VMSingle", "VMAlert"].map((of) => byVictoria.declared.find(({ kind }) => kind === of));
    const extra = (object: unknown) =>
      Object.entries(asMap(at(object, "spec", "extraArgs")) ?? {}).map(([flag, value]) => `-${flag}=${String(value)}`);
    const store = `http://${loopback.address("store")}`;
    await loopback.start(
      "store",
      programs.store,
      [
        ...[`-httpListenAddr=${loopback.address("store")}`, `-storageDataPath=${join(loopback.dir, "store")}`],
        ...[`-retentionPeriod=${String(at(single, "spec", "retentionPeriod"))}`, ...extra(single)],
      ],
      `${store}/health`,
    );
    await loopback.start(
      "vmalert",
      programs.vmalert,
      [
        ...[`-httpListenAddr=${loopback.address("ui")}`, `-datasource.url=${store}`, `-remoteWrite.url=${store}`],
        ...[`-remoteRead.url=${store}`, `-notifier.url=http://${loopback.address("vmalert")}`],
        ...[`-evaluationInterval=${String(at(alert, "spec", "evaluationInterval"))}`, ...extra(alert)],
        ...rules.map((file) => `-rule=${file}`),
      ],
      `http://${loopback.address("ui")}/health`,
    );

    const agent = loopback.write(
      "agent.yaml",
      stringify({
        global: { scrape_interval: `${interval}s` },
        scrape_configs: [
          { job_name: "bench", honor_labels: true, static_configs: [{ targets: [loopback.address("target")] }] },
        ],
        remote_write: [
          ...["own", "ruled"].map((name) => ({ url: `http://${loopback.address(name)}/prometheus/api/v1/write` })),
          { url: `${store}/api/v1/write` },
        ],
      }),
    );
    await loopback.start(
      "agent",
      programs.prometheus,
      [
        ...["--agent", `--config.file=${agent}`, `--storage.agent.path=${join(loopback.dir, "agent")}`],
        `--web.listen-address=${loopback.address("agent")}`,
      ],
      `http://${loopback.address("agent")}/-/ready`,
    );
    for (let minute = 0; minute < minutes; minute += 1) {
      await sleep(60_000);
      say(`minute ${minute + 1}: ${rulers.map((of) => `${of} ${told.get(of)?.size ?? 0}`).join(", ")}`);
    }
    // When the windows of recorded rates are full, and no series of a test has ended.
    const full = (Date.now() - performance.now() + (began ?? 0)) / 1000 + Math.min(12, minutes - 2) * 60;

    const keys = [...new Set(rulers.flatMap((of) => [...(told.get(of)?.keys() ?? [])]))].sort();
    const name = (key: string) => (JSON.parse(key) as Record<string, string>)["alertname"] ?? "";
    const groups = readRuleFiles().flatMap((file) => file.groups);
    type Group = (typeof groups)[number];
    const every = (group: Group | undefined) => durationSeconds(group?.interval ?? `${interval}s`);
    const groupOf = (is: (rule: Group["rules"][number]) => boolean) => {
      const group = groups.find(({ rules: own }) => own.some(is));
      return { group, expr: group?.rules.find(is)?.expr ?? "" };
    };
    /** Seconds by which what rules record may be behind, and what those in turn ask of it. */
    const behind = (expr: string): number =>
      Math.max(
        0,
        ...recordedNames(expr).map((recorded) => {
          const { group, expr: asked } = groupOf(({ record }) => record === recorded);
          return every(group) + behind(asked);
        }),
      );
    /** Between two evaluations, since each program begins a group when it likes, and one evaluation of difference; what is recorded comes later. */
    const apart = (key: string) => {
      const { group, expr } = groupOf(({ alert }) => alert === name(key));
      return 2 * every(group) + behind(expr);
    };
    /**
     * How far back vmalert looks, so that what it asks for has arrived (-rule.evalDelay); and one evaluation where its `increase` and `rate`, which
     * do not extrapolate, pass a threshold later (bench:rules).
     */
    const delay = (key: string, ruler: Ruler) => {
      if (ruler !== "vmalert") return 0;
      const { group, expr } = groupOf(({ alert }) => alert === name(key));
      return 30 + (/\b(?:increase|rate)\(/.test(expr) ? every(group) : 0);
    };
    const alike: string[] = [];
    const later: Record<string, number[]> = { "Thanos Ruler": [], vmalert: [] };
    console.log("| alert | labels | Prometheus | Thanos Ruler | vmalert |\n| --- | --- | --- | --- | --- |");
    for (const key of keys) {
      const [first, ...others] = rulers.map((of) => told.get(of)?.get(key));
      const begin = first?.fires;
      for (const [index, one] of others.entries())
        if (one !== undefined && begin !== undefined) later[rulers[index + 1] ?? ""]?.push(one.fires - begin);
      const same = others.every(
        (one, index) =>
          one !== undefined &&
          begin !== undefined &&
          Math.abs(one.fires - begin) <= apart(key) + delay(key, rulers[index + 1] ?? "vmalert"),
      );
      if (same) alike.push(key);
      else {
        const cell = (one: Told | undefined) => (one === undefined ? "never" : `${Math.round(one.fires)} s`);
        const { alertname, ...labels } = JSON.parse(key) as Record<string, string>;
        console.log(`| ${alertname ?? ""} | ${JSON.stringify(labels)} | ${[first, ...others].map(cell).join(" | ")} |`);
        process.exitCode = 1;
      }
    }
    const texts = alike.filter((key) => new Set(rulers.map((of) => told.get(of)?.get(key)?.annotations)).size === 1);
    const spread = (numbers: readonly number[]) => {
      const sorted = [...numbers].sort((a, b) => a - b);
      const of = (part: number) => Math.round(sorted[Math.floor(part * (sorted.length - 1))] ?? 0);
      return `${of(0)} to ${of(1)} s, half of them at most ${of(0.5)} s`;
    };
    console.log(
      `\n${keys.length} alerts of ${new Set(keys.map(name)).size} rules, ${alike.length} of them told by all three at the same time; ` +
        `${texts.length} with the same text to the letter. After Prometheus: ` +
        Object.entries(later)
          .map(([of, numbers]) => `${of} ${spread(numbers)}`)
          .join("; "),
    );
    const quiet = [...alerts].filter((alertname) => !keys.some((key) => name(key) === alertname));
    if (quiet.length > 0) console.log(`Alerts of played tests that nobody was told of: ${quiet.join(", ")}`);

    console.log("\n| recorded | what differs |\n| --- | --- |");
    const records = new Set([
      "ALERTS",
      ...readRuleFiles().flatMap((file) => rulesOf(file).flatMap(({ record }) => record ?? [])),
    ]);
    let equal = 0;
    let there = 0;
    for (const record of records) {
      const answers = await Promise.all(
        [`http://${loopback.address("own")}/prometheus`, `http://${loopback.address("ruled")}/prometheus`, store].map(
          async (url) => {
            const { data } = await getJson<{
              data: { result: { metric: Record<string, string>; value: [number, string] }[] };
            }>(`${url}/api/v1/query`, { query: record, time: String(full), nocache: "1" });
            return new Map(data.result.map(({ metric, value }) => [labelsOf(metric), Number(value[1])]));
          },
        ),
      );
      const all = new Set(answers.flatMap((answer) => [...answer.keys()]));
      if (all.size === 0) continue;
      there += 1;
      // Where many are as large, each names others.
      const lacking = rulers.filter((_, index) =>
        record.endsWith(":top20")
          ? answers[index]?.size !== answers[0]?.size
          : [...all].some((key) => answers[index]?.has(key) !== true),
      );
      const off = [...all].map((key) => {
        const numbers = answers.map((answer) => answer.get(key) ?? NaN);
        const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
        return least === most || Number.isNaN(least) ? 0 : (most - least) / Math.max(Math.abs(least), Math.abs(most));
      });
      const worst = Math.max(...off);
      if (lacking.length > 0) process.exitCode = 1;
      if (lacking.length > 0 || worst > 0.001)
        console.log(
          `| ${record} | ${lacking.length > 0 ? `series that are not recorded by ${lacking.join(" and ")}` : `values, by up to ${Math.round(worst * 1000) / 10} %`} |`,
        );
      else equal += 1;
    }
    console.log(
      `\n${records.size} series are recorded, ${there} of them something of these samples; ${equal} the same by all three`,
    );
  } finally {
    for (const server of [target, ...alertmanagers]) {
      server.close();
      server.closeAllConnections();
    }
  }
});
