import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { prometheusStart } from "../../contract/prometheus-config.ts";
import { releases, type Rendered } from "../../contract/rendered.ts";
import { scrapeJob } from "../../contract/scrape-job.ts";
import { programOrSkip } from "../support/program.ts";
import { allEnvironments, defaultEnvironment } from "../support/rendered.ts";
import { different, judge, misspellings } from "./support/verdict.ts";

/** The scrape job of annotated pods, as the operator makes it. */
function scrapeConfigs({ declared }: Rendered): object {
  return { scrape_configs: declared.filter(({ kind }) => kind === "ScrapeConfig").map(scrapeJob) };
}

function startOf({ declared }: Rendered) {
  const release = releases(declared).find(({ chart }) => chart?.name === "kube-prometheus-stack");
  return prometheusStart(release?.values ?? {});
}

describe("Configuration of Prometheus, read by promtool", function () {
  let promtool: string;
  const check = (config: unknown) => judge(promtool, (file) => ["check", "config", file], config);

  before(async function () {
    promtool = await programOrSkip(this, "promtool");
    console.log(`      ${spawnSync(promtool, ["--version"], { encoding: "utf8" }).stdout.split("\n")[0] ?? ""}`);
  });

  it("is accepted, for every pair of choices: global part and the job of annotated pods", async () => {
    const rendered = (await allEnvironments()).map((environment) => environment.rendered);
    const configs = different(
      rendered.map((environment) => ({ ...startOf(environment).config, ...scrapeConfigs(environment) })),
    );
    for (const config of configs) {
      const { accepted, said } = check(config);
      expect(accepted, said).to.equal(true);
    }
  });

  it("has a scrape interval, limits per scrape, a route prefix and the features that links need", async () => {
    const { config, flags } = startOf(await defaultEnvironment());
    expect(config.global).to.deep.equal({
      scrape_interval: "30s",
      evaluation_interval: "30s",
      sample_limit: 100_000,
      label_limit: 64,
      ...{ target_limit: 0, label_name_length_limit: 0, label_value_length_limit: 0, keep_dropped_targets: 100 },
    });
    expect(flags).to.include("--web.route-prefix=/prometheus");
    expect(flags).to.include("--enable-feature=exemplar-storage,extra-scrape-metrics");
  });

  it("is refused when any one of its keys is misspelt", async () => {
    const environment = await defaultEnvironment();
    const config = { ...startOf(environment).config, ...scrapeConfigs(environment) };
    const all = [...misspellings(config)];
    expect(all.length).to.be.greaterThan(15);
    expect(all.filter((mutation) => check(mutation.config).accepted).map(({ path }) => path)).to.deep.equal([]);
  });

  it("is refused with a value that Prometheus does not take", async () => {
    const environment = await defaultEnvironment();
    const text = JSON.stringify({ ...startOf(environment).config, ...scrapeConfigs(environment) });
    for (const [what, by] of [
      [/"scrape_interval":"[^"]+"/, '"scrape_interval":"30"'],
      [/"evaluation_interval":"[^"]+"/, '"evaluation_interval":"soon"'],
      ['"sample_limit":100000', '"sample_limit":-1'],
      ['"label_limit":64', '"label_limit":"many"'],
      ['"regex":"(.+);(\\\\d+)"', '"regex":"(.+;(\\\\d+)"'],
      ['"action":"drop"', '"action":"dropp"'],
      ['"target_label":"__address__"', '"target_label":""'],
      ['"role":"pod"', '"role":"pods"'],
    ] as const) {
      const changed = text.replace(what, by);
      expect(changed, by).not.to.equal(text);
      expect(check(JSON.parse(changed)).accepted, by).to.equal(false);
    }
  });
});
