import { AsyncLocalStorage } from "node:async_hooks";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import { explain } from "./explain.ts";
import { type Lock, processMark } from "./lock.ts";

/** An error whose message says what is wrong and what to do; it is printed without a stack. */
export class UserError extends Error {
  override readonly name = "UserError";
}

/** The container engine is not installed or does not answer. */
export class EngineError extends UserError {
  readonly engine: "absent" | "silent";

  constructor(engine: "absent" | "silent", message: string) {
    super(message);
    this.engine = engine;
  }
}

/** kind was ended by a signal, so it could not clean up what it had begun. */
export class KilledError extends UserError {}

/** What a finished command left. */
export interface Finished {
  /** Exit code; null when a signal ended it or it was not found. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The program is not on PATH. */
  readonly notFound: boolean;
  readonly timedOut: boolean;
}

/**
 * Environment of the commands that the program runs itself. @default that of the process, which is the program's own
 * wherever Pulumi runs it; programs that share a process each get theirs here.
 */
export const programEnvironment = new AsyncLocalStorage<NodeJS.ProcessEnv>();

/** The environment of {@link programEnvironment}, else of this process. */
export function environment(): NodeJS.ProcessEnv {
  return programEnvironment.getStore() ?? process.env;
}

/** Runs a command that is soon done. It gets 60 s: a container engine that hangs must not hang us. */
export async function query(program: string, args: readonly string[], timeoutMs = 60_000): Promise<Finished> {
  const child = spawn(program, args, { env: environment(), stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  let timedOut = false;
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
    // A grandchild may hold the pipes open for longer than the child lives.
    child.stdout.destroy();
    child.stderr.destroy();
  }, timeoutMs);
  try {
    return await new Promise((resolve, reject) => {
      child.on("error", (error) => {
        if ("code" in error && error.code === "ENOENT") {
          resolve({ code: null, stdout, stderr, notFound: true, timedOut });
        } else reject(error);
      });
      child.on("close", (code) => {
        resolve({ code, stdout, stderr, notFound: false, timedOut });
      });
    });
  } finally {
    clearTimeout(timer);
  }
}

export interface KindOptions {
  readonly say: (message: string) => void;
  /** Folder for kind's log while it runs. */
  readonly folder: string;
  /** Kubeconfig that kind may write and lock; never the user's own. */
  readonly scratchKubeconfig: string;
}

/** The kind command, found on PATH. */
export class Kind {
  /** What `kind version` says. */
  readonly version: string;
  readonly #options: KindOptions;

  private constructor(version: string, options: KindOptions) {
    this.version = version;
    this.#options = options;
  }

  /** Finds kind, or returns undefined when it is not on PATH. */
  static async find(options: KindOptions): Promise<Kind | undefined> {
    const found = await query("kind", ["version"]);
    if (found.notFound) return undefined;
    if (found.code !== 0) {
      throw new UserError(
        `"kind version" failed:\n${indent(found.stderr)}\nReinstall kind; see docs/troubleshooting.md.`,
      );
    }
    return new Kind(found.stdout.trim(), options);
  }

  /** Names of all Kind clusters, also half-made and stopped ones. */
  async clusters(): Promise<string[]> {
    const found = await this.#ask(["get", "clusters"], "cannot list the Kind clusters");
    return found.stdout.split("\n").filter((line) => line.trim() !== "");
  }

  /** The cluster's kubeconfig, or undefined when its control plane cannot give one (half made, stopped). */
  async kubeconfig(name: string): Promise<string | undefined> {
    const found = await query("kind", ["get", "kubeconfig", "--name", name]);
    if (found.code === 0 && found.stdout.trim() !== "") return found.stdout;
    // An engine that went away says nothing about the cluster, so it must not look like a broken one.
    const why = explain(found.stderr);
    if (found.timedOut || why?.engine !== undefined) throw commandError("cannot read the cluster's kubeconfig", found);
    return undefined;
  }

  /** Makes the cluster. On success the kubeconfig is in the scratch file. */
  async create(name: string, config: string, lock: Lock, signal: AbortSignal): Promise<void> {
    const args = ["create", "cluster", "--name", name, "--config", "-"];
    await this.#change(args, config, lock, signal, `cannot make the Kind cluster "${name}"`);
  }

  /** Deletes the cluster; one that does not exist is success. */
  async delete(name: string, lock: Lock): Promise<void> {
    const what = `cannot delete the Kind cluster "${name}"`;
    // What a killed "docker run" left on its way can appear after the first look, so look again.
    for (let attempt = 1; attempt <= 3; attempt++) {
      await this.#change(["delete", "cluster", "--name", name], undefined, lock, undefined, what);
      if (!(await this.clusters()).includes(name)) return;
      await sleep(500);
    }
    throw new UserError(
      `${what}: kind says that it did, and still lists it. Look at: docker ps -a --filter label=io.x-k8s.kind.cluster=${name}`,
    );
  }

  async #ask(args: readonly string[], what: string): Promise<Finished> {
    const found = await query("kind", args);
    if (found.code !== 0) throw commandError(what, found);
    return found;
  }

  /**
   * Runs a command that changes something. If this script is killed, kind goes on to its end in a session of its own,
   * and the lock names it, so that nobody works on the same host beside it.
   */
  async #change(
    args: readonly string[],
    input: string | undefined,
    lock: Lock,
    signal: AbortSignal | undefined,
    what: string,
  ): Promise<void> {
    const { scratchKubeconfig, folder, say } = this.#options;
    // kind refuses while "<kubeconfig>.lock" exists, and a killed kind leaves it.
    removeScratch(scratchKubeconfig);
    // A file and not a pipe: a kind that outlives us must not die of a closed pipe, nor keep Pulumi waiting on ours.
    const log = openAnonymous(folder, "");
    const stdin = input === undefined ? "ignore" : openAnonymous(folder, input);
    // The shell waits for our word before it becomes kind, and ends if we are gone: so no kind runs that the lock does
    // not name. Nothing of the settings is in its text.
    const child = spawn(
      "/bin/sh",
      ["-c", 'read -r go <&3 && exec "$@" 3<&-', "sh", "kind", ...args, "--kubeconfig", scratchKubeconfig],
      {
        detached: true,
        env: environment(),
        stdio: [stdin, log, log, "pipe"],
      },
    );
    if (typeof stdin === "number") fs.closeSync(stdin);
    const ended = new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    const mark = child.pid === undefined ? undefined : processMark(child.pid);
    if (mark !== undefined) lock.setChild({ ...mark, command: `kind ${args.slice(0, 4).join(" ")}` });
    const gate = child.stdio[3] as Writable;
    gate.on("error", () => undefined); // the shell died: "close" tells
    gate.end("go\n");

    const tail = new LogTail(log, say);
    const timer = setInterval(() => {
      tail.read();
    }, 200);
    const stop = (): void => {
      void endGroup(child.pid, ended, signal?.reason === "SIGINT" ? "SIGINT" : "SIGTERM");
    };
    if (signal?.aborted === true) stop();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const code = await ended;
      tail.read(true);
      signal?.throwIfAborted();
      if (code !== 0) {
        throw commandError(what, { code, stdout: "", stderr: tail.text(), notFound: false, timedOut: false });
      }
    } finally {
      clearInterval(timer);
      signal?.removeEventListener("abort", stop);
      lock.setChild(undefined);
      fs.closeSync(log);
    }
  }
}

/** Removes what kind may have left at the scratch kubeconfig. */
export function removeScratch(scratchKubeconfig: string): void {
  for (const file of [scratchKubeconfig, `${scratchKubeconfig}.lock`]) {
    try {
      fs.rmSync(file, { force: true });
    } catch {
      // Where it cannot be removed kind could not make it, and whatever ended the work is what people have to read.
    }
  }
}

/** Sends the signal to a process group, and SIGKILL if it is not gone after 10 s. */
async function endGroup(pid: number | undefined, ended: Promise<unknown>, signal: NodeJS.Signals): Promise<void> {
  if (pid === undefined) return;
  signalGroup(pid, signal);
  const late = new AbortController();
  void ended.then(
    () => {
      late.abort();
    },
    () => {
      late.abort();
    },
  );
  try {
    await sleep(10_000, undefined, { signal: late.signal });
    signalGroup(pid, "SIGKILL");
  } catch {
    // It ended in time.
  }
}

/** Signals a process group; one that is gone already is fine. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Gone.
  }
}

/**
 * A file without a name that holds the text. As standard input it cannot end halfway when we are killed, as a pipe can;
 * as a log it leaves nothing behind.
 */
function openAnonymous(folder: string, text: string): number {
  const file = path.join(folder, `lock.kind.${process.pid}.0.tmp`);
  fs.writeFileSync(file, text, { mode: 0o600 });
  const descriptor = fs.openSync(file, "r+");
  fs.rmSync(file);
  return descriptor;
}

/** Where kind begins to say what went wrong: that is told at the end, with what it means. */
const failed = /^ERROR: /m;

/** Says the lines of a growing file, until kind fails. */
class LogTail {
  readonly #descriptor: number;
  readonly #say: (message: string) => void;
  #said = 0;

  constructor(descriptor: number, say: (message: string) => void) {
    this.#descriptor = descriptor;
    this.#say = say;
  }

  /** Says what is new; the last line only when it is whole, or at the end. */
  read(atEnd = false): void {
    const bytes = this.#bytes();
    const upTo = atEnd ? bytes.length : bytes.lastIndexOf(0x0a) + 1;
    if (upTo <= this.#said) return;
    const [progress = ""] = bytes.subarray(0, upTo).toString("utf8").split(failed, 1);
    const lines = Buffer.from(progress).subarray(this.#said).toString("utf8").split("\n");
    this.#said = upTo;
    for (const line of lines) if (line.trim() !== "") this.#say(`kind: ${line.trimEnd()}`);
  }

  text(): string {
    return this.#bytes().toString("utf8");
  }

  #bytes(): Buffer {
    // Read by position: kind writes through the same open file and must keep its place in it.
    const bytes = Buffer.alloc(fs.fstatSync(this.#descriptor).size);
    return bytes.subarray(0, fs.readSync(this.#descriptor, bytes, 0, bytes.length, 0));
  }
}

/** The error for a failed command: what failed, why if it is known, what to do. */
export function commandError(what: string, found: Finished, program = "kind"): UserError {
  if (found.timedOut) {
    const restart = "Docker hangs: restart it (Linux: sudo systemctl restart docker)";
    return new EngineError("silent", `${what}: no answer for 60 s. ${restart}.`);
  }
  const why = explain(found.stderr);
  const said = lastLines(found.stderr.slice(Math.max(0, found.stderr.search(failed))), 12);
  if (why !== undefined) {
    const message = `${what}: ${why.message}\n${program} said:\n${indent(said)}`;
    return why.engine === undefined ? new UserError(message) : new EngineError(why.engine, message);
  }
  const tail = `${program} said:\n${indent(said)}\nIf that does not tell: docker info, docker ps -a, free memory and disk; then run it again.`;
  if (found.code === null) return new KilledError(`${what}: it was ended by a signal (out of memory?). ${tail}`);
  return new UserError(`${what} (exit code ${found.code}). ${tail}`);
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, "  ");
}
