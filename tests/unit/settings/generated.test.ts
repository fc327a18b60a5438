import { readFileSync } from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { secretSettings } from "../../../settings/secrets.ts";
import { generatedFiles } from "../../../commands/schema.ts";

const root = path.resolve(import.meta.dirname, "../../..");

describe("what is generated from the settings", () => {
  it("is up to date: run `npm run schema`", async () => {
    for (const [name, text] of Object.entries(await generatedFiles())) {
      expect(readFileSync(path.join(root, name), "utf8"), name).to.equal(text);
    }
  });

  it("covers every setting with a description", () => {
    const page = readFileSync(path.join(root, "docs/settings.md"), "utf8");
    const rows = page.split("\n").filter((line) => /^\| `[a-z]/.test(line));
    expect(rows.length).to.be.greaterThan(60);
    const bare = rows.filter((row) => /\|\s*\|$/.test(row) || row.split("|").at(-2)?.trim() === "");
    expect(bare).to.deep.equal([]);
  });
});

describe("Pulumi.yaml", () => {
  const project = parse(readFileSync(path.join(root, "Pulumi.yaml"), "utf8")) as {
    config: Record<string, object>;
  };

  it("leaves secrets out: Pulumi would demand them of every stack", () => {
    for (const secret of Object.keys(secretSettings)) expect(project.config).to.not.have.property(secret);
  });
});
