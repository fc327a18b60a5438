/** The containers of a Kind cluster, asked of Docker: the only one that knows whether a cluster is stopped or gone. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { type Identity, identityIn, withIdentity } from "./identity.ts";
import { EngineError, type Finished, UserError, commandError, query } from "./kind.ts";

/** A container that is a node of a cluster. */
export interface NodeContainer {
  readonly name: string;
  /** As Docker calls it: running, exited, created, paused, restarting, dead. */
  readonly state: string;
}

/** Label of Docker that kind puts on each node (kind 0.33.0, pkg/cluster/internal/providers/docker/constants.go). */
const clusterLabel = "io.x-k8s.kind.cluster";

/** What a command of Docker prints; it gets 60 s unless another time is named. @throws UserError with what it said */
export async function docker(args: readonly string[], what: string, timeoutMs?: number): Promise<string> {
  const found = await query("docker", args, timeoutMs);
  if (found.code !== 0) throw dockerError(what, found);
  return found.stdout;
}

function dockerError(what: string, found: Finished): UserError {
  if (!found.notFound) return commandError(what, found, "docker");
  const install = "Docker is not installed or not on PATH. Install it: https://docs.docker.com/engine/install/";
  return new EngineError("absent", `${what}: ${install}`);
}

/**
 * The nodes of a cluster, whatever state they are in; none when there is no such cluster.
 * @throws EngineError when Docker is absent or does not answer: then nothing is known
 */
export async function nodeContainers(cluster: string): Promise<NodeContainer[]> {
  const args = ["ps", "-a", "--filter", `label=${clusterLabel}=${cluster}`, "--format", "{{.Names}}\t{{.State}}"];
  const listed = await docker(args, `cannot ask Docker for the nodes of cluster "${cluster}"`);
  return listed
    .split("\n")
    .filter((line) => line.includes("\t"))
    .map((line) => {
      const [name = "", state = ""] = line.split("\t");
      return { name, state };
    });
}

const kubeadmConfig = "/kind/kubeadm.conf";

/** What the first node that can tell says of its cluster; undefined when none has its configuration yet. */
export async function readIdentity(nodes: readonly NodeContainer[]): Promise<Identity | undefined> {
  for (const { name } of nodes) {
    const text = await readFile(name, kubeadmConfig);
    if (text !== undefined) return identityIn(text);
  }
  return undefined;
}

/** A file of a container, running or not, inside a tar stream; undefined when there is none. */
async function readFile(container: string, file: string): Promise<string | undefined> {
  const found = await query("docker", ["cp", `${container}:${file}`, "-"]);
  if (found.code === 0) return found.stdout;
  // "Could not find the file ..." (daemon), "No such container:path: ..." (older); a container that went meanwhile too.
  if (/could not find the file|no such (?:container|file)/i.test(found.stderr)) return undefined;
  throw dockerError(`cannot read ${file} of ${container}`, found);
}

/** Whether kubeadm never finished on the control plane: nothing was ever kept in such a cluster. */
export async function isHalfMade(nodes: readonly NodeContainer[]): Promise<boolean> {
  const controlPlane = nodes.find(({ name }) => name.endsWith("-control-plane"));
  if (controlPlane === undefined) return false;
  return (await readFile(controlPlane.name, "/etc/kubernetes/admin.conf")) === undefined;
}

/** Writes whose the cluster is into each of its nodes. */
export async function writeIdentity(nodes: readonly NodeContainer[], identity: Identity): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "kind-identity-"));
  try {
    const file = path.join(folder, "kubeadm.conf");
    for (const { name } of nodes) {
      const what = `cannot write whose the node ${name} is`;
      await docker(["cp", `${name}:${kubeadmConfig}`, file], what);
      fs.writeFileSync(file, withIdentity(fs.readFileSync(file, "utf8"), identity));
      await docker(["cp", file, `${name}:${kubeadmConfig}`], what);
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Those nodes that do not run. */
export function stoppedOf(nodes: readonly NodeContainer[]): NodeContainer[] {
  return nodes.filter(({ state }) => state !== "running" && state !== "restarting");
}

/** Starts the nodes that are stopped; a paused one goes on. */
export async function startNodes(nodes: readonly NodeContainer[]): Promise<void> {
  const stopped = stoppedOf(nodes);
  const paused = stopped.filter(({ state }) => state === "paused").map(({ name }) => name);
  const ended = stopped.filter(({ state }) => state !== "paused").map(({ name }) => name);
  if (ended.length > 0) await docker(["start", ...ended], "cannot start the stopped cluster");
  if (paused.length > 0) await docker(["unpause", ...paused], "cannot wake the paused cluster");
}
