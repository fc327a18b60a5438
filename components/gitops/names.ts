/** Names that several files of this room share. */
import type { Settings } from "../../settings/schema.ts";

/** Where sources, HelmReleases and Kustomizations are, and as whom Flux applies them. */
export interface FluxHome {
  /** One for all: with `--no-cross-namespace-refs` they have to be together. */
  readonly namespace: string;
  /** ServiceAccount that they name; undefined where the controllers act with rights of their own. */
  readonly serviceAccount?: string;
}

/** With the environment's own Flux, whose manifests make the namespace. */
export const ownHome: FluxHome = { namespace: "flux-system" };

/** With somebody else's, who has that one. */
export const guestHome = { namespace: "observability-flux", serviceAccount: "observability-flux" } as const;

export function fluxHome({ provided }: Pick<Settings, "provided">): FluxHome {
  return provided.includes("flux") ? guestHome : ownHome;
}

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
