import { createHash } from "node:crypto";
import { chmodSync, existsSync, globSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join, relative } from "node:path";
import { withLock, withTemporaryFolder } from "./cache.ts";
import { run, which, type Environment, type RunResult } from "./run.ts";

/** A Go toolchain, as it answers in the folder of a module. */
export interface Go {
  readonly command: string;
  readonly version: string;
  readonly os: string;
  readonly arch: string;
}

export interface GoProgram {
  /** The name that the file gets. */
  readonly name: string;
  readonly package: string;
  /** The file that `go build` makes of the package. */
  readonly built: string;
}

/**
 * The user's environment, with what would change the result set: no C compiler is needed, and a go.work somewhere above
 * the project has no say. Checksum settings (GOSUMDB and its like) are left alone: go.sum pins everything anyway.
 */
export function goEnvironment(env: Environment): Environment {
  return { ...env, CGO_ENABLED: "0", GOWORK: "off" };
}

/** The Go toolchain on PATH, or undefined when there is none. */
export async function findGo(moduleFolder: string, env: Environment): Promise<Go | undefined> {
  const command = which("go", env);
  if (!command) return undefined;
  const result = await run(command, ["env", "GOVERSION", "GOOS", "GOARCH"], {
    cwd: moduleFolder,
    env: goEnvironment(env),
  });
  const [version, os, arch] = result.stdout.trim().split("\n");
  if (result.code !== 0 || !version || !os || !arch) {
    throw new Error(`"go env" fails in ${moduleFolder}:\n${lastLines(result.stderr)}`);
  }
  return { command, version, os, arch };
}

/** Identity of what a build makes: the same inputs give the same folder in the cache. */
export function buildKey(inputs: {
  readonly goMod: string;
  readonly goSum: string;
  /** Go code of ours in the module: file name and content. */
  readonly sources: readonly (readonly [string, string])[];
  readonly flags: readonly string[];
  readonly go: Pick<Go, "version" | "os" | "arch">;
}): string {
  const { version, os, arch } = inputs.go;
  const identity = JSON.stringify([inputs.goMod, inputs.goSum, inputs.flags, version, os, arch, ...inputs.sources]);
  return createHash("sha256").update(identity).digest("hex").slice(0, 16);
}

/** The flags of `go build` that decide what the programs are. */
export function buildFlags(stamp: Readonly<Record<string, string>>, tags?: string): string[] {
  const variables = Object.entries(stamp).map(([name, value]) => ` -X ${name}=${value}`);
  return ["-trimpath", "-ldflags", `-s -w${variables.join("")}`, ...(tags === undefined ? [] : ["-tags", tags])];
}

/** The folder in which the programs of a set end up; they may not be there yet. */
export function buildFolder(toolsCache: string, set: string, moduleFolder: string, flags: string[], go: Go): string {
  const read = (file: string) => readFileSync(join(moduleFolder, file), "utf8");
  const sources = globSync("**/*.go", { cwd: moduleFolder })
    .sort()
    .map((file) => [file, read(file)] as const);
  const goSum = existsSync(join(moduleFolder, "go.sum")) ? read("go.sum") : "";
  return join(toolsCache, `${set}-${buildKey({ goMod: read("go.mod"), goSum, sources, flags, go })}`);
}

/**
 * Builds those programs that are not in `destination` yet, in one `go build`. Each gets there by a rename after the
 * whole build, so a killed build leaves nothing half.
 *
 * @throws Error with the last lines of the build when it fails
 */
export async function build(
  set: string,
  programs: readonly GoProgram[],
  options: {
    readonly go: Go;
    readonly moduleFolder: string;
    readonly destination: string;
    readonly flags: readonly string[];
    readonly env: Environment;
    readonly onProgress: (line: string) => void;
    readonly signal?: AbortSignal | undefined;
    /** Seconds between two lines of progress. @default 10 */
    readonly every?: number;
  },
): Promise<void> {
  const { go, destination, moduleFolder, onProgress, signal } = options;
  const onWait = () => {
    onProgress(`${set}: another process is building it; waiting`);
  };
  const work = async () => {
    const missing = programs.filter((program) => !existsSync(join(destination, program.name)));
    if (missing.length === 0) return;
    await withTemporaryFolder(destination, async (temporary) => {
      const started = Date.now();
      const count = { downloaded: 0, packages: 0, compiled: 0 };
      let last = "";
      const names = missing.map((program) => program.name).join(", ");
      onProgress(`${set}: building ${names} with ${go.version}; the first time this takes minutes`);
      const progress = setInterval(
        () => {
          const modules = count.downloaded > 0 ? `${count.downloaded} modules downloaded, ` : "";
          // "At most": what Go has in its own cache is not compiled again.
          const packages = last ? `${count.compiled} of at most ${count.packages} packages compiled (${last}), ` : "";
          onProgress(`${set}: ${modules}${packages}${duration(Date.now() - started)}`);
        },
        (options.every ?? 10) * 1000,
      );
      const packages = missing.map((program) => program.package);
      // go.mod is not to be edited; downloads what is missing, too.
      const readonly = "-mod=readonly";
      const settings = {
        cwd: moduleFolder,
        env: goEnvironment(options.env),
        signal,
        onErrorLine: (line: string) => {
          if (line.startsWith("go: downloading ")) count.downloaded++;
          else if (packagePath.test(line)) {
            count.compiled++;
            last = line;
          }
        },
      };
      let result: RunResult;
      try {
        result = await run(go.command, ["list", "-deps", readonly, ...packages], settings);
        if (result.code === 0) {
          count.packages = result.stdout.split("\n").length - 1;
          const flags = ["-v", readonly, "-buildvcs=false", ...options.flags];
          result = await run(go.command, ["build", ...flags, "-o", `${temporary}/`, ...packages], settings);
        }
      } finally {
        clearInterval(progress);
      }
      if (result.code !== 0) throw new Error(buildFailure(relative(process.cwd(), moduleFolder), result.stderr));
      mkdirSync(destination, { recursive: true });
      for (const program of missing) {
        chmodSync(join(temporary, program.built), 0o755);
        renameSync(join(temporary, program.built), join(destination, program.name));
      }
      onProgress(`${set}: built in ${duration(Date.now() - started)}`);
    });
  };
  await withLock(`${destination}.lock`, work, { onWait, signal });
}

/** What `go build -v` prints of each package, and nothing else that it prints: it has no blank. */
const packagePath = /^[\w./~-]+$/;

/** What a failed build says, and what to do about it. */
export function buildFailure(folder: string, stderr: string): string {
  const network = /(dial tcp|no such host|i\/o timeout|connection refused|proxyconnect|TLS handshake|: 40[347] )/;
  const checksum = /(checksum mismatch|SECURITY ERROR)/;
  let remedy = `Run "go build" in ${folder} to see all of it.`;
  if (checksum.test(stderr)) {
    remedy = `A module is not what go.sum pins. Do not switch the check off: find out what alters it (a proxy, a mirror).`;
  } else if (network.test(stderr)) {
    remedy = `The Go module proxy did not give a module. Check the network and "go env GOPROXY", then run again.`;
  } else if (/no space left on device/.test(stderr)) {
    remedy = `The disk is full: a build needs about 6 GB in "go env GOCACHE" and "go env GOMODCACHE".`;
  }
  return `building the tools of ${folder} failed:\n${lastLines(stderr)}\n${remedy}`;
}

/** The end of an output, without what only shows that it went on. */
function lastLines(text: string, lines = 15): string {
  const told = text
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("go: downloading ") && !packagePath.test(line));
  return told
    .slice(-lines)
    .map((line) => `  ${line}`)
    .join("\n");
}

function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
