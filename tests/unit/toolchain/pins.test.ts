import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { charts } from "../../../components/catalogue.ts";
import { digests } from "../../../settings/digests.ts";
import * as versions from "../../../settings/versions.ts";
import { outputProblems } from "../../../commands/check-outputs.ts";
import { pinnedVersion } from "../../../toolchain/obtain.ts";

const project = join(import.meta.dirname, "..", "..", "..");
const read = (file: string) => readFileSync(join(project, file), "utf8");

interface Renovate {
  readonly customManagers: readonly {
    readonly description?: string[];
    readonly matchStrings: string[];
    readonly managerFilePatterns: string[];
  }[];
  readonly packageRules: readonly { readonly description?: string[] }[];
}

describe("renovate.json", () => {
  const renovate = JSON.parse(read("renovate.json")) as Renovate;

  it("finds the pin after every renovate line, and not that of another: of versions, and of the chart of every component", () => {
    const files = ["settings/versions.ts", ...globSync("components/**/chart.ts", { cwd: project })];
    const pattern = renovate.customManagers[0]?.matchStrings[0] ?? "";
    const pins = new Map<string, string>();
    for (const file of files) {
      const watched = renovate.customManagers[0]?.managerFilePatterns.some((one) =>
        new RegExp(one.slice(1, -1)).test(file),
      );
      expect(watched, file).to.equal(true);
      const text = read(file);
      const found = [...text.matchAll(new RegExp(pattern, "g"))].map((match) => ({ ...match.groups }));
      const announced = [...text.matchAll(/\/\/ renovate: .*depName=(\S+)/g)].map((match) => match[1]);
      expect(
        found.map(({ depName }) => depName),
        file,
      ).to.deep.equal(announced);
      for (const { depName = "", currentValue = "" } of found) pins.set(depName, currentValue);
    }
    for (const { name, version } of Object.values(charts)) {
      const [, pinned] = [...pins].find(([depName]) => depName.split("/").at(-1) === name) ?? [];
      expect(pinned, name).to.equal(version);
    }
    expect(pins.get("fluxcd/flux2")).to.equal(versions.flux);
    expect(pins.get("kindest/node")).to.equal(versions.kindNode);
  });

  it("finds every digest of settings/digests.json with its name and tag", () => {
    const text = read("settings/digests.json");
    const pattern = renovate.customManagers[1]?.matchStrings[0] ?? "";
    const found = [...text.matchAll(new RegExp(pattern, "g"))].map(({ groups }) => [
      `${groups?.["depName"] ?? ""}:${groups?.["currentValue"] ?? ""}`,
      groups?.["currentDigest"],
    ]);
    expect(Object.fromEntries(found)).to.deep.equal(digests);
  });

  it("says of every rule why it is there", () => {
    for (const rule of [...renovate.packageRules, ...renovate.customManagers]) {
      expect(rule.description?.join("") ?? "").to.have.length.greaterThan(20);
    }
  });
});

describe("mise.toml", () => {
  const text = read("mise.toml");
  const version = (tool: string) => new RegExp(`^${tool} = "(.+)"$`, "m").exec(text)?.[1];
  const minor = (of: string | undefined) => of?.replace(/^v/, "").split(".").slice(0, 2).join(".");

  it("has the versions that the environment is made of", () => {
    const { devDependencies } = JSON.parse(read("package.json")) as { devDependencies: Record<string, string> };
    expect(version("node")).to.equal(devDependencies["node"]);
    expect(`v${version("pulumi") ?? ""}`).to.equal(pinnedVersion("pulumi", "github.com/pulumi/pulumi/pkg/v3"));
    expect(`v${version("flux2") ?? ""}`).to.equal(versions.flux);
    expect(minor(version("kubectl"))).to.equal(minor(versions.kindNode));
    expect(version("go")).to.equal(minor(/^go (\S+)$/m.exec(read("toolchain/control-plane/go.mod"))?.[1]));
  });

  it("has Kind's node image and the rehearsal's control plane on one minor version", () => {
    expect(minor(pinnedVersion("control-plane", "k8s.io/kubernetes"))).to.equal(minor(versions.kindNode));
  });
});

describe("check-outputs", () => {
  const schema = {
    type: "object",
    properties: { grafanaUrl: { type: "string", format: "uri" }, serviceUrls: { type: "object" } },
    required: ["grafanaUrl", "serviceUrls"],
    additionalProperties: false,
  };

  it("accepts outputs that keep the contract", () => {
    expect(outputProblems({ grafanaUrl: "http://127.0.0.1:3000/", serviceUrls: {} }, schema)).to.deep.equal([]);
  });

  it("names every output that breaks it", () => {
    const problems = outputProblems({ grafanaUrl: "nowhere", grafanaUrls: "x" }, schema).join("\n");
    expect(problems)
      .to.include("grafanaUrl: must match format")
      .and.include("'serviceUrls'")
      .and.include("(grafanaUrls)");
  });

  it("fails on a stack that has no outputs", function () {
    try {
      read("schemas/outputs.schema.json");
    } catch {
      // The contract itself is made with the settings.
      this.skip();
    }
    const { status, stderr } = spawnSync(process.execPath, [join(project, "commands", "check-outputs.ts")], {
      input: "{}",
      encoding: "utf8",
    });
    expect(status).to.equal(1);
    expect(stderr).to.include("grafanaUrl").and.include("schemas/outputs.schema.json");
  });
});
