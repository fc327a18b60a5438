import { expect } from "chai";
import { spawnSync } from "node:child_process";
import type { collectorConfig } from "../../components/agents/collector/values.ts";
import { collector as version } from "../../settings/versions.ts";
import type { Rendered } from "../../contract/rendered.ts";
import { programOrSkip } from "../support/program.ts";
import { allEnvironments, defaultEnvironment } from "../support/rendered.ts";
import { different, judge, misspellings } from "./support/verdict.ts";

type Config = ReturnType<typeof collectorConfig>;

function configOf({ declared }: Rendered): Config {
  const object = declared.find(({ kind }) => kind === "OpenTelemetryCollector");
  expect(object, "an OpenTelemetryCollector").not.to.equal(undefined);
  return (object?.["spec"] as { config: Config }).config;
}

describe("Configuration of the collector, read by a collector", function () {
  let otelcol: string;
  const validate = (config: unknown) => judge(otelcol, (file) => ["validate", `--config=${file}`], config);
  const refuses = (config: unknown, said: RegExp) => {
    const verdict = validate(config);
    expect(verdict.accepted, verdict.said).to.equal(false);
    expect(verdict.said).to.match(said);
  };

  before(async function () {
    otelcol = await programOrSkip(this, "otelcol");
  });

  it(`is judged by the version that is deployed (${version})`, () => {
    expect(spawnSync(otelcol, ["--version"], { encoding: "utf8" }).stdout.trim()).to.equal(
      `otelcol version ${version}`,
    );
  });

  it("is accepted, for every pair of choices", async () => {
    const configs = different(
      (await allEnvironments())
        .filter(({ rendered }) => rendered.settings.gateway === "collector")
        .map(({ rendered }) => configOf(rendered)),
    );
    for (const config of configs) {
      const { accepted, said } = validate(config);
      expect(accepted, said).to.equal(true);
      expect(said, "a warning, of an old name for instance").to.equal("");
    }
  });

  it("is refused when any one of its keys is misspelt", async () => {
    const all = [...misspellings(configOf(await defaultEnvironment()))];
    expect(all.length).to.be.greaterThan(50);
    expect(all.filter(({ config }) => validate(config).accepted).map(({ path }) => path)).to.deep.equal([]);
  });

  it("is refused with a component that is not in the distribution", async () => {
    const config = configOf(await defaultEnvironment());
    refuses({ ...config, exporters: { ...config.exporters, loki: {} } }, /unknown type: "loki"/);
  });

  it("is refused when a pipeline has no receiver, no exporter, or names what is not defined", async () => {
    const config = configOf(await defaultEnvironment());
    const logs = (change: object) => ({
      ...config,
      service: {
        ...config.service,
        pipelines: { ...config.service.pipelines, logs: { ...config.service.pipelines.logs, ...change } },
      },
    });
    refuses(logs({ receivers: [] }), /must have at least one receiver/);
    refuses(logs({ exporters: [] }), /must have at least one exporter/);
    refuses(logs({ processors: ["k8sattribute"] }), /references processor "k8sattribute" which is not configured/);
  });

  it("is refused with a value that its component does not take", async () => {
    const text = JSON.stringify(configOf(await defaultEnvironment()));
    // The collector takes any word for where a pod is told by (`from`): checks/collector.ts reads that.
    for (const [what, by] of [
      ['"limit_percentage":75', '"limit_percentage":750'],
      ['"check_interval":"1s"', '"check_interval":"one second"'],
      ['"unit":"s"', '"unit":"h"'],
      ['"2500ms"', '"2500"'],
      ['"k8s.pod.uid","k8s.deployment.name"', '"k8s.pod.uuid","k8s.deployment.name"'],
      ['"enabled":true', '"enabled":"perhaps"'],
    ] as const) {
      expect(text).to.include(what);
      const verdict = validate(JSON.parse(text.replace(what, by)));
      expect(verdict.accepted, by).to.equal(false);
    }
  });
});
