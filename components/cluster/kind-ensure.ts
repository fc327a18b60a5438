/** The verbs `ensure` and `update` of the cluster script. */
import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";

import {
  type NodeContainer,
  isHalfMade,
  nodeContainers,
  readIdentity,
  startNodes,
  stoppedOf,
  writeIdentity,
} from "./containers.ts";
import { installKind } from "./explain.ts";
import { type Identity, describeOwner, labelsOf, otherSettings, refusal, released } from "./identity.ts";
import { type Run, type Target, isUnfinished, numberFrom, readTarget, required } from "./kind-run.ts";
import { KilledError, Kind, UserError, environment, removeScratch } from "./kind.ts";
import { makePrivateFolder, writeKubeconfig } from "./kubeconfig-file.ts";
import { type Lock, acquireLock, lockFolder } from "./lock.ts";
import { type KindConfigFacts, hostProbes, preflight, readKindConfig } from "./preflight.ts";
import {
  ApiClient,
  KubeconfigError,
  type Missing,
  describeMissing,
  describeUnready,
  readKubeconfig,
  waitUntilReady,
} from "./readiness.ts";
import { writeRegistryFolder } from "./registry-mirrors.ts";

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
  const env = environment();
  const identity = {
    owner: required("KIND_OWNER"),
    project: env["KIND_PROJECT"] ?? "",
    stack: env["KIND_STACK"] ?? "",
    hash: required("KIND_CONFIG_HASH"),
    generation: env["KIND_GENERATION"] ?? "",
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

/** A Kind configuration with these labels on each of its nodes; as JSON, which is YAML and is made sooner. */
function labelled(yaml: string, labels: Readonly<Record<string, string>>): string {
  const config = (parse(yaml) ?? {}) as { nodes?: { role?: string; labels?: object }[] };
  const nodes = config.nodes ?? [{ role: "control-plane" }];
  return JSON.stringify({
    ...config,
    nodes: nodes.map((node) => ({ ...node, labels: { ...node.labels, ...labels } })),
  });
}

/** @param known the state has this cluster already */
export async function ensure(run: Run, known: boolean): Promise<void> {
  const wanted = readWanted(known);
  const { say, signal } = run;
  const folder = lockFolder(environment());
  const kind = await Kind.find({ say, folder, scratchKubeconfig: wanted.scratch });
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
    const adopted = await adopt(kind, wanted, lock, run);
    if (adopted !== undefined) await writeMirrors(wanted);
    const kubeconfig = adopted ?? (await create(kind, wanted, lock, run));
    fs.rmSync(wanted.unfinishedFile, { force: true });
    writeKubeconfig(wanted.kubeconfigFile, kubeconfig);
    run.print(kubeconfig);
  } finally {
    removeScratch(wanted.scratch);
    lock.release();
  }
}

async function writeMirrors({ registryFolder }: Target): Promise<void> {
  if (registryFolder === undefined) return;
  const { KIND_REGISTRY_MIRRORS: mirrors = "{}", KIND_REGISTRY_CREDENTIALS: credentials } = environment();
  await writeRegistryFolder(registryFolder, mirrors, credentials);
}

/**
 * The kubeconfig of the cluster of that name when it is this environment's and healthy; undefined when there is none, or when
 * it had to go: because another one is wanted, or because it was never finished, so that nothing was in it.
 */
async function adopt(kind: Kind, wanted: Wanted, lock: Lock, run: Run): Promise<string | undefined> {
  const { name } = wanted;
  const { say, signal } = run;
  const nodes = await nodeContainers(name);
  if (nodes.length === 0) return undefined;
  const unfinished = isUnfinished(wanted);
  const identity = await claim(nodes, wanted, unfinished, run);
  const other = otherThan(identity, wanted);
  if (other !== undefined && wanted.known) {
    // Nobody was told that it goes: a replacement is announced, and made by `ensure`.
    throw new UserError(`cluster "${name}" is not the one that the state knows: ${other}. It is kept; run this again.`);
  }
  const fault = other ?? (await faultOf(kind, nodes, wanted, unfinished, run));
  if (fault === undefined) {
    say(`cluster "${name}" is there, healthy and of this configuration: adopted.`);
    return await kind.kubeconfig(name);
  }
  signal.throwIfAborted();
  say(`cluster "${name}" is there, but ${fault}: it is deleted and made anew.`);
  await kind.delete(name, lock);
  return undefined;
}

/**
 * Makes sure that a cluster is this environment's, and takes it over where that is allowed.
 * @returns what it is; undefined when it is so unfinished that it cannot tell
 */
async function claim(
  nodes: readonly NodeContainer[],
  { name, identity: own, known }: Wanted,
  unfinished: boolean,
  { say }: Run,
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
  run: Run,
): Promise<string | undefined> {
  const { name, facts, readyTimeoutMs } = wanted;
  const stopped = stoppedOf(nodes);
  if (unfinished && stopped.length > 0) return "it was stopped while it was made";
  if (unfinished || (await isHalfMade(nodes))) {
    const half = await halfMadeFault(kind, nodes, wanted, run);
    if (half !== undefined) return half;
  }
  if (nodes.length !== facts.nodes) {
    throw new UserError(
      `cluster "${name}" has ${nodes.length} of ${facts.nodes} nodes, and a Kind cluster gets no node back. It is kept. ` +
        `The next up makes it anew, with all that was in it; its preview says so.`,
    );
  }
  if (stopped.length > 0) {
    run.say(`cluster "${name}" is stopped: starting ${stopped.map((node) => node.name).join(", ")}.`);
    await startNodes(stopped);
  }
  const missing = await unready(kind, name, readyTimeoutMs, run);
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
  { say, signal }: Run,
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
  timeoutMs: number,
  { say, signal }: Run,
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

async function create(kind: Kind, wanted: Wanted, lock: Lock, run: Run): Promise<string> {
  const { signal } = run;
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
    if (signal.aborted || error instanceof KilledError) await abandon(kind, wanted, lock, run);
    else fs.rmSync(wanted.unfinishedFile, { force: true });
    throw error;
  }
  try {
    const kubeconfig = fs.existsSync(wanted.scratch) ? fs.readFileSync(wanted.scratch, "utf8") : "";
    await requireReady(kubeconfig, wanted, run);
    return kubeconfig;
  } catch (error) {
    if (signal.aborted) await abandon(kind, wanted, lock, run);
    throw error;
  }
}

async function abandon(kind: Kind, { name, unfinishedFile }: Wanted, lock: Lock, { say }: Run): Promise<void> {
  say(`interrupted: removing the half-made cluster "${name}" ...`);
  await kind.delete(name, lock);
  fs.rmSync(unfinishedFile, { force: true });
}

async function requireReady(kubeconfig: string, wanted: Wanted, { say, signal }: Run): Promise<void> {
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
