import * as fs from "node:fs";
import * as path from "node:path";

import { UserError } from "./kind.ts";

/**
 * Writes containerd's `<registry>/hosts.toml` files, which the Kind configuration mounts as /etc/containerd/certs.d.
 * A registry without a file, or whose mirror does not answer, is asked directly.
 *
 * @param mirrors JSON object of registry host to mirror address.
 */
export function writeRegistryFolder(folder: string, mirrors: string): void {
  removeRegistryFolder(folder);
  let entries: [string, unknown][];
  try {
    entries = Object.entries(JSON.parse(mirrors) as object);
  } catch {
    throw new UserError(
      "KIND_REGISTRY_MIRRORS is no JSON object. Look at cluster.kind.registryMirrors in the stack file.",
    );
  }
  for (const [host, address] of entries) {
    if (
      !/^[A-Za-z0-9][A-Za-z0-9.-]*(:\d+)?$/.test(host) ||
      typeof address !== "string" ||
      !/^https?:\/\/[^\s"\\]+$/.test(address)
    ) {
      throw new UserError(
        `cluster.kind.registryMirrors has "${host}: ${String(address)}". ` +
          `Write a registry host and an address, as in docker.io: http://mirror:5000.`,
      );
    }
    fs.mkdirSync(path.join(folder, host), { recursive: true });
    const toml = `[host."${address}"]\n  capabilities = ["pull", "resolve"]\n`;
    fs.writeFileSync(path.join(folder, host, "hosts.toml"), toml);
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
