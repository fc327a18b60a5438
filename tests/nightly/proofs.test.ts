/** That the checks and tests can fail: what has to be shown anew when they change, and takes long. */
import { expect } from "chai";
import { judge } from "../../contract/judge.ts";
import { mutate, survivorReason } from "../contract/mutate.ts";
import { readRuleFiles, unitTests } from "../contract/support/content.ts";
import { testRules } from "../contract/support/promtool.ts";
import { programOrSkip } from "../support/program.ts";
import { defaultEnvironment, expectNone, needsCustomResources } from "../support/rendered.ts";

describe("The mutation proof", function () {
  this.timeout("30m");
  before(function () {
    needsCustomResources(this);
  });

  it("starts from an environment that no check has anything against", async () => {
    expectNone(judge(await defaultEnvironment(), { api: undefined, collector: undefined }));
  });

  it("catches at least 95 of 100 mistakes, and 90 of 100 flipped values", async () => {
    const seed = Math.floor(Math.random() * 1e6);
    const { mistakes, flipped } = await mutate(seed, 200, 300);
    for (const [{ caught, total, scores }, least] of [
      [mistakes, 0.95],
      [flipped, 0.9],
    ] as const) {
      const missed = scores.flatMap(({ survivors }) => survivors);
      console.log(`      ${caught} of ${total} caught; again: npm run mutate -- ${seed} 200`);
      expect(total).to.be.greaterThan(200);
      expect(caught / total, missed.map((line) => `${survivorReason(line)}: ${line}`).join("\n")).to.be.at.least(least);
    }
  });
});

describe("The unit tests of alerts", function () {
  this.timeout("5m");
  let promtool: string;
  before(async function () {
    promtool = await programOrSkip(this, "promtool");
  });

  for (const file of readRuleFiles()) {
    it(`of ${file.name} fail for every alert that never fires, and for every one that always does`, () => {
      const [never, always] = [{ expr: "vector(1) > 1" }, { expr: "vector(1)", for: "0s" }].map((change) =>
        testRules(promtool, file, (rule) => (rule.alert === undefined ? rule : { ...rule, ...change })),
      );
      expect([never?.status, always?.status]).to.deep.equal([1, 1]);
      for (const { name } of unitTests(file).tests)
        expect((name.endsWith(" fires") ? never : always)?.said, "promtool's answer").to.include(`name: ${name},`);
    });
  }
});
