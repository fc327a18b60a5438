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

/** What goes with the components of a plan that are made, not `provided`, and with Flux, which is always there. */
export function environmentContent(chosen: readonly Chosen[]): string[] {
  return ["flux", ...chosen.filter(({ provided }) => !provided).map(({ component: { key } }) => key)].flatMap((name) =>
    contentOf(name, chosen),
  );
}
