/**
 * Old samples taken along from Prometheus to VictoriaMetrics and back, by the ways that components/metrics/victoria-metrics/README.md
 * names: a snapshot and vmctl; remote read, while both are there; one VictoriaMetrics to another; and an export that jq
 * writes as OpenMetrics (with the page's own program) for promtool. Prints what each copy has; ends with 1 when one has not exactly
 * the samples that there were.
 *
 *   npm run bench:vmctl
 */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { obtainProgram } from "../../contract/readers.ts";
import { call, eventually, getJson } from "../../rehearsal/http-client.ts";
import { Loopback } from "./loopback.ts";

const run = promisify(execFile);
const readme = join(import.meta.dirname, "../../components/metrics/victoria-metrics/README.md");
const jq = /jq -r '([^']+)'/.exec(readFileSync(readme, "utf8"))?.[1] ?? "";
const what = '{__name__=~"old_.+"}';

/** Eight hours of two series until three hours ago, one with a gap and with a label that has to be quoted. */
function samples(): string {
  const from = Math.floor(Date.now() / 1000 / 30) * 30 - 8 * 3600;
  const lines = ["# TYPE old_total counter", "# TYPE old_value gauge"];
  for (let index = 0; index < 600; index += 1)
    lines.push(`old_total{job="bench",pod="a"} ${index * 3} ${from + index * 30}`);
  for (let index = 0; index < 600; index += 1)
    if (index < 100 || index >= 130)
      lines.push(`old_value{job="bench",text="a \\" \\\\ ü"} ${(index % 17) / 8} ${from + index * 30}`);
  return `${lines.join("\n")}\n# EOF\n`;
}

await Loopback.use("bench-vmctl", async (loopback) => {
  const programs = {
    prometheus: await obtainProgram("prometheus"),
    promtool: await obtainProgram("promtool"),
    store: await obtainProgram("victoria-metrics"),
    vmctl: await obtainProgram("vmctl"),
  };
  const folder = (name: string) => join(loopback.dir, name);
  const vmctl = (...args: string[]) =>
    run(programs.vmctl, [args[0] ?? "", "-s", "--disable-progress-bar", ...args.slice(1)]);
  const prometheus = async (name: string) => {
    await loopback.start(
      name,
      programs.prometheus,
      [
        ...[`--config.file=${loopback.write("none.yaml", "")}`, `--storage.tsdb.path=${folder(name)}`],
        ...[
          `--web.listen-address=${loopback.address(name)}`,
          "--web.route-prefix=/prometheus",
          "--web.enable-admin-api",
        ],
      ],
      `http://${loopback.address(name)}/prometheus/-/ready`,
    );
    return `http://${loopback.address(name)}/prometheus`;
  };
  const store = async (name: string) => {
    const url = `http://${loopback.address(name)}`;
    const flags = [
      `-httpListenAddr=${loopback.address(name)}`,
      `-storageDataPath=${folder(name)}`,
      "-retentionPeriod=24h",
    ];
    await loopback.start(name, programs.store, flags, `${url}/health`);
    return url;
  };
  /** Every sample, as text. */
  const all = async (url: string) => {
    const { data } = await getJson<{ data: { result: { metric: object; values: unknown[] }[] } }>(
      `${url}/api/v1/query`,
      {
        ...{ query: `${what}[20h]`, nocache: "1" },
      },
    );
    const lines = data.result.map(({ metric, values }) => JSON.stringify([Object.entries(metric).sort(), values]));
    return { text: lines.sort().join("\n"), count: data.result.reduce((sum, { values }) => sum + values.length, 0) };
  };

  const blocks = (file: string, into: string) =>
    run(programs.promtool, ["tsdb", "create-blocks-from", "openmetrics", file, into]);
  await blocks(loopback.write("samples.txt", samples()), folder("prometheus"));
  const from = await prometheus("prometheus");
  const before = await all(from);
  console.log(`| way | samples |\n| --- | --- |\n| what there is | ${before.count} |`);
  const compare = async (way: string, url: string) => {
    // What a VictoriaMetrics has just taken is found a moment later.
    const same = await eventually(20, async () => ((await all(url)).text === before.text ? true : undefined));
    console.log(`| ${way} | ${same === true ? "the same" : `**${(await all(url)).count}, others**`} |`);
    if (same !== true) process.exitCode = 1;
  };

  const [kept, read, native] = [await store("kept"), await store("read"), await store("native")];
  const start = `--remote-read-filter-time-start=${new Date(Date.now() - 24 * 3600_000).toISOString()}`;
  await vmctl(
    "remote-read",
    `--remote-read-src-addr=${from}`,
    start,
    "--remote-read-step-interval=day",
    `--vm-addr=${read}`,
  );
  await compare("vmctl remote-read, from Prometheus to VictoriaMetrics", read);

  await call(`${from}/api/v1/admin/tsdb/snapshot`, { method: "POST" });
  const [name = ""] = readdirSync(join(folder("prometheus"), "snapshots"));
  cpSync(join(folder("prometheus"), "snapshots", name), folder("copy"), { recursive: true });
  await loopback.kill("prometheus");
  rmSync(folder("prometheus"), { recursive: true });
  await vmctl("prometheus", `--prom-snapshot=${folder("copy")}`, `--vm-addr=${kept}`);
  await compare("vmctl prometheus, from a copy of a snapshot, Prometheus gone", kept);

  await vmctl(
    ...["vm-native", `--vm-native-src-addr=${kept}`, `--vm-native-dst-addr=${native}`],
    ...[`--vm-native-filter-match=${what}`, start.replace("remote-read", "vm-native")],
  );
  await compare("vmctl vm-native, from one VictoriaMetrics to another", native);

  const lines = await call(`${kept}/api/v1/export?${new URLSearchParams({ "match[]": what }).toString()}`);
  const { stdout } = await run("jq", ["-r", jq, loopback.write("export.jsonl", lines)], { maxBuffer: 1 << 26 });
  mkdirSync(folder("back"));
  await blocks(loopback.write("back.txt", `${stdout}# EOF\n`), folder("back"));
  await compare("export, jq and promtool, back to Prometheus", await prometheus("back"));

  await vmctl("prometheus", `--prom-snapshot=${folder("copy")}`, `--vm-addr=${kept}`);
  const twice = await eventually(20, async () => ((await all(kept)).count > before.count ? true : undefined));
  console.log(
    `| the same copy once more, into the same store | ${(await all(kept)).count}: ${twice === true ? "each sample twice" : "nothing twice"} |`,
  );
});
