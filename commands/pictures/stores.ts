/**
 * A real Prometheus and Jaeger on loopback, with the configuration that the program declares and the made-up data in them.
 * What is changed of the configuration is said here: addresses and folders.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { freePorts, guard, lastLines, launch, reap } from "../../rehearsal/control-plane/processes.ts";
import { call, eventually, getJson, post } from "../../rehearsal/http-client.ts";
import { asMap, at } from "../../contract/finding.ts";
import { obtainProgram } from "../../contract/readers.ts";
import { prometheusStart } from "../../contract/prometheus-config.ts";
import { releases, render } from "../../contract/rendered.ts";
import { end, minutes, minutesOfData, wholeCluster, type Series } from "../../dashboards/sample/cluster.ts";
import { exemplars, traceBody } from "./logs.ts";
import { remoteWrite, type WrittenSeries } from "./remote-write.ts";

const loopback = "127.0.0.1";

export interface Store {
  /** Base URL; Prometheus's with its route prefix. */
  readonly url: string;
  close(): Promise<void>;
}

async function valuesOf(chart: string): Promise<Readonly<Record<string, unknown>>> {
  const release = releases((await render()).declared).find((candidate) => candidate.chart?.name === chart);
  if (release === undefined) throw new Error(`The program declares no release of ${chart}.`);
  return release.values;
}

/** A folder for a program's data, gone with the program, and with this process however it ends. */
function workplace(name: string) {
  const dir = mkdtempSync(join(tmpdir(), `dashboards-${name}-`));
  const watcher = guard(dir);
  return {
    dir,
    close: async () => {
      await reap(dir);
      await watcher.release();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function start(dir: string, name: string, command: string, args: readonly string[], ready: string) {
  let ended = false;
  launch(dir, { name, command, args }).once("exit", () => (ended = true));
  const answer = await eventually(120, async () => (ended ? "ended" : call(ready).then(() => "ready")));
  if (answer !== "ready") throw new Error(`${name} is not ready. Its last lines:\n${lastLines(dir, name, 12)}`);
}

/** A real Jaeger with kbot's traces. */
export async function jaegerWithTraces(): Promise<Store> {
  const command = await obtainProgram("jaeger");
  const { dir, close } = workplace("jaeger");
  try {
    const [grpc = 0, http = 0, query = 0, queryGrpc = 0, health = 0, metrics = 0] = await freePorts(6);
    const ports = { 4317: grpc, 4318: http, 16686: query, 16685: queryGrpc, 13133: health };
    let text = JSON.stringify(at(await valuesOf("jaeger"), "userconfig"));
    for (const [from, to] of Object.entries(ports)) text = text.replaceAll(`0.0.0.0:${from}`, `${loopback}:${to}`);
    const config: unknown = JSON.parse(text);
    const reader = at(config, "service", "telemetry", "metrics", "readers", 0, "pull", "exporter", "prometheus");
    Object.assign(asMap(reader) ?? {}, { host: loopback, port: metrics });
    const file = join(dir, "jaeger.yaml");
    writeFileSync(file, stringify(config, { lineWidth: 0 }));
    await start(dir, "jaeger", command, [`--config=${file}`], `http://${loopback}:${health}/status`);
    await post(`http://${loopback}:${http}/v1/traces`, traceBody);
    const url = `http://${loopback}:${query}`;
    // Its batch processor hands spans on a moment later.
    const arrived = await eventually(30, async () => {
      const { data } = await getJson<{ readonly data: readonly string[] | null }>(`${url}/api/services`);
      return data?.includes("kbot") === true ? true : undefined;
    });
    if (arrived !== true)
      throw new Error(`Jaeger has no traces of kbot. Its last lines:\n${lastLines(dir, "jaeger", 12)}`);
    return { url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Samples of a series with its end marked, within minutes from and up to others. */
function written({ name, labels, values }: Series, from: number, to: number): WrittenSeries[] {
  const samples = minutes.flatMap((minute, index) => {
    const value = values[index];
    const ended = value === undefined && index > 0 && values[index - 1] !== undefined;
    if (minute < from || minute >= to || (value === undefined && !ended)) return [];
    return [{ time: (end + minute * 60) * 1000, value }];
  });
  return samples.length === 0 ? [] : [{ labels: { __name__: name, ...labels }, samples }];
}

/** A recording rule of ours. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Seconds between two evaluations. */
  readonly every: number;
}

/** What a rule would have recorded: its expression, evaluated by Prometheus itself over the whole time. */
async function recorded(url: string, { record, expr, labels = {}, every }: RecordingRule): Promise<WrittenSeries[]> {
  interface Answer {
    readonly data: {
      readonly result: readonly {
        readonly metric: Readonly<Record<string, string>>;
        readonly values: readonly (readonly [number, string])[];
      }[];
    };
  }
  const start = String(end - (minutesOfData - 10) * 60);
  const range = { start, end: String(end), step: String(every) };
  const { data } = await getJson<Answer>(`${url}/api/v1/query_range`, { query: expr, ...range });
  return data.result.map(({ metric, values }) => ({
    labels: { ...metric, ...labels, __name__: record },
    samples: values.map(([time, value]) => ({ time: time * 1000, value: Number(value) })),
  }));
}

/** What a Prometheus is told that takes the cluster: recorded series are written after those that they are made of, for times that have passed by then. */
export const storageOfCluster = { exemplars: { max_exemplars: 10_000 }, tsdb: { out_of_order_time_window: "3h" } };

/** Writes the made-up cluster, and what our recording rules make of it. @param url of a Prometheus with {@link storageOfCluster} */
export async function writeCluster(url: string, rules: readonly RecordingRule[]): Promise<void> {
  const series = wholeCluster();
  for (let from = -minutesOfData; from <= 0; from += 20) {
    await remoteWrite(
      url,
      series.flatMap((one) => written(one, from, from + 20)),
    );
  }
  for (const rule of rules) await remoteWrite(url, await recorded(url, rule));
}

/** A real Prometheus with the made-up cluster, and what our recording rules make of it. */
export async function prometheusWithCluster(rules: readonly RecordingRule[]): Promise<Store> {
  const command = await obtainProgram("prometheus");
  const { dir, close } = workplace("prometheus");
  try {
    const [port = 0] = await freePorts(1);
    const { config, flags } = prometheusStart(await valuesOf("kube-prometheus-stack"));
    const prefix = flags.find((flag) => flag.startsWith("--web.route-prefix="))?.split("=")[1] ?? "";
    const file = join(dir, "prometheus.yaml");
    writeFileSync(file, stringify({ ...config, storage: storageOfCluster }));
    const url = `http://${loopback}:${port}${prefix}`;
    const folder = `--storage.tsdb.path=${join(dir, "data")}`;
    const args = [`--config.file=${file}`, folder, `--web.listen-address=${loopback}:${port}`, ...flags];
    await start(dir, "prometheus", command, args, `${url}/-/ready`);
    await writeCluster(url, rules);
    await remoteWrite(url, exemplars);
    return { url, close };
  } catch (error) {
    await close();
    throw error;
  }
}
