import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { parse, stringify } from "yaml";
import type { Manifest } from "../../../components/kubernetes/manifest.ts";
import { asMap, at } from "../../../contract/finding.ts";
import { prometheusStart } from "../../../contract/prometheus-config.ts";
import { obtainProgram } from "../../../contract/readers.ts";
import { releases, render } from "../../../contract/rendered.ts";
import { freePorts, guard, lastLines, launch, reap } from "../../../rehearsal/control-plane/processes.ts";
import { call, eventually, getJson } from "../../../rehearsal/http-client.ts";

export interface Claim {
  readonly claim: string;
  readonly seen: string;
  readonly holds: boolean;
}

type Say = (line: string) => void;

const run = promisify(execFile);
const loopback = "127.0.0.1";
const hour = 3600;
const step = 60;

/** What a shell, YAML, JSON, Go templates or Thanos' own `$(NAME)` could mean something by. */
const awkward = `p@ss "w'rd" #1: \\ $(AWS_ACCESS_KEY_ID) %20 {{ . }} & <ü> $HOME`;
/** What stands for a generated password where nobody generates any (contract/run-program.ts). */
const placeholder = "<secret: password>";

interface Declared {
  readonly objects: readonly Manifest[];
  readonly content: readonly Manifest[];
  readonly values: (release: string) => Readonly<Record<string, unknown>>;
  readonly secret: (namespace: string, start: string) => Readonly<Record<string, string>>;
}

async function declare(): Promise<Declared> {
  const { declared: objects, content } = await render({
    settings: { thanos: { enabled: true }, objectStorage: "seaweedfs", prometheus: { replicas: 2 } },
  });
  return {
    objects,
    content,
    values: (name) => {
      const found = releases(objects).find((release) => release.name === name);
      if (found === undefined) throw new Error(`The program declares no release ${name}.`);
      return found.values;
    },
    secret: (namespace, start) => {
      const found = objects.find(
        ({ kind, metadata }) =>
          kind === "Secret" && metadata.namespace === namespace && metadata.name.startsWith(start),
      );
      if (found === undefined) throw new Error(`The program declares no Secret ${namespace}/${start}.`);
      return found["stringData"] as Readonly<Record<string, string>>;
    },
  };
}

/** Samples of one series, one a minute, as OpenMetrics; without those of a gap. */
function samples(from: number, to: number, gap: readonly [number, number]): string {
  const lines = ["# TYPE bench_value gauge"];
  for (let time = from; time < to; time += step) {
    if (time >= gap[0] && time < gap[1]) continue;
    lines.push(`bench_value{job="bench"} ${time % 10_007} ${time}`);
  }
  return `${lines.join("\n")}\n# EOF\n`;
}

/** A range of answers: times and values of each series. */
type Series = readonly {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly [number, string][];
}[];

/**
 * Runs the bench.
 * @throws Error when a program does not start
 */
export async function thanosBench(say: Say): Promise<Claim[]> {
  const programs = {
    prometheus: await obtainProgram("prometheus"),
    promtool: await obtainProgram("promtool"),
    thanos: await obtainProgram("thanos"),
    weed: await obtainProgram("weed"),
  };
  const declared = await declare();
  const dir = mkdtempSync(path.join(tmpdir(), "bench-thanos-"));
  const guarded = guard(dir);
  try {
    return await new Bench(dir, programs, declared, await freePorts(40), say).run();
  } finally {
    await reap(dir);
    await guarded.release();
    rmSync(dir, { recursive: true, force: true });
  }
}

type Programs = Readonly<Record<"prometheus" | "promtool" | "thanos" | "weed", string>>;

class Bench {
  readonly #dir: string;
  readonly #programs: Programs;
  readonly #declared: Declared;
  readonly #ports: number[];
  readonly #say: Say;
  readonly #claims: Claim[] = [];
  readonly #port: Readonly<Record<string, number>>;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #bucketFile: string;
  readonly #now = Math.floor(Date.now() / 1000 / (2 * hour)) * 2 * hour;

  constructor(dir: string, programs: Programs, declared: Declared, ports: number[], say: Say) {
    this.#dir = dir;
    this.#programs = programs;
    this.#declared = declared;
    this.#ports = ports;
    this.#say = say;
    const names = [
      ...["master", "masterGrpc", "volume", "volumeGrpc", "filer", "filerGrpc", "s3", "s3Grpc", "weedMetrics"],
      ...["prometheus0", "prometheus1", "sidecar0", "sidecar0Grpc", "sidecar1", "sidecar1Grpc"],
      ...["store", "storeGrpc", "query", "queryGrpc", "frontend", "compact"],
    ];
    this.#port = Object.fromEntries(names.map((name) => [name, this.#ports.pop() ?? 0]));

    // The declared credentials, with an awkward key in the place of the generated one.
    const { AWS_ACCESS_KEY_ID: id = "" } = declared.secret("monitoring", "object-storage-");
    this.#environment = { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: awkward };
    const [bucket = ""] = Object.values(declared.secret("monitoring", "thanos-bucket-"));
    this.#bucketFile = this.#write("bucket.yaml", this.#onLoopback(bucket));
  }

  #write(name: string, text: string): string {
    const file = path.join(this.#dir, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  #address(name: string): string {
    return `${loopback}:${this.#port[name] ?? 0}`;
  }

  /** Names of Services as addresses of this machine. */
  #onLoopback(text: string): string {
    const result = text.replaceAll("seaweedfs-all-in-one.object-storage.svc:8333", this.#address("s3"));
    const left = /[a-z0-9.-]+\.svc[a-z.]*:\d+/.exec(result)?.[0];
    if (left !== undefined) throw new Error(`The declared configuration names ${left}, which nothing here answers.`);
    return result;
  }

  #claim(claim: string, seen: string, holds: boolean): void {
    this.#say(`${holds ? "yes" : "NO"}: ${claim}: ${seen}`);
    this.#claims.push({ claim, seen, holds });
  }

  async #start(
    name: string,
    command: string,
    args: readonly string[],
    ready: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    let ended = false;
    launch(this.#dir, { name, command, args, env }).once("exit", () => (ended = true));
    const answer = await eventually(120, async () => (ended ? "ended" : call(ready).then(() => "ready")));
    if (answer !== "ready") throw new Error(`${name} is not ready. Its last lines:\n${lastLines(this.#dir, name, 12)}`);
  }

  async #kill(...only: string[]): Promise<void> {
    await reap(this.#dir, { only });
  }

  /** As the chart starts it (seaweedfs 4.44.0, templates/all-in-one), bound to loopback: by default it listens on all addresses, and on ports 10000 above. */
  async #seaweedfs(): Promise<void> {
    const values = this.#declared.values("seaweedfs");
    const users = this.#declared.secret("object-storage", "seaweedfs-users-")["seaweedfs_s3_config"] ?? "";
    const config = this.#write("users.json", users.replaceAll(placeholder, JSON.stringify(awkward).slice(1, -1)));
    const data = path.join(this.#dir, "seaweedfs");
    mkdirSync(data, { recursive: true });
    const port = (flag: string, name: string) => [
      `-${flag}.port=${this.#port[name] ?? 0}`,
      `-${flag}.port.grpc=${this.#port[`${name}Grpc`] ?? 0}`,
    ];
    await this.#start(
      "seaweedfs",
      this.#programs.weed,
      [
        ...["-v=1", "server", `-dir=${data}`, "-master", "-volume", `-ip=${loopback}`, `-ip.bind=${loopback}`],
        ...["-idleTimeout=30", "-volume.max=0", "-master.defaultReplication=000", "-volume.readMode=proxy"],
        `-master.volumeSizeLimitMB=${String(at(values, "master", "volumeSizeLimitMB"))}`,
        ...["-volume.minFreeSpacePercent=1", "-volume.compactionMBps=50", "-filer", "-filer.dirListLimit=100000"],
        ...["-s3", `-s3.config=${config}`, `-metricsPort=${this.#port["weedMetrics"] ?? 0}`, `-metricsIp=${loopback}`],
        ...["master", "volume", "filer", "s3"].flatMap((name) => port(name, name)),
      ],
      `http://${this.#address("s3")}/status`,
      (asMap(at(values, "allInOne", "extraEnvironmentVars")) ?? {}) as Record<string, string>,
    );
  }

  /** As the chart's Job makes them. */
  async #makeBuckets(): Promise<void> {
    const values = this.#declared.values("seaweedfs");
    const buckets = at(values, "allInOne", "s3", "createBuckets") as readonly { readonly name: string }[];
    const master = `${this.#address("master")}.${this.#port["masterGrpc"] ?? 0}`;
    const filer = `${this.#address("filer")}.${this.#port["filerGrpc"] ?? 0}`;
    for (const { name } of buckets) {
      const shell = run(this.#programs.weed, ["shell", `-master=${master}`, `-filer=${filer}`], { timeout: 60_000 });
      shell.child.stdin?.end(`s3.bucket.create --name ${name}\n`);
      await shell;
    }
  }

  /** Blocks of two hours each, as Prometheus cuts them. */
  async #blocks(replica: number, from: number, to: number, gap: readonly [number, number]): Promise<number> {
    const file = this.#write(`samples-${replica}.txt`, samples(from, to, gap));
    const folder = this.#tsdb(replica);
    await run(this.#programs.promtool, [
      ...["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=2h", file, folder],
    ]);
    return this.#ownBlocks(replica).length;
  }

  #tsdb = (replica: number) => path.join(this.#dir, `prometheus-${replica}`);
  #ownBlocks = (replica: number) => readdirSync(this.#tsdb(replica)).filter((name) => /^[0-9A-Z]{26}$/.test(name));

  /** Prometheus with the flags and labels that the operator makes of its object, and nothing to scrape. */
  async #prometheus(replica: number): Promise<void> {
    const { config, flags } = prometheusStart(this.#declared.values("kube-prometheus-stack"));
    const { global } = config;
    // Two that the operator adds (pkg/prometheus/promcfg.go, buildExternalLabels).
    const labels = {
      ...asMap(global["external_labels"]),
      prometheus: "monitoring/kube-prometheus-stack-prometheus",
      prometheus_replica: `prometheus-kube-prometheus-stack-prometheus-${replica}`,
    };
    const file = this.#write(
      `prometheus-${replica}.yaml`,
      stringify({ global: { ...global, external_labels: labels } }),
    );
    const name = `prometheus${replica}`;
    await this.#start(
      name,
      this.#programs.prometheus,
      [
        `--config.file=${file}`,
        `--storage.tsdb.path=${this.#tsdb(replica)}`,
        `--web.listen-address=${this.#address(name)}`,
        // The samples are older than what a Prometheus keeps that has scraped them itself.
        ...flags.map((flag) =>
          flag.startsWith("--storage.tsdb.retention.time=") ? `${flag.split("=")[0] ?? ""}=90d` : flag,
        ),
      ],
      `http://${this.#address(name)}/prometheus/-/ready`,
    );
  }

  /** As the operator starts it (0.93, pkg/prometheus/server/statefulset.go, createThanosContainer). */
  async #sidecar(replica: number): Promise<void> {
    const name = `sidecar${replica}`;
    await this.#start(
      name,
      this.#programs.thanos,
      [
        "sidecar",
        `--prometheus.url=http://${this.#address(`prometheus${replica}`)}/prometheus`,
        `--tsdb.path=${this.#tsdb(replica)}`,
        `--objstore.config-file=${this.#bucketFile}`,
        `--grpc-address=${this.#address(`${name}Grpc`)}`,
        `--http-address=${this.#address(name)}`,
      ],
      `http://${this.#address(name)}/-/ready`,
      this.#environment,
    );
  }

  #extraArgs(part: string): string[] {
    return (at(this.#declared.values("thanos"), part, "extraArgs") ?? []) as string[];
  }

  /** A part as the chart starts it (thanos 1.24.1 of stevehipwell, templates). */
  async #part(name: "store" | "query" | "frontend", args: readonly string[]): Promise<void> {
    await this.#start(
      name,
      this.#programs.thanos,
      [...args, `--http-address=${this.#address(name)}`],
      `http://${this.#address(name)}/-/ready`,
      name === "store" ? this.#environment : {},
    );
  }

  async #store(): Promise<void> {
    await this.#part("store", [
      ...["store", `--grpc-address=${this.#address("storeGrpc")}`, `--objstore.config-file=${this.#bucketFile}`],
      ...[
        `--data-dir=${path.join(this.#dir, "store")}`,
        "--sync-block-duration=2s",
        ...this.#extraArgs("storeGateway"),
      ],
    ]);
  }

  async #query(): Promise<void> {
    const labels = at(this.#declared.values("thanos"), "additionalReplicaLabels") as readonly string[];
    const [declared, ...others] = this.#extraArgs("query");
    const asked = parse((declared ?? "").replace("--endpoint.sd-config=", "")) as {
      readonly endpoints: readonly { readonly address: string }[];
    };
    // What stands behind each name in the cluster.
    const behind: Readonly<Record<string, readonly string[]>> = {
      "dns+thanos-sidecar.monitoring.svc:10901": ["sidecar0Grpc", "sidecar1Grpc"],
      "dns+thanos-store-gateway-headless.monitoring.svc:10901": ["storeGrpc"],
    };
    const endpoints = asked.endpoints.flatMap(({ address }) => {
      const names = behind[address];
      if (names === undefined) throw new Error(`The query is told to ask ${address}, which nothing here answers.`);
      return names.map((name) => ({ address: this.#address(name) }));
    });
    await this.#part("query", [
      ...["query", `--grpc-address=${this.#address("queryGrpc")}`],
      ...labels.map((label) => `--query.replica-label=${label}`),
      ...[`--endpoint.sd-config=${stringify({ endpoints })}`, ...others],
    ]);
    await this.#part("frontend", [
      "query-frontend",
      `--query-frontend.downstream-url=http://${this.#address("query")}`,
      ...this.#extraArgs("queryFrontend"),
    ]);
  }

  /** One round of the compactor, as it makes them all day. */
  async #compact(...more: string[]): Promise<void> {
    const args = [
      ...["compact", `--http-address=${this.#address("compact")}`, `--objstore.config-file=${this.#bucketFile}`],
      ...[
        `--data-dir=${path.join(this.#dir, "compact")}`,
        "--consistency-delay=0s",
        ...this.#extraArgs("compact"),
        ...more,
      ],
    ];
    await run(this.#programs.thanos, args, { env: this.#environment, maxBuffer: 1 << 26 });
  }

  /** What the bucket is asked with other credentials. */
  async #ls(env: Readonly<Record<string, string>>): Promise<string[]> {
    const args = ["tools", "bucket", "ls", `--objstore.config-file=${this.#bucketFile}`, "--timeout=20s"];
    const { stdout } = await run(this.#programs.thanos, args, { env, maxBuffer: 1 << 26 });
    return stdout.trim().split("\n").filter(Boolean).sort();
  }

  /** What a dashboard asks, where Grafana asks it. */
  async #ask(
    of: "frontend" | "query",
    from: number,
    to: number,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Series> {
    const answer = await getJson<{ readonly data: { readonly result: Series }; readonly warnings?: readonly string[] }>(
      `http://${this.#address(of)}/prometheus/api/v1/query_range`,
      { query: "bench_value", start: String(from), end: String(to - step), step: String(step), ...more },
    );
    return answer.data.result;
  }

  async run(): Promise<Claim[]> {
    const now = this.#now;
    const days = 3;
    const [from, to] = [now - days * 24 * hour, now - 2 * hour];
    const expected = (to - from) / step;
    const gaps = [
      [from + 10 * hour, from + 11 * hour],
      [from + 30 * hour, from + 33 * hour],
    ] as const;
    this.#say("made-up samples: three days in two replicas, each with a gap of its own; and two hours of 40 days ago");
    const old = now - 40 * 24 * hour;
    for (const [replica, gap] of gaps.entries()) {
      await this.#blocks(replica, old, old + 2 * hour, [0, 0]);
      await this.#blocks(replica, from, to, gap);
    }
    const blocks = [this.#ownBlocks(0).length, this.#ownBlocks(1).length];

    await this.#seaweedfs();
    await this.#makeBuckets();
    for (const replica of [0, 1]) await this.#prometheus(replica);
    await this.#sidecar(0);
    const inBucket = async () => {
      const names = await this.#ls(this.#environment);
      return new Set(names.map((name) => name.split("/")[0]).filter((name) => /^[0-9A-Z]{26}$/.test(name ?? "")));
    };
    const uploaded = async (count: number) => {
      const started = Date.now();
      const found = await eventually(120, async () => ((await inBucket()).size >= count ? true : undefined));
      return found === undefined ? undefined : Math.round((Date.now() - started) / 1000);
    };
    const first = await uploaded(blocks[0] ?? 0);
    this.#claim(
      "A sidecar uploads every block of its Prometheus",
      `${(await inBucket()).size} of ${blocks[0] ?? 0} blocks, ${first ?? "more than 120"} s after it had started, with a key of quotes, blanks, #, $( ), {{ }} and a backslash`,
      first !== undefined,
    );

    await this.#wrongKeys();

    // Storage away: the second sidecar starts without it.
    const before = await this.#ls(this.#environment);
    await this.#kill("seaweedfs");
    await this.#sidecar(1);
    const failed = await eventually(60, async () => {
      const text = await call(`http://${this.#address("sidecar1")}/metrics`);
      const count = Number(/^thanos_shipper_dir_sync_failures_total (\S+)$/m.exec(text)?.[1] ?? 0);
      return count > 0 ? count : undefined;
    });
    await this.#seaweedfs();
    const after = await this.#ls(this.#environment);
    const second = await uploaded((blocks[0] ?? 0) + (blocks[1] ?? 0));
    this.#claim(
      "SeaweedFS killed and started: nothing lost, and what waited is uploaded",
      `${after.filter((name) => before.includes(name)).length} of ${before.length} blocks are there again; attempts to upload failed meanwhile (${failed ?? 0}); ${blocks[1] ?? 0} blocks of the other replica followed within ${second ?? "more than 120"} s`,
      before.every((name) => after.includes(name)) && failed !== undefined && second !== undefined,
    );

    await this.#store();
    await this.#query();
    const whole = await eventually(120, async () => {
      const [series, another] = await this.#ask("frontend", from, to);
      return another === undefined && series?.values.length === expected ? series : undefined;
    });
    const apart = await this.#ask("query", from, to, { dedup: "false" });
    const counts = new Map<string, number>();
    for (const { metric, values } of apart)
      counts.set(
        metric["prometheus_replica"] ?? "",
        (counts.get(metric["prometheus_replica"] ?? "") ?? 0) + values.length,
      );
    this.#claim(
      "Two replicas are one series without gaps",
      `${whole?.values.length ?? "not"} of ${expected} samples in one series, labels ${Object.keys(whole?.metric ?? {}).join(", ")}; by themselves the replicas have ${[...counts.values()].join(" and ")}`,
      whole !== undefined &&
        whole.metric["cluster"] === "dev" &&
        [...counts.values()].every((count) => count < expected) &&
        counts.size === 2,
    );
    await this.#metricsOfRules();

    await this.#kill("sidecar0", "sidecar1", "prometheus0", "prometheus1");
    for (const replica of [0, 1]) rmSync(this.#tsdb(replica), { recursive: true });
    const same = async () => {
      const [series, another] = await this.#ask("query", from, to);
      return another === undefined && JSON.stringify(series) === JSON.stringify(whole);
    };
    const answered = await eventually(60, async () => ((await same()) ? true : undefined));
    this.#claim(
      "Prometheus killed and emptied: the same query has the same answer, from the bucket",
      answered === true ? `${expected} equal samples` : "another answer",
      answered === true,
    );

    // Twice, so that what is marked in the first round is deleted in the second.
    await this.#compact("--delete-delay=0s");
    await this.#compact("--delete-delay=0s");
    const left = await inBucket();
    await this.#kill("store");
    await this.#store();
    const kept = await eventually(60, async () => ((await same()) ? true : undefined));
    const older = await this.#ask("query", old, old + 2 * hour);
    this.#claim(
      "The compactor deletes nothing within retention, and what is older",
      `${(blocks[0] ?? 0) + (blocks[1] ?? 0)} blocks became ${left.size}, the query has ${kept === true ? "the same" : "another"} answer; of 40 days ago (retention of raw samples: ${this.#extraArgs("compact")[0]?.split("=")[1] ?? ""}) ${older.length === 0 ? "nothing is left" : "something is left"}`,
      kept === true && older.length === 0 && left.size < (blocks[0] ?? 0) + (blocks[1] ?? 0),
    );
    return this.#claims;
  }

  async #wrongKeys(): Promise<void> {
    const refused = async (env: Readonly<Record<string, string>>) =>
      this.#ls(env).then(
        () => "let in",
        (error: unknown) =>
          /Access ?Denied|signature[^.]*does not match|access key ID you provided does not exist|403/i.exec(
            String(error),
          )?.[0] ?? `failed: ${String(error).slice(0, 200)}`,
      );
    const wrong = await refused({ ...this.#environment, AWS_SECRET_ACCESS_KEY: `${awkward}!` });
    const unknown = await refused({ AWS_ACCESS_KEY_ID: "nobody", AWS_SECRET_ACCESS_KEY: awkward });
    const anonymous = await fetch(`http://${this.#address("s3")}/thanos?list-type=2`);
    this.#claim(
      "A wrong key, an unknown user and nobody in particular are refused",
      `${wrong}; ${unknown}; ${anonymous.status}`,
      [wrong, unknown].every((answer) => !/^(let in|failed)/.test(answer)) && anonymous.status === 403,
    );
  }

  /** Metrics that our rules ask are metrics that these programs have. */
  async #metricsOfRules(): Promise<void> {
    const exposed = new Set<string>();
    const read = async (name: string) => {
      for (const [, metric = ""] of (await call(`http://${this.#address(name)}/metrics`)).matchAll(/^# TYPE (\S+)/gm))
        exposed.add(metric);
    };
    for (const name of ["sidecar0", "store", "query", "frontend", "weedMetrics"]) await read(name);
    launch(this.#dir, {
      name: "compact",
      command: this.#programs.thanos,
      args: [
        ...["compact", "--wait", `--http-address=${this.#address("compact")}`, "--objstore.config-file"],
        ...[this.#bucketFile, `--data-dir=${path.join(this.#dir, "compact-wait")}`, "--wait-interval=1h"],
        ...["--consistency-delay=1000h", ...this.#extraArgs("compact")],
      ],
      env: this.#environment,
    });
    await eventually(60, () => read("compact").then(() => true));
    await this.#kill("compact");
    const asked = new Set(
      this.#declared.content
        .filter(({ kind, metadata }) => kind === "PrometheusRule" && ["thanos", "seaweedfs"].includes(metadata.name))
        .flatMap((object) => JSON.stringify(object["spec"]).match(/\b(thanos|SeaweedFS)_[a-zA-Z0-9_]+/g) ?? []),
    );
    const known = (metric: string) => exposed.has(metric) || exposed.has(metric.replace(/_(bucket|sum|count)$/, ""));
    const missing = [...asked].filter((metric) => !known(metric));
    this.#claim(
      "The metrics that alerts of Thanos and SeaweedFS ask are those of the programs",
      missing.length === 0 ? `all ${asked.size}` : `not there: ${missing.join(", ")}`,
      asked.size > 0 && missing.length === 0,
    );
  }
}
