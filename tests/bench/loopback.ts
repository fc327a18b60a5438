/** Programs beside each other on this machine's loopback, in a folder that goes with them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts, guard, lastLines, launch, reap } from "../../rehearsal/control-plane/processes.ts";
import { call, eventually } from "../../rehearsal/http-client.ts";

const host = "127.0.0.1";
/** Of a clock tick, in which Linux counts the time of processes (`USER_HZ`). */
const tick = 1 / 100;

/** What a program has used since it started. */
export interface Used {
  /** Seconds of processors. */
  readonly cpu: number;
  /** Bytes of memory, the most at once and now (resident). */
  readonly peak: number;
  readonly memory: number;
}

export class Loopback {
  readonly dir: string;
  readonly #ports = new Map<string, number>();
  readonly #free: number[];
  readonly #pids = new Map<string, number>();

  private constructor(dir: string, free: number[]) {
    this.dir = dir;
    this.#free = free;
  }

  /** Ends all that was started, and removes the folder, however `work` or this process ends. */
  static async use<T>(name: string, work: (loopback: Loopback) => Promise<T>): Promise<T> {
    const dir = mkdtempSync(join(tmpdir(), `${name}-`));
    const guarded = guard(dir);
    try {
      return await work(new Loopback(dir, await freePorts(40)));
    } finally {
      await reap(dir);
      await guarded.release();
      rmSync(dir, { recursive: true, force: true });
    }
  }

  /** The port of a name: the same each time. */
  port(name: string): number {
    const port = this.#ports.get(name) ?? this.#free.pop();
    if (port === undefined) throw new Error("There are no more ports.");
    this.#ports.set(name, port);
    return port;
  }

  address(name: string): string {
    return `${host}:${this.port(name)}`;
  }

  write(name: string, text: string): string {
    const file = join(this.dir, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  /** @throws Error with its last lines when it does not answer at `ready` */
  async start(
    name: string,
    command: string,
    args: readonly string[],
    ready: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    let ended = false;
    const child = launch(this.dir, { name, command, args, env }).once("exit", () => (ended = true));
    this.#pids.set(name, child.pid ?? 0);
    const answer = await eventually(120, async () => (ended ? "ended" : call(ready).then(() => "ready")));
    if (answer !== "ready") throw new Error(`${name} is not ready. Its last lines:\n${lastLines(this.dir, name, 12)}`);
  }

  async kill(...only: string[]): Promise<void> {
    await reap(this.dir, { only });
  }

  /** Of a program that runs; on Linux alone. */
  used(name: string): Used {
    return usedBy(this.#pids.get(name) ?? 0);
  }
}

/** What a process has used; on Linux alone. */
export function usedBy(pid: number): Used {
  const folder = `/proc/${pid}`;
  const stat = readFileSync(`${folder}/stat`, "utf8");
  // What follows the name in parentheses begins with field 3: 14 and 15 are its time.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = readFileSync(`${folder}/status`, "utf8");
  const bytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
  return {
    cpu: (Number(fields[11]) + Number(fields[12])) * tick,
    peak: bytes("VmHWM"),
    memory: bytes("VmRSS"),
  };
}
