import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, withLock, withTemporaryFolder } from "./cache.ts";
import { downloadAddresses, downloadInto } from "./download.ts";
import { build, buildFlags, buildFolder, findGo, goEnvironment, type Go } from "./go.ts";
import { Unavailable } from "./outside.ts";
import { sets, tools, type Tool, type ToolName, type ToolSet } from "./pins.ts";
import { run, which, type Environment } from "./run.ts";
import { requiredVersion, versionFits } from "./version.ts";

export type { ToolName } from "./pins.ts";

export interface ObtainOptions {
  /** Gets one line at a time, at least every 10 s while something is built. @default standard error */
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
}

const ownCatalogue: Catalogue = { tools, sets, folder: import.meta.dirname, env: process.env };

const toStandardError = (line: string) => {
  process.stderr.write(`${line}\n`);
};

/**
 * The absolute path of each tool, obtained if need be: from PATH when the version there fits, else a download that
 * is checked against the publisher's checksum, else built by Go from the modules that tools/<set>/go.sum pins.
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
  const notes: string[] = [];

  for (const { name, path, note } of await Promise.all(wanted.map((tool) => fromPath(tool, catalogue.env)))) {
    if (path) found.set(name, path);
    if (note) notes.push(note);
  }

  for (const set of new Set(wanted.map((tool) => tool.set))) {
    const missing = () => wanted.filter((tool) => tool.set === set && !found.has(tool.name));
    if (missing().length === 0) continue;
    let go: Go | undefined;
    try {
      go = await findGo(join(catalogue.folder, set), catalogue.env);
    } catch (error) {
      notes.push(error instanceof Error ? error.message : String(error));
    }
    const plan = go && planBuild(catalogue, set, go);
    const take = (tool: ResolvedTool, file: string) => existsSync(file) && found.set(tool.name, file);

    // What an earlier run left, before anything is asked of the network.
    for (const tool of missing()) {
      take(tool, join(downloadFolder(catalogue, tool), tool.name));
      if (plan) take(tool, join(plan.destination, tool.name));
    }

    for (const tool of missing()) {
      try {
        const file = await fromDownload(catalogue, tool, onProgress, signal);
        if (file) found.set(tool.name, file);
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        notes.push(`${tool.name} ${tool.version} cannot be downloaded: ${error.message}`);
      }
    }

    if (mayBuild && missing().length > 0 && go && plan) {
      const programs = missing().map((tool) => ({
        name: tool.name,
        package: tool.package,
        built: tool.built ?? tool.name,
      }));
      for (const note of notes.splice(0)) onProgress(note);
      await build(set, programs, { go, ...plan, env: catalogue.env, onProgress, signal });
      for (const tool of missing()) take(tool, join(plan.destination, tool.name));
    }
  }

  const missing = wanted.filter((tool) => !found.has(tool.name));
  if (missing.length > 0) throw new Error(notObtained(catalogue, missing, notes));
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
 * The folder with the source of a Go module (read-only, in Go's module cache), downloaded if need be and checked by
 * Go's checksum database: for the data files that projects ship beside their code.
 *
 * @param version as Go writes it (`v0.8.0`)
 * @throws Error when Go is not installed, or the module cannot be had
 */
export async function moduleDir(module: string, version: string, env: Environment = process.env): Promise<string> {
  const id = `${module}@${version}`;
  let folder = moduleFolders.get(id);
  if (!folder) {
    folder = downloadModule(id, env);
    moduleFolders.set(id, folder);
    folder.catch(() => moduleFolders.delete(id));
  }
  return folder;
}

async function downloadModule(id: string, env: Environment): Promise<string> {
  const command = which("go", env);
  if (!command) throw new Error(`${id} is needed and Go is not installed: ${installGo}`);
  // Outside any module, so that no go.mod is read or changed.
  const cwd = cacheFolder(env);
  mkdirSync(cwd, { recursive: true });
  const result = await run(command, ["mod", "download", "-json", id], { cwd, env: goEnvironment(env) });
  let answer: { Dir?: string; Error?: string } = {};
  try {
    answer = JSON.parse(result.stdout) as typeof answer;
  } catch {
    answer.Error = result.stderr.trim();
  }
  if (!answer.Dir) {
    throw new Error(
      `the Go module ${id} cannot be had: ${answer.Error ?? "go mod download said nothing"}. ` +
        `Check the network and "go env GOPROXY", then run again.`,
    );
  }
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
    const result = await run(path, onPath.args, { env, signal: AbortSignal.timeout(10_000) });
    says = result.stdout + result.stderr;
  } catch {
    // It does not start, or hangs: as good as not there.
  }
  const version = onPath.version.exec(says)?.[1];
  if (!version) return { name, note: `${path} does not say its version and is not used` };
  if (versionFits(version, tool.version, onPath.fits)) return { name, path };
  return { name, note: `${path} is version ${version} and is not used: ${tool.version} is needed` };
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
): Promise<string | undefined> {
  const { download, name, version } = tool;
  const platform = { os: process.platform, arch: goArchitectures[process.arch] ?? process.arch };
  const addresses = download && downloadAddresses(download, version, platform);
  if (!addresses) return undefined;
  const destination = downloadFolder(catalogue, tool);
  const file = join(destination, name);
  const work = async () => {
    if (existsSync(file)) return file;
    return withTemporaryFolder(destination, async (temporary) => {
      await downloadInto(temporary, name, download, addresses, signal);
      if (!existsSync(join(temporary, "ready", name))) throw new Unavailable(`${addresses.url} has no ${name} in it`);
      rmSync(destination, { recursive: true, force: true });
      renameSync(join(temporary, "ready"), destination);
      onProgress(`${name} ${version}: downloaded from ${new URL(addresses.url).host}`);
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
  const flags = buildFlags(catalogue.sets[set]?.stamp?.((module) => versionOf(catalogue, set, module)) ?? {});
  const toolsCache = join(cacheFolder(catalogue.env), "tools");
  return { moduleFolder, flags, destination: buildFolder(toolsCache, set, moduleFolder, flags, go) };
}

const installGo = "install Go 1.26 or newer (https://go.dev/dl/) and run again.";

function notObtained(catalogue: Catalogue, missing: readonly ResolvedTool[], notes: readonly string[]): string {
  const names = missing.map((tool) => `${tool.name} ${tool.version}`).join(", ");
  const installable = missing.flatMap((tool) => (tool.install ? [`${tool.name} from ${tool.install}, or `] : []));
  return [
    `not on PATH in a version that fits, and not to be downloaded or built here: ${names}.`,
    ...notes.map((note) => `  ${note}`),
    ...(which("go", catalogue.env) ? [] : ["  Go, which would build them from source, is not installed"]),
    `What to do: install ${installable.join("")}${installGo.replace("install ", "")}`,
  ].join("\n");
}
