import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { digests } from "../settings/digests.ts";
import { cacheFolder, withLock, withTemporaryFolder } from "./cache.ts";
import { reasonOf } from "../components/unreachable.ts";
import { build, buildFlags, buildFolder, findGo, goEnvironment, type Go } from "./go.ts";
import { sets, tools, type Tool, type ToolName, type ToolSet } from "./pins.ts";
import { run, which, type Environment } from "./run.ts";
import { requiredVersion, versionFits } from "./version.ts";

export type { ToolName } from "./pins.ts";

export interface ObtainOptions {
  /** Gets one line at a time, at least every 10 s while something is downloaded or built. @default standard error */
  readonly onProgress?: (line: string) => void;
  /** Ends a download or a build. */
  readonly signal?: AbortSignal;
  /** Whether what cannot be downloaded is built, which takes minutes. What was built before is taken all the same.
   * @default true */
  readonly build?: boolean;
}

/** The tools that can be obtained, and where they are: the project's own, or a test's. */
export interface Catalogue {
  readonly tools: Readonly<Record<string, Tool>>;
  readonly sets: Readonly<Record<string, ToolSet>>;
  /** The folder that has a folder with a go.mod for each set. */
  readonly folder: string;
  readonly env: Environment;
  /** Digests of images by their names with tag. @default none, so that no image is taken */
  readonly digests?: Readonly<Record<string, string>>;
}

/** Where the sets of the project are. */
export const setsFolder = import.meta.dirname;

const ownCatalogue: Catalogue = { tools, sets, folder: setsFolder, env: process.env, digests };

const toStandardError = (line: string) => {
  process.stderr.write(`${line}\n`);
};

/**
 * The absolute path of each tool, obtained if need be: from PATH when the version there fits, else a download that
 * is checked against the publisher's checksum, else built by Go from the modules that toolchain/<set>/go.sum pins.
 * Downloads and builds are kept in the user's cache folder; two processes do not make the same one twice.
 *
 * @throws Error that says what to install when no way is open, or why the download or the build failed
 */
export async function obtain<Name extends ToolName>(
  names: readonly Name[],
  options: ObtainOptions = {},
): Promise<Record<Name, string>> {
  return obtainFrom(ownCatalogue, names, options);
}

/** {@link obtain} from any catalogue. */
export async function obtainFrom<Name extends string>(
  catalogue: Catalogue,
  names: readonly Name[],
  options: ObtainOptions = {},
): Promise<Record<Name, string>> {
  const { onProgress = toStandardError, signal, build: mayBuild = true } = options;
  const wanted = [...new Set(names)].map((name) => resolveTool(catalogue, name));
  const found = new Map<string, string>();
  /** Why a way of obtaining a tool is closed. */
  const reasons = new Map<string, string[]>();
  const note = (tool: ResolvedTool, reason: string) => {
    reasons.set(tool.name, [...(reasons.get(tool.name) ?? []), reason]);
  };
  const missing = () => wanted.filter(({ name }) => !found.has(name));
  const take = (tool: ResolvedTool, file: string) => existsSync(file) && found.set(tool.name, file);

  await Promise.all(
    wanted.map(async (tool) => {
      const installed = await fromPath(tool, catalogue.env);
      if (installed.path !== undefined) found.set(tool.name, installed.path);
      if (installed.note !== undefined) note(tool, installed.note);
    }),
  );

  // What an earlier run left, before anything is asked of the network.
  const plans = new Map<string, { readonly go: Go } & ReturnType<typeof planBuild>>();
  for (const set of new Set(missing().map((tool) => tool.set))) {
    try {
      const go = await findGo(join(catalogue.folder, set), catalogue.env);
      if (go !== undefined) plans.set(set, { go, ...planBuild(catalogue, set, go) });
    } catch (error) {
      for (const tool of missing()) if (tool.set === set) note(tool, reasonOf(error));
    }
  }
  for (const tool of missing()) {
    take(tool, join(downloadFolder(catalogue, tool), tool.name));
    const plan = plans.get(tool.set);
    if (plan !== undefined) take(tool, join(plan.destination, tool.name));
  }

  const waiting = new Set(missing().map(({ name }) => name));
  const still = setInterval(() => {
    onProgress(`downloading ${[...waiting].join(", ")}`);
  }, 10_000);
  try {
    await Promise.all(
      missing().map(async (tool) => {
        try {
          found.set(tool.name, await fromDownload(catalogue, tool, onProgress, signal));
        } catch (error) {
          const { Unavailable } = await import("./outside.ts");
          if (!(error instanceof Unavailable)) throw error;
          note(tool, error.message);
        } finally {
          waiting.delete(tool.name);
        }
      }),
    );
  } finally {
    clearInterval(still);
  }

  // All that is lacking is known before minutes go into a build.
  const unobtainable = missing().filter(({ set }) => !mayBuild || !plans.has(set));
  if (unobtainable.length > 0) throw new Error(notObtained(unobtainable, reasons, mayBuild));
  for (const [set, plan] of plans) {
    const tools = missing().filter((tool) => tool.set === set);
    if (tools.length === 0) continue;
    for (const [reason, names] of byReason(tools, reasons)) onProgress(`${names} cannot be downloaded: ${reason}`);
    const programs = tools.map(({ name, package: path, built = name }) => ({ name, package: path, built }));
    await build(set, programs, { ...plan, env: catalogue.env, onProgress, signal });
    for (const tool of tools) take(tool, join(plan.destination, tool.name));
  }
  return Object.fromEntries(found) as Record<Name, string>;
}

/**
 * The version of a Go module that a tool set pins (`v1.36.3`): a tool's own, or any that it is built with.
 *
 * @throws Error when the set's go.mod does not require the module
 */
export function pinnedVersion(set: keyof typeof sets, module: string): string {
  return versionOf(ownCatalogue, set, module);
}

const moduleFolders = new Map<string, Promise<string>>();

/**
 * The folder with the source of a Go module, read-only, downloaded if need be and checked by Go's checksums: for the data
 * files that projects ship beside their code. Go brings it where it is installed; else it comes from the module proxy.
 *
 * @param version as Go writes it (`v0.8.0`)
 * @throws Error when the module cannot be had
 */
export async function moduleDir(module: string, version: string, env: Environment = process.env): Promise<string> {
  const id = `${module}@${version}`;
  let folder = moduleFolders.get(id);
  if (!folder) {
    const go = which("go", env);
    folder =
      go === undefined
        ? import("./module-source.ts").then(({ fetchModule }) => fetchModule(module, version, env))
        : downloadModule(go, id, env);
    folder = folder.catch((error: unknown) => {
      moduleFolders.delete(id);
      throw new Error(
        `the Go module ${id} cannot be had: ${reasonOf(error)}. Check the network and GOPROXY, then run again.`,
      );
    });
    moduleFolders.set(id, folder);
  }
  return folder;
}

async function downloadModule(go: string, id: string, env: Environment): Promise<string> {
  // Outside any module, so that no go.mod is read or changed.
  const cwd = cacheFolder(env);
  mkdirSync(cwd, { recursive: true });
  const result = await run(go, ["mod", "download", "-json", id], { cwd, env: goEnvironment(env) });
  let answer: { Dir?: string; Error?: string } = {};
  try {
    answer = JSON.parse(result.stdout) as typeof answer;
  } catch {
    answer.Error = result.stderr.trim();
  }
  if (answer.Dir === undefined) throw new Error(answer.Error ?? "go mod download said nothing");
  return answer.Dir;
}

interface ResolvedTool extends Tool {
  readonly name: string;
  /** As in go.mod, with its `v`. */
  readonly version: string;
}

function resolveTool(catalogue: Catalogue, name: string): ResolvedTool {
  const tool = catalogue.tools[name];
  if (!tool) throw new Error(`there is no tool "${name}"; there are ${Object.keys(catalogue.tools).join(", ")}.`);
  return { ...tool, name, version: versionOf(catalogue, tool.set, tool.module) };
}

function versionOf(catalogue: Catalogue, set: string, module: string): string {
  return requiredVersion(readFileSync(join(catalogue.folder, set, "go.mod"), "utf8"), module);
}

async function fromPath(
  tool: ResolvedTool,
  env: Environment,
): Promise<{ readonly name: string; readonly path?: string; readonly note?: string }> {
  const { name, onPath } = tool;
  const path = onPath && which(name, env);
  if (!path) return { name };
  let says = "";
  try {
    says = await said(name, path, onPath.args, env);
  } catch {
    // It does not start, or hangs: as good as not there.
  }
  const version = onPath.version.exec(says)?.[1];
  if (!version) return { name, note: `${path} does not say its version and is not used` };
  if (versionFits(version, tool.version, onPath.fits)) return { name, path };
  return { name, note: `${path} is version ${version} and is not used: ${tool.version} is needed` };
}

/**
 * What a program on PATH says of its version. It is asked once, because that is a start of it, for Pulumi a quarter of a second of
 * every command. A script, or a link to a program of another name, may be a version manager's, which chooses by where it is started:
 * that one is asked each time.
 */
async function said(name: string, path: string, args: readonly string[], env: Environment): Promise<string> {
  const file = realpathSync(path);
  const { size, mtimeMs, ctimeMs } = statSync(file);
  const identity = createHash("sha256").update(JSON.stringify([file, size, mtimeMs, ctimeMs, args]));
  const kept = join(cacheFolder(env), "versions", identity.digest("hex"));
  const keeps = basename(file) === name && !isScript(file);
  if (keeps && existsSync(kept)) return readFileSync(kept, "utf8");
  const { stdout, stderr, code } = await run(path, args, { env, signal: AbortSignal.timeout(10_000) });
  if (keeps && code === 0) {
    mkdirSync(dirname(kept), { recursive: true });
    writeFileSync(`${kept}.${process.pid}`, stdout + stderr);
    renameSync(`${kept}.${process.pid}`, kept);
  }
  return stdout + stderr;
}

function isScript(file: string): boolean {
  const descriptor = openSync(file, "r");
  try {
    const start = Buffer.alloc(2);
    readSync(descriptor, start);
    return start.toString() === "#!";
  } finally {
    closeSync(descriptor);
  }
}

const goArchitectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

function downloadFolder(catalogue: Catalogue, tool: ResolvedTool): string {
  const platform = `${process.platform}-${process.arch}`;
  return join(cacheFolder(catalogue.env), "tools", `${tool.name}-${tool.version}-${platform}`);
}

async function fromDownload(
  catalogue: Catalogue,
  tool: ResolvedTool,
  onProgress: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<string> {
  // Only here: most often all is at hand, and what reads archives and asks the network is half of the time to start.
  const { downloadInto, findDownload } = await import("./download.ts");
  const { name, version } = tool;
  const platform = { os: process.platform, arch: goArchitectures[process.arch] ?? process.arch };
  const download = findDownload(tool.download, platform);
  const { digests = {} } = catalogue;
  const destination = downloadFolder(catalogue, tool);
  const file = join(destination, name);
  const work = async () => {
    if (existsSync(file)) return file;
    return withTemporaryFolder(destination, async (folder) => {
      const host = await downloadInto(name, version, download, { folder, platform, digests, signal });
      rmSync(destination, { recursive: true, force: true });
      renameSync(join(folder, "ready"), destination);
      onProgress(`${name} ${version}: downloaded from ${host}`);
      return file;
    });
  };
  const onWait = () => {
    onProgress(`${name}: another process is downloading it; waiting`);
  };
  return withLock(`${destination}.lock`, work, { onWait, signal });
}

function planBuild(catalogue: Catalogue, set: string, go: Go) {
  const moduleFolder = join(catalogue.folder, set);
  const { stamp, tags } = catalogue.sets[set] ?? {};
  const flags = buildFlags(stamp?.((module) => versionOf(catalogue, set, module)) ?? {}, tags);
  const toolsCache = join(cacheFolder(catalogue.env), "tools");
  return { moduleFolder, flags, destination: buildFolder(toolsCache, set, moduleFolder, flags, go) };
}

const newGo = "Go 1.26 or newer (https://go.dev/dl/)";

/** Names with versions of tools, by why they cannot be had but by a build. */
function byReason(
  tools: readonly ResolvedTool[],
  reasons: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, string> {
  const all = new Map<string, string>();
  for (const { name, version } of tools) {
    const reason = (reasons.get(name) ?? []).join("; ");
    const others = all.get(reason);
    all.set(reason, `${others === undefined ? "" : `${others}, `}${name} ${version}`);
  }
  return all;
}

/** One sentence: what to do, because of what, and why. */
function notObtained(
  missing: readonly ResolvedTool[],
  reasons: ReadonlyMap<string, readonly string[]>,
  mayBuild: boolean,
): string {
  const what = [...byReason(missing, reasons)].map(([reason, names]) => `${names} (${reason})`).join(", ");
  const install = missing.flatMap(({ name, install: how }) => (how === undefined ? [] : [`${name} (${how})`]));
  const ways = [...(mayBuild ? [newGo] : []), ...(install.length === missing.length ? install : [])];
  return `Install ${ways.join(" or ")}, because what is needed cannot be downloaded here: ${what}.`;
}
