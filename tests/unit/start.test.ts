import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { RunError } from "@pulumi/pulumi";
import { expect } from "chai";
import { parse } from "yaml";

const root = join(import.meta.dirname, "../..");

describe("start of the program", () => {
  it("tells an older Node.js which one is needed, before it reads any TypeScript", async () => {
    const versions = Object.getOwnPropertyDescriptor(process, "versions") ?? {};
    const entry = (await import(join(root, "start.js"))) as { default: () => Promise<unknown> };
    for (const node of ["20.19.0", "22.17.1"]) {
      Object.defineProperty(process, "versions", { ...versions, value: { ...process.versions, node } });
      try {
        const said = await entry.default().then(
          () => "it started",
          (error: unknown) => error,
        );
        expect(RunError.isInstance(said), "no stack is printed").to.equal(true);
        expect(String(said)).to.match(new RegExp(`needs Node\\.js 22\\.18 or later.* is ${node}`));
      } finally {
        Object.defineProperty(process, "versions", versions);
      }
    }
    const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { engines: { node: string } };
    expect(engines.node).to.equal(">=22.18");
  });

  it("loads nothing that an older Node.js cannot read, and asks for the CLI that knows its hooks", () => {
    expect(readFileSync(join(root, "start.js"), "utf8")).to.not.match(/^import /m);
    const project = parse(readFileSync(join(root, "Pulumi.yaml"), "utf8")) as Record<string, unknown>;
    expect(project).to.include({ main: "start.js", requiredPulumiVersion: ">=3.217.0" });
  });

  it("loads Pulumi's SDK without what sends functions elsewhere", () => {
    const loaded = Object.keys(createRequire(import.meta.url).cache).map((file) => file.replaceAll("\\", "/"));
    expect(loaded.filter((file) => file.endsWith("/@pulumi/pulumi/runtime/index.js"))).to.have.length(1);
    expect(loaded.filter((file) => /@npmcli\/arborist|closure\/(createClosure|v8Hooks)/.test(file))).to.deep.equal([]);
  });
});
