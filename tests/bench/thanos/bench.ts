import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { readdirSync, rmSync } from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { launch } from "../../../rehearsal/control-plane/processes.ts";
import { call, eventually, getJson } from "../../../rehearsal/http-client.ts";
import { Loopback } from "../loopback.ts";
import { awkward, declare, type Declared, obtainPrograms, type Programs, ThanosStack } from "./programs.ts";

export interface Claim {
  readonly claim: string;
  readonly seen: string;
  readonly holds: boolean;
}

type Say = (line: string) => void;

const run = promisify(execFile);
const hour = 3600;
const step = 60;

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
  const [programs, declared] = [
    await obtainPrograms(),
    await declare(2, { ruler: "thanosRuler", thanosRuler: { replicas: 2 } }),
  ];
  return Loopback.use("bench-thanos", (loopback) => new Bench(loopback, programs, declared, say).run());
}

class Bench {
  readonly #loopback: Loopback;
  readonly #programs: Programs;
  readonly #declared: Declared;
  readonly #stack: ThanosStack;
  readonly #say: Say;
  readonly #claims: Claim[] = [];
  readonly #now = Math.floor(Date.now() / 1000 / (2 * hour)) * 2 * hour;

  constructor(loopback: Loopback, programs: Programs, declared: Declared, say: Say) {
    this.#loopback = loopback;
    this.#programs = programs;
    this.#declared = declared;
    this.#stack = new ThanosStack(loopback, programs, declared);
    this.#say = say;
  }

  #claim(claim: string, seen: string, holds: boolean): void {
    this.#say(`${holds ? "yes" : "NO"}: ${claim}: ${seen}`);
    this.#claims.push({ claim, seen, holds });
  }

  /** Blocks of two hours each, as Prometheus cuts them. */
  async #blocks(replica: number, from: number, to: number, gap: readonly [number, number]): Promise<number> {
    const file = this.#loopback.write(`samples-${replica}.txt`, samples(from, to, gap));
    const folder = this.#stack.tsdb(replica);
    await run(this.#programs.promtool, [
      ...["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=2h", file, folder],
    ]);
    return this.#ownBlocks(replica).length;
  }

  #ownBlocks = (replica: number) =>
    readdirSync(this.#stack.tsdb(replica)).filter((name) => /^[0-9A-Z]{26}$/.test(name));

  /** One round of the compactor, as it makes them all day. */
  async #compact(...more: string[]): Promise<void> {
    const args = [
      ...[
        "compact",
        `--http-address=${this.#loopback.address("compact")}`,
        `--objstore.config-file=${this.#stack.bucketFile}`,
      ],
      ...[
        `--data-dir=${path.join(this.#loopback.dir, "compact")}`,
        "--consistency-delay=0s",
        ...this.#stack.extraArgs("compact"),
        ...more,
      ],
    ];
    await run(this.#programs.thanos, args, { env: this.#stack.environment, maxBuffer: 1 << 26 });
  }

  /** What the bucket is asked with other credentials. */
  async #ls(env: Readonly<Record<string, string>>): Promise<string[]> {
    const args = ["tools", "bucket", "ls", `--objstore.config-file=${this.#stack.bucketFile}`, "--timeout=20s"];
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
      `http://${this.#loopback.address(of)}/prometheus/api/v1/query_range`,
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

    await this.#stack.seaweedfs();
    await this.#stack.makeBuckets();
    for (const replica of [0, 1])
      await this.#stack.prometheus(replica, { flags: ["--storage.tsdb.retention.time=90d"] });
    await this.#stack.sidecar(0);
    const inBucket = async () => {
      const names = await this.#ls(this.#stack.environment);
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
    const before = await this.#ls(this.#stack.environment);
    await this.#loopback.kill("seaweedfs");
    await this.#stack.sidecar(1);
    const failed = await eventually(60, async () => {
      const text = await call(`http://${this.#loopback.address("sidecar1")}/metrics`);
      const count = Number(/^thanos_shipper_dir_sync_failures_total (\S+)$/m.exec(text)?.[1] ?? 0);
      return count > 0 ? count : undefined;
    });
    await this.#stack.seaweedfs();
    const after = await this.#ls(this.#stack.environment);
    const second = await uploaded((blocks[0] ?? 0) + (blocks[1] ?? 0));
    this.#claim(
      "SeaweedFS killed and started: nothing lost, and what waited is uploaded",
      `${after.filter((name) => before.includes(name)).length} of ${before.length} blocks are there again; attempts to upload failed meanwhile (${failed ?? 0}); ${blocks[1] ?? 0} blocks of the other replica followed within ${second ?? "more than 120"} s`,
      before.every((name) => after.includes(name)) && failed !== undefined && second !== undefined,
    );

    await this.#stack.store();
    await this.#stack.query();
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
    await this.#rulers(async () => (await inBucket()).size);

    await this.#loopback.kill("sidecar0", "sidecar1", "prometheus0", "prometheus1");
    for (const replica of [0, 1]) rmSync(this.#stack.tsdb(replica), { recursive: true });
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
    await this.#loopback.kill("store");
    await this.#stack.store();
    const kept = await eventually(60, async () => ((await same()) ? true : undefined));
    const older = await this.#ask("query", old, old + 2 * hour);
    this.#claim(
      "The compactor deletes nothing within retention, and what is older",
      `${(blocks[0] ?? 0) + (blocks[1] ?? 0)} blocks became ${left.size}, the query has ${kept === true ? "the same" : "another"} answer; of 40 days ago (retention of raw samples: ${this.#stack.extraArgs("compact")[0]?.split("=")[1] ?? ""}) ${older.length === 0 ? "nothing is left" : "something is left"}`,
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
    const wrong = await refused({ ...this.#stack.environment, AWS_SECRET_ACCESS_KEY: `${awkward}!` });
    const unknown = await refused({ AWS_ACCESS_KEY_ID: "nobody", AWS_SECRET_ACCESS_KEY: awkward });
    const anonymous = await fetch(`http://${this.#loopback.address("s3")}/thanos?list-type=2`);
    this.#claim(
      "A wrong key, an unknown user and nobody in particular are refused",
      `${wrong}; ${unknown}; ${anonymous.status}`,
      [wrong, unknown].every((answer) => !/^(let in|failed)/.test(answer)) && anonymous.status === 403,
    );
  }

  /** Two rulers, over samples of a day ago. @param blocks how many are in the bucket */
  async #rulers(blocks: () => Promise<number>): Promise<void> {
    const names = ["OfItsSeries", "OfASum"];
    const exprs = ["bench_value offset 1d >= 0", "sum by (job) (bench_value offset 1d) >= 0"];
    const rules = [
      { record: "bench:value:sum", expr: "sum by (job) (bench_value offset 1d)" },
      ...names.map((alert, index) => ({ alert, expr: exprs[index], for: "20s" })),
    ];
    const file = this.#loopback.write("rules.yaml", stringify({ groups: [{ name: "bench", interval: "5s", rules }] }));
    const told = new Map<string, number>();
    const alertmanager = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += String(chunk)));
      request.on("end", () => {
        for (const { labels } of body === "" ? [] : (JSON.parse(body) as { labels: Record<string, string> }[]))
          told.set(JSON.stringify(labels), (told.get(JSON.stringify(labels)) ?? 0) + 1);
        response.end();
      });
    }).listen(this.#loopback.port("alertmanager"), "127.0.0.1");
    // A block is full sooner, the state of an alert is found again however short it waits, and one is told of again every time.
    const start = (replica: number) =>
      this.#stack.ruler(replica, file, ["--for-grace-period=10s", "--tsdb.block-duration=1m", "--resend-delay=5s"]);
    const firing = async (replica: number) => {
      interface Rules {
        readonly data: {
          readonly groups: readonly {
            readonly rules: readonly {
              readonly name: string;
              readonly state?: string;
              readonly alerts?: readonly { readonly activeAt: string }[];
            }[];
          }[];
        };
      }
      const { data } = await getJson<Rules>(`http://${this.#loopback.address(`ruler${replica}`)}/api/v1/rules`);
      const alerts = data.groups.flatMap((group) => group.rules).filter(({ name }) => names.includes(name));
      return alerts.every(({ state }) => state === "firing")
        ? alerts.map(({ name, alerts: [one] = [] }) => `${name} since ${one?.activeAt.slice(0, 19) ?? ""}`).sort()
        : undefined;
    };
    const recorded = async (more: Readonly<Record<string, string>>) => {
      const address = `http://${this.#loopback.address("query")}/prometheus/api/v1/query`;
      const answer = await getJson<{ readonly data: { readonly result: readonly { readonly metric: object }[] } }>(
        address,
        { query: "bench:value:sum", ...more },
      );
      return answer.data.result;
    };
    const before = await blocks();
    for (const replica of [0, 1]) await start(replica);
    const both = [await eventually(120, () => firing(0)), await eventually(120, () => firing(1))];
    const apart = await eventually(60, async () =>
      (await recorded({ dedup: "false" })).length === 2 ? true : undefined,
    );
    const one = await recorded({});
    this.#claim(
      "Two rulers tell of an alert as one, and what they record is one series",
      `${told.size} sets of labels for ${names.length} alerts of both; ${one.length} series, labels ${Object.keys(one[0]?.metric ?? {}).join(", ")}, of ${apart === true ? 2 : "not 2"}`,
      both.every((alerts) => alerts !== undefined) && told.size === names.length && apart === true && one.length === 1,
    );

    const uploaded = await eventually(240, async () => ((await blocks()) > before + 1 ? true : undefined));
    this.#claim(
      "Rulers upload what they record",
      `${(await blocks()) - before} blocks more in the bucket, with the same credentials`,
      uploaded === true,
    );

    await this.#loopback.kill("ruler0");
    told.clear();
    const others = await eventually(60, () => Promise.resolve(told.size === names.length ? true : undefined));
    await start(0);
    const again = await eventually(60, () => firing(0));
    this.#claim(
      "A ruler killed and started again knows since when its alerts fire, and the other tells meanwhile",
      `${again?.join(", ") ?? "it does not"}; told by the other: ${told.size} of ${names.length}`,
      again !== undefined && JSON.stringify(again) === JSON.stringify(both[0]) && others === true,
    );
    await this.#loopback.kill("ruler0", "ruler1");
    alertmanager.close();
  }

  /** Metrics that our rules ask are metrics that these programs have. */
  async #metricsOfRules(): Promise<void> {
    const exposed = new Set<string>();
    const read = async (name: string) => {
      for (const [, metric = ""] of (await call(`http://${this.#loopback.address(name)}/metrics`)).matchAll(
        /^# TYPE (\S+)/gm,
      ))
        exposed.add(metric);
    };
    for (const name of ["sidecar0", "store", "query", "frontend", "weedMetrics"]) await read(name);
    launch(this.#loopback.dir, {
      name: "compact",
      command: this.#programs.thanos,
      args: [
        ...["compact", "--wait", `--http-address=${this.#loopback.address("compact")}`, "--objstore.config-file"],
        ...[
          this.#stack.bucketFile,
          `--data-dir=${path.join(this.#loopback.dir, "compact-wait")}`,
          "--wait-interval=1h",
        ],
        ...["--consistency-delay=1000h", ...this.#stack.extraArgs("compact")],
      ],
      env: this.#stack.environment,
    });
    await eventually(60, () => read("compact").then(() => true));
    await this.#loopback.kill("compact");
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
