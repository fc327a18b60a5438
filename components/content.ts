/** Which folders of `flux-repo/content/` go with a plan. */
import { contentFolders } from "./gitops/content.ts";
import type { Chosen } from "./plan.ts";

/** What goes with one of that name. */
export function contentOf(name: string, chosen: readonly Chosen[]): string[] {
  const able = new Set(chosen.flatMap(({ component: { key }, offers }) => [key, ...Object.keys(offers)]));
  return contentFolders(name, (need) => able.has(need));
}

/** What goes with the components of a plan, and with Flux, which is always there. */
export function environmentContent(chosen: readonly Chosen[]): string[] {
  return ["flux", ...chosen.map(({ component: { key } }) => key)].flatMap((name) => contentOf(name, chosen));
}
