/** The queries of all dashboards, executed by VictoriaMetrics' own engine over the made-up cluster, against what Prometheus' answers. */
import { expect } from "chai";
import { queriesOf, readForms } from "../contract/support/content.ts";
import { type Answer, answersOf } from "../contract/support/queries.ts";
import { programOrSkip } from "../support/program.ts";

/** Where many are as large, each engine names others of them. */
const cut = /\btopk\(|:top20\b/;

/** The tool's tests write no end of an alert (1.151, app/vmalert/rule/group.go, ExecOnce), so it is counted for five minutes more. */
const ended = /\bALERTS\{/;

/** How much values may differ: `rate` and `increase` do not extrapolate, and count from the last sample before their window. */
const tolerance = 0.15;

const apart = (a: number, b: number) =>
  a === b || (Number.isNaN(a) && Number.isNaN(b)) ? 0 : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));

describe("queries of dashboards, by VictoriaMetrics' engine", function () {
  this.timeout("10m");
  const queries = [
    ...new Map(
      readForms()
        .flatMap((file) => queriesOf(file, "prometheus"))
        .filter(({ expr }) => expr !== "")
        .map((query) => [query.expr, query]),
    ).values(),
  ];
  let [prometheus, victoria]: [Answer[], Answer[]] = [[], []];
  before(async function () {
    const [promtool, tool] = [await programOrSkip(this, "promtool"), await programOrSkip(this, "vmalert-tool")];
    prometheus = answersOf({ program: promtool, of: "promql" }, queries);
    victoria = answersOf({ program: tool, of: "metricsql" }, queries);
  });

  it("answer with the same series, but for the last of a top ten", () => {
    expect(queries).to.have.length.greaterThan(300);
    for (const [index, { where, expr }] of queries.entries()) {
      const [one, other] = [prometheus[index] ?? new Map(), victoria[index] ?? new Map()];
      if (cut.test(expr)) expect(other.size, `${where}: ${expr}`).to.equal(one.size);
      else expect([...other.keys()], `${where}: ${expr}`).to.have.members([...one.keys()]);
    }
    expect(prometheus.filter(({ size }) => size > 0)).to.have.length.greaterThan(250);
  });

  it("answer with the same values, but for the extrapolation of rates", () => {
    for (const [index, { where, expr }] of queries.entries()) {
      if (ended.test(expr)) continue;
      for (const [labels, value] of prometheus[index] ?? [])
        expect(
          apart(value, victoria[index]?.get(labels) ?? value),
          `${where}: ${expr} ${labels} is ${value}, not`,
        ).to.be.at.most(tolerance);
    }
  });
});
