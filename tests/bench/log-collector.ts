/**
 * The collector as the log agent, a real one with its declared configuration, through three hours in which the store is away: 100 lines a
 * second of four containers, written as fast as they are read, JSON and text; their files are rotated, and the collector is killed in
 * the middle. Then the store is back. Prints what it used, and ends with 1 when a line is lost or out of order, but for what was under way when it was
 * killed. A second time the buffer is a tenth of what it would take: every line is then there or counted.
 *
 *   npm run bench:log-collector [-- --lines N]
 */
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { obtainProgram } from "../../contract/readers.ts";
import { render } from "../../contract/rendered.ts";
import { agentConfig, LogNode, StoreStandIn } from "../support/log-node.ts";
import { record } from "./figures.ts";

const { values } = parseArgs({ options: { lines: { type: "string", default: String(3 * 3600 * 100) } } });
const pods = ["cart-0", "cart-1", "front-0", "mail-0"];
const each = Math.floor(Number(values.lines) / pods.length);
const batch = 500;
const mib = 1024 * 1024;

const line = (pod: string, index: number) =>
  index % 2 === 0
    ? `stdout F {"level":"info","msg":"request handled","n":${index},"path":"/api/v1/items/${index % 977}","status":200,"duration":0.0${index % 89},"pod":"${pod}"}`
    : `stdout F 2026-01-01 00:00:00 INFO handled n=${index} path=/api/v1/items/${index % 977} status=200`;
const numberOf = (body: unknown) => {
  const { n, log = "" } = body as { n?: number; log?: string };
  return n ?? Number(/ n=(\d+) /.exec(log)?.[1]);
};

interface Outcome {
  readonly lines: number;
  readonly lost: number;
  readonly twice: number;
  /** Places at which a line comes after one that was written later. */
  readonly jumps: number;
  readonly counted: number;
  readonly writeSeconds: number;
  readonly catchUpSeconds: number;
  readonly cpuSeconds: number;
  readonly peakMemoryMiB: number;
  readonly diskMiB: number;
  readonly fileMiB: number;
}

async function outage(
  otelcol: string,
  settings: { readonly killed: boolean; readonly queue?: number },
): Promise<Outcome> {
  const seen = new Map(pods.map((pod) => [pod, { times: new Uint8Array(each), last: -1, jumps: 0 }]));
  let records = 0;
  const store = await StoreStandIn.start(({ labels, body }) => {
    const one = seen.get(String(labels["pod"]));
    const number = numberOf(body);
    if (one === undefined || Number.isNaN(number)) return;
    records++;
    if (one.times[number] === 0) {
      if (number < one.last) one.jumps++;
      one.last = number;
    }
    one.times[number] = (one.times[number] ?? 0) + 1;
  });
  const more = settings.queue === undefined ? {} : { queue_size: settings.queue };
  const declared = agentConfig(await render({ settings: { logAgent: "collector" } }));
  const node = await LogNode.make(otelcol, declared, store.url, { encoding: "json", ...more });
  try {
    await node.start();
    store.down = true;
    const began = Date.now();
    let [cpu, peak, bytes, before, counted] = [0, 0, 0, 0, 0];
    const taken = async () => {
      const [accepted, refused] = [
        await node.metric("otelcol_receiver_accepted_log_records"),
        await node.metric("otelcol_receiver_refused_log_records"),
      ];
      return before + accepted + refused;
    };
    const use = () => {
      const used = node.used();
      cpu += used.cpu;
      peak = Math.max(peak, used.peak);
    };
    for (let from = 0; from < each; from += batch) {
      for (const pod of pods) {
        const some = Array.from({ length: Math.min(batch, each - from) }, (_, index) => line(pod, from + index));
        bytes += some.reduce((sum, text) => sum + text.length + 32, 0);
        node.write(pod, some);
        // About as often as the kubelet does, at 10 MiB.
        if ((from / batch) % 120 === 119) node.rotate(pod, `20260101-${String(from / batch).padStart(6, "0")}`);
      }
      // No further ahead than a second's worth of reading.
      while ((await taken()) < (from - 10 * batch) * pods.length) await sleep(20);
      if (settings.killed && from === Math.floor(each / 2 / batch) * batch) {
        use();
        counted += await node.metric("otelcol_exporter_enqueue_failed_log_records");
        before = await taken();
        await node.kill();
        await node.start();
      }
    }
    // What was under way at the kill is read twice or not counted: the last lines tell.
    const end = Date.now() + 120_000;
    let was = -1;
    for (let now = await taken(); now !== was && Date.now() < end; now = await taken()) {
      was = now;
      await sleep(2000);
    }
    const written = Date.now();
    const disk = node.stateBytes;
    counted += await node.metric("otelcol_exporter_enqueue_failed_log_records");
    store.down = false;
    const back = Date.now();
    const missing = () =>
      [...seen.values()].reduce(
        (sum, { times }) => sum + times.reduce((none, count) => none + (count === 0 ? 1 : 0), 0),
        0,
      );
    let [last, lastAt] = [records, Date.now()];
    while (missing() > counted && Date.now() - lastAt < 60_000) {
      await sleep(500);
      if (records !== last) [last, lastAt] = [records, Date.now()];
    }
    const caught = Date.now();
    use();
    return {
      lines: each * pods.length,
      lost: missing(),
      twice: records + missing() - each * pods.length,
      jumps: [...seen.values()].reduce((sum, { jumps }) => sum + jumps, 0),
      counted,
      writeSeconds: (written - began) / 1000,
      catchUpSeconds: (caught - back) / 1000,
      cpuSeconds: cpu,
      peakMemoryMiB: peak / mib,
      diskMiB: disk / mib,
      fileMiB: bytes / mib,
    };
  } finally {
    await node.close();
    store.close();
  }
}

const otelcol = await obtainProgram("otelcol");
const through = await outage(otelcol, { killed: true });
const full = await outage(otelcol, { killed: false, queue: Math.floor((through.diskMiB * mib) / 10) });
record("log-collector", { through, full });
const wrong = [
  ...(through.lost === 0 ? [] : [`${through.lost} lines were lost.`]),
  // One for each container: what was under way is sent at the end of what waits.
  ...(through.jumps <= pods.length ? [] : [`lines came out of order at ${through.jumps} places.`]),
  ...(full.lost === full.counted ? [] : [`${full.lost} lines were lost, and ${full.counted} counted.`]),
  ...(full.lost > 0 && full.jumps === 0 ? [] : ["the small buffer was never full, or lines came out of order."]),
];
for (const one of wrong) console.error(one);
process.exitCode = wrong.length === 0 ? 0 : 1;
