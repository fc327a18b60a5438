import "../components/quick-start.ts";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  LocalWorkspace,
  PulumiCommand,
  Stack,
  type EngineEvent,
  type OutputMap,
} from "@pulumi/pulumi/automation/index.js";

import { programEnvironment } from "../components/cluster/kind.ts";
import "./connections.ts";
import { recorded } from "./control-plane/processes.ts";
import { secretSignature, signatureKey } from "./providers/values.ts";
import { removeCutOffAttributes } from "../toolchain/state.ts";

/** A group of settings as Pulumi's configuration holds it: a text as it stands, anything else as JSON. */
export const configText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

export type { EngineEvent } from "@pulumi/pulumi/automation/index.js";

/** A configuration value: plain text, or a secret that is stored encrypted. */
export type ConfigValue = string | { readonly secret: string };

export interface EnvironmentOptions {
  /** The program; its returned record becomes the stack's outputs. */
  readonly program: () => Promise<Record<string, unknown>>;
  readonly stack: string;
  /** @default "observability" */
  readonly project?: string;
  /**
   * Folder for everything the engine writes (state, its home, project and stack files); readable by its owner only.
   * @default a new folder in the system's temporary folder
   */
  readonly workDir?: string;
  /** By full name: `observability:...`, `github:owner`, `kubernetes:...`. A secret never appears in a process list. */
  readonly config?: Readonly<Record<string, ConfigValue>>;
  /** Added to the environment of the engine and of the commands that the program runs; its `process.env` is this process's. */
  readonly env?: Readonly<Record<string, string>>;
  /** Path of the Pulumi CLI. */
  readonly pulumi: string;
  /** Folder with provider plugins, as in a Pulumi home. @default there are none, so each provider has to be served */
  readonly plugins?: string;
  readonly onEvent?: (event: EngineEvent) => void;
  /** What the CLI prints, as it comes. */
  readonly onOutput?: (text: string) => void;
  /** Operations at a time. @default the CLI's own, four times the number of processors */
  readonly parallel?: number;
  /**
   * Whether the next operation writes the state at each step, half of the engine's own time, or at its end alone; only who kills
   * it sees a difference. @default at each step
   */
  readonly checkpoints?: () => boolean;
  /** Who has the key of the secrets, as `pulumi stack init --secrets-provider` names it. @default a random passphrase */
  readonly secretsProvider?: string;
}

/** How an operation ended. */
export interface Operation {
  /** Number of resources by what was done with them: `create`, `same`, `update`, `replace`, `delete`, ... */
  readonly changes: Readonly<Partial<Record<string, number>>>;
  /** Everything that the CLI printed. */
  readonly output: string;
}

/** An operation that failed, with what the CLI printed. */
export class OperationFailed extends Error {
  readonly output: string;
  constructor(verb: string, output: string) {
    super(`pulumi ${verb} failed:\n${output}`);
    this.name = "OperationFailed";
    this.output = output;
  }
}

/** What a file of the state backend holds, as far as it is read here. */
export interface Deployment {
  readonly manifest: unknown;
  readonly resources?: readonly StateResource[];
  readonly pending_operations?: readonly { readonly type: string; readonly resource: StateResource }[];
}

interface StateFile {
  readonly checkpoint: { readonly latest?: Deployment };
}

export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly dependencies?: readonly string[];
  readonly deletedWith?: string;
  readonly delete?: boolean;
  readonly initErrors?: readonly string[];
}

/** For the engine: the state is written at the end of an operation alone. */
const withoutCheckpoints = { PULUMI_EXPERIMENTAL: "true", PULUMI_SKIP_CHECKPOINTS: "true" } as const;

/** One stack with a state of its own, on the real engine. */
export interface Environment {
  readonly workDir: string;
  /** @param replace URNs to replace although nothing of them changed. */
  up(options?: { readonly replace?: string[] }): Promise<Operation>;
  preview(): Promise<Operation>;
  refresh(): Promise<Operation>;
  /** @param runProgram Run the program first, which delete hooks need. */
  destroy(options?: { readonly runProgram?: boolean; readonly continueOnError?: boolean }): Promise<Operation>;
  /** After a kill: removes the lock and forgets creates whose end is not known. */
  recover(): Promise<void>;
  /** The state file as it is on disk: secrets are encrypted. */
  exportDeployment(): Promise<Deployment>;
  /** The text of that file, to search in. */
  stateText(): Promise<string>;
  outputs(): Promise<OutputMap>;
  /** SIGKILL to the engine that runs now; the operation under way rejects. Without one it does nothing. */
  kill(): void;
  /** SIGINT, as Ctrl-C does. */
  interrupt(): void;
  /** Another program from now on, for example one with a changed setting. */
  use(program: EnvironmentOptions["program"]): void;
  /** Sets configuration values; undefined removes one. */
  configure(config: Readonly<Record<string, ConfigValue | undefined>>): Promise<void>;
  /** Removes the folder. It does not destroy the stack. */
  close(): Promise<void>;
}

/** The CLI of each path, with its version. */
const asked = new Map<string, Promise<PulumiCommand>>();

/** The engine's environment that keeps it to itself: no account, no download, no question. */
const offline = {
  PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  PULUMI_SKIP_UPDATE_CHECK: "true",
  PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS: "true",
} as const;

/**
 * Opens a stack on the real engine: the Automation API, an inline program and a file backend.
 * @throws When the CLI is missing or too old, or the stack cannot be made.
 */
export async function openEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const workDir = options.workDir ?? (await mkdtemp(join(tmpdir(), "observability-")));
  try {
    return await openIn(workDir, options);
  } catch (error) {
    if (options.workDir === undefined) await rm(workDir, { recursive: true, force: true });
    throw error;
  }
}

async function openIn(workDir: string, options: EnvironmentOptions): Promise<Environment> {
  const project = options.project ?? "observability";
  await mkdir(workDir, { recursive: true });
  await chmod(workDir, 0o700);
  const folder = (name: string): string => join(workDir, name);
  for (const name of ["backend", "home", "bin"]) await mkdir(folder(name), { recursive: true });

  if (options.plugins !== undefined) await symlink(options.plugins, join(folder("home"), "plugins"));

  const pidFile = folder("engine.pid");
  const cli = join(folder("bin"), "pulumi");
  await writeWrapper(cli, options.pulumi, pidFile);
  const env: Record<string, string> = {
    ...offline,
    // A tenth of the engine's own time is collecting garbage, of which there is little.
    GOGC: "400",
    ...options.env,
    PULUMI_HOME: folder("home"),
    PULUMI_BACKEND_URL: `file://${folder("backend")}`,
    PULUMI_CONFIG_PASSPHRASE: randomBytes(24).toString("base64url"),
    // The CLI prefers an ambient file to the passphrase.
    PULUMI_CONFIG_PASSPHRASE_FILE: "",
  };
  // Of the version that was asked for once: each start of the CLI takes as long as many an operation.
  asked.set(options.pulumi, asked.get(options.pulumi) ?? PulumiCommand.get({ root: workDir }));
  const pulumiCommand = Object.create((await asked.get(options.pulumi)) ?? null, {
    command: { value: cli },
  }) as PulumiCommand;

  let { program } = options;
  const environmentOfProgram = { ...process.env, ...options.env };
  let runs = 0;
  const stateFile = join(folder("backend"), ".pulumi", "stacks", project, `${options.stack}.json`);
  const workspace = await LocalWorkspace.create({
    workDir,
    pulumiHome: folder("home"),
    pulumiCommand,
    envVars: env,
    ...(options.secretsProvider === undefined ? {} : { secretsProvider: options.secretsProvider }),
    projectSettings: { name: project, runtime: "nodejs", backend: { url: `file://${folder("backend")}` } },
    program: () => {
      runs += 1;
      return programEnvironment.run(environmentOfProgram, program);
    },
  });
  // Every command names the stack, so none has to be selected, which is a start of the CLI.
  workspace.selectStack = () => Promise.resolve();
  const stack = await Stack[existsSync(stateFile) ? "select" : "create"](options.stack, workspace);

  // After each operation the Automation API asks for the outputs and the history: three more starts of the CLI,
  // which take longer than most operations here. Whoever wants the outputs asks for them.
  stack.outputs = () => Promise.resolve({});
  stack.info = () => Promise.resolve(undefined);

  async function operate(verb: string, start: (common: Common) => Promise<unknown>): Promise<Operation> {
    const changes: Partial<Record<string, number>> = {};
    let output = "";
    const onOutput = (text: string): void => {
      output += text;
      options.onOutput?.(text);
    };
    await rm(pidFile, { force: true });
    const before = runs;
    stack.workspace.envVars = { ...env, ...(options.checkpoints?.() === false ? withoutCheckpoints : {}) };
    try {
      await start({
        color: "never",
        ...(options.parallel === undefined ? {} : { parallel: options.parallel }),
        onOutput,
        onError: onOutput,
        onEvent(event) {
          if (event.summaryEvent !== undefined) Object.assign(changes, event.summaryEvent.resourceChanges);
          options.onEvent?.(event);
        },
      });
    } catch (error) {
      // The error repeats the output twice; it is of use only when nothing was printed.
      throw new OperationFailed(verb, output === "" ? String(error) : output);
    }
    // For the SDK a connection that is lost before is no error (connections.ts).
    if (runs === before && (verb === "up" || verb === "preview"))
      throw new OperationFailed(verb, `${output}\nThe program did not run: the SDK lost the engine.`);
    return { changes, output };
  }

  /** Runs the CLI beside the Automation API, where that would show a secret or lacks standard input. */
  function pulumi(args: readonly string[], input = ""): Promise<string> {
    return run(cli, [...args, "--stack", options.stack, "--non-interactive"], { cwd: workDir, env, input });
  }

  async function configure(config: Readonly<Record<string, ConfigValue | undefined>>): Promise<void> {
    for (const [key, value] of Object.entries(config)) {
      // By standard input: the Automation API would put the secret in the process list.
      if (typeof value === "object") await pulumi(["config", "set", "--secret", key], value.secret);
    }
    // The rest goes into the file itself, for which no CLI has to be started; it leaves out what is undefined.
    const plain = Object.entries(config).filter(([, value]) => typeof value !== "object");
    const settings = await workspace.stackSettings(options.stack);
    const all = { ...settings.config, ...Object.fromEntries(plain) };
    await workspace.saveStackSettings(options.stack, { ...settings, config: all });
  }

  const environment: Environment = {
    workDir,
    up: (choices = {}) => operate("up", (common) => stack.up({ ...common, ...choices })),
    preview: () => operate("preview", (common) => stack.preview(common)),
    refresh: () => operate("refresh", (common) => stack.refresh(common)),
    destroy: (choices = {}) => operate("destroy", (common) => stack.destroy({ ...common, ...choices })),
    async recover() {
      removeCutOffAttributes(join(folder("backend"), ".pulumi"));
      await stack.cancel();
      // Not by `refresh --clear-pending-creates`: that asks every provider, and a cluster may be half made. An import forgets
      // what was under way.
      const { checkpoint, ...state } = JSON.parse(await environment.stateText()) as StateFile;
      if (checkpoint.latest === undefined) return;
      await pulumi(["stack", "import"], JSON.stringify({ ...state, deployment: checkpoint.latest }));
    },
    async exportDeployment() {
      const state = JSON.parse(await environment.stateText()) as StateFile;
      return state.checkpoint.latest ?? { manifest: {} };
    },
    stateText: () => readFile(stateFile, "utf8"),
    async outputs() {
      const { resources = [] } = await environment.exportDeployment();
      const inState = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
      // By the state which are secret, and by the CLI what they are; the Automation API starts the CLI for both.
      const plain = await pulumi(["stack", "output", "--json", "--show-secrets"]);
      const isSecret = (value: unknown) =>
        (value as Readonly<Record<string, unknown>> | null | undefined)?.[signatureKey] === secretSignature;
      return Object.fromEntries(
        Object.entries(JSON.parse(plain) as Readonly<Record<string, unknown>>).map(([name, value]) => [
          name,
          { value, secret: isSecret(inState[name]) },
        ]),
      );
    },
    kill() {
      signal(pidFile, "SIGKILL");
    },
    interrupt() {
      signal(pidFile, "SIGINT");
    },
    use(next) {
      program = next;
    },
    configure,
    async close() {
      await rm(workDir, { recursive: true, force: true });
    },
  };
  await configure(options.config ?? {});
  return environment;
}

/** What every operation passes to the Automation API. */
interface Common {
  readonly color: "never";
  readonly parallel?: number;
  readonly onOutput: (text: string) => void;
  readonly onError: (text: string) => void;
  readonly onEvent: (event: EngineEvent) => void;
}

/**
 * A command in front of the CLI that notes the engine's process id, which the Automation API does not tell, and records the
 * process, so that whoever guards the folder can end it.
 */
async function writeWrapper(file: string, cli: string, pidFile: string): Promise<void> {
  const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
  const become = recorded(dirname(pidFile), "engine", [cli]).map(quoted).join(" ");
  await writeFile(file, `#!/bin/sh\necho $$ >${quoted(pidFile)}\nexec ${become} "$@"\n`, { mode: 0o700 });
}

function signal(pidFile: string, name: "SIGKILL" | "SIGINT"): void {
  let pid: number;
  try {
    pid = Number(readFileSync(pidFile, "utf8"));
  } catch {
    return; // Nothing runs.
  }
  try {
    process.kill(pid, name);
  } catch (error) {
    // It ended by itself in the meantime.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>>; readonly input: string },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: { ...process.env, ...options.env } });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(Buffer.concat(stdout).toString());
      else reject(new Error(`pulumi ${args.join(" ")}: ${Buffer.concat(stderr).toString()}`));
    });
    child.stdin.end(options.input);
  });
}
