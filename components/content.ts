/** Which folders of `flux-repo/content/` go with a plan. */
import { contentFolders } from "./gitops/content.ts";
import type { Chosen } from "./plan.ts";

/** What goes with one of that name. */
export function contentOf(name: string, chosen: readonly Chosen[]): string[] {
  const able = new Set(
    chosen.flatMap(({ component: { key }, offers, provided }) => [...(provided ? [] : [key]), ...Object.keys(offers)]),
  );
  return contentFolders(name, (need) => able.has(need));
}

/**
 * What goes with the components of a plan that are made, not `provided`; and with Flux's objects, which are the environment's
 * whosever Flux it is.
 */
export function environmentContent(chosen: readonly Chosen[]): string[] {
  return chosen
    .filter(({ component: { key }, provided }) => !provided || key === "flux")
    .flatMap(({ component: { key } }) => contentOf(key, chosen));
}
