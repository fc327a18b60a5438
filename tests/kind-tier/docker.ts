/**
 * A container engine that can run Kind: the one that is there, else a Docker of our own, which is gone afterwards.
 *
 * Our own listens on a Unix socket only and has a bridge, data, state and control group of its own. What it changes in the
 * host beside those (packet filter, forwarding) is put back when it stops. A second process stops it when this one ends
 * in any way, also by SIGKILL. There is one at a time: another process that wants one waits.
 */
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheFolder } from "../../toolchain/cache.ts";
import { run, which, type RunResult } from "../../toolchain/run.ts";
import { ensureCommands } from "./apt.ts";
import { lacksSysResource } from "./node-image.ts";

export type Say = (line: string) => void;

/** A running container engine. */
export interface Engine {
  /** What `docker` and `kind` need in their environment to use it. */
  readonly env: Readonly<Record<string, string>>;
  /** Started here. */
  readonly ours: boolean;
  /** Runs the docker command; a failure is an error with what it said. */
  docker(args: readonly string[]): Promise<string>;
  /** Stops an engine of ours, with everything in it; another one is left alone. */
  stop(): Promise<void>;
}

/** No engine can be had; the message says why and what to do. */
export class NoEngine extends Error {
  override readonly name = "NoEngine";
}

/**
 * The engine that `docker` reaches here, else one of our own.
 *
 * @throws NoEngine when neither is possible
 */
export async function obtainEngine(say: Say): Promise<Engine> {
  const there = await usableEngine();
  if ("engine" in there) return there.engine;
  const cannot = await prepareOwn(say);
  if (cannot !== undefined) {
    throw new NoEngine(
      `no Docker to run Kind on (${there.why}), and one of our own cannot be started: ${cannot}. ` +
        `Install Docker (https://docs.docker.com/engine/install/) or run as root on Debian.`,
    );
  }
  say(`Docker: ${there.why}; starting one of our own`);
  return startEngine(say);
}

interface DockerInfo {
  readonly OSType?: string;
  readonly DefaultRuntime?: string;
  readonly ServerErrors?: readonly string[];
}

async function usableEngine(): Promise<{ readonly engine: Engine } | { readonly why: string }> {
  if (!which("docker", process.env)) return { why: "docker is not on PATH" };
  const result = await run("docker", ["info", "--format", "{{json .}}"], { signal: AbortSignal.timeout(20_000) }).catch(
    () => undefined,
  );
  if (result === undefined) return { why: "docker info does not end" };
  let info: DockerInfo = {};
  try {
    info = JSON.parse(result.stdout) as DockerInfo;
  } catch {
    // It did not get as far; standard error says why.
  }
  const [error] = [...(info.ServerErrors ?? []), ...result.stderr.trim().split("\n")];
  if (result.code !== 0 || info.ServerErrors?.length) return { why: error || "docker info fails" };
  if (info.OSType !== "linux") return { why: `it runs ${info.OSType ?? "nothing"}, not Linux containers` };
  const local = (process.env["DOCKER_HOST"] ?? "unix://").startsWith("unix://");
  if (local && process.platform === "linux" && info.DefaultRuntime === "runc" && lacksSysResource()) {
    return { why: "it cannot run privileged containers, because this host withholds CAP_SYS_RESOURCE" };
  }
  return { engine: engineAt({}, false, () => Promise.resolve()) };
}

function engineAt(env: Readonly<Record<string, string>>, ours: boolean, stop: () => Promise<void>): Engine {
  return {
    env,
    ours,
    stop,
    async docker(args) {
      const result = await run("docker", args, { env: { ...process.env, ...env } });
      if (result.code !== 0) throw new Error(`docker ${args.slice(0, 3).join(" ")} failed:\n${result.stderr.trim()}`);
      return result.stdout;
    },
  };
}

/** Installs what an engine of our own needs. Returns why there can be none. */
async function prepareOwn(say: Say): Promise<string | undefined> {
  if (process.platform !== "linux") return `that needs Linux; this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "that needs root";
  return ensureCommands({ dockerd: "docker.io", iptables: "iptables", ip: "iproute2" }, say);
}

/** All that is needed to stop an engine of ours and to put the host back, on disk before anything is changed. */
interface EngineRecord {
  /** Folder on disk: images, containers, log, this record. */
  readonly folder: string;
  /** Short folder in memory: sockets, process ids. A Unix socket's path may have 107 characters. */
  readonly runFolder: string;
  readonly bridge: string;
  readonly cgroup: string;
  /** Network links before. */
  readonly links: readonly string[];
  /** `iptables-save` and `ip6tables-save` before. */
  readonly filters: Readonly<{ [Command in FilterCommand]: string }>;
  readonly forwarding: string;
}

const filterCommands = ["iptables", "ip6tables"] as const;
type FilterCommand = (typeof filterCommands)[number];
const forwardingFile = "/proc/sys/net/ipv4/ip_forward";
const recordName = "record.json";

async function startEngine(say: Say): Promise<Engine> {
  const guard = spawn(process.execPath, [join(import.meta.dirname, "engine-guard.ts")], {
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
  });
  guard.stdin.on("error", () => undefined);
  // What the host has is noted now and put back at the end: two engines of ours at once would put back each other's.
  await new Promise<void>((locked, failed) => {
    guard.once("exit", () => {
      failed(new NoEngine("the process that would stop a Docker of our own does not start"));
    });
    createInterface({ input: guard.stdout }).on("line", (line) => {
      if (line === "locked") locked();
      else say("another process has a Docker of its own on this machine; waiting for its end");
    });
  });
  guard.stdout.destroy();
  guard.unref();
  // A pipe, so a handle that would keep this process alive; it must not.
  (guard.stdin as unknown as { unref?: () => void }).unref?.();

  const home = join(cacheFolder(), "kind-tier");
  mkdirSync(home, { recursive: true });
  const folder = mkdtempSync(join(home, "engine-"));
  const runFolder = mkdtempSync("/run/observability-kind-");
  const id = runFolder.slice(-6).toLowerCase();
  const filters = {
    iptables: (await run("iptables-save", [])).stdout,
    ip6tables: (await run("ip6tables-save", [])).stdout,
  };
  const record: EngineRecord = {
    folder,
    runFolder,
    bridge: `kind-${id}`,
    cgroup: `/observability-kind-${id}`,
    links: linkNames(),
    filters,
    forwarding: readFileSync(forwardingFile, "utf8"),
  };
  writeFileSync(join(folder, recordName), JSON.stringify(record));
  guard.stdin.write(folder);
  const stop = async () => {
    // The guard stops the engine when its input ends, however that comes about: one way, tested each time.
    const ended = new Promise<void>((resolve) =>
      guard.once("exit", () => {
        resolve();
      }),
    );
    guard.ref();
    guard.stdin.end();
    if (guard.exitCode === null && guard.signalCode === null) await ended;
    if (existsSync(folder)) throw new Error(`the Docker of ours could not be removed: ${readLog(folder)}`);
  };
  try {
    await launch(record);
    const socket = `unix://${join(runFolder, "docker.sock")}`;
    const engine = engineAt({ DOCKER_HOST: socket }, true, stop);
    say(`a Docker of our own runs at ${socket}`);
    return engine;
  } catch (error) {
    const log = readLog(folder);
    await stop().catch(() => undefined);
    throw new NoEngine(`a Docker of our own does not start: ${error instanceof Error ? error.message : ""}\n${log}`);
  }
}

async function launch(record: EngineRecord): Promise<void> {
  const { folder, runFolder, bridge, cgroup } = record;
  // Docker makes the default bridge by itself only under its one name, docker0, which may be another Docker's.
  await must("ip", ["link", "add", bridge, "type", "bridge"]);
  await must("ip", ["address", "add", await freeNetwork(), "dev", bridge]);
  await must("ip", ["link", "set", bridge, "up"]);
  const runtime = lacksSysResource()
    ? [
        "--add-runtime",
        `kind=${join(import.meta.dirname, "runtime-without-sys-resource.sh")}`,
        "--default-runtime",
        "kind",
      ]
    : [];
  const config = join(folder, "daemon.json");
  writeFileSync(config, "{}");
  const log = openSync(join(folder, "dockerd.log"), "a", 0o600);
  const child = spawn(
    "dockerd",
    [
      ...["--host", `unix://${join(runFolder, "docker.sock")}`, "--pidfile", join(runFolder, "docker.pid")],
      ...["--data-root", join(folder, "data"), "--exec-root", join(runFolder, "exec")],
      ...["--bridge", bridge, "--cgroup-parent", cgroup, "--exec-opt", "native.cgroupdriver=cgroupfs"],
      // Nothing of the host's own Docker.
      ...["--config-file", config, "--log-level", "warn", "--shutdown-timeout", "5"],
      ...runtime,
    ],
    { detached: true, stdio: ["ignore", log, log], env: { ...process.env, DOCKER_HOST: "" } },
  );
  closeSync(log);
  child.unref();
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => {
      resolve(error.message);
    });
    child.once("exit", (code) => {
      resolve(`dockerd ended with ${String(code)}`);
    });
  });
  const env = { ...process.env, DOCKER_HOST: `unix://${join(runFolder, "docker.sock")}` };
  for (let tries = 0; tries < 240; tries++) {
    const failure = await Promise.race([ended, sleep(250)]);
    if (failure !== undefined) throw new Error(failure);
    if (existsSync(join(runFolder, "docker.sock")) && (await run("docker", ["version"], { env })).code === 0) return;
  }
  throw new Error("it does not answer within a minute");
}

/** An address range that no link of this host has, for a bridge that no container uses. */
async function freeNetwork(): Promise<string> {
  const routes = (await must("ip", ["-4", "route"])).stdout;
  for (let third = 255; third > 200; third--) {
    if (!routes.includes(`172.30.${third}.`)) return `172.30.${third}.1/24`;
  }
  throw new Error("no free range of addresses in 172.30.0.0/16");
}

/** Stops the engine that the folder's record tells of and removes every trace. Any process may call it, at any time. */
export async function stopEngine(folder: string): Promise<void> {
  if (!existsSync(join(folder, recordName))) return;
  const record = JSON.parse(readFileSync(join(folder, recordName), "utf8")) as EngineRecord;
  const env = { ...process.env, DOCKER_HOST: `unix://${join(record.runFolder, "docker.sock")}` };
  const docker = async (...args: string[]) =>
    run("docker", args, { env, signal: AbortSignal.timeout(60_000) }).catch(() => undefined);
  const containers = words(await docker("ps", "-aq"));
  if (containers.length > 0) await docker("rm", "-f", "-v", ...containers);
  await docker("network", "prune", "-f");

  for (const [signal, seconds] of [["SIGTERM", 20] as const, ["SIGKILL", 10] as const]) {
    const [daemon] = processesOf(record).filter(({ command }) => /(^|\/)dockerd\0/.test(command));
    // dockerd ends its containerd itself; what is left is killed.
    const targets = signal === "SIGTERM" ? (daemon === undefined ? [] : [daemon]) : processesOf(record);
    for (const { pid } of targets) kill(pid, signal);
    for (let tries = 0; tries < seconds * 10 && processesOf(record).length > 0; tries++) await sleep(100);
  }
  const left = processesOf(record);
  if (left.length > 0) throw new Error(`still running after SIGKILL: ${left.map(({ pid }) => pid).join(", ")}`);

  for (const path of mountsUnder([record.folder, record.runFolder])) await run("umount", ["-l", path]);
  for (const link of linkNames()) {
    const made = link === record.bridge || /^br-[0-9a-f]{12}$/.test(link);
    if (made && !record.links.includes(link)) await run("ip", ["link", "delete", link]);
  }
  for (const command of filterCommands) await restoreFilter(command, record.filters[command]);
  writeFileSync(forwardingFile, record.forwarding);
  for (const root of ["/sys/fs/cgroup", ...globSync("/sys/fs/cgroup/*")]) removeCgroup(join(root, record.cgroup));
  rmSync(record.runFolder, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
}

/** Puts back tables as they were; a table that was not there is emptied, which is how it is then listed. */
async function restoreFilter(command: FilterCommand, before: string): Promise<void> {
  const now = (await run(`${command}-save`, [])).stdout;
  if (now.replaceAll(/^#.*\n/gm, "") === before.replaceAll(/^#.*\n/gm, "")) return;
  for (const [, table = ""] of now.matchAll(/^\*(\S+)$/gm)) {
    if (new RegExp(`^\\*${table}$`, "m").test(before)) continue;
    await run(command, ["-w", "-t", table, "-F"]);
    await run(command, ["-w", "-t", table, "-X"]);
    if (table === "filter") await run(command, ["-w", "-t", table, "-P", "FORWARD", "ACCEPT"]);
  }
  if (before.trim() === "") return;
  const child = spawn(`${command}-restore`, ["-w"], { stdio: ["pipe", "ignore", "ignore"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.stdin.end(before);
  await ended;
}

interface Running {
  readonly pid: number;
  /** Arguments, each ended by a zero byte. */
  readonly command: string;
}

/** Processes that were started for this engine: they carry one of its folders in their command line. */
function processesOf(record: EngineRecord): Running[] {
  const found: Running[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    try {
      const command = readFileSync(`/proc/${entry}/cmdline`, "utf8");
      const ours = command.includes(`${record.folder}/`) || command.includes(`${record.runFolder}/`);
      if (ours && /(^|\/)(dockerd|containerd[\w-]*|docker-proxy)\0/.test(command))
        found.push({ pid: Number(entry), command });
    } catch {
      // Ended since.
    }
  }
  return found;
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Ended since.
  }
}

/** Mount points under the folders, the innermost first. */
function mountsUnder(folders: readonly string[]): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((path) => folders.some((folder) => path === folder || path.startsWith(`${folder}/`)))
    .reverse();
}

function linkNames(): string[] {
  return readdirSync("/sys/class/net");
}

function removeCgroup(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(path, entry.name));
  }
  try {
    rmdirSync(path);
  } catch {
    // Something still runs in it; it shows in what is left.
  }
}

async function must(command: string, args: readonly string[]): Promise<RunResult> {
  const result = await run(command, args);
  if (result.code !== 0) throw new Error(`${command} ${args.join(" ")}: ${result.stderr.trim()}`);
  return result;
}

function words(result: RunResult | undefined): string[] {
  return (result?.stdout ?? "").split(/\s+/).filter((word) => word !== "");
}

function readLog(folder: string): string {
  const file = join(folder, "dockerd.log");
  return existsSync(file) ? lastLines(readFileSync(file, "utf8"), 8) : "(no log)";
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}
