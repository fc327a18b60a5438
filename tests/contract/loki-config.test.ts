import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { charts } from "../../settings/versions.ts";
import { lokiConfig, readVersion } from "../../tools/contract/loki-config.ts";
import { releases, type Rendered } from "../../tools/contract/rendered.ts";
import { programOrSkip } from "../support/program.ts";
import { allEnvironments, defaultEnvironment } from "../support/rendered.ts";
import { different, judge, misspellings } from "./support/verdict.ts";

function valuesOf({ declared }: Rendered): Readonly<Record<string, unknown>> {
  const release = releases(declared).find(({ chart }) => chart?.name === "loki");
  expect(release, "a release of loki").not.to.equal(undefined);
  return release?.values ?? {};
}

describe("Configuration of Loki, read by Loki", function () {
  this.timeout("3m");
  let loki: string;
  // As the chart starts it; the keys come from a Secret.
  const verify = (config: unknown) =>
    judge(loki, (file) => ["-verify-config", `-config.file=${file}`, "-config.expand-env=true"], config, {
      AWS_ACCESS_KEY_ID: "id",
      AWS_SECRET_ACCESS_KEY: "key",
    });

  before(async function () {
    loki = await programOrSkip(this, "loki");
  });

  it("is made as the deployed chart makes it", () => {
    expect(
      charts.loki.version,
      "read the chart's template `loki.config` again and compare (tools/contract/loki-config.ts)",
    ).to.equal(readVersion.chart);
    expect(spawnSync(loki, ["-version"], { encoding: "utf8" }).stdout).to.include(`version ${readVersion.loki}`);
  });

  it("is accepted, for every pair of choices", async () => {
    const configs = different((await allEnvironments()).map(({ rendered }) => lokiConfig(valuesOf(rendered))));
    expect(configs.length).to.be.greaterThan(1);
    for (const config of configs) {
      const { accepted, said } = verify(config);
      expect(accepted, said).to.equal(true);
    }
  });

  it("is refused when any one of its keys is misspelt", async () => {
    const rendered = (await allEnvironments()).map((environment) => environment.rendered);
    const asked = new Set<string>();
    for (const type of ["filesystem", "s3"]) {
      const config = rendered
        .map((environment) => lokiConfig(valuesOf(environment)))
        .find((candidate) => JSON.stringify(candidate).includes(`"object_store":"${type}"`));
      expect(config, type).not.to.equal(undefined);
      const all = [...misspellings(config)].filter(({ path }) => !asked.has(path));
      expect(all, type).not.to.have.length(0);
      for (const { path } of all) asked.add(path);
      const survivors = all.filter((mutation) => verify(mutation.config).accepted);
      expect(survivors.map(({ path }) => path)).to.deep.equal([]);
    }
  });

  it("is refused when any one of the values that make it is misspelt", async () => {
    const values = valuesOf(await defaultEnvironment());
    const survivors = [...misspellings(values["loki"])].filter(({ config }) => {
      try {
        return verify(lokiConfig({ ...values, loki: config })).accepted;
      } catch {
        // Not a value of the chart.
        return false;
      }
    });
    expect(survivors.map(({ path }) => path)).to.deep.equal([]);
  });

  it("is refused for what Loki itself finds wrong", async () => {
    const values = valuesOf(await defaultEnvironment());
    const text = JSON.stringify(lokiConfig(values));
    for (const [what, by, reason] of [
      ['"schema":"v13"', '"schema":"v11"', /structured metadata|v13/],
      ['"period":"24h"', '"period":"12h"', /24h/],
      [/"retention_period":"[^"]+"/, '"retention_period":"a day"', /duration/],
      [/"delete_request_store":"filesystem"/, '"delete_request_store":""', /delete-request-store/],
      ['"store":"tsdb"', '"store":"boltdb"', /tsdb|boltdb/],
    ] as const) {
      const changed = text.replace(what, by);
      expect(changed, by).not.to.equal(text);
      const verdict = verify(JSON.parse(changed));
      expect(verdict.accepted, by).to.equal(false);
      expect(verdict.said, by).to.match(reason);
    }
  });
});
