/**
 * Makes, adopts, lists and deletes the Kind cluster of an environment. Pulumi runs it; by hand it is
 * `node components/cluster/kind-script.ts ensure|delete|list` with the same environment variables:
 *
 * - `KIND_CLUSTER_NAME`: name of the cluster (ensure, delete).
 * - `KIND_CONFIG_HASH`: hash of the configuration (ensure); with it `delete` leaves a cluster of another hash alone (delete).
 * - `KIND_CONFIG`: the Kind configuration, v1alpha4 YAML; every node carries the label `observability.dev/config-hash` (ensure).
 * - `KIND_CONFIG_HASH`: the value of that label (ensure).
 * - `KUBECONFIG_FILE`: where the kubeconfig is written, mode 0600 (ensure, delete).
 * - `KIND_GENERATION`: noted beside the kubeconfig when the cluster is there (ensure). @default nothing is noted
 * - `KIND_READY_TIMEOUT`: seconds until API, nodes and DNS must be ready. @default 300
 * - `KIND_REGISTRY_FOLDER`, `KIND_REGISTRY_MIRRORS`: folder for containerd's hosts.toml files, and a JSON object of
 *   registry host to mirror address. @default none
 * - `REQUESTED_CPU_MILLICORES`, `REQUESTED_MEMORY_MIB`: what the environment requests, for the check of the host.
 * - `KIND_ERRORS`: `stdout` writes the error that ends the script there. @default standard error
 * - `KIND_LOCK_DIR`: folder of the per-host lock. @default /tmp/observability-kind-<uid>
 *
 * Standard output is the kubeconfig (ensure) or JSON (list) and nothing else; what people read is on standard error
 * and never holds key material. Exit code 0, 1 for an error, 2 for wrong use, 130 and 143 after SIGINT and SIGTERM.
 */
import * as fs from "node:fs";
import * as path from "node:path";

import { configHashLabel as hashLabel, generationFile } from "./kind-config.ts";
import { EngineError, KilledError, Kind, UserError, query, removeScratch, signalGroup } from "./kind.ts";
import { type Lock, LockError, acquireLock, isAlive, lockFolder } from "./lock.ts";
import { type KindConfigFacts, hostProbes, installKind, preflight, readKindConfig } from "./preflight.ts";
import { ApiClient, KubeconfigError, describeMissing, readKubeconfig, waitUntilReady } from "./readiness.ts";
import { removeRegistryFolder, writeRegistryFolder } from "./registry-mirrors.ts";

/** How long an existing cluster's API server may be silent before the cluster counts as broken, in milliseconds. */
const graceMs = 20_000;

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

/** What both verbs work on. */
interface Target {
  readonly name: string;
  readonly kubeconfigFile: string;
  /** Where kind writes: beside the real file, in the same private folder. */
  readonly scratch: string;
  readonly registryFolder: string | undefined;
}

function readTarget(): Target {
  const name = required("KIND_CLUSTER_NAME");
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name)) {
    throw new UserError(
      `KIND_CLUSTER_NAME is "${name}"; use lower case letters, digits, "-" and "." only, as in "dev".`,
    );
  }
  const kubeconfigFile = path.resolve(required("KUBECONFIG_FILE"));
  const home = process.env["HOME"];
  if (home !== undefined && kubeconfigFile === path.resolve(home, ".kube/config")) {
    throw new UserError(
      `KUBECONFIG_FILE is ${kubeconfigFile}, which is your own. Give the environment a file of its own.`,
    );
  }
  const folder = process.env["KIND_REGISTRY_FOLDER"];
  return {
    name,
    kubeconfigFile,
    scratch: `${kubeconfigFile}.kind`,
    registryFolder: folder === undefined || folder === "" ? undefined : path.resolve(folder),
  };
}

/** What only `ensure` needs. */
interface Wanted extends Target {
  readonly config: string;
  readonly facts: KindConfigFacts;
  readonly hash: string;
  readonly readyTimeoutMs: number;
}

function readWanted(): Wanted {
  const target = readTarget();
  const config = required("KIND_CONFIG");
  const hash = required("KIND_CONFIG_HASH");
  let facts: KindConfigFacts;
  try {
    facts = readKindConfig(config);
  } catch (error) {
    throw new UserError(
      `KIND_CONFIG is no YAML: ${String(error).split("\n")[0] ?? ""}. Look at cluster.kind.kubeadmPatches.`,
    );
  }
  if (facts.labels(hashLabel).some((value) => value !== hash)) {
    // Without the label no later run could adopt the cluster, nor tell it from somebody else's.
    throw new UserError(`every node of KIND_CONFIG must carry the label ${hashLabel}: ${hash}.`);
  }
  return { ...target, config, facts, hash, readyTimeoutMs: (numberFrom("KIND_READY_TIMEOUT") ?? 300) * 1_000 };
}

async function findKind(target: Target, folder: string): Promise<Kind | undefined> {
  return await Kind.find({ say, folder, scratchKubeconfig: target.scratch });
}

async function ensure(signal: AbortSignal): Promise<void> {
  const wanted = readWanted();
  const folder = lockFolder();
  const kind = await findKind(wanted, folder);
  if (kind === undefined) throw new UserError(`kind ${installKind}`);
  const lock = await acquireLock({ folder, verb: "ensure", cluster: wanted.name, say, signal });
  try {
    makePrivateFolder(path.dirname(wanted.kubeconfigFile));
    const kubeconfig = (await adopt(kind, wanted, lock, signal)) ?? (await create(kind, wanted, lock, signal));
    const generation = process.env["KIND_GENERATION"];
    if (generation !== undefined) fs.writeFileSync(generationFile(wanted.kubeconfigFile), `${generation}\n`);
    writeKubeconfig(wanted.kubeconfigFile, kubeconfig);
    process.stdout.write(kubeconfig);
  } finally {
    removeScratch(wanted.scratch);
    lock.release();
  }
}

/** The kubeconfig of the cluster of that name if it is healthy and of this configuration; else it is gone afterwards. */
async function adopt(kind: Kind, wanted: Wanted, lock: Lock, signal: AbortSignal): Promise<string | undefined> {
  if (!(await kind.clusters()).includes(wanted.name)) return undefined;
  const kubeconfig = await kind.kubeconfig(wanted.name);
  const fault =
    kubeconfig === undefined ? "its control plane is half made or stopped" : await faultOf(kubeconfig, wanted, signal);
  if (fault === undefined) {
    say(`cluster "${wanted.name}" is there, healthy and of this configuration: adopted.`);
    return kubeconfig;
  }
  signal.throwIfAborted();
  await refuseForeign(kind, wanted.name, kubeconfig);
  say(`cluster "${wanted.name}" is there, but ${fault}: it is deleted and made anew.`);
  await kind.delete(wanted.name, lock);
  return undefined;
}

/** Why a cluster cannot be adopted, or undefined when it can. */
async function faultOf(kubeconfig: string, wanted: Wanted, signal: AbortSignal): Promise<string | undefined> {
  let client: ApiClient;
  try {
    client = new ApiClient(readKubeconfig(kubeconfig));
  } catch (error) {
    if (error instanceof KubeconfigError) return `its kubeconfig cannot be used (${error.message})`;
    throw error;
  }
  try {
    const silent = await waitUntilReady(client, {
      timeoutMs: Math.min(graceMs, wanted.readyTimeoutMs),
      signal,
      say,
      until: ({ api }) => api === undefined,
    });
    if (silent !== undefined) return `its API server does not answer (${silent.api ?? "?"})`;
    const nodes = await client.list("/api/v1/nodes");
    const hashes = nodes.map(({ metadata }) => metadata.labels?.[hashLabel]);
    const other = hashes.find((value) => value !== wanted.hash);
    if (hashes.some((value) => value !== wanted.hash)) {
      return `it was made from another configuration (${other ?? "no label"}, now ${wanted.hash})`;
    }
    if (nodes.length !== wanted.facts.nodes) return `it has ${nodes.length} of ${wanted.facts.nodes} nodes`;
    // kind installs the StorageClass last but for workers: without it kind was killed just before its end.
    const classes = await client.list("/apis/storage.k8s.io/v1/storageclasses");
    if (
      !classes.some(({ metadata }) => metadata.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true")
    ) {
      return "it has no default StorageClass (half made)";
    }
    const missing = await waitUntilReady(client, { timeoutMs: wanted.readyTimeoutMs, signal, say });
    return missing === undefined ? undefined : `it does not become ready: ${describeMissing(missing)}`;
  } catch (error) {
    signal.throwIfAborted();
    return `its API server fails (${error instanceof Error ? error.message : String(error)})`;
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
  if (wanted.registryFolder !== undefined)
    writeRegistryFolder(wanted.registryFolder, process.env["KIND_REGISTRY_MIRRORS"] ?? "{}");
  signal.throwIfAborted();
  try {
    await kind.create(wanted.name, wanted.config, lock, signal);
    const kubeconfig = fs.existsSync(wanted.scratch) ? fs.readFileSync(wanted.scratch, "utf8") : "";
    await requireReady(kubeconfig, wanted, signal);
    return kubeconfig;
  } catch (error) {
    // kind removes what it made when it fails by itself; in these cases it could not.
    if (signal.aborted || error instanceof KilledError) {
      say(`interrupted: removing the half-made cluster "${wanted.name}" ...`);
      await kind.delete(wanted.name, lock);
    }
    throw error;
  }
}

async function requireReady(kubeconfig: string, wanted: Wanted, signal: AbortSignal): Promise<void> {
  const client = clientOf(kubeconfig, wanted.name);
  try {
    const missing = await waitUntilReady(client, { timeoutMs: wanted.readyTimeoutMs, signal, say });
    if (missing === undefined) return;
    const state = (text: string | undefined): string => text ?? "ok";
    throw new UserError(
      `cluster "${wanted.name}" was made but is not ready after ${wanted.readyTimeoutMs / 1_000} s:\n` +
        `- API server: ${state(missing.api)}\n- nodes: ${state(missing.nodes)}\n- DNS: ${state(missing.dns)}\n` +
        `Look at: docker logs ${wanted.name}-control-plane; kind export logs --name ${wanted.name}; ` +
        `kind get kubeconfig --name ${wanted.name} > kubeconfig && kubectl --kubeconfig kubeconfig get pods -A. ` +
        `A slow machine needs a larger cluster.kind.readyTimeoutSeconds. ` +
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
      `kind made cluster "${name}" but its kubeconfig cannot be used: ${error.message}. Run this again; it makes the ` +
        `cluster anew. If that repeats, reinstall kind.`,
    );
  }
}

/** Refuses to touch a Kind cluster of this name that certainly was not made by this project. */
async function refuseForeign(kind: Kind, name: string, kubeconfig: string | undefined): Promise<void> {
  if ((await ownHash(kind, name, kubeconfig)) !== null) return;
  throw new UserError(
    `a Kind cluster "${name}" exists that was not made by this project (its nodes have no label ${hashLabel}). ` +
      `It is left alone. Give the stack another name, or delete that cluster yourself: kind delete cluster --name ${name}`,
  );
}

/** The configuration hash a cluster was made from; null when it was made by somebody else; undefined when unknown. */
async function ownHash(kind: Kind, name: string, kubeconfig: string | undefined): Promise<string | null | undefined> {
  if (!kind.isStandIn) {
    // kind writes the node labels there before it starts Kubernetes, and "docker cp" reads stopped containers too.
    const found = await query("docker", ["cp", `${name}-control-plane:/kind/kubeadm.conf`, "-"]);
    if (found.code === 0)
      return new RegExp(`${hashLabel.replaceAll(".", "\\.")}=([\\w.-]+)`).exec(found.stdout)?.[1] ?? null;
  }
  if (kubeconfig === undefined) return undefined;
  try {
    const client = new ApiClient(readKubeconfig(kubeconfig));
    try {
      const nodes = await client.list("/api/v1/nodes");
      const labels = nodes.map(({ metadata }) => metadata.labels?.[hashLabel]);
      return nodes.length === 0 ? undefined : (labels.find((value) => value !== undefined) ?? null);
    } finally {
      client.close();
    }
  } catch {
    return undefined;
  }
}

/**
 * Whether the cluster of this name was made from another configuration than the one to be deleted: `ensure` has put it in
 * that one's place. This is how the engine ends a replacement: it makes the new cluster, then deletes the old one.
 */
async function isSucceeded(kind: Kind, name: string): Promise<boolean> {
  const hash = process.env["KIND_CONFIG_HASH"];
  if (hash === undefined || hash === "") return false;
  try {
    if (!(await kind.clusters()).includes(name)) return false;
    const found = await ownHash(kind, name, await kind.kubeconfig(name));
    if (typeof found !== "string" || found === hash) return false;
    say(
      `cluster "${name}" was made anew from another configuration (${found}, not ${hash}): it stays. ` +
        `To delete it all the same: npm run destroy.`,
    );
    return true;
  } catch (error) {
    if (error instanceof EngineError) return false; // What cannot be asked is left to the deletion and its message.
    throw error;
  }
}

async function remove(signal: AbortSignal): Promise<void> {
  const target = readTarget();
  const folder = lockFolder();
  const kind = await findKind(target, folder);
  const stopped = new Set<number>();
  const lock = await acquireLock({
    folder,
    verb: "delete",
    cluster: target.name,
    say,
    signal,
    whileTaken({ holder, child, cluster }) {
      // What a killed run still makes is about to be deleted: do not wait until it is made.
      if (cluster !== target.name || child?.command.startsWith("kind create") !== true) return;
      if (stopped.has(child.pid) || isAlive(holder) || !isAlive(child)) return;
      stopped.add(child.pid);
      say(`a killed run left "${child.command}" running (pid ${child.pid}): stopping it.`);
      signalGroup(child.pid, "SIGKILL");
    },
  });
  try {
    if (kind !== undefined && (await isSucceeded(kind, target.name))) return;
    if (kind === undefined) await requireNoContainers(target.name);
    else await removeCluster(kind, target.name, lock);
    if (kind !== undefined && !kind.isStandIn) await removeNetwork();
    for (const suffix of ["", ".tmp", ".lock"]) fs.rmSync(target.kubeconfigFile + suffix, { force: true });
    fs.rmSync(generationFile(target.kubeconfigFile), { force: true });
    if (target.registryFolder !== undefined) removeRegistryFolder(target.registryFolder);
  } finally {
    removeScratch(target.scratch);
    lock.release();
  }
}

async function removeCluster(kind: Kind, name: string, lock: Lock): Promise<void> {
  try {
    if (!(await kind.clusters()).includes(name)) {
      say(`there is no Kind cluster "${name}": nothing to delete.`);
      return;
    }
    if (!kind.isStandIn) await refuseForeign(kind, name, undefined);
    await kind.delete(name, lock);
    say(`cluster "${name}" is deleted.`);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (error.engine === "absent") {
      say(`no container engine is installed here, so there is no Kind cluster "${name}": nothing to delete.`);
      return;
    }
    // The containers are on disk and come back with Docker: calling that deleted would leave them for ever.
    throw new UserError(
      `${error.message}\nWhether cluster "${name}" still exists cannot be known until Docker answers; nothing was removed. ` +
        `If this Docker is gone for good, take the cluster out of the state instead: pulumi state delete, then choose the ` +
        `resource that ends in "-kind", and remove ${path.relative(process.cwd(), required("KUBECONFIG_FILE"))}.`,
    );
  }
}

/** Without kind there can still be its containers; without a container engine there cannot. */
async function requireNoContainers(name: string): Promise<void> {
  const found = await query("docker", ["ps", "-aq", "--filter", `label=io.x-k8s.kind.cluster=${name}`]);
  if (found.notFound) {
    say(`neither kind nor docker is installed here, so there is no Kind cluster "${name}": nothing to delete.`);
    return;
  }
  if (found.code === 0 && found.stdout.trim() === "") {
    say(`kind is not installed, and Docker has no container of a Kind cluster "${name}": nothing to delete.`);
    return;
  }
  throw new UserError(`cannot delete the Kind cluster "${name}": kind ${installKind}`);
}

/** Removes kind's Docker network when no container is on it, running or stopped. Nothing depends on success. */
async function removeNetwork(): Promise<void> {
  // Docker refuses only for running ones; a stopped one (a registry of the user, say) would not start again without it.
  const users = await query("docker", ["ps", "-aq", "--filter", "network=kind"]);
  if (users.code === 0 && users.stdout.trim() === "") await query("docker", ["network", "rm", "kind"]);
}

/** Prints the Kind clusters of this project, and those that do not tell, as JSON. */
async function list(): Promise<void> {
  const folder = lockFolder();
  const kind = await Kind.find({ say, folder, scratchKubeconfig: path.join(folder, "unused") });
  const clusters: { name: string; configHash: string | null; running: boolean }[] = [];
  for (const name of kind === undefined ? [] : await kind.clusters()) {
    const kubeconfig = await kind?.kubeconfig(name);
    const hash = kind === undefined ? undefined : await ownHash(kind, name, kubeconfig);
    // null is somebody else's; unknown is half made and may be ours, so it is shown.
    if (hash !== null) clusters.push({ name, configHash: hash ?? null, running: kubeconfig !== undefined });
  }
  process.stdout.write(`${JSON.stringify(clusters, null, 2)}\n`);
}

/** The folder of the kubeconfig, which has to take files before a cluster is made for it. */
function makePrivateFolder(folder: string): void {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    fs.accessSync(folder, fs.constants.W_OK | fs.constants.X_OK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(
      `the folder of the kubeconfig, ${folder}, cannot be written (${code ?? message}). ` +
        "Set cluster.kind.kubeconfigFolder to one that is yours.",
    );
  }
}

/** Whole or not at all, and never readable by others. */
function writeKubeconfig(file: string, text: string): void {
  const temporary = `${file}.tmp`;
  fs.rmSync(temporary, { force: true });
  const descriptor = fs.openSync(temporary, "wx", 0o600);
  try {
    fs.writeFileSync(descriptor, text);
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
  fs.renameSync(temporary, file);
}

const verbs: Readonly<Record<string, (signal: AbortSignal) => Promise<void>>> = { ensure, delete: remove, list };

async function main(): Promise<number> {
  const verb = process.argv[2] ?? "";
  const run = verbs[verb];
  if (run === undefined || process.argv.length !== 3) {
    say(`use: node components/cluster/kind-script.ts ensure|delete|list (not "${process.argv.slice(2).join(" ")}")`);
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
