import type { Settings } from "./schema.ts";

/** Folder of the demo in the repository that Flux syncs. */
export function demoFolder({ path, app }: Settings["demo"]): string {
  return path ?? `flux-repo/demo/${app}`;
}
