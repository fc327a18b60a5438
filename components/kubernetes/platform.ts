import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Cluster } from "../cluster/cluster.ts";

/**
 * Everything inside the cluster. The engine hands `deletedWith` and the provider down to all that is below: on a cluster
 * of our own, `destroy` removes the cluster and asks it for nothing.
 */
export class Platform extends pulumi.ComponentResource {
  constructor(name: string, cluster: Cluster, provider: k8s.Provider, opts: pulumi.ComponentResourceOptions) {
    super(
      "observability:index:Platform",
      name,
      {},
      {
        ...opts,
        providers: [provider],
        ...(cluster.lifetime === undefined ? {} : { deletedWith: cluster.lifetime }),
      },
    );
    this.registerOutputs();
  }
}
