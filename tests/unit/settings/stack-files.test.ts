import { existsSync, globSync } from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { parseSettings } from "../../../settings/parse.ts";
import { type SecretName, secretSettings } from "../../../settings/schema.ts";
import { readStackFile } from "../../../settings/stack-file.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const stacks = globSync("Pulumi.*.yaml", { cwd: root }).map((file) => file.split(".")[1] ?? "");

describe("the project's stack files", () => {
  it("are found", () => {
    expect(stacks).to.include.members(["dev", "production"]);
  });

  for (const stack of stacks) {
    it(`${stack} is valid, and Flux has a folder for it`, () => {
      const { settings } = readStackFile(root, "observability", stack);
      parseSettings(settings, { file: `Pulumi.${stack}.yaml`, secrets: Object.keys(secretSettings) as SecretName[] });
      expect(existsSync(path.join(root, "flux-repo/clusters", stack, "kustomization.yaml"))).to.equal(true);
    });
  }
});
