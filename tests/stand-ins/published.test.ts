import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { packChart, publishedCharts, startRegistry } from "../../rehearsal/charts/index.ts";
import { providerVersions, startStandIns } from "../../rehearsal/providers/index.ts";
import { releasedPlugins } from "../../rehearsal/providers/released.ts";

describe("rehearsal: what is published, instead of stand-ins", () => {
  let folder: string;
  let before: string | undefined;
  let lines: string[];
  const log = (line: string) => {
    lines.push(line);
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "published-"));
    before = process.env["XDG_CACHE_HOME"];
    process.env["XDG_CACHE_HOME"] = folder;
    lines = [];
  });
  afterEach(() => {
    if (before === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = before;
    rmSync(folder, { recursive: true });
  });

  it("charts come from their registries once, and those that cannot be had are named", async () => {
    const registry = await startRegistry([await packChart({ "Chart.yaml": "name: loki\nversion: 1.0.0\n" })]);
    const pins = [
      { name: "loki", version: "1.0.0", repository: registry.address },
      { name: "jaeger", version: "2.0.0", repository: "oci://127.0.0.1:1/charts" },
    ];
    try {
      const charts = await publishedCharts(log, pins);
      expect(readdirSync(charts ?? "").filter((name) => name.endsWith(".tgz"))).to.deep.equal(["loki-1.0.0.tgz"]);
      expect(lines).to.have.lengthOf(1);
      expect(lines[0]).to.match(/^charts cannot be had: 127\.0\.0\.1:1: .*\(jaeger\)$/);
    } finally {
      await registry.close();
    }
    expect(await publishedCharts(log, pins.slice(0, 1)), "without the registry").to.be.a("string");
    expect(await publishedCharts(log, pins.slice(1))).to.equal(undefined);
  });

  it("plugins of the pinned versions are used where they are, and nothing stands in for them", async () => {
    const plugin = (name: string, version: string) => {
      const directory = join(folder, "observability-environment/pulumi/plugins", `resource-${name}-v${version}`);
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, `pulumi-resource-${name}`), "");
    };
    plugin("tls", providerVersions.tls);
    plugin("random", "0.0.1");
    // A CLI that installs nothing, on a machine that may or may not reach the internet.
    const cli = join(folder, "pulumi");
    writeFileSync(cli, "#!/bin/sh\necho 'no such plugin' >&2\nexit 1\n");
    chmodSync(cli, 0o755);
    const { names } = await releasedPlugins(cli, log);
    expect(names).to.deep.equal(["tls"]);
    expect(lines.join("\n")).to.include("cannot be had");
    const standIns = await startStandIns({ kubernetes: "memory", except: names });
    try {
      const served = standIns.env.PULUMI_DEBUG_PROVIDERS.split(",").map((entry) => entry.split(":")[0]);
      expect(served.sort()).to.deep.equal(["command", "github", "kubernetes", "random"]);
    } finally {
      await standIns.close();
    }
  });
});
