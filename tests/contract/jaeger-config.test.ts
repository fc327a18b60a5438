import { expect } from "chai";
import { execFile, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { JaegerValues } from "../../components/traces/jaeger/values.ts";
import { at, textAt } from "../../contract/finding.ts";
import { releases, render, type Rendered } from "../../contract/rendered.ts";
import { freePorts, guard, lastLines, launch, reap } from "../../rehearsal/control-plane/processes.ts";
import { call, eventually, post } from "../../rehearsal/http-client.ts";
import { makeAuthority } from "../support/authority.ts";
import { programOrSkip } from "../support/program.ts";
import { allEnvironments, defaultEnvironment } from "../support/rendered.ts";
import { type ElasticsearchUser, ElasticsearchStandIn } from "./support/elasticsearch-stand-in.ts";
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

  /**
   * The declared configuration, with ports of this machine, and folders of its own in place of some.
   * @param folders of the pod, each with that of this machine
   */
  async function withJaeger(
    config: unknown,
    folders: (dir: string) => readonly (readonly [string, string])[],
    run: (running: {
      readonly start: () => Promise<void>;
      readonly stop: () => Promise<void>;
      readonly send: () => Promise<void>;
      readonly found: () => Promise<true | undefined>;
    }) => Promise<void>,
  ): Promise<void> {
    const dir = mkdtempSync(join(tmpdir(), "jaeger-"));
    const watcher = guard(dir);
    try {
      const ports = await freePorts(6);
      const local = folders(dir).reduce(
        (text, [from, to]) => text.replaceAll(from, to),
        JSON.stringify(config)
          .replaceAll(/0\.0\.0\.0:(\d+)/g, (_, port: string) => `127.0.0.1:${localPort(ports, port)}`)
          .replace('"host":"0.0.0.0","port":8888', `"host":"127.0.0.1","port":${localPort(ports, "8888")}`),
      );
      const file = join(dir, "jaeger.json");
      writeFileSync(file, local);
      const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
      const now = `${Date.now()}000000`;
      const span = { traceId, spanId: "00f067aa0ba902b7", name: "kept", startTimeUnixNano: now, endTimeUnixNano: now };
      await run({
        start: async () => {
          launch(dir, { name: "jaeger", command: jaeger, args: [`--config=${file}`] });
          const ready = await eventually(180, () => call(`http://127.0.0.1:${localPort(ports, "13133")}/status`));
          if (ready === undefined) throw new Error(`Jaeger is not ready:\n${lastLines(dir, "jaeger")}`);
        },
        stop: async () => {
          await reap(dir, { only: ["jaeger"] });
        },
        send: async () => {
          await post(`http://127.0.0.1:${localPort(ports, "4318")}/v1/traces`, {
            resourceSpans: [
              {
                resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
                scopeSpans: [{ spans: [span] }],
              },
            ],
          });
        },
        found: () =>
          eventually(180, async () => {
            const answer = await call(`http://127.0.0.1:${localPort(ports, "16686")}/api/traces/${traceId}`);
            return answer.includes('"kept"') || undefined;
          }),
      });
    } finally {
      await reap(dir);
      await watcher.release();
      rmSync(dir, { recursive: true, force: true });
    }
  }

  it("keeps traces on a volume when Jaeger starts again", async () => {
    const config = configOf(await render({ settings: { jaeger: { storage: { type: "badger" } } } }));
    await withJaeger(
      config,
      (dir) => [['"/badger/', `"${dir}/`]],
      async ({ start, stop, send, found }) => {
        await start();
        await send();
        expect(await found(), "before").to.equal(true);
        await stop();
        await start();
        expect(await found(), "after").to.equal(true);
      },
    );
  });

  it("keeps traces in Elasticsearch (a stand-in) by its role alone, and its cleaner deletes what is too old", async function () {
    const cleaner = await programOrSkip(this, "jaeger-es-index-cleaner");
    const rendered = await render({
      settings: {
        logs: "elasticsearch",
        jaeger: { storage: { type: "elasticsearch", indexPrefix: "shop" }, retention: "3d" },
      },
    });
    const named = (kind: string, name: string) =>
      rendered.declared.find((object) => object.kind === kind && object.metadata.name === name);
    const roles = JSON.parse(textAt(named("Secret", "elasticsearch-roles"), "stringData", "roles.yml") ?? "") as Record<
      string,
      ElasticsearchUser["role"]
    >;
    const role =
      roles[textAt(named("Secret", "elasticsearch-user-jaeger"), "stringData", "roles") ?? ""] ??
      expect.fail("no role");
    const container = at(named("CronJob", "jaeger-index-cleaner"), "spec", "jobTemplate", "spec", "template", "spec");
    const password = `Pa"ss' \\$word: #{}`;
    const folder = mkdtempSync(join(tmpdir(), "elasticsearch-"));
    const store = new ElasticsearchStandIn(makeAuthority(folder), { name: "jaeger", password, role });
    try {
      await store.listen();
      writeFileSync(join(folder, "elasticsearch"), password);
      copyFileSync(join(folder, "ca.crt"), join(folder, "elasticsearch.crt"));
      const here: [string, string][] = [
        ["https://elasticsearch-es-http.monitoring.svc:9200", `https://127.0.0.1:${store.port}`],
        ["/etc/jaeger-elasticsearch", folder],
      ];
      await withJaeger(
        configOf(rendered),
        () => here,
        async ({ start, send, found }) => {
          await start();
          await send();
          expect(await found(), "in Elasticsearch").to.equal(true);
        },
      );
      expect([...store.templates.keys()]).to.have.members(["shop-jaeger-span", "shop-jaeger-service"]);
      const ours = [...store.indices.keys()];
      for (const name of ours) expect(name).to.match(/^shop-jaeger-(span|service)-\d{4}-\d\d-\d\d$/);

      // Of others, and of ours, some as old as the retention and some older.
      const day = 86_400_000;
      for (const [name, age] of [
        ["shop-jaeger-span-2020-01-01", 4],
        ["shop-jaeger-service-2020-01-01", 4],
        ["shop-jaeger-span-2020-01-03", 2],
        ["shopping-jaeger-span-2020-01-01", 9],
      ] as const)
        store.indices.set(name, { created: Date.now() - age * day, documents: new Map() });
      const variables = (at(container, "containers", 0, "env") as { name: string; value?: string }[]).map(
        ({ name, value }) => [name, value ?? password] as const,
      );
      const local = (text: string) => here.reduce((all, [from, to]) => all.replaceAll(from, to), text);
      const args = (at(container, "containers", 0, "args") as string[]).map(local);
      const env = Object.fromEntries(variables.map(([name, value]) => [name, local(value)]));
      const ran = await promisify(execFile)(cleaner, args, { env });
      expect(ran.stderr).to.include("Deleting indices");
      expect([...store.indices.keys()]).to.have.members([
        ...ours,
        "shop-jaeger-span-2020-01-03",
        "shopping-jaeger-span-2020-01-01",
      ]);
      expect(store.refused).to.deep.equal([]);
    } finally {
      store.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
