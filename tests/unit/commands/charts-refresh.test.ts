import { expect } from "chai";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { packChart, startRegistry } from "../../../rehearsal/charts/index.ts";
import { chartDiff, describeDiff, keysOf } from "../../../commands/chart-diff.ts";
import { refresh } from "../../../commands/charts-refresh.ts";
import type { ChartPin } from "../../../settings/versions.ts";
import { fetchChart } from "../../../contract/fetch-chart.ts";
import { Unavailable } from "../../../toolchain/outside.ts";

describe("Difference of two versions of a chart", () => {
  const before = "a: 1\nb:\n  c: true\n  d: []\ne:\n  f: x\n# g: commented\n";
  const after = "a: 2\nb:\n  c: true\n  d: [1]\n  h: new\n# e: gone\n";

  it("names keys that are gone, new, or of another default", () => {
    expect(chartDiff(before, after)).to.deep.equal({
      removed: ["e"],
      added: ["b/h"],
      changed: [
        { path: "a", from: 1, to: 2 },
        { path: "b/d", from: [], to: [1] },
      ],
    });
  });

  it("is empty between a version and itself, whatever the comments", () => {
    expect(chartDiff(before, before.replace("# g: commented", "# other"))).to.deep.equal({
      removed: [],
      added: [],
      changed: [],
    });
  });

  it("takes a map that became a scalar for a changed default", () => {
    expect(chartDiff("a: {b: 1}", "a: off").changed.map(({ path: key }) => key)).to.deep.equal(["a"]);
  });

  it("tells first what the environment sets", () => {
    expect(keysOf({ e: { f: "y" }, b: { d: [1] } })).to.deep.equal(["e", "e/f", "b", "b/d"]);
    expect(describeDiff(chartDiff(before, after), ["e", "e/f", "b", "b/d"])).to.deep.equal([
      "- e  <- set by this environment",
      "~ b/d: [] -> [1]  <- set by this environment",
      "~ a: 1 -> 2",
      "+ b/h",
    ]);
  });
});

describe("npm run charts:refresh", function () {
  const cache = process.env["XDG_CACHE_HOME"];
  let folder: string;
  const chart = (version: string, values: string) =>
    packChart({ "Chart.yaml": `apiVersion: v2\nname: loki\nversion: ${version}\n`, "values.yaml": values });

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "charts-refresh-"));
    process.env["XDG_CACHE_HOME"] = folder;
  });
  afterEach(() => {
    if (cache === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = cache;
    rmSync(folder, { recursive: true });
  });

  /** Lines that a call prints. */
  async function printed(pins: readonly ChartPin[]): Promise<{ lines: string[]; failed: number }> {
    const lines: string[] = [];
    const { log, error } = console;
    console.log = console.error = (line: string) => void lines.push(line);
    try {
      return { failed: (await refresh({ pins, facts: path.join(folder, "facts") })).failed, lines };
    } finally {
      Object.assign(console, { log, error });
    }
  }

  it("fetches a chart from an OCI registry and says what changed since the other version", async () => {
    const registry = await startRegistry([await chart("1.0.0", "a: 1\ngone: true\n"), await chart("2.0.0", "a: 2\n")]);
    try {
      const pin = (version: string) => ({ name: "loki", version, repository: registry.address });
      const old = await fetchChart(pin("1.0.0"));
      expect(readFileSync(path.join(old, "values.yaml"), "utf8")).to.equal("a: 1\ngone: true\n");
      const { failed, lines } = await printed([pin("2.0.0")]);
      expect(failed).to.equal(0);
      expect(lines.join("\n")).to.match(/loki 2\.0\.0: .*\n {2}since \S+: 2 changes\n {4}- gone\n {4}~ a: 1 -> 2$/);
      const facts = JSON.parse(readFileSync(path.join(folder, "facts/loki.json"), "utf8")) as { taken: string };
      expect(facts).to.deep.include({ name: "loki", version: "2.0.0", values: { a: "number" } });
      expect(facts.taken).to.match(/^\d{4}-\d\d-\d\d$/);
    } finally {
      await registry.close();
    }
  });

  it("says which registry has no such version, and leaves nothing behind", async () => {
    const registry = await startRegistry([await chart("1.0.0", "{}")]);
    try {
      const pin = { name: "loki", version: "9.9.9", repository: registry.address };
      const { failed, lines } = await printed([pin]);
      expect(failed).to.equal(1);
      expect(lines.join("\n"))
        .to.include(`loki 9.9.9: cannot be had from ${registry.address} (`)
        .and.include("HTTP 404");
      expect(lines.join("\n")).to.include("1 of 1 charts could not be had");
      expect(existsSync(path.join(folder, "observability-environment/charts/loki-9.9.9"))).to.equal(false);
    } finally {
      await registry.close();
    }
  });

  it("says so when there is no network", async () => {
    const pin = { name: "loki", version: "1.0.0", repository: "oci://127.0.0.1:1/charts" };
    let failure: unknown;
    await fetchChart(pin).catch((error: unknown) => {
      failure = error;
    });
    expect(failure).to.be.instanceOf(Unavailable);
    expect(String(failure)).to.include("127.0.0.1:1");
  });
});
