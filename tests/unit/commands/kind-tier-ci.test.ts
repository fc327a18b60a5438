import { globSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { plan } from "../../kind-tier/ci.ts";

const project = join(import.meta.dirname, "..", "..", "..");
const environment = "tests/kind/environment.test.ts";

describe("what CI runs of the Kind tier", () => {
  const all = globSync("tests/kind/*.test.ts", { cwd: project }).sort();
  const others = all.filter((file) => file !== environment);

  it("has the file that it is about", () => {
    expect(all).to.include(environment);
    expect(others).to.not.deep.equal([]);
  });

  for (const [nodeImage, components, minutesLeft, runs] of [
    [true, true, 1, all],
    [true, false, 40, all],
    [true, false, 30, others],
    [false, false, undefined, all],
    [false, false, 40, others],
    [false, false, 60, all],
  ] as const) {
    const minutes = minutesLeft === undefined ? "no limit" : `${minutesLeft} min left`;
    it(`is ${runs === all ? "everything" : `all but ${environment}`}: node image ${nodeImage}, programs ${components}, ${minutes}`, () => {
      const { files, skipped, why } = plan(all, { nodeImage, components }, minutesLeft);
      expect(files).to.deep.equal(runs);
      expect([...files, ...skipped].sort()).to.deep.equal(all);
      expect(why.startsWith("SKIPPED"), why).to.equal(runs !== all);
    });
  }
});
