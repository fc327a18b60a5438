/** A FAKE kind: the commands that the cluster script uses, with the messages and exit codes of the real one. */
import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { type Step, currentWorld, steps } from "./world.ts";

const world = currentWorld();
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { name: { type: "string" }, config: { type: "string" }, kubeconfig: { type: "string" } },
});
const name = values.name ?? "kind";

class Failure extends Error {}

function engineMustAnswer(what: string): void {
  const { engine } = world.plan;
  if (engine !== undefined && (engine.onlyFor === undefined || positionals.includes(engine.onlyFor)))
    throw new Failure(
      `${what}: command "docker ps" failed with error: exit status 1\n\nCommand Output: ${engine.says}`,
    );
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function pause(event: string): Promise<void> {
  world.note(`paused ${event} ${process.pid}`);
  while (!world.mayGo()) await sleep(20);
}

/** client-go's lock, as kind takes it: a file that nobody may have left. */
function withLock(kubeconfig: string, work: () => void): void {
  fs.closeSync(fs.openSync(`${kubeconfig}.lock`, "wx", 0));
  work();
  fs.rmSync(`${kubeconfig}.lock`, { force: true });
}

async function create(kubeconfig: string): Promise<void> {
  engineMustAnswer("failed to list nodes");
  if (world.cluster(name) !== undefined)
    throw new Failure(`node(s) already exist for a cluster with the name "${name}"`);
  interface Node {
    readonly labels?: Record<string, string>;
    readonly extraPortMappings?: readonly { readonly hostPort?: number }[];
    readonly extraMounts?: readonly { readonly hostPath: string }[];
  }
  // The script writes it as JSON, which is YAML; a reader of that would double the time in which this starts.
  const { nodes } = JSON.parse(fs.readFileSync(0, "utf8")) as { nodes: readonly Node[] };
  const ports = nodes.flatMap(({ extraPortMappings = [] }) =>
    extraPortMappings.flatMap(({ hostPort }) => hostPort ?? []),
  );
  const made = {
    running: true,
    labels: nodes.map(({ labels }) => labels ?? {}),
    ports,
    mounts: nodes.flatMap(({ extraMounts = [] }) => extraMounts.map(({ hostPath }) => hostPath)),
  };
  world.note(`create ${name} ${process.pid}`);
  say(`Creating cluster "${name}" ... (FAKE kind)`);
  for (const step of steps) {
    if (step === "network") world.network = true;
    const taken = world.takenPort(ports, name);
    if (step === "containers" && taken !== undefined)
      throw new Failure(
        `failed to create cluster: command "docker run --name ${name}-control-plane" failed with error: exit status 125\n\n` +
          `Command Output: docker: Error response from daemon: Bind for 127.0.0.1:${taken} failed: port is already allocated.`,
      );
    if (step !== "image" && step !== "network") world.setCluster(name, { ...made, step });
    if (step === "kubeconfig") {
      withLock(kubeconfig, () => {
        fs.writeFileSync(kubeconfig, world.plan.kubeconfig ?? world.kubeconfig(name), { mode: 0o600 });
      });
    }
    say(` ✓ ${step}`);
    world.note(`step ${name} ${step}`);
    const { pauseAfter, fail } = world.plan;
    if (pauseAfter === step) await pause(step);
    if (fail?.after === step) {
      world.setCluster(name, undefined);
      throw new Failure(fail.says);
    }
  }
}

async function remove(kubeconfig: string): Promise<void> {
  engineMustAnswer(`failed to delete cluster "${name}"`);
  say(`Deleting cluster "${name}" ...`);
  world.note(`delete ${name} ${process.pid}`);
  if (world.plan.pauseDelete === true) await pause("delete");
  withLock(kubeconfig, () => undefined);
  world.setCluster(name, undefined);
}

const afterInit = (step: Step): boolean => steps.indexOf(step) >= steps.indexOf("init");

try {
  switch (positionals.join(" ")) {
    case "version":
      process.stdout.write(`${world.plan.kindVersion ?? "kind v0.33.0 go1.26.0 linux/amd64 (FAKE)"}\n`);
      break;
    case "get clusters":
      engineMustAnswer("failed to list clusters");
      if (world.clusters().length === 0) say("No kind clusters found.");
      process.stdout.write(
        world
          .clusters()
          .map((cluster) => `${cluster}\n`)
          .join(""),
      );
      break;
    case "get kubeconfig": {
      engineMustAnswer("failed to list nodes");
      const cluster = world.cluster(name);
      if (cluster?.running !== true || !afterInit(cluster.step))
        throw new Failure("failed to get cluster internal kubeconfig");
      process.stdout.write(world.kubeconfig(name));
      break;
    }
    case "create cluster":
      if (values.config !== "-" || values.kubeconfig === undefined)
        throw new Failure("the fake needs --config - and --kubeconfig");
      await create(values.kubeconfig);
      break;
    case "delete cluster":
      if (values.kubeconfig === undefined) throw new Failure("the fake needs --kubeconfig");
      await remove(values.kubeconfig);
      break;
    default:
      throw new Failure(`the fake does not know: ${positionals.join(" ")}`);
  }
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  say(`ERROR: ${error.message}`);
  process.exitCode = 1;
}
