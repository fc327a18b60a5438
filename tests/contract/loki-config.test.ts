import { expect } from "chai";
import { chartNamed } from "../../components/catalogue.ts";
import { lokiConfig, readVersion } from "../../contract/loki-config.ts";
import { lokiKeys } from "../../contract/loki-keys.ts";
import { lokiMistakes } from "../../contract/loki-reader.ts";
import { releases, type Rendered } from "../../contract/rendered.ts";
import { allEnvironments, defaultEnvironment } from "../support/rendered.ts";
import { different, misspellings } from "./support/verdict.ts";

function valuesOf({ declared }: Rendered): Readonly<Record<string, unknown>> {
  const release = releases(declared).find(({ chart }) => chart?.name === "loki");
  expect(release, "a release of loki").not.to.equal(undefined);
  return release?.values ?? {};
}

/** Environments that have a Loki. */
const withLoki = async () =>
  (await allEnvironments()).map(({ rendered }) => rendered).filter(({ settings }) => settings.logs === "loki");

describe("Configuration of Loki, by a strict reader of its documented keys", () => {
  it("is made as the deployed chart makes it, and read by the keys of the Loki that the chart deploys", () => {
    expect(
      chartNamed("loki").version,
      "read the chart's template `loki.config` again and compare (contract/loki-config.ts)",
    ).to.equal(readVersion.chart);
    expect(lokiKeys().loki, "node contract/loki-keys.ts").to.equal(readVersion.loki);
  });

  it("is accepted, for every pair of choices", async () => {
    const configs = different((await withLoki()).map((rendered) => lokiConfig(valuesOf(rendered))));
    expect(configs.length).to.be.greaterThan(1);
    for (const config of configs) expect(lokiMistakes(config)).to.deep.equal([]);
  });

  it("is refused when any one of its keys is misspelt", async () => {
    const configs = (await withLoki()).map((environment) => lokiConfig(valuesOf(environment)));
    for (const has of ['"object_store":"filesystem"', '"object_store":"s3"', '"scheduler_address"']) {
      const config = configs.find((candidate) => JSON.stringify(candidate).includes(has));
      const all = [...misspellings(config)];
      expect(all, has).to.have.length.greaterThan(40);
      const survivors = all.filter((mutation) => lokiMistakes(mutation.config).length === 0);
      expect(survivors.map(({ path }) => path)).to.deep.equal([]);
    }
  });

  it("is refused when any one of the values that make it is misspelt", async () => {
    const values = valuesOf(await defaultEnvironment());
    const survivors = [...misspellings(values["loki"])].filter(({ config }) => {
      try {
        return lokiMistakes(lokiConfig({ ...values, loki: config })).length === 0;
      } catch {
        // Not a value of the chart.
        return false;
      }
    });
    expect(survivors.map(({ path }) => path)).to.deep.equal([]);
  });

  // Each was refused by Loki 3.7.6.
  for (const [what, by, reason] of [
    ['"schema":"v13"', '"schema":"v11"', /v13/],
    ['"period":"24h"', '"period":"12h"', /24h/],
    [/"retention_period":"[^"]+"/, '"retention_period":"a day"', /no duration/],
    [/"delete_request_store":"filesystem"/, '"delete_request_store":""', /delete_request_store/],
    ['"store":"tsdb"', '"store":"boltdb"', /tsdb/],
    ['"compactor":{', '"compactor":{"compaction_interval":"1d",', /no duration/],
    ['"http_listen_port":3100', '"http_listen_port":"http"', /no int/],
    ['"auth_enabled":false', '"auth_enabled":"no"', /no boolean/],
    [/"from":"[^"]+"/, '"from":"2024-13-01"', /no daytime/],
  ] as const) {
    it(`is refused with ${by}`, async () => {
      const text = JSON.stringify(lokiConfig(valuesOf(await defaultEnvironment())));
      const changed = text.replace(what, by);
      expect(changed).not.to.equal(text);
      expect(lokiMistakes(JSON.parse(changed)).join("\n")).to.match(reason);
    });
  }

  it("takes what Loki's kinds take", async () => {
    const config = lokiConfig(valuesOf(await defaultEnvironment()));
    const limits = { ...(config["limits_config"] as object), retention_period: "30d", max_line_size: "256KB" };
    expect(lokiMistakes({ ...config, limits_config: limits })).to.deep.equal([]);
  });
});
