/**
 * What outlives an outage: vmagent scrapes a target, with the bound that the environment gives its buffer, and a single VictoriaMetrics
 * keeps what it sends. It is cut off from the store for a minute, and in the middle of it killed (SIGKILL) and started again.
 * What its buffer held has to arrive, nothing twice. What a killed program has in memory alone is gone: of vmagent a block in
 * each of its senders (-remoteWrite.queues) and what it scraped within a second; more missing than that is a failure.
 *
 *   node tests/bench/victoria-metrics.ts [--outage SECONDS]
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect, createServer as createSocket, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { obtainProgram } from "../../contract/readers.ts";
import { render } from "../../contract/rendered.ts";
import { at } from "../../contract/finding.ts";
import { until } from "../support/until.ts";

const outage = Number(parseArgs({ options: { outage: { type: "string", default: "60" } } }).values.outage);
const folder = mkdtempSync(join(tmpdir(), "bench-victoria-metrics-"));
const children: ChildProcess[] = [];
/** As the VMAgent object has none: twice the cores of its node; here those of a node with two. */
const senders = 4;
const say = (line: string) => {
  process.stderr.write(`${line}\n`);
};

/** A port that nobody has. */
async function freePort(): Promise<number> {
  const server = createSocket().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

function start(program: string, flags: readonly string[]): ChildProcess {
  const child = spawn(program, flags, { stdio: "ignore" });
  children.push(child);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** A line to a port that can be cut. */
function line(to: number) {
  const open = new Set<Socket>();
  let cut = false;
  const relay = createSocket((near) => {
    if (cut) {
      near.destroy();
      return;
    }
    const far = connect(to, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on("error", () => other.destroy()).on("close", () => open.delete(one));
      one.pipe(other);
    }
  }).listen(0, "127.0.0.1");
  return {
    relay,
    set: (whole: boolean) => {
      cut = !whole;
      if (cut) for (const socket of open) socket.destroy();
    },
  };
}

/** A target that counts its scrapes: each answer has a value of its own. */
let scrapes = 0;
const target = createServer((_, response) => {
  scrapes += 1;
  response.end(`bench_scrapes ${scrapes}\n`);
}).listen(0, "127.0.0.1");
await once(target, "listening");

try {
  const { declared } = await render({ settings: { metrics: "victoriaMetrics" } });
  const agent = declared.find(({ kind }) => kind === "VMAgent");
  const bound = at(agent, "spec", "remoteWriteSettings", "maxDiskUsagePerURL");
  const [storePort, agentPort] = [await freePort(), await freePort()];
  const store = `http://127.0.0.1:${storePort}`;
  const scrape = join(folder, "scrape.yaml");
  writeFileSync(
    scrape,
    JSON.stringify({
      global: { scrape_interval: "1s" },
      scrape_configs: [
        {
          job_name: "bench",
          static_configs: [{ targets: [`127.0.0.1:${(target.address() as AddressInfo).port}`] }],
        },
      ],
    }),
  );
  const programs = { store: await obtainProgram("victoria-metrics"), agent: await obtainProgram("vmagent") };
  start(programs.store, [
    ...[`-httpListenAddr=127.0.0.1:${storePort}`, `-storageDataPath=${join(folder, "store")}`],
    ...["-retentionPeriod=1d", "-search.latencyOffset=0s"],
  ]);
  const { relay, set } = line(storePort);
  await once(relay, "listening");
  const way = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
  const startAgent = () =>
    start(programs.agent, [
      ...[`-httpListenAddr=127.0.0.1:${agentPort}`, `-promscrape.config=${scrape}`],
      ...[`-remoteWrite.url=${way}/api/v1/write`, `-remoteWrite.tmpDataPath=${join(folder, "buffer")}`],
      ...[`-remoteWrite.maxDiskUsagePerURL=${String(bound)}`, `-remoteWrite.queues=${senders}`],
    ]);
  /** Values that the store has, as often as it has them. */
  const kept = async (): Promise<number[]> => {
    const text = await (await fetch(`${store}/api/v1/export?match[]=bench_scrapes`)).text();
    return text
      .split("\n")
      .filter(Boolean)
      .flatMap((line) => (JSON.parse(line) as { values: number[] }).values);
  };

  say("the store and vmagent start");
  await until("the store answers", async () =>
    (await fetch(`${store}/health`).catch(() => undefined))?.ok === true ? true : undefined,
  );
  let scraper = startAgent();
  await until("samples arrive", async () => ((await kept()).length > 3 ? true : undefined));
  say(`vmagent is cut off from the store, for ${outage} s`);
  const first = scrapes;
  set(false);
  await sleep((outage / 2) * 1000);
  const killed = scrapes;
  say("vmagent is killed, and started again");
  await kill(scraper);
  scraper = startAgent();
  await sleep((outage / 2) * 1000);
  const last = scrapes;
  say("it reaches the store again");
  set(true);
  await until("the newest sample is there", async () =>
    (await kept()).some((value) => value > last) ? true : undefined,
  );
  // The blocks of before it sends besides.
  await sleep(10_000);
  const values = (await kept()).filter((value) => value <= last);
  const missing = Array.from({ length: last }, (_, index) => index + 1).filter((value) => !values.includes(value));
  const twice = values.length - new Set(values).size;
  console.log(`| scrapes answered | while cut off | in the store | missing | twice |
| --- | --- | --- | --- | --- |
| ${last} | ${last - first} | ${values.length} | ${missing.length === 0 ? "none" : missing.join(", ")} | ${twice} |`);
  say(`vmagent was cut off after scrape ${first}, killed after ${killed}`);
  if (missing.length > senders + 1 || twice > 0) process.exitCode = 1;
  relay.close();
} finally {
  for (const child of children) child.kill("SIGKILL");
  target.close();
  target.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
}
