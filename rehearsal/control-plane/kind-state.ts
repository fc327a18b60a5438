/** What the `kind` stand-in knows: a file in `$REHEARSAL_DIR`, written by whoever puts the stand-in in front of PATH. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Binaries } from "./control-plane.ts";

const FILE = "kind.json";

/** The version of kind whose messages the stand-in gives. */
export const KIND_VERSION = "0.33.0";

/** A rehearsal folder, and the programs that a cluster in it is made of. */
export interface KindState {
  readonly dir: string;
  readonly binaries: Binaries;
}

/**
 * Makes a folder ready for the `kind` stand-in.
 *
 * @param dir the rehearsal's folder; its clusters live in `clusters/<name>`. End them with `kind delete cluster`,
 *   `reap(dir)`, or a `guard(dir)` that does it when the rehearsal is gone
 * @returns the variables that a process needs to find the stand-in as `kind`
 */
export function prepareKind(
  dir: string,
  binaries: Binaries,
): { PATH: string; REHEARSAL_DIR: string; REHEARSAL_NODE: string } {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  writeFileSync(join(dir, FILE), JSON.stringify(binaries, undefined, 2));
  const bin = fileURLToPath(new URL("bin", import.meta.url));
  return {
    PATH: [bin, process.env.PATH ?? ""].join(delimiter),
    REHEARSAL_DIR: dir,
    REHEARSAL_NODE: process.execPath,
  };
}

/** @throws Error when `REHEARSAL_DIR` does not name such a folder */
export function readState(): KindState {
  const dir = process.env.REHEARSAL_DIR;
  if (dir === undefined || dir === "" || !existsSync(join(dir, FILE)))
    throw new Error(
      "this is the rehearsal's stand-in for kind and REHEARSAL_DIR does not name a rehearsal. Take it out of PATH, or use `npm run rehearse`",
    );
  return { dir, binaries: JSON.parse(readFileSync(join(dir, FILE), "utf8")) as Binaries };
}

/**
 * The folder of a cluster: its kubeconfig, keys, logs and records of processes.
 *
 * @throws Error for a name that kind refuses
 */
export function clusterDir(state: { readonly dir: string }, name: string): string {
  if (!/^[a-z0-9.-]+$/.test(name) || /^\.+$/.test(name))
    throw new Error(`'${name}' is not a valid cluster name, cluster names must match \`^[a-z0-9.-]+$\``);
  return join(state.dir, "clusters", name);
}
