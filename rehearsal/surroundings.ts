/**
 * Everything that an environment meets outside itself, on loopback: GitHub and its Git server, a chart registry, a
 * `kind` that makes a control plane of local processes, and the provider plugins. All of it lives in one folder and
 * ends with this process.
 */
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { flux } from "../settings/versions.ts";
import { type ChartRegistry, type Served, startChartRegistry } from "./charts/index.ts";
import { obtain } from "../toolchain/obtain.ts";
import { obtainBinaries } from "./control-plane/binaries.ts";
import { containerNetwork } from "./control-plane/containers.ts";
import { prepareKind } from "./control-plane/kind-state.ts";
import type { ConfigValue } from "./engine.ts";
import { fluxManifests } from "./flux/manifests.ts";
import { createRepository, type GitServer, startGitServer } from "./git/index.ts";
import { type GitHub, startGitHub } from "./github/index.ts";
import { type ProviderName, type StandInOptions, type StandIns, startStandIns } from "./providers/index.ts";

const projectRoot = resolve(import.meta.dirname, "..");

/** Owner and repositories at the GitHub stand-in. */
export const owner = "acme";
export const fleet = "observability-environment";

export interface SurroundingsOptions {
  /** Folder for all of it; made, and readable by its owner only. */
  readonly dir: string;
  /** The environment's source is a registry beside its cluster: nothing of it is at GitHub. @default false */
  readonly localRegistry?: boolean;
  /** A folder with real charts as `helm pull` leaves them; a chart that it lacks is a stand-in. */
  readonly charts?: string;
  /** Whether the definitions of stand-in charts have the descriptions of their fields, half of what they weigh. @default false */
  readonly whole?: boolean;
  /** Providers that nothing stands in for. @default none */
  readonly releasedProviders?: readonly ProviderName[];
  readonly onCall?: StandInOptions["onCall"];
  /**
   * Surroundings of another environment, on whose GitHub, registry and lock of kind this one lives, too: as two environments
   * of one owner on one machine. They have to outlive these.
   * @default its own
   */
  readonly beside?: Surroundings;
  /** Told what is real and what stands in. */
  readonly log?: (line: string) => void;
  /** Ends the obtaining of tools. */
  readonly signal?: AbortSignal;
}

export interface Surroundings {
  readonly github: GitHub;
  readonly git: GitServer;
  readonly registry: ChartRegistry & Served;
  readonly providers: StandIns;
  /** Providers that nothing stands in for. */
  readonly releasedProviders: readonly ProviderName[];
  /** Bare repository that Flux syncs. */
  readonly fleetDirectory: string;
  /** Where kind's runs on this machine wait for each other. */
  readonly lock: string;
  /** File with the objects of Flux. */
  readonly fluxManifests: string;
  /** Settings that lead the program here instead of to the real GitHub, registries and releases. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Where kbot is found, for a rehearsal whose demo it is. */
  readonly kbot: Readonly<Record<string, unknown>>;
  /** Configuration beside the settings: provider keys and secrets. */
  readonly config: Readonly<Record<string, ConfigValue>>;
  /** For the engine: PATH with the stand-ins for `kind` and `docker` in front, and where the providers listen. */
  readonly env: Readonly<Record<string, string>>;
  /** Nothing is at GitHub: the content is in a registry beside the cluster. */
  readonly localRegistry: boolean;
  /** For the Flux controllers. */
  readonly controllersEnv: Readonly<Record<string, string>>;
  /** Values that must never be seen in a state, a log or an output. */
  readonly planted: { readonly githubToken: string; readonly telegramToken: string };
  close(): Promise<void>;
}

/** Settings of the demo kbot: its chart from a Git server here, and an image that nobody pulls. */
export function kbotAt(address: string): Readonly<Record<string, unknown>> {
  return { repository: `${address}/${owner}/kbot`, image: { repository: `ghcr.io/${owner}/kbot` } };
}

/** The cluster script runs on the Node.js that runs this, also where an older one is first on PATH. */
function withOwnNode<E extends { readonly PATH: string }>(environment: E): E {
  const [kind = "", ...rest] = environment.PATH.split(delimiter);
  return { ...environment, PATH: [kind, dirname(process.execPath), ...rest].join(delimiter) };
}

type Services = Pick<Surroundings, "github" | "git" | "registry" | "fleetDirectory" | "planted" | "lock" | "kbot">;

/** What environments of one owner on one machine have in common. */
async function startServices(
  { dir, charts, whole = false, log = () => undefined }: SurroundingsOptions,
  endsWith: (end: () => Promise<void>) => void,
): Promise<Services> {
  const root = join(dir, "repositories");
  const fleetDirectory = await createRepository(root, owner, fleet, {
    folders: { "flux-repo": join(projectRoot, "flux-repo") },
  });
  await createRepository(root, owner, "kbot", { folders: { "": join(projectRoot, "rehearsal/charts/kbot") } });
  const planted = {
    githubToken: `ghp_${randomBytes(18).toString("hex")}`,
    telegramToken: `1234567:${randomBytes(18).toString("hex")}`,
  };
  const github = await startGitHub({
    root,
    owner,
    token: planted.githubToken,
    repositories: [{ name: fleet }, { name: "kbot", public: true }],
  });
  endsWith(() => github.close());
  const git = await startGitServer({ root, access: github });
  endsWith(() => git.close());
  github.servedAt({ ssh: git.ssh.address, http: git.http.address });
  const registry = await startChartRegistry({ log, whole, ...(charts === undefined ? {} : { folder: charts }) });
  endsWith(() => registry.close());
  // Not this machine's: these clusters have nothing to do with those that kind makes here.
  return { github, git, registry, fleetDirectory, planted, lock: join(dir, "lock"), kbot: kbotAt(git.http.address) };
}

/** Starts the surroundings. The first time, tools and Go modules are obtained, which takes minutes and says so. */
export async function startSurroundings(options: SurroundingsOptions): Promise<Surroundings> {
  const { dir, log = () => undefined, signal, localRegistry = false } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const obtaining = { onProgress: log, ...(signal === undefined ? {} : { signal }) };
  const binaries = {
    ...(await obtainBinaries(obtaining)),
    ...(localRegistry ? await obtain(["registry"], obtaining) : {}),
  };
  const manifests = await fluxManifests(flux);
  log(`flux ${flux}: manifests assembled from the controllers' modules, not the released file`);

  const ends: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    const shared = options.beside ?? (await startServices(options, (end) => ends.push(end)));
    const { github, git, registry, planted, lock } = shared;
    const kindEnvironment = { ...withOwnNode(prepareKind(join(dir, "kind"), binaries)), KIND_LOCK_DIR: lock };
    const environment = { ...process.env, ...kindEnvironment };
    const providers = await startStandIns({
      kubernetes: "api",
      environment,
      processes: dir,
      except: options.releasedProviders ?? [],
      ...(options.onCall === undefined ? {} : { onCall: options.onCall }),
    });
    ends.push(() => providers.close());
    const network = localRegistry ? await containerNetwork(join(dir, "kind")) : undefined;
    if (network !== undefined) ends.push(() => network.close());
    const repository = {
      name: fleet,
      sshUrl: `${git.ssh.address}/${owner}/${fleet}.git`,
      knownHosts: git.ssh.knownHosts,
      apiUrl: github.baseUrl,
    };
    return {
      ...shared,
      providers,
      releasedProviders: options.releasedProviders ?? [],
      fluxManifests: manifests,
      settings: {
        cluster: { kind: { kubeconfigFolder: join(dir, "kube") } },
        ...(localRegistry ? {} : { repository }),
        charts: { mirror: { url: registry.address, insecure: true } },
        flux: { manifests },
        // Simulated pods answer nobody.
        probe: { enabled: false },
      },
      config: localRegistry ? {} : { "github:owner": owner, "github:token": { secret: planted.githubToken } },
      env: { ...kindEnvironment, ...providers.env },
      localRegistry,
      controllersEnv: network?.env ?? {},
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
