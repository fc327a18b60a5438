import * as fs from "node:fs";
import * as path from "node:path";

import { UserError } from "./kind.ts";

/**
 * Writes containerd's `<registry>/hosts.toml` files, which the Kind configuration mounts as /etc/containerd/certs.d.
 * A registry without a file, or whose mirror does not answer, is asked directly. containerd reads them at each pull, so the
 * folder of a cluster that runs stays, and so does each file until the next has its name.
 *
 * @param mirrors JSON object of registry host to mirror address.
 * @param credentials JSON object of mirror host to the base64 of `user:password`.
 */
export async function writeRegistryFolder(folder: string, mirrors: string, credentials = "{}"): Promise<void> {
  // It brings zod, which takes as long to load as the rest of the cluster script.
  const { registryMirrors } = await import("../../settings/formats.ts");
  const said = registryMirrors.safeParse(readJson(mirrors));
  if (!said.success) {
    const where = said.error.issues
      .map(({ path: keys, message }) => `${keys.map(String).join(".")} ${message}`)
      .join("; ");
    throw new UserError(
      `cluster.kind.registryMirrors is wrong: ${where}. ` +
        `Write a registry host and an address, as in docker.io: http://mirror:5000.`,
    );
  }
  removeRegistryFolder(folder, Object.keys(said.data));
  const known = JSON.parse(credentials) as Readonly<Record<string, string>>;
  for (const [host, address] of Object.entries(said.data)) {
    fs.mkdirSync(path.join(folder, host), { recursive: true });
    const file = path.join(folder, host, "hosts.toml");
    fs.writeFileSync(`${file}.tmp`, hostsToml(address, known[new URL(address).host]), { mode: 0o600 });
    fs.renameSync(`${file}.tmp`, file);
  }
}

/**
 * containerd's file for a registry (core/remotes/docker/config/hosts.go of containerd 2). It appends `/v2` to the address,
 * but for one that is already a path below `/v2`, such as a proxy project of Harbor; a slash at the end would be doubled.
 * A header goes to that host alone, and to the server of tokens that it names (`WithAuthHeader`), so it logs in at either.
 *
 * @param credentials base64 of `user:password`
 */
export function hostsToml(address: string, credentials?: string): string {
  const below = new URL(address).pathname.startsWith("/v2/");
  const host = `host."${address.replace(/\/+$/, "")}"`;
  return [
    `[${host}]`,
    `  capabilities = ["pull", "resolve"]`,
    ...(below ? [`  override_path = true`] : []),
    // Its letters are as they stand here: containerd changes none, and sets the header of that name.
    ...(credentials === undefined ? [] : [`[${host}.header]`, `  Authorization = ["Basic ${credentials}"]`]),
    "",
  ].join("\n");
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Removes those files, but for some hosts, and the folders that are empty then; anything else in there is not ours. */
export function removeRegistryFolder(folder: string, but: readonly string[] = []): void {
  if (!fs.existsSync(folder)) return;
  for (const host of fs.readdirSync(folder).filter((name) => !but.includes(name))) {
    fs.rmSync(path.join(folder, host, "hosts.toml"), { force: true });
    removeEmptyFolder(path.join(folder, host));
  }
  if (but.length === 0) removeEmptyFolder(folder);
}

function removeEmptyFolder(folder: string): void {
  try {
    fs.rmdirSync(folder);
  } catch {
    // Not empty, or no folder.
  }
}
