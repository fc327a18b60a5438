/** A FAKE docker: the commands that the cluster script and the program use, with the messages of Docker 28. */
import * as fs from "node:fs";
import { currentWorld } from "./world.ts";

const world = currentWorld();
const args = process.argv.slice(2);
const { engine, info, others } = world.plan;
world.note(`docker ${args.join(" ")}`);

function fail(text: string): void {
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}

function copy(from: string, to: string): void {
  const [, node = "", file = ""] = /^([\w.-]+):(\/.*)$/.exec(from.includes(":/") ? from : to) ?? [];
  const found = world.clusterOf(node);
  if (found === undefined) {
    fail(`Error response from daemon: No such container: ${node}`);
    return;
  }
  if (to.includes(":/")) {
    const { name, cluster, index } = found;
    const kubeadm = cluster.labels.map((_, at) =>
      at === index ? fs.readFileSync(from, "utf8") : cluster.kubeadm?.[at],
    );
    world.setCluster(name, { ...cluster, kubeadm });
    return;
  }
  const text = world.file(node, file);
  if (text === undefined) fail(`Error response from daemon: Could not find the file ${file} in container ${node}`);
  else if (to === "-") process.stdout.write(text);
  else fs.writeFileSync(to, text);
}

function start(nodes: readonly string[]): void {
  for (const node of nodes) {
    const found = world.clusterOf(node);
    if (found === undefined) {
      fail(`Error response from daemon: No such container: ${node}`);
      continue;
    }
    const { name, cluster } = found;
    const taken = world.takenPort(cluster.ports ?? [], name);
    if (taken !== undefined) {
      fail(
        "Error response from daemon: failed to set up container networking: driver failed programming external connectivity " +
          `on endpoint ${node}: Bind for 127.0.0.1:${taken} failed: port is already allocated`,
      );
      continue;
    }
    world.setCluster(name, { ...cluster, running: true });
    process.stdout.write(`${node}\n`);
  }
}

const filters = args.filter((_, at) => args[at - 1] === "--filter");

/**
 * Answers what is about the registry beside a cluster, which is the rehearsal's: the real program, where FAKE_REGISTRY says.
 * Its code is loaded only where one is, or is to be.
 */
async function registry(): Promise<boolean> {
  if (args[0] !== "run" && !fs.existsSync(`${world.folder}/containers`))
    return args[0] === "ps" && /^(name=|label=observability\.dev)/.test(filters[0] ?? "");
  const { inspected, parseRun, passes, readContainers, removeContainer, runContainer, startContainer } =
    await import("../../../rehearsal/control-plane/containers.ts");
  const runner = { dir: world.folder, binaries: { registry: process.env["FAKE_REGISTRY"] } };
  const all = readContainers(world.folder);
  const named = all.filter(({ name }) => args.includes(name));
  if (args[0] === "run") {
    await runContainer(runner, parseRun(args.slice(1)));
  } else if (args[0] === "inspect") {
    process.stdout.write(JSON.stringify(named.map((container) => inspected(world.folder, container))));
  } else if (args[0] === "start" && named.length > 0) {
    for (const { name } of named) await startContainer(runner, name);
  } else if (args[0] === "rm") {
    for (const { name } of named) await removeContainer(world.folder, name);
  } else if (args[0] === "ps" && /^(name=|label=observability\.dev)/.test(filters[0] ?? "")) {
    const found = all.filter((container) => filters.every((filter) => passes(container, filter)));
    process.stdout.write(found.map(({ name }) => `${name}\n`).join(""));
  } else return false;
  return true;
}

if (engine !== undefined && engine.onlyFor === undefined) {
  fail(engine.says);
} else if (await registry()) {
  // It is answered.
} else if (args[0] === "info") {
  const well = {
    NCPU: 8,
    MemTotal: 16 * 1024 ** 3,
    CgroupVersion: "2",
    DockerRootDir: "/of-the-fake",
    KernelVersion: "of-the-fake",
  };
  process.stdout.write(`${JSON.stringify({ ...well, ...info })}\n`);
} else if (args[0] === "context" && args[1] === "inspect") {
  process.stdout.write(`${world.plan.engineAddress ?? "unix:///var/run/docker.sock"}\n`);
} else if (args[0] === "cp" && args.length === 3) {
  copy(args[1] ?? "", args[2] ?? "");
} else if (args[0] === "start") {
  start(args.slice(1));
} else if (args[0] === "ps" && args.at(-1) === "{{.Ports}}") {
  process.stdout.write(world.ports(/cluster=(.*)$/.exec(args[2] ?? "")?.[1] ?? ""));
} else if (args[0] === "ps") {
  const label = /^label=io\.x-k8s\.kind\.cluster=(.*)$/.exec(args[3] ?? "")?.[1];
  if (label !== undefined) process.stdout.write(world.containers(label));
  else process.stdout.write([...world.clusters(), ...(others ?? [])].map((name) => `${name}\n`).join(""));
} else if (args.join(" ") === "network rm kind") {
  if (!world.network) fail("Error response from daemon: network kind not found");
  world.network = false;
} else {
  fail(`the fake docker does not know: ${args.join(" ")}`);
}
