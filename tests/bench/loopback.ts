/** Programs beside each other on this machine's loopback, in a folder that goes with them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts, guard, lastLines, launch, reap } from "../../rehearsal/control-plane/processes.ts";
import { call, eventually } from "../../rehearsal/http-client.ts";
import { type Used, usedBy } from "../support/used.ts";

const host = "127.0.0.1";

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
