/** The Pulumi program of an environment: settings in, outputs out. */
import { Environment } from "./components/environment.ts";
import { fluxManifests } from "./components/gitops/flux-manifests.ts";
import { readStack } from "./settings/read.ts";

const stack = readStack();
const environment = new Environment(stack.name, {
  stack,
  fluxManifests: await fluxManifests(stack.settings.flux),
});

export const {
  kubeconfigPath,
  kubeconfig,
  grafanaUrl,
  grafanaUser,
  grafanaPassword,
  serviceUrls,
  deployKeyFingerprint,
  repository,
  componentVersions,
} = environment.outputs;
