/**
 * Makes, adopts, lists, releases and deletes the Kind cluster of an environment. Pulumi runs it; by hand it is
 * `node components/cluster/kind-script.ts ensure|update|delete|list|release` with the same environment variables:
 *
 * - `KIND_CLUSTER_NAME`: name of the cluster (all but list).
 * - `KIND_OWNER`: id of the environment (ensure, update, delete). A cluster that carries another is left alone. `update` is
 *   `ensure` for a cluster that the state knows: there it may also be one of an earlier version, which has no owner.
 * - `KIND_PROJECT`, `KIND_STACK`, `KIND_GENERATION`: further labels of the nodes (ensure, update). @default none
 * - `KIND_CONFIG`: the Kind configuration, v1alpha4 YAML; the labels are added to each node (ensure, update).
 * - `KIND_CONFIG_HASH`: its hash, a label as well (ensure, update).
 * - `KUBECONFIG_FILE`: where the kubeconfig is written, mode 0600 (ensure, update, delete).
 * - `KIND_READY_TIMEOUT`: seconds until API, nodes and DNS must be ready. @default 300
 * - `KIND_REGISTRY_FOLDER`, `KIND_REGISTRY_MIRRORS`: folder for containerd's hosts.toml files, and a JSON object of
 *   registry host to mirror address. @default none
 * - `KIND_REGISTRY_CREDENTIALS`: JSON object of mirror host to the base64 of `user:password`. @default none
 * - `REQUESTED_CPU_MILLICORES`, `REQUESTED_MEMORY_MIB`: what the environment requests, for the check of the host.
 * - `KIND_ERRORS`: `stdout` writes the error that ends the script there. @default standard error
 * - `KIND_LOCK_DIR`: folder of the per-host lock. @default /tmp/observability-kind-<uid>
 *
 * Standard output is the kubeconfig (ensure, update) or JSON (list) and nothing else; what people read is on standard error
 * and never holds key material. Exit code 0, 1 for an error, 2 for wrong use, 130 and 143 after SIGINT and SIGTERM.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { parse, stringify } from "yaml";

import {
  type NodeContainer,
  isHalfMade,
  nodeContainers,
  readIdentity,
  startNodes,
  stoppedOf,
  writeIdentity,
} from "./containers.ts";
import { type Identity, describeOwner, labelsOf, otherSettings, refusal, released } from "./identity.ts";
import { EngineError, KilledError, Kind, UserError, query, removeScratch, signalGroup } from "./kind.ts";
import { makePrivateFolder, writeKubeconfig } from "./kubeconfig-file.ts";
import { type Lock, LockError, acquireLock, isAlive, lockFolder } from "./lock.ts";
import { type KindConfigFacts, hostProbes, installKind, preflight, readKindConfig } from "./preflight.ts";
import {
  ApiClient,
  KubeconfigError,
  type Missing,
  describeMissing,
  describeUnready,
  readKubeconfig,
  waitUntilReady,
} from "./readiness.ts";
import { removeRegistryFolder, writeRegistryFolder } from "./registry-mirrors.ts";
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

function say(message: string): void {
  process.stderr.write(`${withoutKeys(message)}\n`);
}

/** The error that ends the script. Pulumi repeats both streams when a command fails, and shows only one while it runs. */
function sayError(message: string): void {
  const stream = process.env["KIND_ERRORS"] === "stdout" ? process.stdout : process.stderr;
  stream.write(`error: ${withoutKeys(message)}\n`);
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "")
    throw new UserError(
      `${name} is not set. Pulumi sets it; by hand, see the head of ${path.relative(process.cwd(), import.meta.filename)}.`,
    );
  return value;
}

function numberFrom(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw new UserError(`${name} is "${text}"; it must be a number that is not negative.`);
  return value;
}

/** What all verbs but `list` work on. */
interface Target {
  readonly name: string;
  /** Id of the environment; undefined for a state of an earlier version. */
  readonly owner: string | undefined;
  readonly kubeconfigFile: string;
  /** Where kind writes: beside the real file, in the same private folder. */
  readonly scratch: string;
  /** Is there, and holds the owner, from before kind begins until the cluster has been ready once. */
  readonly unfinishedFile: string;
  readonly registryFolder: string | undefined;
}

function readName(): string {
  const name = required("KIND_CLUSTER_NAME");
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name)) {
    throw new UserError(
      `KIND_CLUSTER_NAME is "${name}"; use lower case letters, digits, "-" and "." only, as in "dev".`,
    );
  }
  return name;
}

function readTarget(): Target {
  const name = readName();
  const kubeconfigFile = path.resolve(required("KUBECONFIG_FILE"));
  const home = process.env["HOME"];
  if (home !== undefined && kubeconfigFile === path.resolve(home, ".kube/config")) {
    throw new UserError(
      `KUBECONFIG_FILE is ${kubeconfigFile}, which is your own. Give the environment a file of its own.`,
    );
  }
  const optional = (variable: string) => process.env[variable] || undefined;
  const folder = optional("KIND_REGISTRY_FOLDER");
  return {
    name,
    owner: optional("KIND_OWNER"),
    kubeconfigFile,
    scratch: `${kubeconfigFile}.kind`,
    unfinishedFile: `${kubeconfigFile}.unfinished`,
    registryFolder: folder === undefined ? undefined : path.resolve(folder),
  };
}

/** What only `ensure` needs. */
interface Wanted extends Target {
  readonly config: string;
  readonly facts: KindConfigFacts;
  readonly identity: Identity & { readonly owner: string; readonly hash: string };
  /** The state has this cluster already. */
  readonly known: boolean;
  readonly readyTimeoutMs: number;
}

function readWanted(known: boolean): Wanted {
  const target = readTarget();
  const identity = {
    owner: required("KIND_OWNER"),
    project: process.env["KIND_PROJECT"] ?? "",
    stack: process.env["KIND_STACK"] ?? "",
    hash: required("KIND_CONFIG_HASH"),
    generation: process.env["KIND_GENERATION"] ?? "",
  };
  const text = required("KIND_CONFIG");
  let config: string;
  let facts: KindConfigFacts;
  try {
    config = labelled(text, labelsOf(identity));
    facts = readKindConfig(config);
  } catch (error) {
    throw new UserError(
      `KIND_CONFIG is no YAML: ${String(error).split("\n")[0] ?? ""}. Look at cluster.kind.kubeadmPatches.`,
    );
  }
  const readyTimeoutMs = (numberFrom("KIND_READY_TIMEOUT") ?? 300) * 1_000;
  return { ...target, config, facts, identity, known, readyTimeoutMs };
}

/** A Kind configuration with these labels on each of its nodes. */
function labelled(yaml: string, labels: Readonly<Record<string, string>>): string {
  const config = (parse(yaml) ?? {}) as { nodes?: { role?: string; labels?: object }[] };
  const nodes = config.nodes ?? [{ role: "control-plane" }];
  return stringify({ ...config, nodes: nodes.map((node) => ({ ...node, labels: { ...node.labels, ...labels } })) });
}

async function findKind(scratchKubeconfig: string, folder: string): Promise<Kind | undefined> {
  return await Kind.find({ say, folder, scratchKubeconfig });
}

async function ensure(signal: AbortSignal, known: boolean): Promise<void> {
  const wanted = readWanted(known);
  const folder = lockFolder();
  const kind = await findKind(wanted.scratch, folder);
  if (kind === undefined) throw new UserError(`kind ${installKind}`);
  const lock = await acquireLock({
    folder,
    verb: "ensure",
    cluster: wanted.name,
    owner: wanted.identity.owner,
    say,
    signal,
  });
  try {
    makePrivateFolder(path.dirname(wanted.kubeconfigFile));
    const adopted = await adopt(kind, wanted, lock, signal);
    if (adopted !== undefined) await writeMirrors(wanted);
    const kubeconfig = adopted ?? (await create(kind, wanted, lock, signal));
    fs.rmSync(wanted.unfinishedFile, { force: true });
    writeKubeconfig(wanted.kubeconfigFile, kubeconfig);
    process.stdout.write(kubeconfig);
  } finally {
    removeScratch(wanted.scratch);
    lock.release();
  }
}

async function writeMirrors({ registryFolder }: Target): Promise<void> {
  if (registryFolder === undefined) return;
  const { KIND_REGISTRY_MIRRORS: mirrors = "{}", KIND_REGISTRY_CREDENTIALS: credentials } = process.env;
  await writeRegistryFolder(registryFolder, mirrors, credentials);
}

/**
 * The kubeconfig of the cluster of that name when it is this environment's and healthy; undefined when there is none, or when
 * it had to go: because another one is wanted, or because it was never finished, so that nothing was in it.
 */
async function adopt(kind: Kind, wanted: Wanted, lock: Lock, signal: AbortSignal): Promise<string | undefined> {
  const { name } = wanted;
  const nodes = await nodeContainers(name);
  if (nodes.length === 0) return undefined;
  const unfinished = isUnfinished(wanted);
  const identity = await claim(nodes, wanted, unfinished);
  const other = otherThan(identity, wanted);
  if (other !== undefined && wanted.known) {
    // Nobody was told that it goes: a replacement is announced, and made by `ensure`.
    throw new UserError(`cluster "${name}" is not the one that the state knows: ${other}. It is kept; run this again.`);
  }
  const fault = other ?? (await faultOf(kind, nodes, wanted, unfinished, signal));
  if (fault === undefined) {
    say(`cluster "${name}" is there, healthy and of this configuration: adopted.`);
    return await kind.kubeconfig(name);
  }
  signal.throwIfAborted();
  say(`cluster "${name}" is there, but ${fault}: it is deleted and made anew.`);
  await kind.delete(name, lock);
  return undefined;
}

/** Whether a run of this environment began to make the cluster and never saw it ready. */
function isUnfinished({ unfinishedFile, owner }: Target): boolean {
  return owner !== undefined && fs.existsSync(unfinishedFile) && fs.readFileSync(unfinishedFile, "utf8") === owner;
}

/**
 * Makes sure that a cluster is this environment's, and takes it over where that is allowed.
 * @returns what it is; undefined when it is so unfinished that it cannot tell
 */
async function claim(
  nodes: readonly NodeContainer[],
  { name, identity: own, known }: Wanted,
  unfinished: boolean,
): Promise<Identity | undefined> {
  const found = await readIdentity(nodes);
  if (found === undefined && unfinished) return undefined;
  if (found?.owner === own.owner) return found;
  const free = found?.owner === released || (found?.owner === undefined && known);
  if (found?.hash === undefined || !free) throw new UserError(refusal(name, found));
  if (found.hash !== own.hash) throw new UserError(otherSettings(name, found.hash, own.hash));
  await writeIdentity(nodes, own);
  say(`cluster "${name}" belonged to ${describeOwner(found)}: taken over.`);
  return { ...found, ...own };
}

/** Why a cluster of this environment is another than the one that is wanted: the engine announced the replacement. */
function otherThan(found: Identity | undefined, { identity: own }: Wanted): string | undefined {
  if (found === undefined) return undefined;
  if (found.hash !== own.hash) return `it was made from another configuration (${found.hash ?? "?"}, now ${own.hash})`;
  const generation = found.generation ?? "";
  return generation === own.generation ? undefined : "another one is wanted in its place";
}

/**
 * Starts a cluster of this environment and waits until it is healthy.
 * @returns why it has to be made anew, which only one can be that was never finished; undefined when it is healthy
 * @throws UserError when it was finished once and is not healthy now: it is kept, with all that is in it
 */
async function faultOf(
  kind: Kind,
  nodes: readonly NodeContainer[],
  wanted: Wanted,
  unfinished: boolean,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { name, facts, readyTimeoutMs } = wanted;
  const stopped = stoppedOf(nodes);
  if (unfinished && stopped.length > 0) return "it was stopped while it was made";
  if (unfinished || (await isHalfMade(nodes))) {
    const half = await halfMadeFault(kind, nodes, wanted, signal);
    if (half !== undefined) return half;
  }
  if (nodes.length !== facts.nodes) {
    throw new UserError(
      `cluster "${name}" has ${nodes.length} of ${facts.nodes} nodes, and a Kind cluster gets no node back. It is kept. ` +
        `The next up makes it anew, with all that was in it; its preview says so.`,
    );
  }
  if (stopped.length > 0) {
    say(`cluster "${name}" is stopped: starting ${stopped.map((node) => node.name).join(", ")}.`);
    await startNodes(stopped);
  }
  const missing = await unready(kind, name, { timeoutMs: readyTimeoutMs, signal });
  if (missing !== undefined)
    throw new UserError(`${describeUnready(name, readyTimeoutMs, missing)}It is kept as it is.`);
  return undefined;
}

/** How long the API server of a cluster that was never finished may be silent, in milliseconds. */
const graceMs = 20_000;

/** Why a cluster that was never finished cannot be adopted, or undefined when it can. */
async function halfMadeFault(
  kind: Kind,
  nodes: readonly NodeContainer[],
  { name, facts, readyTimeoutMs }: Wanted,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (await isHalfMade(nodes)) return "it is half made";
  if (nodes.length !== facts.nodes) return `it has ${nodes.length} of ${facts.nodes} nodes (half made)`;
  const kubeconfig = await kind.kubeconfig(name);
  if (kubeconfig === undefined) return "its control plane is half made";
  let client: ApiClient;
  try {
    client = new ApiClient(readKubeconfig(kubeconfig));
  } catch (error) {
    if (error instanceof KubeconfigError) return `its kubeconfig cannot be used (${error.message})`;
    throw error;
  }
  try {
    const silent = await waitUntilReady(client, {
      timeoutMs: Math.min(graceMs, readyTimeoutMs),
      signal,
      say,
      until: ({ api }) => api === undefined,
    });
    if (silent !== undefined) return `its API server does not answer (${silent.api ?? "?"})`;
    const joined = await client.list("/api/v1/nodes");
    if (joined.length !== facts.nodes) return `it has ${joined.length} of ${facts.nodes} nodes`;
    // kind installs the StorageClass last but for workers: without it kind was killed just before its end.
    const classes = await client.list("/apis/storage.k8s.io/v1/storageclasses");
    if (
      !classes.some(({ metadata }) => metadata.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true")
    ) {
      return "it has no default StorageClass (half made)";
    }
    const missing = await waitUntilReady(client, { timeoutMs: readyTimeoutMs, signal, say });
    return missing === undefined ? undefined : `it does not become ready: ${describeMissing(missing)}`;
  } catch (error) {
    signal.throwIfAborted();
    return `its API server fails (${error instanceof Error ? error.message : String(error)})`;
  } finally {
    client.close();
  }
}

/** What a cluster still lacks at the end of the time. Nodes that were just started give their kubeconfig a moment later. */
async function unready(
  kind: Kind,
  name: string,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Missing | undefined> {
  const kubeconfig = await kind.kubeconfig(name);
  if (kubeconfig === undefined) {
    const api = `no kubeconfig can be read from ${name}-control-plane`;
    return { api, nodes: "not known without it", dns: "not known without it" };
  }
  const client = clientOf(kubeconfig, name);
  try {
    return await waitUntilReady(client, { timeoutMs, signal, say });
  } finally {
    client.close();
  }
}

async function create(kind: Kind, wanted: Wanted, lock: Lock, signal: AbortSignal): Promise<string> {
  const cpu = numberFrom("REQUESTED_CPU_MILLICORES");
  const memory = numberFrom("REQUESTED_MEMORY_MIB");
  const findings = await preflight(
    {
      kindVersion: kind.version,
      config: wanted.facts,
      ...(cpu === undefined ? {} : { requestedCpuMillicores: cpu }),
      ...(memory === undefined ? {} : { requestedMemoryMiB: memory }),
    },
    hostProbes,
  );
  // The program's preflight has told the rest (components/preflight.ts); errors may have come since.
  const errors = findings.filter(({ level }) => level === "error");
  if (errors.length > 0) {
    throw new UserError(
      `this host cannot run cluster "${wanted.name}" yet:\n${errors.map(({ check, message }) => `- ${check}: ${message}`).join("\n")}`,
    );
  }
  await writeMirrors(wanted);
  signal.throwIfAborted();
  fs.writeFileSync(wanted.unfinishedFile, wanted.identity.owner, { mode: 0o600 });
  try {
    await kind.create(wanted.name, wanted.config, lock, signal);
  } catch (error) {
    // kind removes what it made when it fails by itself; in these cases it could not.
    if (signal.aborted || error instanceof KilledError) await abandon(kind, wanted, lock);
    else fs.rmSync(wanted.unfinishedFile, { force: true });
    throw error;
  }
  try {
    const kubeconfig = fs.existsSync(wanted.scratch) ? fs.readFileSync(wanted.scratch, "utf8") : "";
    await requireReady(kubeconfig, wanted, signal);
    return kubeconfig;
  } catch (error) {
    if (signal.aborted) await abandon(kind, wanted, lock);
    throw error;
  }
}

async function abandon(kind: Kind, { name, unfinishedFile }: Wanted, lock: Lock): Promise<void> {
  say(`interrupted: removing the half-made cluster "${name}" ...`);
  await kind.delete(name, lock);
  fs.rmSync(unfinishedFile, { force: true });
}

async function requireReady(kubeconfig: string, wanted: Wanted, signal: AbortSignal): Promise<void> {
  const client = clientOf(kubeconfig, wanted.name);
  try {
    const missing = await waitUntilReady(client, { timeoutMs: wanted.readyTimeoutMs, signal, say });
    if (missing === undefined) return;
    throw new UserError(
      describeUnready(wanted.name, wanted.readyTimeoutMs, missing) +
        `The cluster was kept for you to look at: the next run adopts it when it is ready by then, else makes it anew.`,
    );
  } finally {
    client.close();
  }
}

function clientOf(kubeconfig: string, name: string): ApiClient {
  try {
    return new ApiClient(readKubeconfig(kubeconfig));
  } catch (error) {
    if (!(error instanceof KubeconfigError)) throw error;
    throw new UserError(
      `kind made cluster "${name}" but its kubeconfig cannot be used: ${error.message}. Run this again. ` +
        `If that repeats, reinstall kind.`,
    );
  }
}

async function remove(signal: AbortSignal): Promise<void> {
  const target = readTarget();
  const folder = lockFolder();
  const kind = await findKind(target.scratch, folder);
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
    if (!(await removeCluster(kind, target, lock))) return;
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
async function removeCluster(kind: Kind | undefined, target: Target, lock: Lock): Promise<boolean> {
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
async function release(signal: AbortSignal): Promise<void> {
  const name = readName();
  const lock = await acquireLock({ folder: lockFolder(), verb: "release", cluster: name, say, signal });
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
async function list(): Promise<void> {
  const folder = lockFolder();
  const kind = await findKind(path.join(folder, "unused"), folder);
  const clusters: (Identity & { name: string; running: boolean })[] = [];
  for (const name of kind === undefined ? [] : await kind.clusters()) {
    const nodes = await nodeContainers(name);
    const identity = await readIdentity(nodes);
    // One without a hash is somebody else's; one that cannot tell is half made and may be ours, so it is shown.
    if (identity === undefined || identity.hash !== undefined)
      clusters.push({ name, ...identity, running: stoppedOf(nodes).length === 0 });
  }
  process.stdout.write(`${JSON.stringify(clusters, null, 2)}\n`);
}

const verbs: Readonly<Record<string, (signal: AbortSignal) => Promise<void>>> = {
  ensure: (signal) => ensure(signal, false),
  update: (signal) => ensure(signal, true),
  delete: remove,
  list,
  release,
};

async function main(): Promise<number> {
  const verb = process.argv[2] ?? "";
  const run = verbs[verb];
  if (run === undefined || process.argv.length !== 3) {
    say(
      `use: node components/cluster/kind-script.ts ${Object.keys(verbs).join("|")} (not "${process.argv.slice(2).join(" ")}")`,
    );
    return 2;
  }
  // Pulumi may close its end first when it is interrupted; that must not end the clean-up.
  process.stderr.on("error", () => undefined);
  const interrupted = new AbortController();
  const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  for (const name of Object.keys(exitCodes) as (keyof typeof exitCodes)[]) {
    process.on(name, () => {
      if (interrupted.signal.aborted) say(`${name}: still cleaning up; please wait.`);
      interrupted.abort(name);
    });
  }
  try {
    await run(interrupted.signal);
    return 0;
  } catch (error) {
    if (interrupted.signal.aborted) {
      if (error instanceof UserError) sayError(error.message);
      say(`interrupted by ${String(interrupted.signal.reason)}.`);
      return exitCodes[interrupted.signal.reason as keyof typeof exitCodes];
    }
    // What the system refuses (EACCES, ENOSPC) is no defect of the script, so its message says it all.
    const known =
      error instanceof UserError || error instanceof LockError || (error instanceof Error && "syscall" in error);
    sayError(known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error));
    return 1;
  }
}

process.exitCode = await main();
