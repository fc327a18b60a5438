import { defineComponent } from "../component.ts";
import { flux } from "./settings.ts";

/** Delivers all others. No release of its own: `flux.ts` makes it, or `guest.ts` what somebody else's needs. */
export const fluxComponent = defineComponent({
  key: "flux",
  title: "Flux",
  settings: { flux },
  charts: [],
  single: {
    name: "Flux",
    groups: [".toolkit.fluxcd.io"],
    images: ["source-controller", "kustomize-controller", "helm-controller", "notification-controller"],
  },
  provided: {
    by: "flux",
    definitions: [
      "gitrepositories.source.toolkit.fluxcd.io",
      "ocirepositories.source.toolkit.fluxcd.io",
      "helmrepositories.source.toolkit.fluxcd.io",
      "helmcharts.source.toolkit.fluxcd.io",
      "kustomizations.kustomize.toolkit.fluxcd.io",
      "helmreleases.helm.toolkit.fluxcd.io",
    ],
  },
  // Its manifests make flux-system.
  namespaces: () => [],
  // Flux 2.9: four controllers (install.yaml).
  requests: () => [{ cpu: "100m", memory: "64Mi", memoryLimit: "1Gi", count: 4 }],
});
