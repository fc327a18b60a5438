import { expect } from "chai";
import { spawnSync } from "node:child_process";
import type { BlackboxExporterValues } from "../../components/metrics/blackbox-exporter/values.ts";
import { variants } from "../../components/metrics/blackbox-exporter/variants.ts";
import { at } from "../../contract/finding.ts";
import { releases, render, type Rendered } from "../../contract/rendered.ts";
import { programOrSkip } from "../support/program.ts";
import { judge, misspellings } from "./support/verdict.ts";

/** The exporter's configuration: what of the chart's own is merged with it, it says itself. */
function configOf({ declared }: Rendered): BlackboxExporterValues["config"] {
  const release = releases(declared).find(({ name }) => name === "prometheus-blackbox-exporter");
  expect(release, "a release of the blackbox exporter").not.to.equal(undefined);
  return (release?.values as unknown as BlackboxExporterValues).config;
}

describe("Configuration of the blackbox exporter, read by the exporter", function () {
  let exporter: string;
  const all: Rendered[] = [];
  const validate = (config: unknown) => judge(exporter, (file) => ["--config.check", `--config.file=${file}`], config);

  before(async function () {
    exporter = await programOrSkip(this, "blackbox_exporter");
    const { stdout, stderr } = spawnSync(exporter, ["--version"], { encoding: "utf8" });
    console.log(`      ${(stdout + stderr).split("\n")[0] ?? ""}`);
    for (const settings of Object.values(variants)) all.push(await render({ settings }));
  });

  it("is accepted, for every variant", () => {
    for (const one of all) {
      const { accepted, said } = validate(configOf(one));
      expect(accepted, said).to.equal(true);
    }
  });

  it("has the module of every Probe", () => {
    for (const one of all) {
      const probes = one.declared.filter(({ kind }) => kind === "Probe");
      expect(probes).to.have.length(one.settings.checks.length);
      for (const probe of probes) expect(configOf(one).modules).to.have.property(String(at(probe, "spec", "module")));
    }
  });

  it("is refused when any one of its keys is misspelt", () => {
    const [first] = all;
    if (first === undefined) throw new Error("There is no variant.");
    // Names of modules are ours.
    const keys = [...misspellings(configOf(first))].filter(({ path }) => !/^modules\.\w+$/.test(path));
    expect(keys.length).to.be.greaterThan(20);
    expect(keys.filter(({ config }) => validate(config).accepted).map(({ path }) => path)).to.deep.equal([]);
  });
});
