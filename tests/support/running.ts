import { type ChildProcess, spawn } from "node:child_process";
import { until } from "./until.ts";

/** Programs that run beside each other for a test, and what they have said. */
export class Running {
  said = "";
  readonly #programs: ChildProcess[] = [];

  /** @param folder where it runs @param env in the place of the environment that it inherits */
  start(program: string, args: readonly string[], folder: string, env?: Readonly<Record<string, string>>): void {
    const one = spawn(program, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"], ...(env && { env }) });
    this.#programs.push(one);
    for (const stream of [one.stdout, one.stderr]) stream.on("data", (chunk) => (this.said += String(chunk)));
  }

  /** Waits for something that will be so soon. @throws Error with the last that they said when it was in vain */
  async soon<T>(what: string, condition: () => Promise<T | undefined> | T | undefined): Promise<T> {
    try {
      return await until(what, condition);
    } catch (error) {
      throw new Error(`${String(error)}: ${this.said.slice(-3000)}`, { cause: error });
    }
  }

  end(): void {
    for (const one of this.#programs) one.kill("SIGKILL");
  }
}
