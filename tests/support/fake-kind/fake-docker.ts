/** A FAKE docker: the commands that the cluster script uses. */
import { currentWorld, steps } from "./world.ts";

const world = currentWorld();
const args = process.argv.slice(2);
const { engine, info, others, ports } = world.plan;
world.note(`docker ${args.join(" ")}`);

/** Node labels as kind writes them into kubeadm's configuration. */
function labelText(labels: Readonly<Record<string, string>> = {}): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

function fail(text: string): void {
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}

if (engine !== undefined && engine.onlyFor === undefined) {
  fail(engine.says);
} else if (args[0] === "info") {
  const well = { NCPU: 8, MemTotal: 16 * 1024 ** 3, CgroupVersion: "2", DockerRootDir: "/of-the-fake" };
  process.stdout.write(`${JSON.stringify({ ...well, ...info })}\n`);
} else if (args[0] === "context" && args[1] === "inspect") {
  process.stdout.write(`${world.plan.engineAddress ?? "unix:///var/run/docker.sock"}\n`);
} else if (args[0] === "cp") {
  const name = /^(.*)-control-plane:\/kind\/kubeadm\.conf$/.exec(args[1] ?? "")?.[1] ?? "";
  const cluster = world.cluster(name);
  if (cluster === undefined || steps.indexOf(cluster.step) < steps.indexOf("config")) fail("Could not find the file");
  else process.stdout.write(`kubeletExtraArgs:\n  node-labels: "${labelText(cluster.labels[0])}"\n`);
} else if (args[0] === "ps" && args.at(-1) === "{{.Ports}}") {
  // As Docker 28 writes them; only published ones carry an address.
  process.stdout.write(`${(ports ?? []).map((port) => `127.0.0.1:${port}->30300/tcp`).join(", ")}\n`);
} else if (args[0] === "ps") {
  const label = /^label=io\.x-k8s\.kind\.cluster=(.*)$/.exec(args[3] ?? "")?.[1];
  const nodes = label === undefined ? world.clusters() : world.clusters().filter((name) => name === label);
  const found = args[3] === "network=kind" ? [...nodes, ...(others ?? [])] : nodes;
  process.stdout.write(found.map((name) => `${name}\n`).join(""));
} else if (args.join(" ") === "network rm kind") {
  if (!world.network) fail("Error response from daemon: network kind not found");
  world.network = false;
} else {
  fail(`the fake docker does not know: ${args.join(" ")}`);
}
