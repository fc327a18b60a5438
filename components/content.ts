/** Which folders of `flux-repo/content/` go with a plan. */
import { contentFolders } from "./gitops/content.ts";
import type { contexts } from "./context.ts";
import type { SyncedFolder } from "./gitops/source.ts";
import type { Chosen } from "./plan.ts";

/** What goes with one of that name. */
export function contentOf(name: string, chosen: readonly Chosen[]): string[] {
  const able = new Set(
    chosen.flatMap(({ component: { key }, offers, provided }) => [...(provided ? [] : [key]), ...Object.keys(offers)]),
  );
  return contentFolders(name, (need) => able.has(need));
}

/**
 * What goes with the components of a plan that are made, not `provided`, and with the capabilities that it has, whoever has them; and
 * with Flux's objects, which are the environment's whosever Flux it is.
 */
export function environmentContent(chosen: readonly Chosen[]): string[] {
  const made = chosen.filter(({ component: { key }, provided }) => !provided || key === "flux");
  const able = chosen.flatMap(({ offers }) => Object.keys(offers));
  const names = new Set([...made.map(({ component: { key } }) => key), ...able]);
  return [...names].flatMap((name) => contentOf(name, chosen));
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
