import * as fs from "node:fs";
import * as path from "node:path";

import { registryMirrors } from "../../settings/formats.ts";
import { dockerCredentials } from "../../settings/secrets.ts";
import { fetchOutside } from "../company-network.ts";
import { UserError } from "./kind.ts";
import type { Finding } from "./preflight.ts";

/**
 * Writes containerd's `<registry>/hosts.toml` files, which the Kind configuration mounts as /etc/containerd/certs.d.
 * A registry without a file, or whose mirror does not answer, is asked directly. containerd reads them at each pull, so the
 * folder of a cluster that runs stays, and so does each file until the next has its name.
 *
 * @param mirrors JSON object of registry host to mirror address.
 * @param credentials JSON object of mirror host to the base64 of `user:password`.
 */
export function writeRegistryFolder(folder: string, mirrors: string, credentials = "{}"): void {
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

/**
 * Whether mirrors let the nodes in. One that cannot be reached from here is not judged: the nodes' network has names that this
 * host does not know.
 * @param config Docker's config.json; never part of a message
 */
export async function checkMirrors(
  mirrors: Readonly<Record<string, string>>,
  config: string | undefined,
): Promise<Finding[]> {
  const found = await Promise.all(
    Object.entries(mirrors).map(async ([registry, address]): Promise<Finding[]> => {
      const { host, origin, pathname } = new URL(address);
      const credentials = config === undefined ? undefined : dockerCredentials(config, host);
      const root = pathname.startsWith("/v2/") ? origin : address.replace(/\/+$/, "");
      if (!(await isRefused(`${root}/v2/`, credentials))) return [];
      const why =
        credentials === undefined
          ? `asks for a password. Add ${host} to the secret registryCredentials`
          : `refuses the credentials that registryCredentials has for ${host}. Set it again`;
      const message = `${address} (cluster.kind.registryMirrors, ${registry}) ${why} (docs/company-networks.md).`;
      return [{ level: "error", check: "mirror", message }];
    }),
  );
  return found.flat();
}

/** Asks as containerd does: a server of tokens that the registry names decides in its place. */
async function isRefused(url: string, credentials: string | undefined): Promise<boolean> {
  const headers = credentials === undefined ? {} : { Authorization: `Basic ${credentials}` };
  try {
    const response = await fetchOutside(url, { headers, signal: AbortSignal.timeout(10_000) });
    const challenge = response.headers.get("www-authenticate") ?? "";
    const of = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(challenge)?.[1];
    const realm = /^bearer/i.test(challenge) ? of("realm") : undefined;
    if (response.status !== 401 || realm === undefined) return response.status === 401;
    const tokens = new URL(realm);
    tokens.searchParams.set("service", of("service") ?? "");
    return [401, 403].includes(
      (await fetchOutside(tokens.href, { headers, signal: AbortSignal.timeout(10_000) })).status,
    );
  } catch {
    return false;
  }
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
