/** The Pulumi program of an environment: settings in, outputs out. */
import { clusterGeneration } from "./components/cluster/generation.ts";
import { clusterUid } from "./components/cluster/existing-cluster.ts";
import { Environment } from "./components/environment.ts";
import { fluxManifests } from "./components/gitops/flux-manifests.ts";
import { readStack } from "./settings/read.ts";

const stack = readStack();
const { cluster, flux } = stack.settings;
const environment = new Environment(stack.name, {
  stack,
  ...(cluster.existing === undefined ? {} : { clusterUid: await clusterUid(cluster.existing) }),
  fluxManifests: await fluxManifests(flux),
  ...(cluster.type === "kind" ? { clusterGeneration: await clusterGeneration(stack.name, cluster.kind) } : {}),
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
