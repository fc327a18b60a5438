/**
 * A stand-in for the `docker` command: what the cluster script and the program ask of the containers that kind made. The
 * containers of a cluster stop and start together, since they are one set of local processes; their data stays, as it does
 * in a stopped container. Words and exit codes are those of Docker 28.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { launchControlPlane } from "./control-plane.ts";
import { readState } from "./kind-state.ts";
import { fileOf, isStopped, readNodes, setStopped, takenPort } from "./nodes.ts";
import { reap, recordThis } from "./processes.ts";

const state = readState();
const folder = join(state.dir, "clusters");
const clusters = (): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);

/** The cluster of a container. @throws Error when there is none */
function clusterOf(container: string): { readonly name: string; readonly dir: string } {
  const name = clusters().find((cluster) => readNodes(join(folder, cluster)).some((node) => node.name === container));
  if (name === undefined) throw new Error(`No such container: ${container}`);
  return { name, dir: join(folder, name) };
}

function info(): void {
  const what = "stand-in of the rehearsal: local processes, no containers";
  // As large as any environment needs, and with a root folder that cannot be seen: nothing of this machine counts.
  process.stdout.write(`${JSON.stringify({ Name: what, NCPU: 64, MemTotal: 64 * 1024 ** 3, CgroupVersion: "2" })}\n`);
}

function list(args: readonly string[]): void {
  const filter = /^label=io\.x-k8s\.kind\.cluster=(.*)$/.exec(args[args.indexOf("--filter") + 1] ?? "")?.[1];
  const names = filter === undefined ? clusters() : clusters().filter((name) => name === filter);
  for (const name of names) {
    const dir = join(folder, name);
    const status = isStopped(dir) ? "exited" : "running";
    if (status === "exited" && !args.includes("-a") && !args.includes("-aq")) continue;
    for (const node of readNodes(dir)) {
      const format = args[args.indexOf("--format") + 1];
      if (args.includes("-aq")) process.stdout.write(`${node.name}\n`);
      else if (format === "{{.Names}}\t{{.State}}") process.stdout.write(`${node.name}\t${status}\n`);
      else if (format === "{{.Ports}}")
        process.stdout.write(`${node.ports.map((port) => `127.0.0.1:${port}->30000/tcp`).join(", ")}\n`);
      else throw new Error(`the rehearsal's docker does not know: ps ${args.join(" ")}`);
    }
  }
}

function copy(from = "", to = ""): void {
  const inContainer = (text: string) => /^([\w.-]+):(\/.*)$/.exec(text);
  const [, container = "", file = ""] = inContainer(from) ?? inContainer(to) ?? [];
  const path = fileOf(clusterOf(container).dir, container, file);
  if (inContainer(to) !== null) {
    mkdirSync(dirname(path), { recursive: true });
    copyFileSync(from, path);
  } else if (!existsSync(path)) throw new Error(`Could not find the file ${file} in container ${container}`);
  else if (to === "-") process.stdout.write(readFileSync(path));
  else writeFileSync(to, readFileSync(path));
}

async function start(containers: readonly string[]): Promise<void> {
  for (const container of containers) {
    const { name, dir } = clusterOf(container);
    if (isStopped(dir)) {
      const taken = takenPort(folder, name, readNodes(dir));
      if (taken !== undefined) throw new Error(`Bind for 127.0.0.1:${taken} failed: port is already allocated`);
      const { clusters: known } = parse(readFileSync(join(dir, "kubeconfig"), "utf8")) as {
        clusters: [{ cluster: { server: string } }];
      };
      const apiPort = Number(new URL(known[0].cluster.server).port);
      await launchControlPlane({ name, dir, binaries: state.binaries, nodes: readNodes(dir), apiPort });
      setStopped(dir, false);
    }
    process.stdout.write(`${container}\n`);
  }
}

async function stop(containers: readonly string[]): Promise<void> {
  for (const container of containers) {
    const { dir } = clusterOf(container);
    if (!isStopped(dir)) {
      setStopped(dir, true);
      await reap(dir);
    }
    process.stdout.write(`${container}\n`);
  }
}

async function main([command = "", ...args]: readonly string[]): Promise<void> {
  if (command === "info") info();
  else if (command === "context") process.stdout.write("unix:///var/run/docker.sock\n");
  else if (command === "ps") list(args);
  else if (command === "cp") copy(...args);
  else if (command === "start" || command === "stop") {
    // What it starts is killed with the rehearsal, and nothing starts in a folder that is being removed.
    recordThis(state.dir, "docker");
    await (command === "start" ? start : stop)(args);
  } else if (command === "network") return;
  else throw new Error(`the rehearsal's stand-in for docker does not know: ${[command, ...args].join(" ")}`);
}

try {
  await main(process.argv.slice(2));
  // The processes that were started are no business of this one any more.
  process.exit(0);
} catch (error) {
  process.stderr.write(`Error response from daemon: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
