import { expect } from "chai";
import { spawnSync } from "node:child_process";
import type { JaegerValues } from "../../components/traces/jaeger/values.ts";
import { releases, type Rendered } from "../../contract/rendered.ts";
import { programOrSkip } from "../support/program.ts";
import { allEnvironments, defaultEnvironment } from "../support/rendered.ts";
import { different, judge, misspellings } from "./support/verdict.ts";

function configOf({ declared }: Rendered): JaegerValues["userconfig"] {
  const release = releases(declared).find(({ chart }) => chart?.name === "jaeger");
  expect(release, "a release of jaeger").not.to.equal(undefined);
  return (release?.values as unknown as JaegerValues).userconfig;
}

describe("Configuration of Jaeger, read by Jaeger", function () {
  let jaeger: string;
  const validate = (config: unknown) => judge(jaeger, (file) => ["validate", `--config=${file}`], config);

  before(async function () {
    jaeger = await programOrSkip(this, "jaeger");
    console.log(`      Jaeger ${spawnSync(jaeger, ["version"], { encoding: "utf8" }).stdout.trim()}`);
  });

  it("is accepted, for every pair of choices", async () => {
    const environments = (await allEnvironments()).filter(({ rendered }) =>
      [rendered.settings.traces].flat().includes("jaeger"),
    );
    for (const config of different(environments.map(({ rendered }) => configOf(rendered)))) {
      const { accepted, said } = validate(config);
      expect(accepted, said).to.equal(true);
    }
  });

  it("is refused when any one of its keys is misspelt", async () => {
    const all = [...misspellings(configOf(await defaultEnvironment()))].filter(
      // Names of the user's own. That the backend is the one that others name, checks/collector.ts sees.
      ({ path }) =>
        !["service.telemetry.resource.service.name", "extensions.jaeger_storage.backends.memory"].includes(path),
    );
    expect(all.length).to.be.greaterThan(30);
    expect(all.filter(({ config }) => validate(config).accepted).map(({ path }) => path)).to.deep.equal([]);
  });
});
