import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { HostPort as Mapping } from "../cluster/cluster.ts";

export interface HostPortArgs {
  readonly namespace: string;
  /** Labels of the pods behind the port. */
  readonly selector: Readonly<Record<string, string>>;
  /** Port of the pods: a number or the name of a container port. */
  readonly targetPort: number | string;
  readonly mapping: Mapping;
  readonly prerequisites: readonly pulumi.Resource[];
}

/**
 * A NodePort Service behind a port that the cluster maps to the host. One mechanism for every user interface: not all
 * charts let their Service be a NodePort (Jaeger's 4.11 does not).
 */
export class HostPort extends pulumi.ComponentResource {
  constructor(name: string, args: HostPortArgs, opts?: pulumi.ComponentResourceOptions) {
    super("observability:kubernetes:HostPort", name, {}, opts);
    new k8s.core.v1.Service(
      `${name}-service`,
      {
        metadata: {
          name: `host-${name}`,
          namespace: args.namespace,
          // The pods behind it come later, with a release: nothing to wait for here.
          annotations: { "pulumi.com/skipAwait": "true" },
        },
        spec: {
          type: "NodePort",
          // A reader stays with one of several replicas: two Prometheus servers have other samples.
          sessionAffinity: "ClientIP",
          selector: { ...args.selector },
          ports: [
            {
              name: "http",
              port: args.mapping.nodePort,
              targetPort: args.targetPort,
              nodePort: args.mapping.nodePort,
              protocol: "TCP",
            },
          ],
        },
      },
      { parent: this, dependsOn: [...args.prerequisites] },
    );
    this.registerOutputs();
  }
}
