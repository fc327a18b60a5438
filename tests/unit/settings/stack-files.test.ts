import { existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { parseSettings } from "../../../settings/parse.ts";
import { numbersAsWritten } from "../../../settings/scalars.ts";
import { type SecretName, secretSettings } from "../../../settings/secrets.ts";
import { readStackFile } from "../../../settings/stack-file.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const stacks = globSync("Pulumi.*.yaml", { cwd: root }).map((file) => file.split(".")[1] ?? "");

describe("a stack file", () => {
  let folder: string;
  before(() => (folder = mkdtempSync(path.join(tmpdir(), "stack-file-"))));
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const read = (text: string) => {
    writeFileSync(path.join(folder, "Pulumi.x.yaml"), text);
    return readStackFile(folder, "observability", "x");
  };

  it("keeps numbers as they are written where that says more", () => {
    const { settings } = read(
      "config:\n  observability:a: {tag: 1.10, port: 03000, ratio: 0.5, count: 3, big: 12345678901234567890}\n",
    );
    const written = { tag: "1.10", port: "03000", ratio: 0.5, count: 3, big: "12345678901234567890" };
    expect(settings["a"]).to.deep.equal(written);
    // What the engine hands on for the same file.
    const engine = { tag: 1.1, port: 1536, ratio: 0.5, count: 3, big: 12345678901234567000 };
    expect(numbersAsWritten(engine, settings["a"])).to.deep.equal(written);
    // Another file than this one.
    expect(numbersAsWritten({ tag: 2.5, port: 80 }, settings["a"])).to.deep.equal({ tag: 2.5, port: 80 });
    expect(numbersAsWritten(engine, undefined)).to.equal(engine);
  });

  it("names keys of others, and secrets without their values", () => {
    const { secrets, members, others, settings } = read(
      [
        "config:",
        "  github:owner: acme",
        "  observability:telegramToken: {secure: a}",
        "  observability:telegramTokn: {secure: a}",
        "  observability:alertingSecrets: {bot: {secure: b}, my: {bot: {secure: c}}}",
      ].join("\n"),
    );
    expect({ secrets, members, others }).to.deep.equal({
      secrets: ["telegramToken"],
      members: { alertingSecrets: ["bot"] },
      others: ["github:owner"],
    });
    expect(Object.keys(settings)).to.deep.equal(["telegramTokn", "alertingSecrets"]);
  });

  it("says what it cannot read", () => {
    expect(() => read("config:\n  a: 1\n  a: 2\n")).to.throw("unique");
  });
});

describe("the project's stack files", () => {
  it("are found", () => {
    expect(stacks).to.include.members(["dev", "production"]);
  });

  for (const stack of stacks) {
    it(`${stack} is valid, and Flux has a folder for it`, () => {
      const { settings, others } = readStackFile(root, "observability", stack);
      parseSettings(settings, {
        file: `Pulumi.${stack}.yaml`,
        secrets: Object.keys(secretSettings) as SecretName[],
        others,
      });
      expect(existsSync(path.join(root, "flux-repo/clusters", stack, "kustomization.yaml"))).to.equal(true);
    });
  }
});
