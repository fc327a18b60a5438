/**
 * The queries of all dashboards, executed over the made-up cluster by what stands in the place of Prometheus, against what Prometheus
 * answers: VictoriaMetrics' engine, and Thanos' query before two replicas, asked at its frontend, as Grafana does.
 */
import { expect } from "chai";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "mocha";
import { recordingRules } from "../../commands/pictures.ts";
import { storageOfCluster, writeCluster } from "../../commands/pictures/stores.ts";
import { end } from "../../dashboards/sample/cluster.ts";
import { getJson } from "../../rehearsal/http-client.ts";
import { Loopback } from "../bench/loopback.ts";
import { declare, ThanosStack } from "../bench/thanos/programs.ts";
import { queriesOf, readForms, withGrafanaValues } from "../contract/support/content.ts";
import { type Answer, answersOf, chosen } from "../contract/support/queries.ts";
import { programOrSkip } from "../support/program.ts";

const queries = [
  ...new Map(
    readForms()
      .flatMap((file) => queriesOf(file, "prometheus"))
      .filter(({ expr }) => expr !== "")
      .map((query) => [query.expr, query]),
  ).values(),
];

interface Store {
  /** What Prometheus answers to each query, and what it does. */
  readonly answers: (context: Context) => Promise<readonly [prometheus: Answer[], other: Answer[]]>;
  /** Queries of which the number of series alone is the same. */
  readonly counted?: RegExp;
  /** Queries whose values are others. */
  readonly others?: RegExp;
  /** How much values of a query may differ, as a part of the larger one. */
  readonly tolerance: (expr: string) => number;
}

/** VictoriaMetrics' tool for tests and Prometheus', at the end of the data. */
async function byTools(context: Context): Promise<[Answer[], Answer[]]> {
  const [promtool, tool] = [await programOrSkip(context, "promtool"), await programOrSkip(context, "vmalert-tool")];
  return [
    answersOf({ program: promtool, of: "promql" }, queries),
    answersOf({ program: tool, of: "metricsql" }, queries),
  ];
}

/** Labels that Thanos adds to what the sidecar of a Prometheus answers: its external ones, without that of the replica. */
const external = ["cluster", "prometheus"];

/** What a server of Prometheus' API answers to each query, of an hour, a value a minute. @throws Error where it says that something is missing */
async function asked(url: string): Promise<Answer[]> {
  interface Response {
    readonly data: {
      readonly result: readonly {
        readonly metric: Readonly<Record<string, string>>;
        readonly values: readonly (readonly [number, string])[];
      }[];
    };
    readonly warnings?: readonly string[];
  }
  const answers: Answer[] = [];
  for (const { expr } of queries) {
    const query = withGrafanaValues(expr, chosen);
    const range = { start: String(end - 3600), end: String(end), step: "60" };
    const { data, warnings = [] } = await getJson<Response>(`${url}/api/v1/query_range`, { query, ...range });
    const missing = warnings.filter((warning) => !warning.startsWith("PromQL"));
    if (missing.length > 0) throw new Error(`${query}: ${missing.join("; ")}`);
    answers.push(
      new Map(
        data.result.flatMap(({ metric, values }) => {
          const labels = Object.entries(metric).filter(([name]) => !external.includes(name));
          return values.map(([time, value]) => [`${JSON.stringify(labels.sort())} ${time}`, Number(value)] as const);
        }),
      ),
    );
  }
  return answers;
}

/** Two Prometheus with the same samples, and Thanos before them as the program declares it, with a folder for a bucket. */
async function byThanos(context: Context): Promise<[Answer[], Answer[]]> {
  const programs = {
    prometheus: await programOrSkip(context, "prometheus"),
    promtool: await programOrSkip(context, "promtool"),
    thanos: await programOrSkip(context, "thanos"),
  };
  return await Loopback.use("dashboards-thanos", async (loopback) => {
    mkdirSync(join(loopback.dir, "bucket"));
    const stack = new ThanosStack(loopback, programs, await declare(2), "bucket");
    const prometheus = (replica: number) => `http://${loopback.address(`prometheus${replica}`)}/prometheus`;
    for (const replica of [0, 1]) {
      await stack.prometheus(replica, { config: { storage: storageOfCluster } });
      await writeCluster(prometheus(replica), recordingRules());
      await stack.sidecar(replica);
    }
    await stack.store();
    await stack.query();
    return [await asked(prometheus(0)), await asked(`http://${loopback.address("frontend")}/prometheus`)];
  });
}

/** Sums of the same numbers in another order. */
const rounding = 1e-9;

/** Where many are as large, each names others of them. */
const largest = /\btopk\(|:top20\b/;

const stores: Readonly<Record<string, Store>> = {
  "VictoriaMetrics' engine": {
    answers: byTools,
    counted: largest,
    // The tool's tests write no end of an alert (1.151, app/vmalert/rule/group.go, ExecOnce), so it is counted for five minutes more.
    others: /\bALERTS\{/,
    // `rate` and `increase` do not extrapolate, and count from the last sample before their window.
    tolerance: () => 0.15,
  },
  "Thanos' query": {
    answers: byThanos,
    counted: largest,
    // For these functions it takes the restarts out of a counter (0.42.4, pkg/query/iter.go, Aggr_COUNTER), so that one that
    // begins at 0 again is extrapolated to the beginning of the window as any other is: of two minutes it has a minute and a half.
    tolerance: (expr) => (/\b(?:rate|increase)\(/.test(expr) ? 0.25 + rounding : rounding),
  },
};

const apart = (a: number, b: number) =>
  a === b || (Number.isNaN(a) && Number.isNaN(b)) ? 0 : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));

for (const [title, { answers, counted, others, tolerance }] of Object.entries(stores))
  describe(`queries of dashboards, by ${title}`, function () {
    this.timeout("10m");
    let [prometheus, other]: readonly [Answer[], Answer[]] = [[], []];
    before(async function () {
      [prometheus, other] = await answers(this);
    });

    it("answer with the same series", () => {
      expect(queries).to.have.length.greaterThan(300);
      for (const [index, { where, expr }] of queries.entries()) {
        const [one, another] = [prometheus[index] ?? new Map(), other[index] ?? new Map()];
        if (counted?.test(expr) === true) expect(another.size, `${where}: ${expr}`).to.equal(one.size);
        else expect([...another.keys()], `${where}: ${expr}`).to.have.members([...one.keys()]);
      }
      expect(prometheus.filter(({ size }) => size > 0)).to.have.length.greaterThan(250);
    });

    it("answer with the same values", () => {
      for (const [index, { where, expr }] of queries.entries()) {
        if (others?.test(expr) === true) continue;
        for (const [labels, value] of prometheus[index] ?? [])
          expect(
            apart(value, other[index]?.get(labels) ?? value),
            `${where}: ${expr} ${labels} is ${value}, not`,
          ).to.be.at.most(tolerance(expr));
      }
    });
  });
