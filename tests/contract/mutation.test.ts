import { expect } from "chai";
import { checkPins, checkRelations, placesOfPins } from "../../contract/checks/pins.ts";
import { flips } from "../../contract/flips.ts";
import { pins } from "../../contract/pinned.ts";
import { misspelt, mutations, seeded, shuffled } from "../../contract/mutations.ts";
import { allEnvironments, expectNone } from "../support/rendered.ts";

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

  it("flip what a schema knows nothing of, inside of texts, too", () => {
    const tree = {
      enabled: true,
      wait: "5m",
      size: "1Gi",
      count: 0,
      policy: "RuntimeDefault",
      name: "loki",
      config: { inputs: "[INPUT]\n    Name tail\n    Skip On\n" },
    };
    const made = flips(tree, (path) => path.at(-1) === "count").map(({ path, change }) => `${path} ${change}`);
    expect(made).to.deep.equal([
      "enabled true -> false",
      'wait "5m" -> "10m"',
      'size "1Gi" -> "2Gi"',
      'policy "RuntimeDefault" -> "Unconfined"',
      'config/inputs/Skip "On" -> "Off"',
    ]);
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

describe("Pinned values", function () {
  it("are as the table and the rules say, whatever the settings are", async () => {
    expectNone(
      (await allEnvironments()).flatMap(({ rendered }) => [...checkPins(rendered), ...checkRelations(rendered)]),
    );
  });

  it("are each somewhere, and have a reason", async () => {
    const placed = (await allEnvironments()).map(({ rendered }) => placesOfPins(rendered));
    expect(pins.filter((pin) => !placed.some((some) => some.has(pin)) || pin.why === "")).to.deep.equal([]);
  });
});
