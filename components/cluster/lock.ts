import { randomUUID } from "node:crypto";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * A process that can be told from a later one with the same pid: the pid and a text that stands for its start time
 * (boot id and clock ticks on Linux, `ps` elsewhere).
 */
export interface ProcessMark {
  readonly pid: number;
  readonly start: string;
}

/** What the lock file says. */
export interface LockRecord {
  /** Random; names this one holding of the lock and no other. */
  readonly token: string;
  readonly holder: ProcessMark;
  /** The kind process that works for the holder. The lock stays taken while it runs, also when the holder was killed. */
  readonly child?: ProcessMark & { readonly command: string };
  /** `ensure` or `delete`. */
  readonly verb: string;
  /** Name of the cluster that the holder works on. */
  readonly cluster: string;
  /** Id of the environment for which it works; absent for none. */
  readonly owner?: string;
  /** ISO 8601, UTC. */
  readonly since: string;
}

/** Why the lock could not be used; the message ends with what to do. */
export class LockError extends Error {
  override readonly name = "LockError";
}

let bootId: string | undefined;

/** The mark of a running process, or undefined when there is none (a zombie counts as none: it does nothing any more). */
export function processMark(pid: number): ProcessMark | undefined {
  if (process.platform === "linux") {
    let stat: string;
    try {
      stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    } catch {
      return undefined;
    }
    // proc(5): "pid (comm) state ppid ...", and comm may hold spaces and brackets. Start time is field 22.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    bootId ??= fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return { pid, start: `${bootId}/${fields[19] ?? ""}` };
  }
  const ps = spawnSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
  });
  const [, state, start] = /^\s*(\S+)\s+(.+?)\s*$/m.exec(ps.stdout) ?? [];
  return state === undefined || start === undefined || state.startsWith("Z") ? undefined : { pid, start };
}

/** Whether that very process still runs. */
export function isAlive(mark: ProcessMark | undefined): boolean {
  return mark !== undefined && processMark(mark.pid)?.start === mark.start;
}

/** Folder of the lock: one per user of the host, whatever HOME, TMPDIR and the working folder are. */
export function lockFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env["KIND_LOCK_DIR"] ?? `/tmp/observability-kind-${process.getuid?.() ?? "user"}`;
}

/** A held lock. */
export interface Lock {
  /** Records the kind process that now works for the holder, or that there is none. */
  setChild(child: LockRecord["child"]): void;
  /** Gives the lock back and removes its files. Safe to call twice. */
  release(): void;
}

export interface AcquireOptions {
  readonly folder: string;
  readonly verb: string;
  readonly cluster: string;
  readonly owner?: string;
  /** Told who holds the lock, at once and then every 10 s while waiting. */
  readonly say: (message: string) => void;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
  /** Called once per poll while the lock is taken, with what it says. */
  readonly whileTaken?: (record: LockRecord) => void;
  /** Time between two messages, in milliseconds. @default 10000 */
  readonly sayEveryMs?: number;
}

/**
 * Takes the per-host lock, waiting as long as its holder or the holder's kind process runs.
 *
 * There is no flock in Node, so the lock is a file that is made by link(2) (which fails when the name is taken, and
 * shows the whole content or nothing). A lock whose processes are all dead is stale; see removeStale for the takeover.
 */
export async function acquireLock(options: AcquireOptions): Promise<Lock> {
  const file = path.join(options.folder, "lock");
  const holder = processMark(process.pid);
  if (holder === undefined) throw new LockError("cannot read this process's own start time. Is /proc mounted?");
  const base: LockRecord = {
    token: randomUUID(),
    holder,
    verb: options.verb,
    cluster: options.cluster,
    ...(options.owner === undefined ? {} : { owner: options.owner }),
    since: new Date().toISOString(),
  };
  let toldAt: number | undefined;
  for (;;) {
    options.signal?.throwIfAborted();
    makeFolder(options.folder);
    if (tryCreate(file, base)) break;
    const other = readRecord(file);
    if (other === undefined) continue; // released in between
    if (!isHeld(other)) {
      removeStale(file, other, base);
    } else {
      if (toldAt === undefined || Date.now() - toldAt >= (options.sayEveryMs ?? 10_000)) {
        toldAt = Date.now();
        options.say(describeWait(file, other));
      }
      options.whileTaken?.(other);
    }
    await sleep(150, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
  sweep(options.folder);
  let held = true;
  return {
    setChild(child) {
      const record: LockRecord = child === undefined ? base : { ...base, child };
      const temporary = temporaryName(file);
      fs.writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
      fs.renameSync(temporary, file);
    },
    release() {
      if (!held) return;
      held = false;
      fs.rmSync(file, { force: true });
      removeFolderIfEmpty(options.folder);
    },
  };
}

function isHeld(record: LockRecord): boolean {
  return isAlive(record.holder) || isAlive(record.child);
}

function describeWait(file: string, record: LockRecord): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(record.since)) / 1000));
  const since = `since ${record.since} (${seconds} s)`;
  if (isAlive(record.holder)) {
    return (
      `waiting: another run holds the lock ${file}: "${record.verb}" of cluster "${record.cluster}", ` +
      `pid ${record.holder.pid}, ${since}. Clusters are made one at a time on one host; this run goes on when that ` +
      `one ends. If it hangs, end it with: kill ${record.holder.pid}`
    );
  }
  const child = record.child;
  return (
    `waiting: a run on cluster "${record.cluster}" was killed (pid ${record.holder.pid}), but its ` +
    `"${child?.command ?? "kind"}" still runs, pid ${child?.pid ?? "?"}, ${since}. This run goes on when it ends. ` +
    `If it hangs, end it with: kill ${child?.pid ?? "?"}`
  );
}

function makeFolder(folder: string): void {
  try {
    fs.mkdirSync(folder, { mode: 0o700, recursive: true });
  } catch (error) {
    throw new LockError(`cannot make the folder ${folder}: ${String(error)}. Make it yourself, or free the name.`);
  }
  // The name is known to everybody and /tmp belongs to everybody: a link or a folder of somebody else is not trusted.
  const found = fs.lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return; // removed by a release in between; the next try makes it again
  if (!found.isDirectory() || (process.getuid !== undefined && found.uid !== process.getuid())) {
    throw new LockError(`${folder} is not a folder of this user. Remove it, or set KIND_LOCK_DIR to a private folder.`);
  }
}

let temporaryCount = 0;

function temporaryName(file: string): string {
  return `${file}.${process.pid}.${temporaryCount++}.tmp`;
}

/** Makes the file with this content, or returns false when it is there (or its folder was just removed). */
function tryCreate(file: string, record: LockRecord): boolean {
  const temporary = temporaryName(file);
  try {
    fs.writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
    fs.linkSync(temporary, file);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST") || hasCode(error, "ENOENT")) return false;
    throw new LockError(`cannot write the lock ${file}: ${String(error)}. Check the folder's owner and free space.`);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

function readRecord(file: string): LockRecord | undefined {
  let text: string;
  try {
    text = fs.readFileSync(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw new LockError(`cannot read the lock ${file}: ${String(error)}. Remove it if no run is under way.`);
  }
  try {
    return JSON.parse(text) as LockRecord;
  } catch {
    // Never written so by us: a disk that lost power, or a hand. Nobody can hold it.
    const nobody = { pid: 0, start: "" };
    return { token: "unreadable", holder: nobody, verb: "?", cluster: "?", since: new Date(0).toISOString() };
  }
}

/**
 * Removes a file whose processes are all dead, and never one that somebody else made in the meantime.
 *
 * Two waiters may see the same dead record; the slower one must not remove the lock that the faster one took. So the
 * right to remove the record with token T is itself a file, `<file>.T`. Tokens never come back: who gets that right
 * too late reads another token and leaves the file alone. If the one with the right dies, its file is stale in turn and
 * is removed by the same rule.
 */
function removeStale(file: string, stale: LockRecord, own: LockRecord): void {
  const right = `${file}.${stale.token}`;
  if (!tryCreate(right, { ...own, token: randomUUID() })) {
    const other = readRecord(right);
    if (other !== undefined && !isHeld(other)) removeStale(right, other, own);
    return; // somebody else is at it: look again
  }
  try {
    if (readRecord(file)?.token === stale.token) fs.rmSync(file, { force: true });
  } finally {
    fs.rmSync(right, { force: true });
  }
}

/** Removes what killed waiters left beside the lock. Only the holder may: the tokens in those names are gone for good. */
function sweep(folder: string): void {
  for (const name of fs.readdirSync(folder)) {
    if (!name.startsWith("lock.")) continue;
    const file = path.join(folder, name);
    const writer = /\.(\d+)\.\d+\.tmp$/.exec(name)?.[1];
    const left = writer === undefined ? readRecord(file) : undefined;
    if (writer === undefined ? left !== undefined && !isHeld(left) : processMark(Number(writer)) === undefined) {
      fs.rmSync(file, { force: true });
    }
  }
}

function removeFolderIfEmpty(folder: string): void {
  try {
    fs.rmdirSync(folder);
  } catch {
    // Somebody waits in it, or it holds the log of a failed run.
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
