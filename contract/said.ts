/**
 * What a program says of some files, such as promtool of rules. Programs of this kind do nothing else: the same files give the
 * same words, so what one has said before is kept in the cache folder, and it is not started again.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { cacheFolder } from "../toolchain/cache.ts";

export interface Said {
  /** The program's exit code. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Asked {
  /** Text of each file by its path in a folder of their own, where the program starts. */
  readonly files?: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  /** What it reads from standard input. */
  readonly input?: string;
  /** Variables besides those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The folder where everything said is kept. */
export const saidFolder = () => path.join(cacheFolder(), "said");

/**
 * What is made of a question: it is made once for all processes, and kept there, too.
 * @param question all that it depends on
 * @param make makes what JSON can say
 */
export function kept<T>(question: readonly unknown[], make: () => T): T {
  const digest = createHash("sha256").update(JSON.stringify(question)).digest("hex");
  const file = path.join(saidFolder(), digest.slice(0, 2), digest);
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as T;
  const made = make();
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(made));
  renameSync(`${file}.${process.pid}`, file);
  return made;
}

/**
 * @param program its path; a program of another size or age is another one
 * @throws Error when it cannot be started, or does not end within five minutes
 */
export function programSaid(program: string, { files = {}, args, input = "", env = {} }: Asked): Said {
  const { size, mtimeMs } = statSync(program);
  return kept([program, size, mtimeMs, Object.entries(files), args, input, Object.entries(env)], () =>
    saidNow(program, { files, args, input, env }),
  );
}

function saidNow(program: string, { files, args, input, env }: Required<Asked>): Said {
  const folder = mkdtempSync(path.join(tmpdir(), "said-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    const { status, stdout, stderr, error, signal } = spawnSync(program, args, {
      cwd: folder,
      encoding: "utf8",
      input,
      // It ends soon: there is memory enough to collect less garbage.
      env: { ...process.env, GOGC: "400", ...env },
      timeout: 300_000,
      maxBuffer: 2 ** 28,
    });
    // One that ends may do so before it has read what it is given.
    if (error !== undefined && (error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
    if (status === null) throw new Error(`${program} was ended by ${signal ?? "somebody"}: ${stderr}`);
    return { status, stdout, stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
