import { expect } from "chai";
import { chartNamed } from "../../components/catalogue.ts";
import { releases } from "../../contract/rendered.ts";
import { readDistributed, readVersion, tempoConfig, tempoDistributedConfig } from "../../contract/tempo-config.ts";
import { tempoKeys } from "../../contract/tempo-keys.ts";
import { tempoMistakes } from "../../contract/tempo-reader.ts";
import { allEnvironments } from "../support/rendered.ts";
import { different, misspellings } from "./support/verdict.ts";

type Values = Readonly<Record<string, unknown>>;

/** The values of every different Tempo. @param chart that of one pod, or of parts */
async function everyTempo(name = "tempo"): Promise<readonly [Values, ...Values[]]> {
  const all = (await allEnvironments()).flatMap(({ rendered }) => releases(rendered.declared));
  const [first, ...rest] = different(all.filter(({ chart }) => chart?.name === name).map(({ values }) => values));
  if (first === undefined) throw new Error("No environment has a Tempo.");
  return [first, ...rest];
}

describe("Configuration of Tempo, by a strict reader of its documented keys", function () {
  it("is made as the deployed chart makes it, and read by the keys of the Tempo that the chart deploys", () => {
    expect(chartNamed("tempo").version, "read the chart's value `config` again and compare").to.equal(
      readVersion.chart,
    );
    expect(tempoKeys("2").tempo, "node contract/tempo-keys.ts").to.equal(readVersion.tempo);
    expect(chartNamed("tempo-distributed").version, "the same").to.equal(readDistributed.chart);
    expect(tempoKeys("3").tempo, "node contract/tempo-keys.ts").to.equal(readDistributed.tempo);
  });

  it("is accepted, for every pair of choices", async () => {
    const all = await everyTempo();
    expect(all.length).to.be.greaterThan(1);
    for (const values of all) expect(tempoMistakes(tempoConfig(values))).to.deep.equal([]);
  });

  it("is refused when any one of its keys is misspelt", async () => {
    const [values] = await everyTempo();
    // Receivers are the collector's, of the chart alone.
    const all = [...misspellings(tempoConfig(values))].filter(({ path }) => !path.startsWith("distributor.receivers."));
    expect(all).to.have.length.greaterThan(20);
    expect(all.filter(({ config }) => tempoMistakes(config).length === 0).map(({ path }) => path)).to.deep.equal([]);
  });

  it("is refused when any one of the values that make it is misspelt", async () => {
    const [values] = await everyTempo();
    const ofPod = /^(livenessProbe|resources|securityContext|pullSecrets)\./;
    const survivors = [...misspellings(values["tempo"])].filter(({ path, config }) => {
      if (ofPod.test(path)) return false;
      try {
        return tempoMistakes(tempoConfig({ ...values, tempo: config })).length === 0;
      } catch {
        // Not a value of the chart.
        return false;
      }
    });
    expect(survivors.map(({ path }) => path)).to.deep.equal([]);
  });

  for (const [what, by, reason] of [
    [/"block_retention":"[^"]+"/, '"block_retention":"7d"', /7d" is no duration/],
    ['"max_traces_per_user":0', '"max_traces_per_user":"none"', /no int/],
    ['"reporting_enabled":false', '"reporting_enabled":"no"', /no boolean/],
    ['"backend":"local"', '"backend":"gcs"', /gcs is not what/],
    ['"backend":"local"', '"backend":"s3"', /s3\.bucket: is empty/],
    ['"path":"/var/tempo/wal"', '"path":""', /wal\.path: is empty/],
  ] as const) {
    it(`is refused with ${by}`, async () => {
      const text = JSON.stringify(tempoConfig((await everyTempo())[0]));
      const changed = text.replace(what, by);
      expect(changed).not.to.equal(text);
      expect(tempoMistakes(JSON.parse(changed)).join("\n")).to.match(reason);
    });
  }

  it("of mode: distributed is accepted, and refused when any one of its keys is misspelt", async () => {
    const all = await everyTempo("tempo-distributed");
    expect(all.length).to.be.greaterThan(1);
    for (const values of all) {
      const config = tempoDistributedConfig(values);
      expect(tempoMistakes(config, "3")).to.deep.equal([]);
      // What caches and receivers are told is not among the keys of the manifest.
      const wrong = [...misspellings(config)].filter(
        ({ path }) => !/^(cache\.caches|distributor\.receivers)\./.test(path),
      );
      expect(wrong).to.have.length.greaterThan(40);
      const survivors = wrong.filter((one) => tempoMistakes(one.config, "3").length === 0);
      expect(survivors.map(({ path }) => path)).to.deep.equal([]);
    }
  });

  for (const [what, by, reason] of [
    [/"address":"[^"]+"/, '"address":""', /ingest\.kafka\.address: is empty/],
    [/"topic":"[^"]+"/, '"topic":""', /ingest\.kafka\.topic: is empty/],
    ['"partitions_per_instance":1', '"partitions_per_instance":0', /partitions_per_instance: is none/],
    [/"block_retention":"[^"]+"/, '"block_retention":"14d"', /no duration/],
    ['"live_store":', '"ingester":', /no such key/],
  ] as const) {
    it(`of mode: distributed is refused with ${by}`, async () => {
      const text = JSON.stringify(tempoDistributedConfig((await everyTempo("tempo-distributed"))[0]));
      const changed = text.replace(what, by);
      expect(changed).not.to.equal(text);
      expect(tempoMistakes(JSON.parse(changed), "3").join("\n")).to.match(reason);
    });
  }
});
