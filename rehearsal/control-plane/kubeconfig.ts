/** Kubeconfig files as kind writes them. */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parse, stringify } from "yaml";
import { type Pair, base64 } from "./pki.ts";

interface Named {
  readonly name: string;
}

/** The parts of a kubeconfig that kind touches; anything else in a file is kept. */
interface Kubeconfig {
  apiVersion?: string;
  kind?: string;
  clusters?: Named[] | null;
  contexts?: Named[] | null;
  users?: Named[] | null;
  "current-context"?: string;
}

const LISTS = ["clusters", "contexts", "users"] as const;

/** kind's key for everything it writes about a cluster. */
function contextName(cluster: string): string {
  return `kind-${cluster}`;
}

/** A kubeconfig for one user by client certificate. */
export function kubeconfig(cluster: string, server: string, ca: string, user: Pair): string {
  const name = contextName(cluster);
  return stringify(
    {
      apiVersion: "v1",
      clusters: [{ cluster: { "certificate-authority-data": base64(ca), server }, name }],
      contexts: [{ context: { cluster: name, user: name }, name }],
      "current-context": name,
      kind: "Config",
      users: [
        {
          name,
          user: { "client-certificate-data": base64(user.certificate), "client-key-data": base64(user.key) },
        },
      ],
    },
    { lineWidth: 0 },
  );
}

/** Adds a cluster's entries to a kubeconfig file, or replaces them, and makes its context the current one. Mode 0600. */
export function mergeInto(path: string, text: string): void {
  locked(path, () => {
    const existing = read(path);
    const added = parse(text) as Kubeconfig;
    for (const list of LISTS) {
      const names = new Set((added[list] ?? []).map(({ name }) => name));
      existing[list] = [...(existing[list] ?? []).filter(({ name }) => !names.has(name)), ...(added[list] ?? [])];
    }
    existing["current-context"] = added["current-context"] ?? "";
    existing.apiVersion ??= "v1";
    existing.kind ??= "Config";
    write(path, existing);
  });
}

/** Removes a cluster's entries from a kubeconfig file; what else is in it stays, a file that never was is not made. */
export function removeFrom(path: string, cluster: string): void {
  if (!existsSync(path)) return;
  locked(path, () => {
    const existing = read(path);
    const key = contextName(cluster);
    for (const list of LISTS) existing[list] = (existing[list] ?? []).filter(({ name }) => name !== key);
    if (existing["current-context"] === key) existing["current-context"] = "";
    write(path, existing);
  });
}

function read(path: string): Kubeconfig {
  return existsSync(path) ? ((parse(readFileSync(path, "utf8")) as Kubeconfig | null) ?? {}) : {};
}

function write(path: string, config: Kubeconfig): void {
  const text = stringify(config, { lineWidth: 0 });
  writeFileSync(path, text, { mode: 0o600 });
  chmodSync(path, 0o600);
}

/** kind takes the same lock as kubectl: a file that a killed command leaves behind, and everyone trips over. */
function locked(path: string, change: () => void): void {
  const lock = `${path}.lock`;
  mkdirSync(dirname(path), { recursive: true });
  try {
    closeSync(openSync(lock, "wx"));
  } catch {
    throw new Error(`failed to lock config file: open ${lock}: file exists`);
  }
  try {
    change();
  } finally {
    rmSync(lock, { force: true });
  }
}
