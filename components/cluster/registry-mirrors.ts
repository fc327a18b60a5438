import * as fs from "node:fs";
import * as path from "node:path";

import { registryMirrors } from "../../settings/formats.ts";
import { UserError } from "./kind.ts";

/**
 * Writes containerd's `<registry>/hosts.toml` files, which the Kind configuration mounts as /etc/containerd/certs.d.
 * A registry without a file, or whose mirror does not answer, is asked directly.
 *
 * @param mirrors JSON object of registry host to mirror address.
 */
export function writeRegistryFolder(folder: string, mirrors: string): void {
  removeRegistryFolder(folder);
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
  for (const [host, address] of Object.entries(said.data)) {
    fs.mkdirSync(path.join(folder, host), { recursive: true });
    fs.writeFileSync(path.join(folder, host, "hosts.toml"), hostsToml(address));
  }
}

/**
 * containerd's file for a registry (core/remotes/docker/config/hosts.go of containerd 2). It appends `/v2` to the address,
 * but for one that is already a path below `/v2`, such as a proxy project of Harbor; a slash at the end would be doubled.
 */
export function hostsToml(address: string): string {
  const below = new URL(address).pathname.startsWith("/v2/");
  return [
    `[host."${address.replace(/\/+$/, "")}"]`,
    `  capabilities = ["pull", "resolve"]`,
    ...(below ? [`  override_path = true`] : []),
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

/** Removes those files and the folders that are empty then; anything else in there is not ours. */
export function removeRegistryFolder(folder: string): void {
  if (!fs.existsSync(folder)) return;
  for (const host of fs.readdirSync(folder)) {
    fs.rmSync(path.join(folder, host, "hosts.toml"), { force: true });
    removeEmptyFolder(path.join(folder, host));
  }
  removeEmptyFolder(folder);
}

function removeEmptyFolder(folder: string): void {
  try {
    fs.rmdirSync(folder);
  } catch {
    // Not empty, or no folder.
  }
}
