/** What the tests on real Kind share: the tier itself, and environments of one KindCluster on the real engine. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type Context } from "mocha";
import { KindCluster } from "../../components/cluster/kind-cluster.ts";
import { connect } from "../../rehearsal/control-plane/api.ts";
import { openEnvironment, type EngineEvent, type Environment } from "../../rehearsal/engine.ts";
import { startStandIns } from "../../rehearsal/providers/index.ts";
import { settingsSchema, type SettingsInput } from "../../settings/schema.ts";
import { NoKindTier, prepareKindTier, type KindTier } from "../kind-tier/prepare.ts";
import { run } from "../../toolchain/run.ts";
import { obtain } from "../../toolchain/obtain.ts";

export type { KindTier } from "../kind-tier/prepare.ts";

/** Words for the person who waits. */
export function say(line: string): void {
  process.stderr.write(`    ${line}\n`);
}

let shared: Promise<KindTier> | undefined;

/** The tier, once for all test files, in a `before` hook; or the suite is skipped, which says why. */
export async function kindTier(context: Context): Promise<KindTier> {
  // A node image may have to be built.
  context.timeout(60 * 60_000);
  shared ??= prepareKindTier(say);
  try {
    return await shared;
  } catch (error) {
    if (!(error instanceof NoKindTier)) throw error;
    say(`SKIPPED, nothing of this was tested: ${error.message}`);
    return context.skip();
  }
}

// Of the root suite: after all test files.
after("stops what the Kind tier started", async function () {
  this.timeout(5 * 60_000);
  const tier = await shared?.catch(() => undefined);
  await tier?.close();
});

/** The settings of a cluster, as a stack file has them. */
export type KindSettings = NonNullable<NonNullable<SettingsInput["cluster"]>["kind"]>;

/** A person's home folder with a kubeconfig of their own, and folders for what the environments of one test file write. */
export interface Host {
  readonly kubeconfigFolder: string;
  readonly env: NodeJS.ProcessEnv;
  /** What is in all of these folders, with a digest of the content; lock files that stay are the script's own. */
  files(): string[];
  readonly remove: () => void;
}

/** A new folder that goes with this process at the latest, also when Ctrl-C ends it. */
export function temporaryFolder(prefix: string): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), prefix));
  const remove = () => {
    process.off("exit", remove);
    rmSync(path, { recursive: true, force: true });
  };
  process.once("exit", remove);
  return { path, remove };
}

export function makeHost(tier: KindTier): Host {
  const { path: folder, remove } = temporaryFolder("kind-host-");
  const home = join(folder, "home");
  const kubeconfigFolder = join(folder, "environments");
  mkdirSync(join(home, ".kube"), { recursive: true });
  const decoy = "apiVersion: v1\nkind: Config\ncurrent-context: mine\n";
  writeFileSync(join(home, ".kube/config"), decoy, { mode: 0o600 });
  return {
    kubeconfigFolder,
    env: { ...tier.env, HOME: home, KIND_LOCK_DIR: join(folder, "lock"), KUBECONFIG: undefined },
    files: () =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .map((file) => `${file.slice(folder.length + 1)} ${digest(readFileSync(file))}`)
        .sort(),
    remove,
  };
}

function digest(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 12);
}

/** A stack with one KindCluster and nothing else. */
export interface ClusterStack extends Environment {
  /** What a stack file says from now on. */
  settings(change: KindSettings): void;
  /** The kubeconfig file of the cluster. */
  readonly kubeconfigFile: string;
  readonly nodeContainer: string;
  /** Ends the providers and forgets the state; the cluster stays. */
  close(): Promise<void>;
}

const noPorts = { dashboards: null, metrics: null, alerts: null, traces: null };

export async function openClusterStack(options: {
  readonly tier: KindTier;
  readonly host: Host;
  readonly stack: string;
  readonly settings?: KindSettings;
  readonly onEvent?: (event: EngineEvent) => void;
  readonly onOutput?: (text: string) => void;
}): Promise<ClusterStack> {
  const { tier, host, stack } = options;
  let settings = options.settings ?? {};
  const standIns = await startStandIns({ kubernetes: "memory", environment: host.env });
  const { pulumi } = await obtain(["pulumi"], { onProgress: say });
  const environment = await openEnvironment({
    stack,
    pulumi,
    env: standIns.env,
    ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
    ...(options.onOutput === undefined ? {} : { onOutput: options.onOutput }),
    program: () => {
      const { cluster } = settingsSchema.parse({
        cluster: {
          kind: {
            nodeImage: tier.nodeImage,
            kubeconfigFolder: host.kubeconfigFolder,
            ports: noPorts,
            readyTimeoutSeconds: 600,
            ...settings,
          },
        },
      });
      const made = new KindCluster("cluster", {
        project: "observability",
        stack,
        settings: cluster.kind,
        requests: { cpuMillicores: 0, memoryMiB: 0 },
      });
      return Promise.resolve({ kubeconfig: made.kubeconfig, identifier: made.identifier });
    },
  });
  return {
    ...environment,
    kubeconfigFile: join(host.kubeconfigFolder, `${stack}.yaml`),
    nodeContainer: `${stack}-control-plane`,
    settings(change) {
      settings = change;
    },
    async close() {
      await standIns.close();
      await environment.close();
    },
  };
}

/** The nodes that the cluster's API server knows, by the kubeconfig that was written. */
export async function nodesOf(stack: ClusterStack): Promise<{ metadata: { labels: Record<string, string> } }[]> {
  const api = connect(readFileSync(stack.kubeconfigFile, "utf8"));
  try {
    const list = (await api.get("/api/v1/nodes")) as { items: { metadata: { labels: Record<string, string> } }[] };
    return list.items;
  } finally {
    api.close();
  }
}

/** Runs a verb of the cluster script, as `npm run recover -- <stack> --adopt` runs `release`. */
export async function runScript(stack: ClusterStack, host: Host, verb: string, name: string): Promise<void> {
  const root = join(import.meta.dirname, "../..");
  const result = await run(process.execPath, ["components/cluster/kind-script.ts", verb], {
    cwd: root,
    env: { ...host.env, KIND_CLUSTER_NAME: name, KUBECONFIG_FILE: stack.kubeconfigFile },
  });
  if (result.code !== 0) throw new Error(`kind-script.ts ${verb} failed:\n${result.stderr}`);
}

/** Puts the images of an archive into the nodes of a cluster. */
export async function loadImage(host: Host, cluster: string, archive: string): Promise<void> {
  const loaded = await run("kind", ["load", "image-archive", archive, "--name", cluster], { env: host.env });
  if (loaded.code !== 0) throw new Error(`kind load failed: ${loaded.stderr}`);
}

/** Everything in Docker that somebody could have left: containers, volumes, networks that are not Docker's own. */
export async function inDocker(tier: KindTier): Promise<string[]> {
  const list = async (what: string, args: readonly string[]) =>
    (await tier.engine.docker(args))
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => `${what} ${line}`);
  return [
    ...(await list("container", ["ps", "-a", "--format", "{{.Names}}"])),
    ...(await list("volume", ["volume", "ls", "-q"])),
    ...(await list("network", ["network", "ls", "--filter", "type=custom", "--format", "{{.Name}}"])),
  ].sort();
}

/** Addresses on which something listens by TCP and that other machines reach. Linux only: it reads /proc. */
export function openListeners(): string[] {
  const found: string[] = [];
  for (const [file, isLoopback] of [
    ["/proc/net/tcp", (address: string) => address.endsWith("7F")],
    [
      "/proc/net/tcp6",
      (address: string) => address === "00000000000000000000000001000000" || /^0{16}FFFF0000.{6}7F$/.test(address),
    ],
  ] as const) {
    if (!existsSync(file)) continue;
    for (const line of readFileSync(file, "utf8").trim().split("\n").slice(1)) {
      const [, local = "", , state] = line.trim().split(/\s+/);
      const [address = "", port = ""] = local.split(":");
      if (state === "0A" && !isLoopback(address)) found.push(`${address}:${parseInt(port, 16)}`);
    }
  }
  return found.sort();
}
