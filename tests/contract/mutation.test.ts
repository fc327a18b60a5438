import { expect } from "chai";
import { misspelt, mutations, seeded, shuffled } from "../../tools/contract/mutations.ts";
import { judge } from "../../tools/contract/judge.ts";
import { mutate, survivorReason } from "../../tools/mutate.ts";
import { defaultEnvironment, expectNone, needsCustomResources } from "../support/rendered.ts";

const none = () => false;

describe("Mistakes", () => {
  it("are the same for the same seed", () => {
    const tree = { name: "collector", ports: [{ port: 4317 }], enabled: true };
    const made = (seed: number) => mutations(tree, seeded(seed), none).map(({ path, change }) => `${path} ${change}`);
    expect(made(1)).to.deep.equal(made(1));
    expect(made(1)).not.to.deep.equal(made(2));
    expect(shuffled([1, 2, 3, 4, 5], seeded(3))).to.deep.equal(shuffled([1, 2, 3, 4, 5], seeded(3)));
  });

  it("change one thing each, and never the tree that they are made from", () => {
    const tree = { labels: { app: "loki" }, list: ["batch", "other"], size: 3, on: true };
    const before = JSON.stringify(tree);
    const made = mutations(tree, seeded(1), none);
    expect(JSON.stringify(tree)).to.equal(before);
    for (const { tree: mutant } of made) expect(JSON.stringify(mutant)).not.to.equal(before);
    const kinds = new Set(made.map(({ kind }) => kind));
    expect([...kinds]).to.have.members(["rename key", "change type", "misspell", "drop element"]);
    expect(made.find(({ path, kind }) => path === "list/0" && kind === "drop element")?.tree).to.deep.equal({
      ...tree,
      list: ["other"],
    });
    expect(made.find(({ path, kind }) => path === "size" && kind === "change type")?.tree).to.deep.equal({
      ...tree,
      size: "3",
    });
  });

  it("misspell a word and nothing else", () => {
    const random = seeded(5);
    for (let round = 0; round < 50; round++) {
      const wrong = misspelt("loki.monitoring.svc:3100", random) ?? "";
      expect(wrong).not.to.equal("loki.monitoring.svc:3100");
      expect(wrong.length).to.be.within(23, 24);
    }
    expect(misspelt("5m", random)).to.equal(undefined);
  });

  it("are made inside texts that have a form of their own", () => {
    const text = "[INPUT]\n    Name tail\n    Tag kube.*\n";
    const made = mutations({ config: { inputs: text } }, seeded(1), none)
      .filter(({ path }) => path.startsWith("config/inputs/"))
      .map(({ tree }) => (tree as { config: { inputs: string } }).config.inputs.split("\n"));
    expect(made).to.have.length.greaterThan(3);
    const lines = text.split("\n");
    for (const mutant of made) {
      expect(mutant).to.have.length(lines.length);
      expect(mutant.filter((line, index) => line !== lines[index])).to.have.length(1);
    }
  });

  it("leave out what no reader could tell", () => {
    expect(mutations({ help: "text" }, seeded(1), (path) => path.at(-1) === "help")).to.deep.equal([]);
  });
});

describe("The mutation proof", function () {
  this.timeout(300_000);
  before(function () {
    needsCustomResources(this);
  });

  it("starts from an environment that no check has anything against", async () => {
    expectNone(judge(await defaultEnvironment(), { api: undefined, collector: undefined }));
  });

  it("catches at least 95 of 100 mistakes", async () => {
    const { caught, total, scores } = await mutate(3, 100);
    const missed = scores.flatMap(({ survivors }) => survivors);
    console.log(`      ${caught} of ${total} caught; npm run mutate for more`);
    expect(total).to.be.greaterThan(100);
    expect(caught / total, missed.map((line) => `${survivorReason(line)}: ${line}`).join("\n")).to.be.at.least(0.95);
  });
});
