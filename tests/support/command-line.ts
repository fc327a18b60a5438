/**
 * A person's own checkout with the real Pulumi CLI: a copy of the project, a home folder, and stand-ins for what a test
 * has not got (the language host, the providers, GitHub, kind and docker). The program is a process of its own.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { createRepository } from "../../rehearsal/git/index.ts";
import { type GitHub, startGitHub } from "../../rehearsal/github/index.ts";
import { type StandIns, startStandIns } from "../../rehearsal/providers/index.ts";
import { run, type RunResult } from "../../toolchain/run.ts";
import { obtain } from "../../toolchain/obtain.ts";
import { bare } from "./bare.ts";
import { Host } from "./fake-kind/host.ts";
import { startLanguageHost } from "./language-host.ts";

const projectRoot = path.resolve(import.meta.dirname, "../..");

/** Not part of a checkout, or of no use in one that only runs commands. */
const left = [".git", "node_modules", "tests", "rendered", ".kube", ".nyc_output", "coverage"];

export interface CommandLine {
  /** The checkout. */
  readonly folder: string;
  readonly home: string;
  readonly github: GitHub;
  readonly host: Host;
  readonly providers: StandIns;
  /** Settings that lead to the stand-ins, as a stack file's YAML says them; of the components Grafana alone is on. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Writes `Pulumi.<stack>.yaml`; keys without a package are the project's. */
  write(stack: string, config: Readonly<Record<string, unknown>>): void;
  /** Runs a program in the checkout. */
  run(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<RunResult>;
  /** Path of the CLI. */
  readonly pulumi: string;
  close(): Promise<void>;
}

/** Compiled modules of checkouts, told by their place beside them: kept by their whole path no other checkout would find them. */
function compiled(root: string): NodeJS.ProcessEnv {
  const { NODE_COMPILE_CACHE: folder = "" } = process.env;
  if (folder === "") return {};
  const kept = path.join(folder, "checkouts");
  mkdirSync(kept, { recursive: true });
  symlinkSync(kept, path.join(root, "compiled"));
  return { NODE_COMPILE_CACHE: path.join(root, "compiled"), NODE_COMPILE_CACHE_PORTABLE: "1" };
}

/**
 * Opens a checkout. The stack files of the project are there.
 * @param more variables of everything that runs in it
 */
export async function openCommandLine(more: NodeJS.ProcessEnv = {}): Promise<CommandLine> {
  const { pulumi } = await obtain(["pulumi"]);
  const root = mkdtempSync(path.join(tmpdir(), "command-line-"));
  const [folder, home] = [path.join(root, "project"), path.join(root, "home")];
  for (const name of readdirSync(projectRoot)) {
    if (!left.includes(name)) cpSync(path.join(projectRoot, name), path.join(folder, name), { recursive: true });
  }
  symlinkSync(path.join(projectRoot, "node_modules"), path.join(folder, "node_modules"));
  mkdirSync(path.join(home, "bin"), { recursive: true });
  symlinkSync(pulumi, path.join(home, "bin", "pulumi"));
  const repositories = path.join(root, "repositories");
  await createRepository(repositories, "acme", "fleet", { folders: { "flux-repo": path.join(folder, "flux-repo") } });
  const token = "ghp_plantedGithubToken0123456789";
  const github = await startGitHub({ root: repositories, owner: "acme", token, repositories: [{ name: "fleet" }] });
  const host = await Host.start("dev");
  const npm = path.dirname(process.execPath);
  const environment: NodeJS.ProcessEnv = {
    ...compiled(root),
    // As for the engine elsewhere (stack.ts).
    GOGC: "400",
    HOME: home,
    PATH: [path.join(host.folder, "bin"), path.join(home, "bin"), npm, "/usr/bin", "/bin"].join(path.delimiter),
    FAKE_WORLD: host.world.folder,
    KIND_LOCK_DIR: host.lockFolder,
    GITHUB_OWNER: "acme",
    GITHUB_TOKEN: token,
    PULUMI_HOME: path.join(home, ".pulumi"),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    NO_COLOR: "1",
    ...more,
  };
  const providers = await startStandIns({ kubernetes: "memory", environment });
  const [grafana, prometheus, alertmanager, jaeger] = await freePorts(4);
  return {
    folder,
    home,
    github,
    host,
    providers,
    pulumi,
    settings: {
      cluster: {
        kind: {
          kubeconfigFolder: path.join(host.folder, "private"),
          ports: { dashboards: grafana, metrics: prometheus, alerts: alertmanager, traces: jaeger },
        },
      },
      repository: { name: "fleet", apiUrl: github.baseUrl, sshUrl: "ssh://git@github.com/acme/fleet.git" },
      flux: { manifests: path.join(import.meta.dirname, "flux-install.yaml") },
      probe: { enabled: false },
      ...bare,
      dashboards: "grafana",
    },
    write(stack, config) {
      const lines = Object.entries(config).map(([key, value]) => {
        const name = key.includes(":") ? key : `observability:${key}`;
        return `  ${name}: ${JSON.stringify(value)}\n`;
      });
      writeFileSync(path.join(folder, `Pulumi.${stack}.yaml`), `config:\n${lines.join("")}`);
    },
    async run(command, args, env = {}) {
      const full = { ...environment, ...providers.env, ...env };
      const programs = await startLanguageHost(full);
      try {
        return await run(command, args, { cwd: folder, env: { ...full, ...programs.env } });
      } finally {
        programs.close();
      }
    },
    async close() {
      await providers.close();
      await github.close();
      await host.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
