import { expect } from "chai";
import { minutes, seriesOf } from "../../../dashboards/sample/cluster.ts";

describe("series of the made-up cluster", () => {
  /** Values of the first series of a line at some minutes. */
  const at = (line: string, ...when: readonly number[]) =>
    when.map((minute) => seriesOf(line)[0]?.values[minutes.indexOf(minute)]);

  const lines: readonly (readonly [what: string, line: string, when: readonly number[], values: readonly unknown[]])[] =
    [
      ["stay as they are", 'up{job="a"} 1', [-130, 0], [1, 1]],
      ["climb from point to point, and stay", "a{} 2 -20:2 -10:4", [-130, -20, -15, -10, 0], [2, 2, 3, 4, 4]],
      ["come and go", "a{} - -22:1 -3:-", [-23, -22, -3.5, -3], [undefined, 1, 1, undefined]],
      ["count from a rate, 30 seconds a sample", "a{} rate 2", [-130, -129.5, 0], [0, 60, 15_600]],
      ["start again after a restart", "a{} rate 2 reset:-1", [-1.5, -1, -0.5], [15_420, 0, 60]],
      ["are whole", "a{} 2.6 round", [0], [3]],
    ];
  for (const [what, line, when, values] of lines)
    it(what, () => {
      expect(at(line, ...when)).to.deep.equal(values);
    });

  it("of one key move together, and never to nothing", () => {
    const [one, other] = ['a{of="1"} 10 ~1(k)', 'a{of="2"} 20 ~1(k)'].map((line) => seriesOf(line)[0]?.values ?? []);
    expect(new Set(one).size).to.be.greaterThan(100);
    for (const [index, value] of (one ?? []).entries()) expect(other?.[index]).to.be.closeTo(2 * (value ?? NaN), 1e-6);
    expect(Math.min(...(one ?? []).map(Number))).to.be.greaterThan(0);
  });

  it("are as many as a line says", () => {
    expect(seriesOf('a{b="1|2",c="3"} 1').map(({ labels }) => labels)).to.deep.equal([
      { b: "1", c: "3" },
      { b: "2", c: "3" },
    ]);
    const many = seriesOf("a{} - -20:1 x10 over:20");
    expect(many.filter(({ values }) => values[minutes.indexOf(-10)] !== undefined)).to.have.length(6);
    expect(new Set(many.map(({ labels }) => labels["instance"])).size).to.equal(10);
  });

  for (const line of ["up 1", "up{} one", "up{} 1 bumpy", 'up{job="a"}'])
    it(`refuse ${line}`, () => {
      expect(() => seriesOf(line)).to.throw(`what is "${line}"`);
    });
});
