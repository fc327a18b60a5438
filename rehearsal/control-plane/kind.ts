/**
 * A stand-in for the `kind` command: a cluster is a control plane of local processes (control-plane.ts) that outlives the
 * command, kept under `$REHEARSAL_DIR/clusters/<name>`. It understands the commands and flags that the cluster script uses,
 * refuses others, and answers with kind's own messages and exit codes.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { type ControlPlane, launchControlPlane } from "./control-plane.ts";
import { type KindConfig, duration, parseConfig } from "./kind-config.ts";
import { KIND_VERSION as VERSION, type KindState, clusterDir, readState } from "./kind-state.ts";
import { mergeInto, removeFrom } from "./kubeconfig.ts";
import { isStopped, nodesOf, readNodes, takenPort, writeNodes } from "./nodes.ts";
import { reap, recordThis } from "./processes.ts";

const FLAGS = {
  name: { type: "string", short: "n" },
  config: { type: "string" },
  kubeconfig: { type: "string" },
  wait: { type: "string" },
  image: { type: "string" },
  retain: { type: "boolean" },
  internal: { type: "boolean" },
  quiet: { type: "boolean", short: "q" },
} as const;

type Flag = keyof typeof FLAGS;
type Values = { -readonly [F in Flag]?: (typeof FLAGS)[F]["type"] extends "string" ? string : boolean };

/** kind's default name of a cluster; the variable is kind's own. */
const DEFAULT_NAME = process.env.KIND_CLUSTER_NAME ?? "kind";

const COMMANDS: Record<string, { readonly flags: readonly Flag[]; run: (values: Values) => Promise<void> | void }> = {
  version: { flags: [], run: version },
  "get clusters": { flags: [], run: getClusters },
  "get nodes": { flags: ["name"], run: getNodes },
  "get kubeconfig": { flags: ["name", "internal"], run: getKubeconfig },
  "create cluster": { flags: ["name", "config", "kubeconfig", "wait", "image", "retain"], run: createCluster },
  "delete cluster": { flags: ["name", "kubeconfig"], run: deleteCluster },
};

let quiet = false;

function say(line: string): void {
  if (!quiet) process.stderr.write(`${line}\n`);
}

function version(): void {
  const platform = `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`;
  const what = `${platform} (stand-in of the rehearsal: local processes, no containers)`;
  process.stdout.write(quiet ? `${VERSION}\n` : `kind v${VERSION} ${what}\n`);
}

function clusters(state: KindState): string[] {
  const dir = join(state.dir, "clusters");
  return existsSync(dir) ? readdirSync(dir).sort() : [];
}

function getClusters(): void {
  const names = clusters(readState());
  if (names.length === 0) say("No kind clusters found.");
  for (const name of names) process.stdout.write(`${name}\n`);
}

function getNodes({ name = DEFAULT_NAME }: Values): void {
  const state = readState();
  if (!clusters(state).includes(name)) say(`No kind nodes found for cluster "${name}".`);
  else for (const node of readNodes(clusterDir(state, name))) process.stdout.write(`${node.name}\n`);
}

function getKubeconfig({ name = DEFAULT_NAME, internal = false }: Values): void {
  const state = readState();
  if (!clusters(state).includes(name))
    throw new Error(
      `could not locate any control plane nodes for cluster named '${name}'. Use the --name option to select a different cluster`,
    );
  const node = `${name}-control-plane`;
  const file = join(clusterDir(state, name), "kubeconfig");
  // It runs a command in the container, which a stopped one refuses.
  if (!existsSync(file) || isStopped(clusterDir(state, name)))
    throw new Error(
      `failed to get cluster internal kubeconfig: command "docker exec --privileged ${node} cat /etc/kubernetes/admin.conf" failed with error: exit status 1`,
    );
  const config = readFileSync(file, "utf8");
  process.stdout.write(`${internal ? config.replace(/https:\/\/127\.0\.0\.1:\d+/, `https://${node}:6443`) : config}\n`);
}

async function createCluster(values: Values): Promise<void> {
  // It is killed with what it starts when the rehearsal goes, and starts nothing in a folder that is being removed.
  recordThis(readState().dir, "kind");
  try {
    await create(values);
  } catch (error) {
    throw new Error(`failed to create cluster: ${message(error)}`, { cause: error });
  }
}

async function create({ name: nameFlag, config: file, kubeconfig, wait = "0s", image, retain = false }: Values) {
  const state = readState();
  const timeout = duration(wait);
  const config = await readConfig(file);
  const name = nameFlag ?? process.env.KIND_CLUSTER_NAME ?? config.name ?? "kind";
  if (kubeconfig === undefined)
    throw new Error("the rehearsal's kind needs --kubeconfig: it never writes to ~/.kube/config");
  const dir = claim(state, name);
  const undo = async () => {
    await reap(dir);
    rmSync(dir, { recursive: true, force: true });
    removeFrom(kubeconfig, name);
  };
  let plane: ControlPlane;
  try {
    say(`Creating cluster "${name}" ... (stand-in of the rehearsal: local processes, no containers)`);
    const nodes = nodesOf(name, config);
    checkImage(image ?? config.nodes?.[0]?.image);
    const taken = takenPort(join(state.dir, "clusters"), name, nodes);
    if (taken !== undefined)
      throw new Error(
        `command "docker run --name ${name}-control-plane" failed with error: exit status 125\n\nCommand Output: docker: ` +
          `Error response from daemon: Bind for 127.0.0.1:${taken} failed: port is already allocated.`,
      );
    writeNodes(dir, nodes);
    plane = await launchControlPlane({
      name,
      dir,
      binaries: state.binaries,
      nodes,
      ...(config.networking?.apiServerPort === undefined ? {} : { apiPort: config.networking.apiServerPort }),
      onLog: (line) => {
        say(` ✓ ${line}`);
      },
    });
  } catch (error) {
    if (!retain) await undo();
    throw error;
  }
  if (timeout > 0) await waitForReady(plane, timeout, wait);
  mergeInto(kubeconfig, plane.kubeconfig);
  say(`Set kubectl context to "kind-${name}"`);
  say(`You can now use your cluster with:\n\nkubectl cluster-info --context kind-${name} --kubeconfig ${kubeconfig}`);
}

async function readConfig(file: string | undefined): Promise<KindConfig> {
  if (file === undefined) return {};
  let source: string;
  try {
    source = file === "-" ? await text(process.stdin) : readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`error reading file: ${message(error)}`, { cause: error });
  }
  return parseConfig(parse(source));
}

/** Makes the cluster's folder: it is the cluster, as the container is for kind, from now on. */
function claim(state: KindState, name: string): string {
  const dir = clusterDir(state, name);
  mkdirSync(join(state.dir, "clusters"), { recursive: true });
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch {
    throw new Error(`node(s) already exist for a cluster with the name "${name}"`);
  }
  return dir;
}

/** The way to provoke a failure, the same as for a pod's image. */
function checkImage(image: string | undefined): void {
  if (image?.includes("does-not-exist") ?? false)
    throw new Error(
      `failed to pull image "${image ?? ""}": command "docker pull ${image ?? ""}" failed with error: exit status 1`,
    );
}

/** Running out of time is a warning and success, as with kind. */
async function waitForReady(plane: ControlPlane, timeout: number, wait: string): Promise<void> {
  say(` • Waiting ≤ ${wait} for control-plane = Ready ⏳  ...`);
  const start = Date.now();
  try {
    await plane.ready(timeout);
    say(` • Ready after ${Math.round((Date.now() - start) / 1000)}s 💚`);
  } catch {
    say(" • WARNING: Timed out waiting for Ready ⚠️");
  }
}

async function deleteCluster({ name = DEFAULT_NAME, kubeconfig }: Values): Promise<void> {
  const state = readState();
  say(`Deleting cluster "${name}" ...`);
  try {
    const found = clusters(state).includes(name);
    if (kubeconfig !== undefined) removeFrom(kubeconfig, name);
    if (!found) return;
    const dir = clusterDir(state, name);
    const nodes = readNodes(dir).map((node) => `"${node.name}"`);
    await reap(dir);
    rmSync(dir, { recursive: true, force: true });
    // kind lists them as Go prints a list (kind 0.33.0, pkg/cluster/internal/delete/delete.go).
    say(`Deleted nodes: [${nodes.join(" ")}]`);
  } catch (error) {
    throw new Error(`failed to delete cluster "${name}": ${message(error)}`, { cause: error });
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args: [...args], options: FLAGS, allowPositionals: true, strict: false });
  quiet = values.quiet === true;
  const name = positionals.join(" ");
  const command = COMMANDS[name];
  if (command === undefined)
    throw new Error(
      `unknown command "${name}" for "kind": the rehearsal's stand-in has ${Object.keys(COMMANDS).join(", ")}`,
    );
  for (const [flag, value] of Object.entries(values)) {
    if (flag !== "quiet" && !command.flags.some((known) => known === flag)) throw new Error(`unknown flag: --${flag}`);
    if (flag in FLAGS && typeof value !== FLAGS[flag as Flag].type)
      throw new Error(`flag needs an argument: --${flag}`);
  }
  await command.run(values as Values);
}

try {
  await main(process.argv.slice(2));
  // The processes that were started are no business of this one any more.
  process.exit(0);
} catch (error) {
  say(`ERROR: ${message(error)}`);
  process.exit(1);
}
