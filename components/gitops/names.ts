/** Names that several files of this room share. */
import type { Settings } from "../../settings/schema.ts";

/** Namespace of Flux, of all sources and of all HelmReleases: with `--no-cross-namespace-refs` they have to be together. */
export const fluxNamespace = "flux-system";

/** Name of the source that has the environment's content. */
export const sourceName = "environment";

/** Where in the content an environment is. */
export function environmentFolder(stack: string, { repository }: Settings): string {
  return repository.path ?? `flux-repo/clusters/${stack}`;
}

/** Flux API versions that the pinned Flux serves. */
export const api = {
  source: "source.toolkit.fluxcd.io/v1",
  helm: "helm.toolkit.fluxcd.io/v2",
  kustomize: "kustomize.toolkit.fluxcd.io/v1",
} as const;
