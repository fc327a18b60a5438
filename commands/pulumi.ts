/**
 * `npm run up|preview|refresh|destroy|recover -- <stack> [arguments of pulumi]`: the Pulumi CLI, obtained if need be and
 * told where the state and the passphrase are unless that is configured already. Each command is printed before it runs
 * and can be typed as it stands: plain `pulumi` does the same to the resources. `recover -- <stack> --adopt` lets the next
 * `up` take over a Kind cluster whose state was lost. After an `up` that changed something, the
 * phases and the critical path are printed.
 *
 * `npm run push -- <stack>` brings an edited `flux-repo/` into the cluster of a stack whose source is `local-registry`
 * (commands/push.ts). `npm run pulumi -- <stack> <command of pulumi>` is every other command of the CLI, and `npm run doctor -- <stack>` looks at
 * what an `up` needs (components/preflight.ts).
 */
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, hostname, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { parse } from "yaml";
import { clusterName } from "../components/cluster/kind-config.ts";
import { nearest } from "../settings/nearest.ts";
import { cacheFolder, configFolder, dataFolder } from "../toolchain/cache.ts";
import { readEventLog, spansOf, timesLines, timesOf, type StateLike } from "./critical-path.ts";
import { run, which, type Environment } from "../toolchain/run.ts";
import { removeCutOffAttributes, stateFolder } from "../toolchain/state.ts";
import { obtain } from "../toolchain/obtain.ts";

export const commands = ["up", "preview", "refresh", "destroy", "recover", "push", "pulumi", "doctor"] as const;
export type Command = (typeof commands)[number];

/** How many resource operations run at once. Pulumi's default of 8 would make independent releases wait. */
const parallel = 32;

/** An error whose message is all there is to say: no stack trace. */
export class UserError extends Error {}

/** Whether an argument chooses by itself how many operations run at once. */
function hasParallel(args: readonly string[]): boolean {
  return args.some((arg) => /^(--parallel(=|$)|-p)/.test(arg));
}

/** Commands of the CLI that are about no stack, or name it by a word instead of by `--stack`. */
const withoutStack = [
  ...["about", "gen-completion", "help", "install", "login", "logout", "new", "org", "package", "plugin", "policy"],
  ...["project", "schema", "template", "version", "whoami", "stack init", "stack ls", "stack rm", "stack select"],
  "stack unselect",
];

function namesStack([command = "", verb = ""]: readonly string[]): boolean {
  return !withoutStack.includes(command) && !withoutStack.includes(`${command} ${verb}`);
}

/** The commands of the Pulumi CLI, in order, that one of ours stands for. */
export function steps(command: Command, stack: string, rest: readonly string[]): string[][] {
  const atOnce = hasParallel(rest) ? [] : ["--parallel", String(parallel)];
  switch (command) {
    case "up":
    case "preview":
      return [
        ["stack", "select", stack, "--create"],
        [command, "--stack", stack, ...atOnce, ...rest],
      ];
    case "refresh":
    case "destroy":
      return [[command, "--stack", stack, ...atOnce, ...rest]];
    case "pulumi":
      return [[...rest, ...(namesStack(rest) ? ["--stack", stack] : [])]];
    case "doctor":
    case "push":
      return [];
    case "recover":
      return [
        ["cancel", "--yes", "--stack", stack],
        // What was being created when the engine died is adopted or made anew by the next `up`.
        ["refresh", "--clear-pending-creates", "--yes", "--non-interactive", "--stack", stack, ...atOnce, ...rest],
      ];
  }
}

/** Reads a YAML file that may not be there. */
function readYaml(file: string): Record<string, unknown> {
  if (!existsSync(file)) return {};
  const content: unknown = parse(readFileSync(file, "utf8"));
  return typeof content === "object" && content !== null ? { ...content } : {};
}

/** Name of the project. */
function projectName(projectFolder: string): string {
  return field(readYaml(join(projectFolder, "Pulumi.yaml")), "name") ?? "project";
}

/** Stacks that have a settings file. */
function stackFiles(projectFolder: string): string[] {
  return readdirSync(projectFolder).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);
}

function field(of: unknown, name: string): string | undefined {
  const value = typeof of === "object" && of !== null ? (of as Record<string, unknown>)[name] : undefined;
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Where the CLI would keep the state by itself, in its own order of precedence; undefined when nothing says. */
export function configuredBackend(projectFolder: string, env: Environment): string | undefined {
  if (env["PULUMI_BACKEND_URL"]) return env["PULUMI_BACKEND_URL"];
  const ofProject = field(readYaml(join(projectFolder, "Pulumi.yaml"))["backend"], "url");
  if (ofProject) return ofProject;
  const home = env["PULUMI_HOME"] || join(env["HOME"] ?? homedir(), ".pulumi");
  const credentials = join(env["PULUMI_CREDENTIALS_PATH"] || home, "credentials.json");
  // JSON is YAML; a file that `pulumi login` wrote half is the CLI's to complain about.
  const login = field(readYaml(credentials), "current");
  return login ?? (env["PULUMI_ACCESS_TOKEN"] ? "https://api.pulumi.com" : undefined);
}

/** Whether the stack's secrets are encrypted with a passphrase that nobody has given yet. */
export function needsPassphrase(stackFile: string, backend: string, env: Environment): boolean {
  // An empty PULUMI_CONFIG_PASSPHRASE is a passphrase too.
  if (env["PULUMI_CONFIG_PASSPHRASE"] !== undefined || env["PULUMI_CONFIG_PASSPHRASE_FILE"] !== undefined) return false;
  const settings = readYaml(stackFile);
  const provider = field(settings, "secretsprovider") ?? "default";
  if (provider === "passphrase") return true;
  if (provider !== "default") return false;
  return !/^https?:/.test(backend) || field(settings, "encryptionsalt") !== undefined;
}

/** Where the passphrase of a stack is kept unless one is given. */
function passphraseFile(stack: string, projectFolder: string, env: Environment): string {
  return join(configFolder(env), `passphrase-${projectName(projectFolder)}-${stack}`);
}

/** Where the state is: as configured, else in a folder of the user's. */
function backendOf(projectFolder: string, env: Environment): string {
  return configuredBackend(projectFolder, env) ?? `file://${join(dataFolder(env), "state")}`;
}

/** Whether a passphrase would be made for the stack if it is new. */
function lacksPassphrase(stack: string, projectFolder: string, env: Environment): boolean {
  const stackFile = join(projectFolder, `Pulumi.${stack}.yaml`);
  return (
    needsPassphrase(stackFile, backendOf(projectFolder, env), env) &&
    field(readYaml(stackFile), "encryptionsalt") === undefined &&
    !existsSync(passphraseFile(stack, projectFolder, env))
  );
}

/** Whether the state knows the stack; asked of the CLI where the state is no folder. */
async function isInState(pulumi: string, stack: string, projectFolder: string, env: Environment): Promise<boolean> {
  const backend = backendOf(projectFolder, env);
  const project = projectName(projectFolder);
  const folder = stateFolder(backend);
  if (folder !== undefined) {
    const file = join(folder, "stacks", project, `${stack}.json`);
    return existsSync(file) || existsSync(`${file}.gz`);
  }
  const { stdout } = await run(pulumi, ["stack", "ls", "--json", "--project", project], { cwd: projectFolder, env });
  return (JSON.parse(stdout || "[]") as { readonly name: string }[]).some(
    ({ name }) => name.split("/").at(-1) === stack,
  );
}

/** Makes a file with a random passphrase, readable by its owner only, unless it is there. Two at once make one. */
export function ensurePassphraseFile(file: string): void {
  if (existsSync(file)) return;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // Written beside and linked, so that nobody ever reads half a passphrase and nobody's is overwritten.
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    if (!existsSync(file)) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * The variables that make the CLI work as it was found, without an account and without a question. Makes the folder of
 * the state when it is needed and not there.
 *
 * @param mayCreate whether a passphrase may be made for the stack, because the command makes the stack if need be
 */
export function settingsFor(
  stack: string,
  projectFolder: string,
  env: Environment,
  mayCreate: boolean,
): Record<string, string> {
  const settings: Record<string, string> = {};
  let backend = configuredBackend(projectFolder, env);
  if (!backend) {
    backend = backendOf(projectFolder, env);
    mkdirSync(join(dataFolder(env), "state"), { recursive: true, mode: 0o700 });
    settings["PULUMI_BACKEND_URL"] = backend;
  }
  const stackFile = join(projectFolder, `Pulumi.${stack}.yaml`);
  if (needsPassphrase(stackFile, backend, env)) {
    const file = passphraseFile(stack, projectFolder, env);
    // A salt without our file: the stack was made with another passphrase, which the CLI will ask for.
    if (mayCreate && field(readYaml(stackFile), "encryptionsalt") === undefined) ensurePassphraseFile(file);
    if (existsSync(file)) settings["PULUMI_CONFIG_PASSPHRASE_FILE"] = file;
  }
  return settings;
}

/** A lock in a file backend whose holder is a live process of this machine. */
export interface LiveLock {
  readonly pid: number;
  readonly since: string;
}

/**
 * The update of this stack that really is running on this machine, if the state is in files here. (A lock of another
 * machine or in another backend cannot be judged.)
 */
export function liveLock(backend: string, project: string, stack: string): LiveLock | undefined {
  const root = stateFolder(backend);
  if (root === undefined) return undefined;
  const folder = join(root, "locks", "organization", project, stack);
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (!name.endsWith(".json")) continue;
    const lock = readYaml(join(folder, name));
    const pid = lock["pid"];
    if (typeof pid !== "number" || lock["hostname"] !== hostname()) continue;
    // Asked by name too: a number is given to another process some day, and recovery must not be refused for that.
    const { status, stdout } = spawnSync("ps", ["-o", "comm=", "-p", String(pid)], { encoding: "utf8" });
    if (status !== 0 || !stdout.includes("pulumi")) continue;
    return { pid, since: field(lock, "timestamp") ?? "an unknown time" };
  }
  return undefined;
}

/** What the CLI's error means and what to do, for those errors that people meet; undefined for all others. */
export function explain(errors: string, stack: string, stacks: readonly string[] = []): string | undefined {
  const near = nearest(
    stack,
    stacks.filter((other) => other !== stack),
  );
  const meant = near === undefined ? "" : `Did you mean ${near}? `;
  const backup =
    'See docs/troubleshooting.md, "The passphrase", for where it is, how it is backed up, and what can be done without it.';
  const known: readonly (readonly [RegExp, string])[] = [
    [
      /the stack is currently locked/,
      `An update of "${stack}" is running, or one was killed and left its lock (the line above names its process).\n` +
        `Wait for it if it runs. If nothing is running: npm run recover -- ${stack}`,
    ],
    [
      /failed to load checkpoint: (unexpected )?EOF/,
      `A command was killed while it wrote a file beside the state of "${stack}"; the state itself is whole. ` +
        `Put it right: npm run recover -- ${stack}`,
    ],
    [
      /no stack named/,
      `There is no stack "${stack}" where the state is kept. ${meant}Either it was never made (npm run up -- ${stack}), ` +
        `or it is kept elsewhere: see PULUMI_BACKEND_URL and "pulumi whoami --verbose".`,
    ],
    [
      /incorrect passphrase/,
      `The secrets of "${stack}" were encrypted with another passphrase. Give that one by PULUMI_CONFIG_PASSPHRASE or ` +
        `PULUMI_CONFIG_PASSPHRASE_FILE. ${backup}`,
    ],
    [
      /passphrase must be set/,
      `The secrets of "${stack}" were encrypted with a passphrase that is not on this machine. Give it by ` +
        `PULUMI_CONFIG_PASSPHRASE_FILE (a file) or PULUMI_CONFIG_PASSPHRASE. ${backup}`,
    ],
    [
      /PULUMI_ACCESS_TOKEN must be set/,
      `The state is kept in Pulumi Cloud and nobody is logged in: run "pulumi login", set PULUMI_ACCESS_TOKEN, or ` +
        `choose another place by PULUMI_BACKEND_URL.`,
    ],
    [
      // Not its warning that the host beside it is not the one on PATH.
      /no language plugin 'pulumi-language-nodejs'|failed to load language plugin nodejs/,
      `This Pulumi CLI has no language host for Node.js. Install Pulumi's own release: https://www.pulumi.com/docs/install/`,
    ],
  ];
  return known.find(([pattern]) => pattern.test(errors))?.[1];
}

/** A command line as a person would type it. */
export function shellLine(words: readonly string[]): string {
  const quote = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
  return words.map(quote).join(" ");
}

/** The command line's words, or an error that says how it is used. */
export function parseArguments(
  args: readonly string[],
  projectFolder: string,
): { readonly command: Command; readonly stack: string; readonly rest: string[] } {
  const [first, stack, ...rest] = args;
  const command = commands.find((known) => known === first);
  if (!command) throw new UserError(`Usage: npm run <${commands.join("|")}> -- <stack> [arguments of pulumi]`);
  const what = command === "pulumi" ? "<command of pulumi>" : "[arguments of pulumi]";
  const stacks = stackFiles(projectFolder);
  const there = `Stacks with a settings file here: ${stacks.join(", ") || "none"}.`;
  if (!stack || stack.startsWith("-")) {
    throw new UserError(`Which stack? npm run ${command} -- <stack> ${what}\n${there}`);
  }
  // The CLI's own rule. The name is part of file names here, so it is checked before anything is written.
  if (!/^(?!\.+$)[\w.-]{1,100}$/.test(stack)) {
    throw new UserError(
      `"${stack}" is no name for a stack: letters, digits, "-", "_" and "." only, 100 at most. Nothing was done.\n${there}`,
    );
  }
  try {
    clusterName(stack);
  } catch (error) {
    throw new UserError(error instanceof Error ? error.message : String(error));
  }
  if (["up", "preview", "doctor", "push"].includes(command) && !stacks.includes(stack)) {
    if (command === "doctor" || command === "push" || !rest.includes("--create")) {
      const near = nearest(stack, stacks);
      throw new UserError(
        `There is no Pulumi.${stack}.yaml. ${near === undefined ? there : `Did you mean ${near}?`} Nothing was done.\n` +
          `For a new stack: npm run up -- ${stack} --create`,
      );
    }
  }
  const flag = elsewhere(rest);
  if (flag !== undefined) {
    throw new UserError(
      `${flag} is not for here: the stack is the word after the command, and the project is this one. ` +
        `For another stack: npm run ${command} -- <stack>. Nothing was done.`,
    );
  }
  return { command, stack, rest: rest.filter((arg) => !(arg === "--create" && command !== "pulumi")) };
}

/** Flags of the CLI whose value may be in the same word as a short name. */
const shortWithValue = "cemptvx";

/** The flag by which the arguments choose another stack or project than the one that all else here is set up for. */
function elsewhere(args: readonly string[]): string | undefined {
  for (const arg of args) {
    const long = /^--(stack|cwd)(?==|$)/.exec(arg)?.[0];
    if (long !== undefined) return long;
    if (!/^-[A-Za-z]/.test(arg)) continue;
    for (const letter of arg.slice(1)) {
      if (letter === "s" || letter === "C") return `-${letter}`;
      if (shortWithValue.includes(letter)) break;
    }
  }
  return undefined;
}

/** Whether only the CLI's own help is asked for. */
function asksForHelp(args: readonly string[]): boolean {
  return args.some((arg) => arg === "--help" || arg === "-h");
}

/** Runs one command of the CLI in the person's terminal. Its standard error is shown and also returned. */
async function runProgram(
  executable: string,
  args: readonly string[],
  cwd: string,
  env: Environment,
): Promise<{ readonly code: number; readonly errors: string }> {
  const child = spawn(executable, args, { cwd, env: { ...env }, stdio: ["inherit", "inherit", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
    process.stderr.write(text);
  });
  // The terminal tells the CLI of a Ctrl-C too; it needs its time to end well, so stay until it has.
  const stay = () => undefined;
  const pass = () => child.kill("SIGTERM");
  process.on("SIGINT", stay).on("SIGTERM", pass);
  try {
    const code = await new Promise<number>((done, failed) => {
      child.on("error", failed);
      child.on("close", (status) => {
        done(status ?? 1);
      });
    });
    return { code, errors };
  } finally {
    process.off("SIGINT", stay).off("SIGTERM", pass);
  }
}

/**
 * Keeps the comments at the head of a stack file, the editor's line among them: the CLI loses them when it writes a file
 * that had no settings (as of 3.246).
 */
async function keepingHead<T>(file: string, work: () => Promise<T>): Promise<T> {
  const head = existsSync(file) ? (/^(?:#.*\n)+/.exec(readFileSync(file, "utf8"))?.[0] ?? "") : "";
  try {
    return await work();
  } finally {
    const now = head !== "" && existsSync(file) ? readFileSync(file, "utf8") : undefined;
    if (now !== undefined && !now.includes(head)) writeFileSync(file, head + now);
  }
}

/** What a stack file says under `config`, unread. */
function configOf(stackFile: string): Record<string, unknown> {
  const { config } = readYaml(stackFile);
  return typeof config === "object" && config !== null ? { ...config } : {};
}

/** The type that a group of settings names in a stack file: of the cluster, of the source. */
function typeOf(stackFile: string, project: string, group: string): string | undefined {
  return field(configOf(stackFile)[`${project}:${group}`], "type");
}

/**
 * Whether GitHub would be asked without a token: none is given to its provider in the two ways that this project names, and it is
 * kept in no state.
 */
function lacksGitHubToken(stackFile: string, project: string, env: Environment): boolean {
  if ((typeOf(stackFile, project, "source") ?? "github") !== "github") return false;
  return !("github:token" in configOf(stackFile)) && (env["GITHUB_TOKEN"] ?? "") === "";
}

/** The folder with kind, for a cluster that needs it and a person who has none; what stands in the way is told by preflight. */
async function folderOfKind(stackFile: string, project: string, env: Environment): Promise<string[]> {
  if ((typeOf(stackFile, project, "cluster") ?? "kind") !== "kind" || which("kind", env)) return [];
  try {
    return [dirname((await obtain(["kind"])).kind)];
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return [];
  }
}

/** Lets the next `up` of a stack take over the Kind cluster of its name: for a cluster whose state was lost. */
async function releaseCluster(stack: string, projectFolder: string, env: Environment): Promise<number> {
  const script = join("components", "cluster", "kind-script.ts");
  process.stderr.write(`$ ${shellLine([`KIND_CLUSTER_NAME=${clusterName(stack)}`, "node", script, "release"])}\n`);
  const variables = { ...env, KIND_CLUSTER_NAME: clusterName(stack) };
  const { code } = await runProgram(
    process.execPath,
    [join(projectFolder, script), "release"],
    projectFolder,
    variables,
  );
  return code;
}

/**
 * Runs `pulumi up`, then prints where its time went: phases and critical path. It prints nothing more when nothing was
 * changed, or when the CLI logs no events (its `--event-log` is there with PULUMI_DEBUG_COMMANDS only, as of 3.246).
 */
async function runUp(
  pulumi: string,
  args: readonly string[],
  stack: string,
  projectFolder: string,
  env: Environment,
): ReturnType<typeof runProgram> {
  // Private, and gone at once: the log has all inputs of all resources, though no secret in clear.
  const folder = mkdtempSync(join(tmpdir(), "up-events-"));
  try {
    const log = join(folder, "events.json");
    // By the environment, so that the command that was printed is the one that runs.
    const logging = { PULUMI_DEBUG_COMMANDS: "true", PULUMI_OPTION_EVENT_LOG: log };
    const result = await runProgram(pulumi, args, projectFolder, { ...logging, ...env });
    const events = existsSync(log) ? readEventLog(readFileSync(log, "utf8")) : [];
    if (!spansOf(events).some(({ op }) => op !== "same")) return result;
    const { stdout } = await run(pulumi, ["stack", "export", "--stack", stack], { cwd: projectFolder, env });
    const state = JSON.parse(stdout || "{}") as { deployment?: { resources?: StateLike[] } };
    const moments = events.map(({ at }) => at);
    const times = timesOf(events, state.deployment?.resources ?? [], Math.min(...moments), Math.max(...moments));
    process.stderr.write(`\n${timesLines(times).join("\n")}\n`);
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Does what the command line says. @returns the exit code */
export async function main(args: readonly string[], projectFolder: string, env: Environment): Promise<number> {
  const { command, stack, rest } = parseArguments(args, projectFolder);
  if (command === "recover" && rest.includes("--adopt")) return releaseCluster(stack, projectFolder, env);
  const project = projectName(projectFolder);
  if (command === "push") {
    const { push } = await import("./push.ts");
    return await push({ stack, projectFolder, project });
  }
  const runsProgram = command === "up" || command === "preview";
  // One that is built from source has no language host, so it would be of no use after minutes.
  const pulumi = (await obtain(["pulumi"], { build: !runsProgram })).pulumi;
  if (command !== "pulumi" && asksForHelp(rest)) {
    const { code } = await runProgram(
      pulumi,
      [command === "recover" ? "refresh" : command, "--help"],
      projectFolder,
      env,
    );
    return code;
  }
  // Its settings may be set before the first up.
  const sets = command === "pulumi" && namesStack(rest) && stackFiles(projectFolder).includes(stack);
  const mayCreate = runsProgram || sets;
  const lacking = mayCreate && lacksPassphrase(stack, projectFolder, env);
  if (lacking && (await isInState(pulumi, stack, projectFolder, env))) {
    throw new UserError(
      `The stack "${stack}" exists in ${backendOf(projectFolder, env)}, and neither its passphrase nor its salt (the line ` +
        `"encryptionsalt" of Pulumi.${stack}.yaml) is on this machine. None is made anew: it would read nothing of the stack. ` +
        `Give the passphrase by PULUMI_CONFIG_PASSPHRASE_FILE; see docs/troubleshooting.md, "The passphrase".`,
    );
  }
  const settings = settingsFor(stack, projectFolder, env, mayCreate);
  const stackFile = join(projectFolder, `Pulumi.${stack}.yaml`);
  const needsKind = runsProgram || command === "destroy" || command === "doctor";
  const kind = needsKind ? await folderOfKind(stackFile, project, env) : [];
  const full: Environment = {
    ...env,
    ...settings,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // What a preview says, the update of the same `up` says only without one.
    ...(command === "up" && rest.some((word) => /^(--skip-preview(=true)?|-[a-zA-Z]*f)$/.test(word))
      ? { OBSERVABILITY_SKIPS_PREVIEW: "true" }
      : {}),
    // The Node.js that the project pins runs the program, also when this is not started by npm.
    PATH: [join(projectFolder, "node_modules", ".bin"), env["PATH"] ?? "", ...kind].join(delimiter),
  };

  if (lacking) {
    process.stderr.write(
      `A passphrase was made for the secrets of "${stack}": ${passphraseFile(stack, projectFolder, env)}. Nothing else can read ` +
        "them: keep a copy where you keep passwords.\n",
    );
  }

  const languageHost = "pulumi-language-nodejs";
  const ours = pulumi.startsWith(cacheFolder(env)) && !existsSync(join(dirname(pulumi), languageHost));
  if (runsProgram && ours && !which(languageHost, full)) {
    throw new UserError(
      `${pulumi} was built from source and cannot run a program: Pulumi's language host for Node.js comes only with ` +
        `its own release.\nInstall that (https://www.pulumi.com/docs/install/), or run again where github.com can be ` +
        `reached. "npm run rehearse" needs neither.`,
    );
  }
  if (command === "recover") {
    const backend = configuredBackend(projectFolder, full) ?? "";
    const lock = liveLock(backend, project, stack);
    if (lock) {
      throw new UserError(
        `An update of "${stack}" is running since ${lock.since}: process ${lock.pid} of this machine. Nothing was done.\n` +
          `Wait for it, or end it (kill ${lock.pid}), then: npm run recover -- ${stack}`,
      );
    }
    const folder = stateFolder(backend);
    for (const file of folder === undefined ? [] : removeCutOffAttributes(folder)) {
      process.stderr.write(`removed ${file}: cut off by the kill, and not needed\n`);
    }
  }

  if (command === "doctor") {
    const [{ doctor }, { programEnvironment }] = await Promise.all([
      import("./doctor.ts"),
      import("../components/cluster/kind.ts"),
    ]);
    return await programEnvironment.run(full, () => doctor({ stack, projectFolder, project, pulumi, env: full }));
  }
  if (["refresh", "destroy", "recover"].includes(command) && lacksGitHubToken(stackFile, project, full)) {
    process.stderr.write(
      "There is no GITHUB_TOKEN. Without one (or a login of GitHub's command line, gh) GitHub answers 404 for the deploy key of a " +
        "private repository: destroy cannot delete it, and a refresh takes it for gone.\n",
    );
  }
  if (sets && !(await isInState(pulumi, stack, projectFolder, full))) {
    await keepingHead(stackFile, () => runProgram(pulumi, ["stack", "init", stack], projectFolder, full));
  }
  // What a person has typed himself is not said again: its output may go into a variable.
  const print = (words: readonly string[]) => {
    if (command !== "pulumi") process.stderr.write(`$ ${shellLine(words)}\n`);
  };
  for (const [name, value] of Object.entries(settings)) print(["export", `${name}=${value}`]);
  for (const step of steps(command, stack, rest)) {
    print([which("pulumi", env) ? "pulumi" : pulumi, ...step]);
    const { code, errors } = await keepingHead(stackFile, () =>
      step[0] === "up" && command === "up"
        ? runUp(pulumi, step, stack, projectFolder, full)
        : runProgram(pulumi, step, projectFolder, full),
    );
    if (code !== 0) {
      const help = explain(errors, stack, stackFiles(projectFolder));
      if (help) process.stderr.write(`\n${help}\n`);
      return code;
    }
  }
  if (command === "destroy" && typeOf(stackFile, project, "cluster") === "existing") {
    const { keptIn } = await import("./kept.ts");
    for (const line of await keptIn(projectFolder, project, stack)) process.stderr.write(`${line}\n`);
  }
  if (command === "recover") {
    process.stderr.write(`\nThe state of "${stack}" is put right. Bring the environment up: npm run up -- ${stack}\n`);
  }
  return 0;
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2), join(import.meta.dirname, ".."), process.env);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
