import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect } from "chai";

const root = resolve(import.meta.dirname, "../../..");

interface Figures {
  readonly programStart: {
    readonly bareSeconds: number;
    readonly programSeconds: number;
    readonly programMegabytes: number;
  };
  readonly environment: {
    readonly programReadySeconds: number;
    readonly plainFluxReadySeconds: number;
    readonly ratio: number;
    readonly unchangedUpSeconds: number;
    readonly destroySeconds: number;
    readonly stateBytes: number;
  };
}

describe("the figures of the README", () => {
  const { programStart, environment } = JSON.parse(readFileSync(join(root, "docs/figures.json"), "utf8")) as Figures;
  const rows = readFileSync(join(root, "README.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").map((cell) => cell.trim()));

  for (const [what, measured] of [
    ["from a ready API server", `${environment.programReadySeconds} s`],
    ["the same, plain Flux", `${environment.plainFluxReadySeconds} s (this takes ${environment.ratio} of it)`],
    ["`up` with nothing to change", `${environment.unchangedUpSeconds} s`],
    ["`destroy` of", `${environment.destroySeconds} s`],
    [
      `start of the program, without the engine (bare Node: ${programStart.bareSeconds} s)`,
      `${programStart.programSeconds} s`,
    ],
    ["memory of the program", `${Math.round(programStart.programMegabytes)} MB`],
    ["state", `${(environment.stateBytes / 1e6).toFixed(2)} MB`],
  ] as const) {
    it(`are those of docs/figures.json: ${what}`, () => {
      const row = rows.filter(([, name]) => name?.startsWith(what));
      expect(row.map((cells) => cells[2])).to.deep.equal([measured]);
    });
  }

  it("are within what was promised", () => {
    expect(environment.ratio).to.be.at.most(0.6);
    expect(environment.unchangedUpSeconds).to.be.at.most(5);
    expect(environment.destroySeconds).to.be.at.most(10);
    expect(environment.stateBytes).to.be.below(1e6);
    expect(programStart.programSeconds).to.be.at.most(1.5);
    expect(programStart.programMegabytes).to.be.below(250);
  });
});
