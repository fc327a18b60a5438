/** User interfaces that the cluster maps to the host. */
import type * as pulumi from "@pulumi/pulumi";
import type { Cluster, ExposedService } from "./cluster/cluster.ts";
import { firstInterface } from "./context.ts";
import { HostPort } from "./kubernetes/host-port.ts";
import type { Namespace } from "./kubernetes/namespace.ts";
import type { Chosen } from "./plan.ts";

/** Makes a Service behind each port of the host for the first interface of its capability. */
export function exposeInterfaces(
  chosen: readonly Chosen[],
  hostPorts: Cluster["hostPorts"],
  namespaces: ReadonlyMap<string, Namespace>,
  opts: pulumi.ComponentResourceOptions,
): void {
  for (const viewed of Object.keys(hostPorts) as ExposedService[]) {
    const mapping = hostPorts[viewed];
    const first = firstInterface(chosen, viewed);
    if (mapping === undefined || first === undefined) continue;
    const { namespace } = first.endpoint;
    const { selector, podPort: targetPort } = first.ui;
    const own = namespaces.get(namespace);
    new HostPort(
      viewed,
      { namespace, selector, targetPort, mapping, prerequisites: own === undefined ? [] : [own] },
      opts,
    );
  }
}
