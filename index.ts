/** The Pulumi program of an environment: settings in, outputs out. */
import * as pulumi from "@pulumi/pulumi";
import { clusterGeneration } from "./components/cluster/generation.ts";
import { clusterName } from "./components/cluster/kind-config.ts";
import { registryGeneration } from "./components/cluster/registry.ts";
import { clusterUid } from "./components/cluster/existing-cluster.ts";
import { trust } from "./components/company-network.ts";
import { Environment } from "./components/environment.ts";
import { ownManifests } from "./components/gitops/flux-manifests.ts";
import { readStack } from "./settings/read.ts";

const stack = readStack();
const { cluster, network, source } = stack.settings;
const local = source.type === "local-registry" ? clusterName(stack.name) : undefined;
let ca: string | undefined;
try {
  if (network.ca !== undefined) ca = trust(network.ca);
} catch (error) {
  throw new pulumi.RunError(`network.ca: ${error instanceof Error ? error.message : String(error)}.`);
}
const environment = new Environment(stack.name, {
  stack,
  ...(cluster.existing === undefined ? {} : { clusterUid: await clusterUid(cluster.existing) }),
  ...(ca === undefined ? {} : { ca }),
  fluxManifests: await ownManifests(stack.settings),
  ...(local === undefined ? {} : { registry: await registryGeneration(local, source.registryImage) }),
  ...(cluster.type === "kind"
    ? { clusterGeneration: await clusterGeneration(stack.name, cluster.kind, network.ca) }
    : {}),
});

export const {
  kubeconfigPath,
  kubeconfig,
  grafanaUrl,
  grafanaUser,
  grafanaPassword,
  kibanaUrl,
  kibanaUser,
  kibanaPassword,
  serviceUrls,
  deployKeyFingerprint,
  repository,
  componentVersions,
} = environment.outputs;
