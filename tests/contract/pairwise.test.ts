import { expect } from "chai";
import * as fc from "fast-check";
import { pairwise } from "../../contract/pairwise.ts";
import { allEnvironments } from "../support/rendered.ts";

describe("Pairwise combinations", () => {
  it("contain every pair of levels", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(sizes, (counts) => {
        const factors = Object.fromEntries(
          counts.map((count, index) => [`f${index}`, Array.from({ length: count }, (_, level) => level)]),
        );
        const rows = pairwise(factors);
        for (const [a, levelsA] of Object.entries(factors)) {
          for (const [b, levelsB] of Object.entries(factors)) {
            if (a >= b) continue;
            for (const i of levelsA)
              for (const j of levelsB) expect(rows.some((row) => row[a] === i && row[b] === j)).to.equal(true);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it("are tried beside the defaults and each choice alone, which pairs would never show", async () => {
    const made = await allEnvironments();
    const alone = made.filter(({ title }) => title.includes(": ") && !title.includes(" + "));
    console.log(`      ${made.length} environments, ${alone.length} of them a choice alone`);
    expect(made[0]).to.deep.include({ title: "defaults", settings: {} });
    // Every choice that a pair has occurs alone, too.
    const choices = new Set(made.flatMap(({ title }) => title.split(" + ")).filter((one) => one.includes(": ")));
    for (const choice of choices)
      expect(
        made.some(({ title }) => title === choice),
        choice,
      ).to.equal(true);
    expect(alone.length).to.be.greaterThan(30);
  });

  it("are few", () => {
    const three = Object.fromEntries(Array.from({ length: 13 }, (_, index) => [`f${index}`, ["a", "b", "c"]]));
    // All combinations are 1 594 323; the best known covering array has 15 rows.
    expect(pairwise(three).length).to.be.at.most(27);
  });
});
