/** The cluster of an environment, made or found, and the provider that speaks to it. */
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { imageNames } from "../../settings/digests.ts";
import type { EnvironmentArgs } from "../environment.ts";
import { requestedResources } from "../requests.ts";
import type { Cluster } from "./cluster.ts";
import { ExistingCluster } from "./existing-cluster.ts";
import { KindCluster } from "./kind-cluster.ts";

export function openCluster(
  { stack, clusterGeneration, clusterUid, kubeconfig }: EnvironmentArgs,
  parent: pulumi.Resource,
): Cluster {
  const { cluster } = stack.settings;
  if (cluster.type === "existing" && cluster.existing !== undefined) {
    const known = { uid: clusterUid, read: kubeconfig };
    return new ExistingCluster("existing", { ...cluster.existing, ...known }, { parent });
  }
  const requests = requestedResources(stack.settings);
  return new KindCluster(
    "cluster",
    {
      project: stack.project,
      stack: stack.name,
      settings: cluster.kind,
      nodeImage: imageNames(stack.settings.network.imagesByDigest)(cluster.kind.nodeImage),
      ca: stack.settings.network.ca,
      registryCredentials: stack.secrets.registryCredentials,
      requests,
      ...(clusterGeneration === undefined ? {} : { generation: clusterGeneration }),
    },
    { parent },
  );
}

export function clusterProvider(
  name: string,
  cluster: Cluster,
  args: k8s.ProviderArgs,
  parent: pulumi.Resource,
): k8s.Provider {
  return new k8s.Provider(
    name,
    {
      kubeconfig: cluster.kubeconfig,
      context: cluster.context,
      ...(cluster.identifier === undefined ? {} : { clusterIdentifier: cluster.identifier }),
      // A Secret that is replaced is gone for a moment: Flux would fail a fetch during a key rotation.
      enableSecretMutable: true,
      ...args,
    },
    {
      parent,
      // An argument of the plugin, which the SDK does not know (4.34, `CheckConfig`): an empty kubeconfig is an error and
      // never leads to the ambient one. Unknown as long as the kubeconfig is: the plugin would crash on that.
      transformations: [
        ({ props, opts }) => ({ props: { ...props, strictMode: cluster.kubeconfig.apply(() => "true") }, opts }),
      ],
      ...(cluster.lifetime === undefined ? {} : { deletedWith: cluster.lifetime }),
    },
  );
}
