/** The released provider plugins, where they can be had. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../toolchain/cache.ts";
import { reasonOf } from "../../components/unreachable.ts";
import { run } from "../../toolchain/run.ts";
import { type ProviderName, providerVersions } from "./index.ts";

/** Where plugins are downloaded from; asked first, because the CLI tries again for minutes where there is no network. */
const server = "https://get.pulumi.com/";

/** How long a plugin may take to arrive, in milliseconds. */
const downloadTimeout = 300_000;

/** Plugins at hand, and where. */
export interface ReleasedPlugins {
  /** The folder `plugins` of a Pulumi home. */
  readonly folder: string;
  readonly names: readonly ProviderName[];
}

/**
 * Installs the pinned plugins into a Pulumi home in the user's cache, with the CLI's own `plugin install`.
 *
 * @param pulumi path of the CLI
 * @param log told of what is installed and of what cannot be had, and why
 * @param signal ends it. @default nothing does
 */
export async function releasedPlugins(
  pulumi: string,
  log: (line: string) => void,
  signal?: AbortSignal,
): Promise<ReleasedPlugins> {
  const home = join(cacheFolder(), "pulumi");
  const folder = join(home, "plugins");
  mkdirSync(folder, { recursive: true });
  const all = Object.keys(providerVersions) as ProviderName[];
  const isThere = (name: ProviderName) =>
    existsSync(join(folder, `resource-${name}-v${providerVersions[name]}`, `pulumi-resource-${name}`));
  const missing = all.filter((name) => !isThere(name));
  const refused = missing.length === 0 ? undefined : await unreachable();
  if (refused !== undefined) log(`provider plugins cannot be had: ${refused}`);
  else {
    for (const name of missing) {
      log(`provider plugin ${name} ${providerVersions[name]}: installing`);
      const end = AbortSignal.any([AbortSignal.timeout(downloadTimeout), ...(signal === undefined ? [] : [signal])]);
      const why = await run(pulumi, ["plugin", "install", "resource", name, providerVersions[name]], {
        env: { ...process.env, PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: "true" },
        signal: end,
      }).then(({ code, stderr }) => (code === 0 ? undefined : stderr.trim()), reasonOf);
      signal?.throwIfAborted();
      if (why !== undefined) log(`provider plugin ${name} cannot be had: ${why}`);
    }
  }
  return { folder, names: all.filter(isThere) };
}

/** Why nothing can be downloaded, or undefined when it can. */
async function unreachable(): Promise<string | undefined> {
  try {
    await fetch(server, { method: "HEAD", signal: AbortSignal.timeout(5_000) });
    return undefined;
  } catch (error) {
    return `${new URL(server).host}: ${reasonOf(error)}`;
  }
}
