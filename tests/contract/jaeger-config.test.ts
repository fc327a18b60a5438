import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JaegerValues } from "../../components/traces/jaeger/values.ts";
import { releases, render, type Rendered } from "../../contract/rendered.ts";
import { freePorts, guard, lastLines, launch, reap } from "../../rehearsal/control-plane/processes.ts";
import { call, eventually, post } from "../../rehearsal/http-client.ts";
import { programOrSkip } from "../support/program.ts";
import { allEnvironments, defaultEnvironment } from "../support/rendered.ts";
import { different, judge, misspellings } from "./support/verdict.ts";

function configOf({ declared }: Rendered): JaegerValues["userconfig"] {
  const release = releases(declared).find(({ chart }) => chart?.name === "jaeger");
  expect(release, "a release of jaeger").not.to.equal(undefined);
  return (release?.values as unknown as JaegerValues).userconfig;
}

/** The port of this machine that stands for one of the pod's. */
function localPort(ports: readonly number[], port: string): number {
  return ports[["16686", "16685", "13133", "4317", "4318", "8888"].indexOf(port)] ?? expect.fail(`no port for ${port}`);
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

  it("keeps traces on a volume when Jaeger starts again", async () => {
    const config = configOf(await render({ settings: { jaeger: { storage: { type: "badger" } } } }));
    const dir = mkdtempSync(join(tmpdir(), "jaeger-badger-"));
    const watcher = guard(dir);
    try {
      const ports = await freePorts(6);
      // The declared one, with ports of this machine and a folder of its own for the volume.
      const local = JSON.stringify(config)
        .replaceAll(/0\.0\.0\.0:(\d+)/g, (_, port: string) => `127.0.0.1:${localPort(ports, port)}`)
        .replace('"host":"0.0.0.0","port":8888', `"host":"127.0.0.1","port":${localPort(ports, "8888")}`)
        .replaceAll('"/badger/', `"${dir}/`);
      const file = join(dir, "jaeger.json");
      writeFileSync(file, local);
      const start = async () => {
        launch(dir, { name: "jaeger", command: jaeger, args: [`--config=${file}`] });
        const ready = await eventually(180, () => call(`http://127.0.0.1:${localPort(ports, "13133")}/status`));
        if (ready === undefined) throw new Error(`Jaeger is not ready:\n${lastLines(dir, "jaeger")}`);
      };
      const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
      const now = `${Date.now()}000000`;
      const span = { traceId, spanId: "00f067aa0ba902b7", name: "kept", startTimeUnixNano: now, endTimeUnixNano: now };
      const found = () =>
        eventually(180, async () => {
          const answer = await call(`http://127.0.0.1:${localPort(ports, "16686")}/api/traces/${traceId}`);
          return answer.includes('"kept"') || undefined;
        });
      await start();
      await post(`http://127.0.0.1:${localPort(ports, "4318")}/v1/traces`, {
        resourceSpans: [
          {
            resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
            scopeSpans: [{ spans: [span] }],
          },
        ],
      });
      expect(await found(), "before").to.equal(true);
      await reap(dir, { only: ["jaeger"] });
      await start();
      expect(await found(), "after").to.equal(true);
    } finally {
      await reap(dir);
      await watcher.release();
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
