/** What the rest of the program knows of a cluster, however it came to be. */
import type * as pulumi from "@pulumi/pulumi";
import type { Viewed } from "../capabilities.ts";

/** A port of the host that leads to a NodePort of the cluster. */
export interface HostPort {
  readonly hostPort: number;
  readonly nodePort: number;
}

/** Capabilities whose interface can be reached from the host. */
export type ExposedService = Exclude<Viewed, "logs">;

export interface Cluster {
  readonly name: string;
  /** Secret. */
  readonly kubeconfig: pulumi.Output<string>;
  /** Where `export KUBECONFIG=` should point: an absolute path. */
  readonly kubeconfigPath: string;
  /** Context to use in the kubeconfig; the current one is never trusted. */
  readonly context: string;
  /** Changes exactly when the cluster is another one; undefined where it cannot be known. */
  readonly identifier: string | undefined;
  /** The resource with which everything inside the cluster goes; undefined when the cluster outlives the environment. */
  readonly lifetime: pulumi.Resource | undefined;
  /** Ports on 127.0.0.1 by which services are reached from the host; empty where there are none. */
  readonly hostPorts: Readonly<Partial<Record<ExposedService, HostPort>>>;
}
