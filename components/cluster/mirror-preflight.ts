/** Whether mirrors of registries take the credentials that their nodes will show. */
import { dockerCredentials } from "../../settings/secrets.ts";
import { fetchOutside } from "../company-network.ts";
import type { Finding } from "./preflight.ts";

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
