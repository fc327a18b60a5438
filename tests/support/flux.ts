/** Flux's objects for tests: the released manifests where they are at hand, else assembled from its Go modules. */
import { fluxManifests } from "../../components/gitops/flux-manifests.ts";
import type { Manifest } from "../../components/kubernetes/manifest.ts";
import { fluxManifests as assembledManifests } from "../../rehearsal/flux/manifests.ts";
import { parseSettings } from "../../settings/parse.ts";
import { flux } from "../../settings/versions.ts";

let objects: Promise<Manifest[]> | undefined;

/** Flux's objects as the program declares them, for the default settings. @throws when Go's modules cannot be had */
export async function fluxObjects(): Promise<Manifest[]> {
  objects ??= (async () => {
    const { flux: settings } = parseSettings({}, { file: "test", secrets: ["telegramToken"] });
    return fluxManifests({ ...settings, manifests: await assembledManifests(flux) });
  })();
  return objects;
}
