/** Which folders of `flux-repo/content/` go with a plan. */
import { askedIn, dataSourceUid } from "./capabilities.ts";
import type { Finding } from "../settings/finding.ts";
import { contentFolders, contentQueries } from "./gitops/content.ts";
import type { contexts } from "./context.ts";
import type { SyncedFolder } from "./gitops/source.ts";
import { type Chosen, firstOffer, providers } from "./plan.ts";

const shown = Object.keys(dataSourceUid) as (keyof typeof dataSourceUid)[];

/** Grafana's type of the data source that has the UID of each capability: that of the first store which people look into. */
export function firstSources(
  chosen: readonly Chosen[],
): { readonly capability: (typeof shown)[number]; readonly type: string }[] {
  return shown.flatMap((capability) => {
    const [first] = providers(chosen, capability).flatMap(({ offers }) => offers[capability]?.dataSource?.({}) ?? []);
    return first === undefined ? [] : [{ capability, type: first.type }];
  });
}

/**
 * What names of folders ask for: capabilities, components that are made (by their key), languages in which the first stores are asked, and
 * whose queues send what is scraped.
 */
export function abilities(chosen: readonly Chosen[]): ReadonlySet<string> {
  const able = new Set([
    ...chosen.flatMap(({ component: { key }, offers, provided }) => [
      ...(provided ? [] : [key]),
      ...Object.keys(offers),
    ]),
    ...firstSources(chosen).map(({ capability, type }) => askedIn(capability, type)),
    ...providers(chosen, "scraping")
      .flatMap(({ offers }) => offers.scraping ?? [])
      .map(({ by }) => `scraping.${by}`),
  ]);
  // Rules that watch whether something is scraped would fire for ever.
  if (!able.has("scraping")) able.delete("rules");
  return able;
}

/** What goes with one of that name. */
export function contentOf(name: string, chosen: readonly Chosen[]): string[] {
  const able = abilities(chosen);
  return contentFolders(name, (need) => able.has(need));
}

/**
 * What goes with the components of a plan that are made, not `provided`; with the capabilities that it has and the languages of its stores,
 * whoever has them; and with Flux's objects, which are the environment's whosever Flux it is.
 */
export function environmentContent(chosen: readonly Chosen[]): string[] {
  return [...new Set(["flux", ...abilities(chosen)])].flatMap((name) => contentOf(name, chosen));
}

/** What is not wrong with a plan's settings, but may be a mistake. */
export function warningsOf(chosen: readonly Chosen[], now = new Date()): Finding[] {
  const queries = () => contentQueries(environmentContent(chosen));
  return chosen.flatMap(
    ({ component, settings }) => component.warnings?.(settings, now, firstOffer(chosen), queries) ?? [],
  );
}

/** Folders of the repository that components have applied on their own. @param prerequisites what has to be there before */
export function componentFolders(
  chosen: readonly Chosen[],
  context: ReturnType<typeof contexts>,
  prerequisites: (one: Chosen) => SyncedFolder["prerequisites"],
): SyncedFolder[] {
  return chosen.flatMap((one) => {
    const folder = one.component.folder?.(context(one));
    if (folder === undefined) return [];
    const components = folder.content === undefined ? [] : contentOf(folder.content, chosen);
    return [{ ...folder, components, prerequisites: prerequisites(one) }];
  });
}
