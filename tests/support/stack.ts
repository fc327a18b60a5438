/**
 * The unchanged program on the real Pulumi engine, with no cluster behind it: provider stand-ins in memory, a fake kind and
 * docker, and the stand-ins for GitHub and Vault.
 */
import { rmSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { withoutStacks } from "../../contract/run-program.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import {
  configText,
  type ConfigValue,
  type EngineEvent,
  type Environment,
  openEnvironment,
} from "../../rehearsal/engine.ts";
import { createRepository } from "../../rehearsal/git/index.ts";
import { type GitHub, startGitHub } from "../../rehearsal/github/index.ts";
import { type StandInOptions, type StandIns, startStandIns } from "../../rehearsal/providers/index.ts";
import { obtain } from "../../toolchain/obtain.ts";
import { Host } from "./fake-kind/host.ts";
import { startVault } from "./vault.ts";

const owner = "acme";
const repository = "fleet";

/** Values that must not be seen anywhere outside the encrypted state. */
export const planted = { githubToken: "ghp_plantedGithubToken0123456789", telegramToken: "4242:plantedTelegramToken" };

export interface TestStack {
  readonly host: Host;
  readonly github: GitHub;
  readonly providers: StandIns;
  readonly environment: Environment;
  /** Settings that keep a test's stack apart from others on this machine. */
  readonly settings: {
    readonly cluster: { readonly kind: { readonly ports: Record<string, number> } };
    readonly repository: Readonly<Record<string, string>>;
  };
  /** Whether the engine writes the state at each step: for who kills it. @default false */
  checkpoints: boolean;
  /** Called for every call of a provider; null lets all pass. */
  onCall: StandInOptions["onCall"] | null;
  onEvent: ((event: EngineEvent) => void) | null;
  /** Everything that the engine has printed. */
  printed(): string;
  /** Sets groups of settings; others stay. */
  set(groups: Readonly<Record<string, unknown>>): Promise<void>;
  keys(): readonly { readonly title: string; readonly readOnly: boolean }[];
  close(): Promise<void>;
}

let made: Promise<string> | undefined;

/**
 * Folder with the repository and the stack as they are at first, with the token: Git and the CLI take two seconds to make them,
 * and a copy is the same.
 */
function beginnings(pulumi: string): Promise<string> {
  made ??= (async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "test-beginnings-"));
    process.once("exit", () => {
      rmSync(folder, { recursive: true, force: true });
    });
    const content = path.join(import.meta.dirname, "../../flux-repo");
    await createRepository(folder, owner, repository, { folders: { "flux-repo": content } });
    const vault = await startVault();
    await openEnvironment({
      program: () => Promise.resolve({}),
      stack: "dev",
      pulumi,
      workDir: path.join(folder, "pulumi"),
      env: { ...vault.env },
      secretsProvider: vault.secretsProvider,
      config: { "github:owner": owner, "github:token": { secret: planted.githubToken } },
    });
    vault.close();
    return folder;
  })();
  return made;
}

let programs = 0;
let obtained: Promise<{ readonly pulumi: string }> | undefined;

/**
 * Opens a stack with the given groups of settings and a state backend of its own. Nothing has run yet.
 *
 * @param on a host that it shares with others. @default one of its own
 */
export async function openStack(groups: Readonly<Record<string, unknown>> = {}, on?: Host): Promise<TestStack> {
  obtained ??= obtain(["pulumi"]);
  const { pulumi } = await obtained;
  const folder = await mkdtemp(path.join(tmpdir(), "test-stack-"));
  const host = on ?? (await Host.start("dev"));
  await cp(await beginnings(pulumi), folder, { recursive: true });
  const github = await startGitHub({
    root: folder,
    owner,
    token: planted.githubToken,
    repositories: [{ name: repository }],
  });
  const hostEnvironment = {
    PATH: [path.join(host.folder, "bin"), path.dirname(process.execPath), "/usr/bin", "/bin"].join(path.delimiter),
    HOME: path.join(host.folder, "home"),
    // Empty is none, for Node.
    NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? "",
    FAKE_WORLD: host.world.folder,
    KIND_LOCK_DIR: host.lockFolder,
  };
  const hooks: Pick<TestStack, "checkpoints" | "onCall" | "onEvent"> = {
    checkpoints: false,
    onCall: null,
    onEvent: null,
  };
  const providers = await startStandIns({
    kubernetes: "memory",
    environment: hostEnvironment,
    onCall: async (call) => hooks.onCall?.(call),
  });
  const vault = await startVault();
  const [grafana, prometheus, alertmanager, jaeger] = (await freePorts(4)) as [number, number, number, number];
  const settings = {
    cluster: {
      kind: {
        kubeconfigFolder: path.join(host.folder, "private"),
        readyTimeoutSeconds: 600,
        ports: { dashboards: grafana, metrics: prometheus, alerts: alertmanager, traces: jaeger },
      },
    },
    repository: {
      name: repository,
      apiUrl: github.baseUrl,
      sshUrl: `ssh://git@github.com/${owner}/${repository}.git`,
    },
    flux: { manifests: path.join(import.meta.dirname, "flux-install.yaml") },
    // There is no cluster that could answer.
    probe: { enabled: false },
  };
  const configuration = (some: Readonly<Record<string, unknown>>): Record<string, ConfigValue> =>
    Object.fromEntries(Object.entries(some).map(([key, value]) => [`observability:${key}`, configText(value)]));
  let output = "";
  const opened = await openEnvironment({
    program: async () => {
      programs += 1;
      return { ...((await import(`../../index.ts?test=${programs}`)) as Record<string, unknown>) };
    },
    stack: "dev",
    pulumi,
    workDir: path.join(folder, "pulumi"),
    env: { ...providers.env, ...hostEnvironment, ...vault.env },
    secretsProvider: vault.secretsProvider,
    parallel: 32,
    checkpoints: () => hooks.checkpoints,
    config: configuration({ ...settings, ...groups }),
    onOutput: (text) => (output += text),
    onEvent: (event) => hooks.onEvent?.(event),
  });
  const environment: Environment = {
    ...opened,
    up: (options) => withoutStacks(() => opened.up(options)),
    preview: () => withoutStacks(() => opened.preview()),
    refresh: () => withoutStacks(() => opened.refresh()),
    destroy: (options) => withoutStacks(() => opened.destroy(options)),
  };
  return Object.assign(hooks, {
    host,
    github,
    providers,
    environment,
    settings,
    printed: () => output,
    set: (some: Readonly<Record<string, unknown>>) => environment.configure(configuration(some)),
    keys: () => github.deployKeys(owner, repository),
    async close() {
      await environment.close();
      await providers.close();
      vault.close();
      await github.close();
      if (on === undefined) await host.stop();
      await rm(folder, { recursive: true, force: true });
    },
  });
}
