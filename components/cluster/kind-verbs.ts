/** The verbs of the cluster script (kind-script.ts). */
import * as fs from "node:fs";
import * as path from "node:path";

import { nodeContainers, readIdentity, stoppedOf, writeIdentity } from "./containers.ts";
import { installKind } from "./explain.ts";
import { type Identity, describeOwner, refusal, released } from "./identity.ts";
import { type Run, type Target, isUnfinished, readName, readTarget } from "./kind-run.ts";
import { EngineError, Kind, UserError, environment, query, removeScratch, signalGroup } from "./kind.ts";
import { type Lock, LockError, acquireLock, isAlive, lockFolder } from "./lock.ts";
import { removeRegistryFolder } from "./registry-mirrors.ts";
import { removeRegistry } from "./registry.ts";

/** A secret never gets this far; if one does, its line is not repeated. */
const secretLine =
  /-----BEGIN|-----END|(?:client-key|client-certificate|certificate-authority)-data|[A-Za-z0-9+/=]{200,}/;

function withoutKeys(message: string): string {
  return message
    .split("\n")
    .map((line) => (secretLine.test(line) ? "(a line with key material is left out)" : line))
    .join("\n");
}

async function remove(run: Run): Promise<void> {
  const { say, signal } = run;
  const target = readTarget();
  const folder = lockFolder(environment());
  const kind = await Kind.find({ say, folder, scratchKubeconfig: target.scratch });
  const stopped = new Set<number>();
  const lock = await acquireLock({
    folder,
    verb: "delete",
    cluster: target.name,
    say,
    signal,
    ...(target.owner === undefined ? {} : { owner: target.owner }),
    whileTaken({ holder, child, cluster, owner }) {
      // What a killed run of this environment still makes is about to be deleted: do not wait until it is made.
      if (cluster !== target.name || owner !== target.owner || child?.command.startsWith("kind create") !== true)
        return;
      if (stopped.has(child.pid) || isAlive(holder) || !isAlive(child)) return;
      stopped.add(child.pid);
      say(`a killed run left "${child.command}" running (pid ${child.pid}): stopping it.`);
      signalGroup(child.pid, "SIGKILL");
    },
  });
  try {
    if (!(await removeCluster(kind, target, lock, run))) return;
    await removeNetwork();
    for (const suffix of ["", ".tmp", ".lock"]) fs.rmSync(target.kubeconfigFile + suffix, { force: true });
    fs.rmSync(target.unfinishedFile, { force: true });
    if (target.registryFolder !== undefined) removeRegistryFolder(target.registryFolder);
  } finally {
    removeScratch(target.scratch);
    lock.release();
  }
}

/**
 * Deletes the cluster of an environment, if there is one.
 * @returns false when a cluster of another is there: then its files may be the other's, too
 */
async function removeCluster(kind: Kind | undefined, target: Target, lock: Lock, { say }: Run): Promise<boolean> {
  const { name } = target;
  try {
    const nodes = await nodeContainers(name);
    if (nodes.length === 0) {
      say(`there is no Kind cluster "${name}": nothing to delete.`);
      return true;
    }
    const found = await readIdentity(nodes);
    // A state of an earlier version has no owner, and its cluster has none either.
    const own = found === undefined ? isUnfinished(target) : found.hash !== undefined && found.owner === target.owner;
    if (!own) {
      if (found === undefined) throw new UserError(refusal(name, found));
      const whose = found.hash === undefined ? "somebody who did not use this project" : describeOwner(found);
      say(`the Kind cluster "${name}" belongs to ${whose}, not to this environment: it stays.`);
      return false;
    }
    if (kind === undefined) throw new UserError(`cannot delete the Kind cluster "${name}": kind ${installKind}`);
    await kind.delete(name, lock);
    say(`cluster "${name}" is deleted.`);
    return true;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (error.engine === "absent") {
      say(`no container engine is installed here, so there is no Kind cluster "${name}": nothing to delete.`);
      return true;
    }
    // The containers are on disk and come back with Docker: calling that deleted would leave them for ever.
    throw new UserError(
      `${error.message}\nWhether cluster "${name}" still exists cannot be known until Docker answers; nothing was removed. ` +
        `If this Docker is gone for good, take the cluster out of the state instead: pulumi state delete, then choose the ` +
        `resource that ends in "-claim", and remove ${path.relative(process.cwd(), target.kubeconfigFile)}.`,
    );
  }
}

/** Removes kind's Docker network when no container is on it, running or stopped. Nothing depends on success. */
async function removeNetwork(): Promise<void> {
  // Docker refuses only for running ones; a stopped one (a registry of the user, say) would not start again without it.
  const users = await query("docker", ["ps", "-aq", "--filter", "network=kind"]);
  if (users.code === 0 && users.stdout.trim() === "") await query("docker", ["network", "rm", "kind"]);
}

/** Lets the next environment of this name take its cluster over: what a lost state leaves behind. */
async function release({ say, signal }: Run): Promise<void> {
  const name = readName();
  const lock = await acquireLock({ folder: lockFolder(environment()), verb: "release", cluster: name, say, signal });
  try {
    const nodes = await nodeContainers(name);
    if (nodes.length === 0) {
      say(`there is no Kind cluster "${name}" here: nothing to take over.`);
      return;
    }
    const found = await readIdentity(nodes);
    if (found?.hash === undefined) throw new UserError(refusal(name, found));
    // It says whose it is for as long as it lives, and has nothing that the next environment does not push.
    if (found.owner !== undefined && found.owner !== released) await removeRegistry(found.owner);
    await writeIdentity(nodes, { owner: released });
    say(`cluster "${name}" belonged to ${describeOwner(found)}. The next up of that name takes it over.`);
  } finally {
    lock.release();
  }
}

/** Prints the Kind clusters of this project, and those that do not tell, as JSON. */
async function list({ say, print }: Run): Promise<void> {
  const folder = lockFolder(environment());
  const kind = await Kind.find({ say, folder, scratchKubeconfig: path.join(folder, "unused") });
  const clusters: (Identity & { name: string; running: boolean })[] = [];
  for (const name of kind === undefined ? [] : await kind.clusters()) {
    const nodes = await nodeContainers(name);
    const identity = await readIdentity(nodes);
    // One without a hash is somebody else's; one that cannot tell is half made and may be ours, so it is shown.
    if (identity === undefined || identity.hash !== undefined)
      clusters.push({ name, ...identity, running: stoppedOf(nodes).length === 0 });
  }
  print(`${JSON.stringify(clusters, null, 2)}\n`);
}

/** What reads YAML and speaks TLS is loaded by the verbs that need it: that is half of the script's start. */
const ensure = async (run: Run, known: boolean) => {
  await (await import("./kind-ensure.ts")).ensure(run, known);
};

const verbs: Readonly<Record<string, (run: Run) => Promise<void>>> = {
  ensure: (run) => ensure(run, false),
  update: (run) => ensure(run, true),
  delete: remove,
  list,
  release,
};

/** What the script has of its process. */
export interface Surroundings {
  /** Aborted by the name of the signal that the script got. */
  readonly signal: AbortSignal;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

const exitCodes: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** The signals that interrupt the script. */
export const interrupts = Object.keys(exitCodes) as NodeJS.Signals[];

/** Runs the script with these arguments and this {@link environment}. @returns its exit code */
export async function runScript(args: readonly string[], { signal, stdout, stderr }: Surroundings): Promise<number> {
  const say = (message: string): void => {
    stderr(`${withoutKeys(message)}\n`);
  };
  const verb = verbs[args[0] ?? ""];
  if (verb === undefined || args.length !== 1) {
    say(`use: node components/cluster/kind-script.ts ${Object.keys(verbs).join("|")} (not "${args.join(" ")}")`);
    return 2;
  }
  /** The error that ends the script. Pulumi repeats both streams when a command fails, and shows only one while it runs. */
  const sayError = (message: string): void => {
    (environment()["KIND_ERRORS"] === "stdout" ? stdout : stderr)(`error: ${withoutKeys(message)}\n`);
  };
  try {
    await verb({ signal, say, print: stdout });
    return 0;
  } catch (error) {
    if (signal.aborted) {
      if (error instanceof UserError) sayError(error.message);
      say(`interrupted by ${String(signal.reason)}.`);
      return exitCodes[String(signal.reason)] ?? 1;
    }
    // What the system refuses (EACCES, ENOSPC) is no defect of the script, so its message says it all.
    const known =
      error instanceof UserError || error instanceof LockError || (error instanceof Error && "syscall" in error);
    sayError(known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error));
    return 1;
  }
}
