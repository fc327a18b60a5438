import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit code; 128 + the signal's number cannot be told apart here, so a killed program has `undefined`. */
  readonly code: number | undefined;
}

/**
 * Runs a program and collects what it prints.
 *
 * @throws Error when it cannot be started, or when `signal` ends it. A non-zero exit code is the caller's to judge.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Environment;
    readonly signal?: AbortSignal | undefined;
    /** Called for each line of standard error, as it comes. */
    readonly onErrorLine?: (line: string) => void;
  } = {},
): Promise<RunResult> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...(options.env ?? process.env) },
    stdio: ["ignore", "pipe", "pipe"],
    signal: options.signal,
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  createInterface({ input: child.stderr }).on("line", (line) => {
    output.stderr += `${line}\n`;
    options.onErrorLine?.(line);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ ...output, code: code ?? undefined });
    });
  });
}

/** The file that `command` means in a shell with this PATH, or undefined. */
export function which(command: string, env: Environment): string | undefined {
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    const file = join(folder || ".", command);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}
