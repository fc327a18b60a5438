/**
 * What a store of metrics costs: the same series, scraped for the same minutes, by Prometheus alone, by vmagent and VictoriaMetrics'
 * single program, and by Prometheus with Thanos and SeaweedFS, all at once with the flags that the program declares. Writes its table
 * into docs/metrics.md.
 *
 *   npm run bench:metrics [-- --series N --minutes N]
 *
 * The series are those of the made-up cluster of the dashboards (dashboards/sample), as often as it takes; the queries are
 * those of two of its dashboards. Rules are not evaluated. What is seen is not judged: no time here is right or wrong. It
 * ends with 1 when the stores have not taken the same samples.
 */
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { existsSync, readdirSync, renameSync, statSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs, promisify } from "node:util";
import { stringify } from "yaml";
import { asMap, at } from "../../contract/finding.ts";
import { prometheusStart } from "../../contract/prometheus-config.ts";
import { obtainProgram } from "../../contract/readers.ts";
import { releases, render } from "../../contract/rendered.ts";
import { wholeCluster } from "../../dashboards/sample/cluster.ts";
import { call, eventually, getJson } from "../../rehearsal/http-client.ts";
import { byteCount } from "../../settings/formats.ts";
import { queriesOf, readDashboards, withGrafanaValues } from "../contract/support/content.ts";
import { median, writeInto } from "./figures.ts";
import { type Used } from "../support/used.ts";
import { Loopback } from "./loopback.ts";
import { declare, obtainPrograms, ThanosStack } from "./thanos/programs.ts";

const { values: options } = parseArgs({
  options: { series: { type: "string", default: "100000" }, minutes: { type: "string", default: "10" } },
});
const [wanted, minutes] = [Number(options.series), Number(options.minutes)];
/** Seconds; the declared interval of scrapes. */
const interval = 30;
const hour = 3600;
const page = join(import.meta.dirname, "../../docs/metrics.md");
const run = promisify(execFile);
const say = (line: string) => process.stderr.write(`${line}\n`);

/** Labels that tell the copies of the cluster apart; a series with none of them gets the second. */
const identity = ["pod", "instance", "node"];

/** Series that are there the whole time, in Prometheus' text: with a place for the number of the copy, and a value a scrape. */
const rounds = Math.max(Math.ceil((minutes * 60) / interval) + 4, (2 * hour) / interval);
const shapes = wholeCluster()
  .map(({ name, labels, values }) => ({ name, labels, values: values.slice(0, rounds) }))
  .filter(({ name, values }) => name !== "ALERTS" && values.every((value) => value !== undefined));
const copies = Math.ceil(wanted / shapes.length);

function exposition(copy: number, round: number): string {
  return shapes
    .map(({ name, labels, values }) => {
      const own = identity.some((label) => label in labels) ? labels : { ...labels, instance: "" };
      const list = Object.entries(own).map(
        ([label, value]) => `${label}=${JSON.stringify(identity.includes(label) ? `${value}-${copy}` : value)}`,
      );
      const value = values[Math.min(round, rounds - 1)] ?? 0;
      // A state stays 0 or 1; no two clusters measure the same.
      const moved = value <= 1 ? value : Number.isInteger(value) ? value + copy : value * (1 + copy / 1000);
      return `${name}{${list.join(",")}} ${Number(moved.toPrecision(9))}\n`;
    })
    .join("");
}

/** Bytes of all files below a folder whose path fits. */
function size(folder: string, fits: (path: string) => boolean = () => true): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && fits(join(entry.parentPath, entry.name)))
    .reduce(
      (sum, { parentPath, name }) => sum + (statSync(join(parentPath, name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
}

/** A number of a program's own metrics: the sum of all series that fit. */
async function metric(url: string, fits: RegExp): Promise<number> {
  const lines = (await call(url)).split("\n").filter((line) => fits.test(line));
  if (lines.length === 0) throw new Error(`${url} has no metric ${String(fits)}.`);
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

await Loopback.use("bench-metrics", async (loopback) => {
  const programs = {
    ...(await obtainPrograms()),
    store: await obtainProgram("victoria-metrics"),
    agent: await obtainProgram("vmagent"),
  };
  const pages = new Map<string, string>();
  let began: number | undefined;
  const target = createServer((request, response) => {
    began ??= performance.now();
    const round = Math.floor((performance.now() - began) / 1000 / interval);
    const copy = Number(new URL(request.url ?? "", "http://localhost").searchParams.get("copy"));
    const key = `${copy} ${round}`;
    const text = pages.get(key) ?? exposition(copy, round);
    // Three scrape it; those of the round before are nobody's any more.
    if (!pages.has(key)) pages.delete(`${copy} ${round - 1}`);
    pages.set(key, text);
    response.setHeader("content-type", "text/plain; version=0.0.4").end(text);
  }).listen(loopback.port("target"), "127.0.0.1");
  const scrapes = Array.from({ length: copies }, (_, copy) => ({
    job_name: `bench-${copy}`,
    honor_labels: true,
    params: { copy: [String(copy)] },
    static_configs: [{ targets: [loopback.address("target")] }],
  }));
  const config = { scrape_configs: scrapes };

  try {
    const alone = await render({ settings: {} });
    const victoria = await render({ settings: { metrics: "victoriaMetrics" } });
    const thanos = await declare(1);
    const spec = (kind: string) =>
      at(
        victoria.declared.find((object) => object.kind === kind),
        "spec",
      );
    const limit = (of: unknown, ...keys: string[]) =>
      byteCount(String(at(of, ...keys, "resources", "limits", "memory")));
    const values = releases(alone.declared).find(({ name }) => name === "kube-prometheus-stack")?.values ?? {};
    // In a pod each sees its limit: Prometheus and Thanos take nine tenths of it (auto-gomemlimit), VictoriaMetrics sizes its caches by six.
    const goLimit = (bytes: number) => ({ GOMEMLIMIT: String(Math.floor(bytes * 0.9)) });
    const allowed = (bytes: number) => `-memory.allowedBytes=${Math.floor(bytes * 0.6)}`;
    const memory = limit(values, "prometheus", "prometheusSpec");

    say(`${copies} copies of ${shapes.length} series, ${minutes} min`);
    const { config: own, flags } = prometheusStart(values);
    const prometheus = `http://${loopback.address("prometheus")}/prometheus`;
    await loopback.start(
      "prometheus",
      programs.prometheus,
      [
        `--config.file=${loopback.write("prometheus.yaml", stringify({ ...own, ...config }))}`,
        `--storage.tsdb.path=${join(loopback.dir, "prometheus")}`,
        `--web.listen-address=${loopback.address("prometheus")}`,
        // For the snapshot at the end.
        ...[...flags, "--web.enable-admin-api"],
      ],
      `${prometheus}/-/ready`,
      goLimit(memory),
    );

    const single = `http://${loopback.address("single")}`;
    await loopback.start(
      "vmsingle",
      programs.store,
      [
        ...[`-httpListenAddr=${loopback.address("single")}`, `-storageDataPath=${join(loopback.dir, "single")}`],
        ...[`-retentionPeriod=${String(at(spec("VMSingle"), "retentionPeriod"))}`, allowed(limit(spec("VMSingle")))],
        ...Object.entries(asMap(at(spec("VMSingle"), "extraArgs")) ?? {}).map(
          ([flag, value]) => `-${flag}=${String(value)}`,
        ),
      ],
      `${single}/health`,
    );
    const buffer = String(at(spec("VMAgent"), "remoteWriteSettings", "maxDiskUsagePerURL"));
    await loopback.start(
      "vmagent",
      programs.agent,
      [
        ...[`-httpListenAddr=${loopback.address("vmagent")}`, `-remoteWrite.url=${single}/api/v1/write`],
        `-promscrape.config=${loopback.write("agent.yaml", stringify({ global: { scrape_interval: `${interval}s` }, ...config }))}`,
        ...[`-remoteWrite.tmpDataPath=${join(loopback.dir, "buffer")}`, `-remoteWrite.maxDiskUsagePerURL=${buffer}`],
        allowed(limit(spec("VMAgent"))),
      ],
      `http://${loopback.address("vmagent")}/health`,
    );

    const stack = new ThanosStack(loopback, programs, thanos);
    await stack.seaweedfs();
    await stack.makeBuckets();
    await stack.prometheus(0, { config, flags: ["--web.enable-admin-api"] }, goLimit(memory));
    await stack.sidecar(0);
    await stack.store();
    await stack.query();
    await stack.compactor();
    const parts = {
      Prometheus: ["prometheus"],
      VictoriaMetrics: ["vmsingle", "vmagent"],
      Thanos: ["prometheus0", "sidecar0", "store", "query", "frontend", "compact", "seaweedfs"],
    } as const;

    const appended = /^prometheus_tsdb_head_samples_appended_total\{type="float"\}/;
    const taken = async () => ({
      Prometheus: await metric(`${prometheus}/metrics`, appended),
      VictoriaMetrics: await metric(`${single}/metrics`, /^vm_rows_added_to_storage_total/),
      Thanos: await metric(`http://${loopback.address("prometheus0")}/prometheus/metrics`, appended),
    });
    const load: number[] = [];
    const usedNow = () =>
      Object.fromEntries(
        Object.entries(parts).map(([of, names]) => [of, names.map((name) => [name, loopback.used(name)] as const)]),
      );
    let early = usedNow();
    for (let minute = 0; minute < minutes; minute += 1) {
      await sleep(60_000);
      load.push(loadavg()[0] ?? 0);
      if (minute === 1) early = usedNow();
      say(`minute ${minute + 1}: ${JSON.stringify(await taken())}`);
    }
    const samples = await taken();
    const used = usedNow();
    const head = await metric(`${prometheus}/metrics`, /^prometheus_tsdb_head_series /);

    // As Grafana asks for ten minutes in a panel, one after another; answers that are kept are not asked for.
    const asked = readDashboards()
      .filter(({ dashboard }) => ["cluster", "workload"].includes(dashboard.uid))
      .flatMap((file) => queriesOf(file, "prometheus"))
      .filter(({ where, expr }) => where.includes("panel") && expr !== "")
      .map(({ expr }) => withGrafanaValues(expr, () => ".*"));
    const now = Math.floor(Date.now() / 1000) - 60;
    const range = { start: String(now - minutes * 60 + 60), end: String(now), step: "15" };
    const ask = async (url: string, query: string) => {
      const from = performance.now();
      const { data } = await getJson<{ data: { result: unknown[] } }>(`${url}/api/v1/query_range`, {
        ...{ query, nocache: "1", ...range },
      });
      return { ms: performance.now() - from, series: data.result.length };
    };
    const thanosQuery = `http://${loopback.address("query")}/prometheus`;
    const stores: Record<string, string> = { Prometheus: prometheus, VictoriaMetrics: single, Thanos: thanosQuery };
    const answering: string[] = [];
    for (const query of asked) {
      const answers = await Promise.all(
        Object.values(stores).map((url) => ask(url, query).catch(() => ({ series: 0 }))),
      );
      if (answers.every(({ series }) => series > 0)) answering.push(query);
    }
    say(`${answering.length} of ${asked.length} queries answer with something in every store`);
    const latency = async (of: Readonly<Record<string, string>>) => {
      const times: Record<string, number[]> = {};
      for (const query of answering) {
        const own: Record<string, number[]> = {};
        for (let turn = 0; turn < 5; turn += 1)
          for (const [store, url] of Object.entries(of)) (own[store] ??= []).push((await ask(url, query)).ms);
        for (const [store, all] of Object.entries(own)) (times[store] ??= []).push(median(all));
      }
      return times;
    };
    say("queries");
    const times = await latency(stores);

    say("what is on disk");
    const [wal, live] = [size(join(loopback.dir, "prometheus")), size(join(loopback.dir, "single"))];
    const snapshot = async (url: string, folder: string) => {
      const { data } = JSON.parse(await call(`${url}/api/v1/admin/tsdb/snapshot`, { method: "POST" })) as {
        data: { name: string };
      };
      const parent = join(folder, "snapshots", data.name);
      const [block] = readdirSync(parent);
      if (block === undefined) throw new Error(`The snapshot ${parent} is empty.`);
      return join(parent, block);
    };

    // Two hours at once: as Prometheus cuts a block, and as VictoriaMetrics has it when it has merged.
    const from = (Math.floor(Date.now() / 1000 / (2 * hour)) - 1) * 2 * hour;
    const perSeries = (2 * hour) / interval;
    const hours = shapes.length * perSeries;
    const lines = (unit: number) =>
      shapes
        .flatMap(({ name, labels, values: all }) => {
          const list = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
          return all
            .slice(0, perSeries)
            .map((value, index) => `${name}{${list.join(",")}} ${value ?? 0} ${(from + index * interval) * unit}\n`);
        })
        .join("");
    const blocks = join(loopback.dir, "blocks");
    const text = loopback.write("hours.txt", `${lines(1)}# EOF\n`);
    await run(programs.promtool, ["tsdb", "create-blocks-from", "openmetrics", text, blocks]);
    const second = `http://${loopback.address("second")}`;
    await loopback.start(
      "second",
      programs.store,
      [
        ...[`-httpListenAddr=${loopback.address("second")}`, `-storageDataPath=${join(loopback.dir, "second")}`],
        "-retentionPeriod=1d",
      ],
      `${second}/health`,
    );
    await call(`${second}/api/v1/import/prometheus`, { method: "POST", body: lines(1000) });
    await call(`${second}/internal/force_flush`);
    await call(`${second}/internal/force_merge`);
    // The index goes to disk by itself, seconds later.
    let last = -1;
    const data = join(loopback.dir, "second", "data");
    await eventually(120, async () => {
      await sleep(6_000);
      const [merges, now] = [await metric(`${second}/metrics`, /^vm_active_merges/), size(data)];
      const still = merges === 0 && now === last && size(join(data, "indexdb")) > 0;
      last = now;
      return still ? true : undefined;
    });
    const rows = await metric(`${second}/metrics`, /^vm_rows\{type="storage/);
    if (rows !== hours) throw new Error(`VictoriaMetrics has ${rows} of ${hours} samples of two hours.`);
    const long = {
      block: [size(blocks), size(blocks, (path) => path.endsWith("/index"))],
      merged: [size(data), size(join(data, "indexdb"))],
    };
    await loopback.kill("second");

    // A block every two hours is what the sidecar would find by itself.
    const found = await snapshot(`http://${loopback.address("prometheus0")}/prometheus`, stack.tsdb(0));
    renameSync(found, join(stack.tsdb(0), found.split("/").at(-1) ?? ""));
    const up = await eventually(180, async () =>
      (await metric(`http://${loopback.address("sidecar0")}/metrics`, /^thanos_shipper_uploads_total /)) > 0
        ? true
        : undefined,
    );
    if (up === undefined) throw new Error("The sidecar uploaded no block.");
    const bucket = size(join(loopback.dir, "seaweedfs"), (path) => path.endsWith(".dat"));
    await eventually(120, async () =>
      (await metric(`http://${loopback.address("store")}/metrics`, /^thanos_bucket_store_blocks_loaded /)) > 0
        ? true
        : undefined,
    );
    await loopback.kill("sidecar0", "prometheus0");
    const fromBucket = await eventually(60, async () =>
      (await ask(thanosQuery, answering[0] ?? "up")).series > 0 ? true : undefined,
    );
    if (fromBucket === undefined) throw new Error("The bucket answers nothing.");
    const cold = await latency({ "Thanos, out of the bucket": thanosQuery });

    const mega = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MiB`;
    const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
    const per = (bytes: number, count: number) => (bytes / count).toFixed(2);
    /** The total of what is read of a store's programs, and each where there are several. */
    const listed = (
      of: string,
      read: (one: Used) => number,
      write: (total: number) => string,
      before: typeof used = {},
    ): string => {
      const all = (used[of] ?? []).map(([name, one], index) => {
        const earlier = before[of]?.[index]?.[1];
        return [name, read(one) - (earlier === undefined ? 0 : read(earlier))] as const;
      });
      const total = write(sum(all.map(([, value]) => value)));
      const names = all.map(([name, value]) => `${name.replace("0", "")} ${write(value)}`);
      return names.length === 1 ? total : `${total} (${names.join(", ")})`;
    };
    const seconds = (value: number) => `${value.toFixed(1)} s`;
    const answers = (all: readonly number[] = []) =>
      `${Math.round(sum(all))} ms, the slowest ${Math.round(Math.max(...all))} ms`;
    const bytes = ([all = 0, index = 0]: readonly number[]) =>
      `${per(all, hours)} bytes a sample, ${per(index, hours)} of them index`;
    const row = (what: string, cells: readonly string[]) => `| ${what} | ${cells.join(" | ")} |`;
    const each = (cell: (of: string) => string) => Object.keys(parts).map(cell);
    const table = [
      row("", ["Prometheus", "VictoriaMetrics, vmagent", "Prometheus, Thanos, SeaweedFS"]),
      row("---", ["---", "---", "---"]),
      row(
        "samples taken",
        each((of) => String(samples[of as keyof typeof samples])),
      ),
      row(
        "processor time",
        each((of) => listed(of, ({ cpu }) => cpu, seconds)),
      ),
      row(
        "of that after two minutes, when no series was new",
        each((of) => listed(of, ({ cpu }) => cpu, seconds, early)),
      ),
      row(
        "memory, most at once",
        each((of) => listed(of, ({ peak }) => peak, mega)),
      ),
      row(
        "memory at the end",
        each((of) => listed(of, ({ memory: resident }) => resident, mega)),
      ),
      row("on disk as it lies after these minutes", [
        `${mega(wal)}, ${per(wal, samples.Prometheus)} bytes a sample (log of writes, open chunks)`,
        `${mega(live)}, ${per(live, samples.VictoriaMetrics)} bytes a sample`,
        `as Prometheus; ${mega(bucket)} in the bucket`,
      ]),
      row(`two hours of ${shapes.length} series, as a block or merged`, [
        bytes(long.block),
        bytes(long.merged),
        `as Prometheus, once more in the bucket`,
      ]),
      row(`${answering.length} queries of two dashboards, one after another`, [
        ...each((of) => answers(times[of])).slice(0, 2),
        `${answers(times["Thanos"])}; out of the bucket alone ${answers(cold["Thanos, out of the bucket"])}`,
      ]),
    ];
    const where = `${availableParallelism()} processors (${cpus()[0]?.model.trim() ?? "unknown"}), ${Math.round(totalmem() / 1024 ** 3)} GiB, Linux; ${new Date().toISOString().slice(0, 10)}; load of the machine ${Math.min(...load).toFixed(1)} to ${Math.max(...load).toFixed(1)}`;
    const shown = `${head} series, scraped every ${interval} s for ${minutes} minutes. ${where}.\n\n${table.join("\n")}`;
    console.log(shown);
    await writeInto(page, "bench:metrics", shown);
    const counts = Object.values(samples);
    // They are not asked at the same moment.
    if (Math.max(...counts) - Math.min(...counts) > 2 * head) {
      say("The stores have not taken the same samples.");
      process.exitCode = 1;
    }
  } finally {
    target.close();
    target.closeAllConnections();
  }
});
