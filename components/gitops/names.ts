/** Names inside the cluster that several files of this room share. */

/** Namespace of Flux, of all sources and of all HelmReleases: with `--no-cross-namespace-refs` they have to be together. */
export const fluxNamespace = "flux-system";

/** Flux API versions that the pinned Flux serves. */
export const api = {
  source: "source.toolkit.fluxcd.io/v1",
  helm: "helm.toolkit.fluxcd.io/v2",
  kustomize: "kustomize.toolkit.fluxcd.io/v1",
} as const;
