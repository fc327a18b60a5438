/**
 * Local processes that must never outlive their purpose.
 *
 * Every process is started through a line of shell that writes its own id and start time into a record before it becomes
 * the program, so a record exists for every process there is, whenever the starter dies. {@link reap} ends what is recorded,
 * and only that: an id whose start time differs belongs to somebody else by now. {@link guard} does it when the starter is
 * gone, however it went.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  type Dirent,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const RECORDS = "processes";
const SUFFIX = ".process";
/** While this file exists, a process that was just started ends itself instead of becoming the program. */
const CLOSING = "closing";

// $1 is the record, the rest is the program. The start time is field 22 of /proc/<pid>/stat; elsewhere ps knows it.
const RECORD_AND_BECOME = `
record=$1; shift
start=$(cut -d" " -f22 "/proc/$$/stat" 2>/dev/null || LC_ALL=C ps -o lstart= -p $$)
printf '%s\\n%s\\n' "$$" "$start" > "$record.new" && mv "$record.new" "$record" || exit 70
[ -e "\${record%/*}/${CLOSING}" ] && exit 0
exec "$@"
`;

/** A program to start. */
export interface Program {
  /** Name of the record and of the log file. */
  readonly name: string;
  /** Path of the executable. */
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment, apart from PATH, HOME and TMPDIR, which point into the folder, and Go's memory. @default {} */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Starts a program in a session of its own (no Ctrl-C of the terminal reaches it) with its output in
 * `<dir>/logs/<name>.log`, recorded under `<dir>/processes`.
 */
export function launch(dir: string, program: Program): ChildProcess {
  for (const folder of ["logs", "home", "tmp"]) mkdirSync(join(dir, folder), { recursive: true });
  const log = openSync(logFile(dir, program.name), "a", 0o600);
  try {
    const [shell = "", ...words] = recorded(dir, program.name, [program.command, ...program.args]);
    const child = spawn(shell, words, {
      cwd: dir,
      detached: true,
      stdio: ["ignore", log, log],
      env: {
        PATH: process.env.PATH ?? "/usr/bin:/bin",
        HOME: join(dir, "home"),
        TMPDIR: join(dir, "tmp"),
        // A quarter of what the API server and the helm-controller do is collecting garbage; the limit is a soft one, above what
        // an API server has after the second environment (1.1 GB, where a limit of 1 GiB had it collect without end).
        GOGC: "400",
        GOMEMLIMIT: "2GiB",
        ...program.env,
      },
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** The words of a command that records itself under `<dir>/processes` and then becomes the given one. */
export function recorded(dir: string, name: string, words: readonly string[]): string[] {
  mkdirSync(join(dir, RECORDS), { recursive: true });
  return ["/bin/sh", "-c", RECORD_AND_BECOME, "sh", join(dir, RECORDS, name + SUFFIX), ...words];
}

/**
 * Records this process under `<dir>/processes`, for one that its starter cannot record.
 *
 * @throws Error when the folder is being cleaned up: nothing new may start in it
 */
export function recordThis(dir: string, name: string): void {
  const record = join(dir, RECORDS, `${name}-${process.pid}${SUFFIX}`);
  mkdirSync(join(dir, RECORDS), { recursive: true });
  writeFileSync(`${record}.new`, `${process.pid}\n${startTime(process.pid) ?? ""}\n`);
  renameSync(`${record}.new`, record);
  if (existsSync(join(dir, RECORDS, CLOSING))) throw new Error(`${dir} is being removed: nothing new starts in it.`);
}

/** Where the output of a program goes. */
export function logFile(dir: string, name: string): string {
  return join(dir, "logs", `${name}.log`);
}

/** The end of a program's output, or a sentence saying that there is none. */
export function lastLines(dir: string, name: string, lines = 8): string {
  const path = logFile(dir, name);
  const text = existsSync(path) ? readFileSync(path, "utf8").trimEnd() : "";
  return text === "" ? "(no output)" : text.split("\n").slice(-lines).join("\n");
}

interface Recorded {
  readonly name: string;
  readonly pid: number;
  readonly start: string;
  readonly path: string;
}

/** Every folder of records under a folder. What vanishes meanwhile is passed over: etcd renames folders as it starts. */
function recordFolders(dir: string): string[] {
  return entriesOf(dir)
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => (name === RECORDS ? [join(dir, name)] : recordFolders(join(dir, name))));
}

function entriesOf(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function records(dir: string): Recorded[] {
  const found: Recorded[] = [];
  for (const folder of recordFolders(dir)) {
    for (const { name } of entriesOf(folder)) {
      if (!name.endsWith(SUFFIX)) continue;
      const path = join(folder, name);
      try {
        const [pid = "", start = ""] = readFileSync(path, "utf8").split("\n");
        // Signals to 0 and -1 go to many processes; such a record is nobody's.
        if (/^\d+$/.test(pid) && Number(pid) > 1 && start.trim() !== "")
          found.push({ name: name.slice(0, -SUFFIX.length), pid: Number(pid), start: start.trim(), path });
      } catch {
        // Removed since it was listed: the process it named was ended by somebody else.
      }
    }
  }
  return found;
}

/** Start time of a running process as the record has it; undefined for none, also for one that only waits to be collected. */
function startTime(pid: number): string | undefined {
  if (existsSync("/proc/self/stat")) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // The name in parentheses may contain spaces; what follows it starts with the state, field 3.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
    } catch {
      return undefined;
    }
  }
  try {
    const line = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C" },
    }).trim();
    const [state = "", ...start] = line.split(/\s+/);
    return state.startsWith("Z") || state === "" ? undefined : start.join(" ");
  } catch {
    return undefined;
  }
}

function same(a: string, b: string): boolean {
  return a.replaceAll(/\s+/g, " ") === b.replaceAll(/\s+/g, " ");
}

/** The recorded processes under a folder that are running now. */
export function running(dir: string): { readonly name: string; readonly pid: number }[] {
  return records(dir)
    .filter(({ pid, start }) => same(startTime(pid) ?? "", start))
    .map(({ name, pid }) => ({ name, pid }));
}

/** Options of {@link reap}. */
export interface ReapOptions {
  /** Only the programs of these names. @default all, and nothing new may start in the folder */
  readonly only?: readonly string[];
}

/**
 * Ends every recorded process under a folder, with its process group, at once (the data is thrown away anyway), and waits
 * until it is gone. Safe to call at any time and from any process.
 *
 * @returns the names of what was ended
 * @throws Error naming the processes that are still there after 10 s
 */
export async function reap(dir: string, options: ReapOptions = {}): Promise<string[]> {
  const wanted = (name: string) => options.only?.includes(name) ?? true;
  if (options.only === undefined) close(dir);
  const ended = new Set<string>();
  let left: Recorded[] = [];
  for (let tries = 0; tries < 200; tries++) {
    const all = records(dir).filter(({ name }) => wanted(name));
    left = all.filter(({ pid, start }) => same(startTime(pid) ?? "", start));
    for (const record of all) if (!left.includes(record)) rmSync(record.path, { force: true });
    if (left.length === 0) return [...ended];
    for (const { name, pid } of left) {
      ended.add(name);
      kill(pid);
    }
    await sleep(50);
  }
  throw new Error(`Still running after SIGKILL: ${left.map(({ name, pid }) => `${name} (${pid})`).join(", ")}.`);
}

function kill(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, "SIGKILL");
      return;
    } catch {
      // No such group (the process has not become its leader yet) or no such process any more.
    }
  }
}

function close(dir: string): void {
  for (const folder of recordFolders(dir)) {
    try {
      writeFileSync(join(folder, CLOSING), "");
    } catch {
      // The folder is being removed by somebody else.
    }
  }
}

/** Undoes the bar that {@link reap} put up, for a folder that is used again. */
export function reopen(dir: string): void {
  rmSync(join(dir, RECORDS, CLOSING), { force: true });
}

/** A second process that cleans up after this one. */
export interface Guard {
  /** Calls it off: what is recorded in the folder keeps running, also after this process. */
  release(): Promise<void>;
}

/**
 * Starts a small process that waits for this one to end, in whatever way (also SIGKILL), and then ends everything recorded
 * under the folder and removes the folder.
 */
export function guard(dir: string): Guard {
  const script = fileURLToPath(new URL("guard.ts", import.meta.url));
  const child = spawn(process.execPath, [script, dir], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  child.unref();
  // A pipe, so a socket handle that would keep this process alive; it must not.
  (child.stdin as unknown as { unref?: () => void }).unref?.();
  child.stdin.on("error", () => {
    // The guard is gone already: nothing to call off.
  });
  return {
    release: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) {
          resolve();
          return;
        }
        child.once("exit", () => {
          resolve();
        });
        child.ref();
        child.stdin.end("release\n");
      }),
  };
}

const handedOut = new Set<number>();

/**
 * Ports of 127.0.0.1 that nothing listens on. They are below those that Linux (from 32768) and macOS (from 49152) give to whoever
 * asks for any, so that nobody is given one of them before it is used here.
 */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  for (let tries = 0; found.length < count; tries += 1) {
    if (tries > 1000) throw new Error("No free port on 127.0.0.1.");
    const port = randomInt(10_240, 32_768);
    if (handedOut.has(port) || !(await canListen(port))) continue;
    handedOut.add(port);
    found.push(port);
  }
  return found;
}

async function canListen(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => {
      resolve(false);
    });
    server.listen(port, "127.0.0.1", () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
