/**
 * `npm run digests [-- --check]`: asks the registries which digests the tags have that are pinned here (charts, the images that
 * they run, Flux's, Kind's node image, the collector, images that tools are taken out of), and writes settings/digests.json.
 * What a registry does not answer for stays as it is. With `--check` nothing is written, and what would change is a failure:
 * the release workflow asks so.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fluxManifests } from "../components/gitops/flux-manifests.ts";
import { reasonOf } from "../components/unreachable.ts";
import { chartImages } from "../settings/digests.ts";
import { settingsSchema } from "../settings/schema.ts";
import { charts } from "../components/catalogue.ts";
import { plan } from "../components/plan.ts";
import { chartReference, type ChartPin } from "../settings/versions.ts";
import { type Tool, tools } from "../toolchain/pins.ts";
import { parseReference, RegistryRepository } from "../toolchain/registry-client.ts";
import { pinnedVersion, type ToolName } from "../toolchain/obtain.ts";

/** The project's file. */
export const digestsFile = join(import.meta.dirname, "../settings/digests.json");

/** Everything that is pinned by tag and has a digest, and what stands in the way of knowing all of it. */
async function references(): Promise<{ readonly names: readonly string[]; readonly problems: readonly string[] }> {
  const problems: string[] = [];
  const settings = settingsSchema.parse({});
  const ofCharts = Object.values<ChartPin>(charts).flatMap((pin) => {
    const known = chartImages[pin.name];
    if (known !== undefined && known.version !== pin.version)
      problems.push(
        `images of ${pin.name} ${known.version} are known, and ${pin.version} is pinned: npm run charts:refresh`,
      );
    const images = known?.version === pin.version ? { ...known.digests, ...known.checksums } : {};
    return [chartReference(pin) ?? [], ...Object.values(images)].flat();
  });
  const ofTools = Object.entries<Tool>(tools).flatMap(([name, { module, download }]) =>
    download !== undefined && "image" in download
      ? [`${download.image}:${pinnedVersion(tools[name as ToolName].set, module)}`]
      : [],
  );
  let ofFlux: string[] = [];
  try {
    ofFlux = [...JSON.stringify(await fluxManifests(settings.flux)).matchAll(/"image":"([^"]+)"/g)].map(
      ([, image = ""]) => image,
    );
  } catch (error) {
    problems.push(`images of Flux: ${reasonOf(error)}`);
  }
  const ofComponents = plan(settings).chosen.flatMap(({ component, settings: own }) =>
    Object.values(component.images?.(own) ?? {}),
  );
  const own = [settings.cluster.kind.nodeImage, settings.source.registryImage, ...ofComponents];
  return { names: [...new Set([...ofCharts, ...ofTools, ...ofFlux, ...own])].sort(), problems };
}

export interface RefreshDigests {
  /** Names with tags. */
  readonly names: readonly string[];
  /** What stands in the way of knowing all names: then none is forgotten. */
  readonly problems?: readonly string[];
  /** Only says what would change. */
  readonly check?: boolean;
  /** @default the project's */
  readonly file?: string;
}

/**
 * Brings the file up to date and tells what changed, was not answered, or is not pinned.
 *
 * @returns whether all is pinned, and, where it only looked, as the registries say
 */
export async function refreshDigests({
  names,
  problems = [],
  check = false,
  file = digestsFile,
}: RefreshDigests): Promise<boolean> {
  const before = JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, string>>;
  const refused: string[] = [];
  const changed: string[] = [];
  const answers = await Promise.all(
    names.map(async (name) => {
      const was = before[name];
      try {
        const digest = await new RegistryRepository(name).digestOf(parseReference(name).tag ?? "latest");
        if (was === undefined) changed.push(`${name}: ${digest} is new`);
        else if (was !== digest)
          changed.push(`${name}: ${digest}, and ${was} until now: the tag was moved, find out why`);
        return [name, digest] as const;
      } catch (error) {
        refused.push(`${name}: ${was === undefined ? "not pinned" : "stays as it is"}, ${reasonOf(error)}`);
        return [name, was] as const;
      }
    }),
  );
  const kept = problems.length === 0 ? [] : Object.entries(before);
  const after = Object.fromEntries(
    [...new Map([...kept, ...answers])]
      .filter(([, digest]) => digest !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  changed.push(
    ...Object.keys(before)
      .filter((name) => !(name in after))
      .map((name) => `${name}: no longer used`),
  );
  for (const line of [...changed.sort(), ...refused.sort(), ...problems]) console.log(line);
  const pinned = names.filter((name) => after[name] !== undefined).length;
  const summary = `${pinned} of ${names.length} pinned, ${changed.length} changed, ${refused.length} without an answer.`;
  const done = refused.length === 0 && problems.length === 0;
  if (!check) {
    writeFileSync(file, `${JSON.stringify(after, null, 2)}\n`);
    console.log(summary);
    return done;
  }
  const stale = changed.length > 0 ? " Run npm run digests and commit settings/digests.json." : "";
  console.log(summary + stale);
  return done && changed.length === 0;
}

if (import.meta.main) {
  const { check } = parseArgs({ options: { check: { type: "boolean", default: false } } }).values;
  process.exitCode = (await refreshDigests({ ...(await references()), check })) ? 0 : 1;
}
