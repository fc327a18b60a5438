/**
 * Thanos' programs and SeaweedFS on loopback, with the configuration that the program declares and the flags that the operator and
 * the charts add (named where they are set).
 */
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";
import { parse, stringify } from "yaml";
import type { Manifest } from "../../../components/kubernetes/manifest.ts";
import { asMap, at } from "../../../contract/finding.ts";
import { prometheusStart } from "../../../contract/prometheus-config.ts";
import { obtainProgram } from "../../../contract/readers.ts";
import { releases, render } from "../../../contract/rendered.ts";
import type { SettingsInput } from "../../../settings/schema.ts";
import type { Loopback } from "../loopback.ts";

const run = promisify(execFile);
const host = "127.0.0.1";

/** What a shell, YAML, JSON, Go templates or Thanos' own `$(NAME)` could mean something by. */
export const awkward = `p@ss "w'rd" #1: \\ $(AWS_ACCESS_KEY_ID) %20 {{ . }} & <ü> $HOME`;
/** What stands for a generated password where nobody generates any (contract/run-program.ts). */
const placeholder = "<secret: password>";

export interface Declared {
  readonly objects: readonly Manifest[];
  readonly content: readonly Manifest[];
  readonly values: (release: string) => Readonly<Record<string, unknown>>;
  readonly secret: (namespace: string, start: string) => Readonly<Record<string, string>>;
}

/** What the program declares with Thanos and a bucket in the cluster. @param more settings beside */
export async function declare(replicas: number, more: SettingsInput = {}): Promise<Declared> {
  const { declared: objects, content } = await render({
    settings: { thanos: { enabled: true }, objectStorage: "seaweedfs", prometheus: { replicas }, ...more },
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

/** SeaweedFS is left out where the bucket is another. */
export type Programs = Readonly<Record<"prometheus" | "promtool" | "thanos", string>> & { readonly weed?: string };

export const obtainPrograms = async (): Promise<Programs> => ({
  prometheus: await obtainProgram("prometheus"),
  promtool: await obtainProgram("promtool"),
  thanos: await obtainProgram("thanos"),
  weed: await obtainProgram("weed"),
});

export class ThanosStack {
  /** What the pods that use the bucket have of it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly bucketFile: string;
  readonly #loopback: Loopback;
  readonly #programs: Programs;
  readonly #declared: Declared;

  /** @param folder a bucket that is a folder, Thanos' own kind, in the place of the declared one */
  constructor(loopback: Loopback, programs: Programs, declared: Declared, folder?: string) {
    this.#loopback = loopback;
    this.#programs = programs;
    this.#declared = declared;
    // The declared credentials, with an awkward key in the place of the generated one.
    const { AWS_ACCESS_KEY_ID: id = "" } = declared.secret("monitoring", "object-storage-");
    this.environment = { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: awkward };
    const [bucket = ""] = Object.values(declared.secret("monitoring", "thanos-bucket-"));
    this.bucketFile = loopback.write(
      "bucket.yaml",
      folder === undefined
        ? this.#onLoopback(bucket)
        : stringify({ type: "FILESYSTEM", config: { directory: path.join(loopback.dir, folder) } }),
    );
  }

  get #weed(): string {
    if (this.#programs.weed === undefined) throw new Error("SeaweedFS was not obtained.");
    return this.#programs.weed;
  }

  /** Names of Services as addresses of this machine. */
  #onLoopback(text: string): string {
    const result = text.replaceAll("seaweedfs-all-in-one.object-storage.svc:8333", this.#loopback.address("s3"));
    const left = /[a-z0-9.-]+\.svc[a-z.]*:\d+/.exec(result)?.[0];
    if (left !== undefined) throw new Error(`The declared configuration names ${left}, which nothing here answers.`);
    return result;
  }

  /** As the chart starts it (seaweedfs 4.44.0, templates/all-in-one), bound to loopback: by default it listens on all addresses, and on ports 10000 above. */
  async seaweedfs(): Promise<void> {
    const values = this.#declared.values("seaweedfs");
    const users = this.#declared.secret("object-storage", "seaweedfs-users-")["seaweedfs_s3_config"] ?? "";
    const config = this.#loopback.write(
      "users.json",
      users.replaceAll(placeholder, JSON.stringify(awkward).slice(1, -1)),
    );
    const data = path.join(this.#loopback.dir, "seaweedfs");
    mkdirSync(data, { recursive: true });
    const port = (flag: string, name: string) => [
      `-${flag}.port=${this.#loopback.port(name)}`,
      `-${flag}.port.grpc=${this.#loopback.port(`${name}Grpc`)}`,
    ];
    await this.#loopback.start(
      "seaweedfs",
      this.#weed,
      [
        ...["-v=1", "server", `-dir=${data}`, "-master", "-volume", `-ip=${host}`, `-ip.bind=${host}`],
        ...["-idleTimeout=30", "-volume.max=0", "-master.defaultReplication=000", "-volume.readMode=proxy"],
        `-master.volumeSizeLimitMB=${String(at(values, "master", "volumeSizeLimitMB"))}`,
        ...["-volume.minFreeSpacePercent=1", "-volume.compactionMBps=50", "-filer", "-filer.dirListLimit=100000"],
        ...["-s3", `-s3.config=${config}`, `-metricsPort=${this.#loopback.port("weedMetrics")}`, `-metricsIp=${host}`],
        ...["master", "volume", "filer", "s3"].flatMap((name) => port(name, name)),
      ],
      `http://${this.#loopback.address("s3")}/status`,
      (asMap(at(values, "allInOne", "extraEnvironmentVars")) ?? {}) as Record<string, string>,
    );
  }

  /** As the chart's Job makes them. */
  async makeBuckets(): Promise<void> {
    const values = this.#declared.values("seaweedfs");
    const buckets = at(values, "allInOne", "s3", "createBuckets") as readonly { readonly name: string }[];
    const master = `${this.#loopback.address("master")}.${this.#loopback.port("masterGrpc")}`;
    const filer = `${this.#loopback.address("filer")}.${this.#loopback.port("filerGrpc")}`;
    for (const { name } of buckets) {
      const shell = run(this.#weed, ["shell", `-master=${master}`, `-filer=${filer}`], { timeout: 60_000 });
      shell.child.stdin?.end(`s3.bucket.create --name ${name}\n`);
      await shell;
    }
  }

  /** Where a Prometheus has its samples. */
  tsdb(replica: number): string {
    return path.join(this.#loopback.dir, `prometheus-${replica}`);
  }

  /**
   * Prometheus with the flags and labels that the operator makes of its object.
   *
   * @param more what else its configuration has, and flags in the place of declared ones or beside them
   */
  async prometheus(
    replica: number,
    more: { readonly config?: object; readonly flags?: readonly string[] } = {},
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const { config, flags } = prometheusStart(this.#declared.values("kube-prometheus-stack"));
    const { global } = config;
    // Two that the operator adds (pkg/prometheus/promcfg.go, buildExternalLabels).
    const labels = {
      ...asMap(global["external_labels"]),
      prometheus: "monitoring/kube-prometheus-stack-prometheus",
      prometheus_replica: `prometheus-kube-prometheus-stack-prometheus-${replica}`,
    };
    const file = this.#loopback.write(
      `prometheus-${replica}.yaml`,
      stringify({ global: { ...global, external_labels: labels }, ...more.config }),
    );
    const name = `prometheus${replica}`;
    await this.#loopback.start(
      name,
      this.#programs.prometheus,
      [
        `--config.file=${file}`,
        `--storage.tsdb.path=${this.tsdb(replica)}`,
        `--web.listen-address=${this.#loopback.address(name)}`,
        ...flags.filter((flag) => more.flags?.some((other) => other.split("=")[0] === flag.split("=")[0]) !== true),
        ...(more.flags ?? []),
      ],
      `http://${this.#loopback.address(name)}/prometheus/-/ready`,
      env,
    );
  }

  /** As the operator starts it (0.93, pkg/prometheus/server/statefulset.go, createThanosContainer). */
  async sidecar(replica: number): Promise<void> {
    const name = `sidecar${replica}`;
    await this.#loopback.start(
      name,
      this.#programs.thanos,
      [
        "sidecar",
        `--prometheus.url=http://${this.#loopback.address(`prometheus${replica}`)}/prometheus`,
        `--tsdb.path=${this.tsdb(replica)}`,
        `--objstore.config-file=${this.bucketFile}`,
        `--grpc-address=${this.#loopback.address(`${name}Grpc`)}`,
        `--http-address=${this.#loopback.address(name)}`,
      ],
      `http://${this.#loopback.address(name)}/-/ready`,
      this.environment,
    );
  }

  extraArgs(part: string): string[] {
    return (at(this.#declared.values("thanos"), part, "extraArgs") ?? []) as string[];
  }

  /** A part as the chart starts it (thanos 1.24.1 of stevehipwell, templates). */
  async part(name: "store" | "query" | "frontend", args: readonly string[]): Promise<void> {
    await this.#loopback.start(
      name,
      this.#programs.thanos,
      [...args, `--http-address=${this.#loopback.address(name)}`],
      `http://${this.#loopback.address(name)}/-/ready`,
      name === "store" ? this.environment : {},
    );
  }

  async store(): Promise<void> {
    await this.part("store", [
      ...[
        "store",
        `--grpc-address=${this.#loopback.address("storeGrpc")}`,
        `--objstore.config-file=${this.bucketFile}`,
      ],
      ...[
        `--data-dir=${path.join(this.#loopback.dir, "store")}`,
        "--sync-block-duration=2s",
        ...this.extraArgs("storeGateway"),
      ],
    ]);
  }

  async query(): Promise<void> {
    const labels = at(this.#declared.values("thanos"), "additionalReplicaLabels") as readonly string[];
    const [declared, ...others] = this.extraArgs("query");
    const asked = parse((declared ?? "").replace("--endpoint.sd-config=", "")) as {
      readonly endpoints: readonly { readonly address: string }[];
    };
    // What stands behind each name in the cluster.
    const behind: Readonly<Record<string, readonly string[]>> = {
      "dns+thanos-sidecar.monitoring.svc:10901": ["sidecar0Grpc", "sidecar1Grpc"],
      "dns+thanos-store-gateway-headless.monitoring.svc:10901": ["storeGrpc"],
      "dns+thanos-ruler.monitoring.svc:10901": ["ruler0Grpc", "ruler1Grpc"],
    };
    const endpoints = asked.endpoints.flatMap(({ address }) => {
      const names = behind[address];
      if (names === undefined) throw new Error(`The query is told to ask ${address}, which nothing here answers.`);
      return names.map((name) => ({ address: this.#loopback.address(name) }));
    });
    await this.part("query", [
      ...["query", `--grpc-address=${this.#loopback.address("queryGrpc")}`],
      ...labels.map((label) => `--query.replica-label=${label}`),
      ...[`--endpoint.sd-config=${stringify({ endpoints })}`, ...others],
    ]);
    await this.part("frontend", [
      "query-frontend",
      `--query-frontend.downstream-url=http://${this.#loopback.address("query")}`,
      ...this.extraArgs("queryFrontend"),
    ]);
  }

  /**
   * A ruler as the operator starts it (0.93, pkg/thanos/statefulset.go), which tells what listens as `alertmanager`.
   *
   * @param more flags that make waiting shorter
   */
  async ruler(replica: number, rules: string, more: readonly string[]): Promise<void> {
    const name = `ruler${replica}`;
    const spec = this.#declared.objects.find(({ kind }) => kind === "ThanosRuler")?.["spec"];
    const files = this.#declared.secret("monitoring", "thanos-ruler");
    const file = (key: string) =>
      this.#loopback.write(
        key,
        (files[key] ?? "")
          .replace("thanos-query-frontend.monitoring.svc:10902", this.#loopback.address("frontend"))
          .replace("dns+alertmanager-operated.monitoring.svc:9093", this.#loopback.address("alertmanager")),
      );
    const labels = { thanos_ruler_replica: `thanos-ruler-platform-${replica}`, ...asMap(at(spec, "labels")) };
    await this.#loopback.start(
      name,
      this.#programs.thanos,
      [
        ...["rule", `--data-dir=${path.join(this.#loopback.dir, name)}`],
        ...[
          `--http-address=${this.#loopback.address(name)}`,
          `--grpc-address=${this.#loopback.address(`${name}Grpc`)}`,
        ],
        ...[
          `--eval-interval=${String(at(spec, "evaluationInterval"))}`,
          `--tsdb.retention=${String(at(spec, "retention"))}`,
        ],
        ...Object.entries(labels).map(([label, value]) => `--label=${label}=${JSON.stringify(value)}`),
        ...["thanos_ruler_replica", ...(at(spec, "alertDropLabels") as readonly string[])].map(
          (label) => `--alert.label-drop=${label}`,
        ),
        ...[`--query.config-file=${file("query.yaml")}`, `--alertmanagers.config-file=${file("alertmanagers.yaml")}`],
        ...[`--alert.relabel-config-file=${file("alert-relabelings.yaml")}`, `--rule-file=${rules}`],
        ...[`--objstore.config-file=${this.bucketFile}`, ...more],
      ],
      `http://${this.#loopback.address(name)}/-/ready`,
      this.environment,
    );
  }

  /** The compactor as it runs all the time. */
  async compactor(): Promise<void> {
    const { address, dir } = { address: this.#loopback.address("compact"), dir: this.#loopback.dir };
    await this.#loopback.start(
      "compact",
      this.#programs.thanos,
      [
        ...["compact", "--wait", `--http-address=${address}`, `--objstore.config-file=${this.bucketFile}`],
        ...[`--data-dir=${path.join(dir, "compact")}`, ...this.extraArgs("compact")],
      ],
      `http://${address}/-/ready`,
      this.environment,
    );
  }
}
