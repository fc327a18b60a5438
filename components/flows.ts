/** Who may reach whom, out of what components say of themselves. Pure. */
import type { Viewed } from "./capabilities.ts";
import type { Flow, Peer } from "./component.ts";
import { type contexts, firstInterface, type HostPorts, homesOf, namespacesOf } from "./context.ts";
import type { Allow } from "./kubernetes/namespace.ts";
import { type Chosen, providers } from "./plan.ts";

/** What may get into each namespace, beside its own pods. */
export function allowed(
  chosen: readonly Chosen[],
  context: ReturnType<typeof contexts>,
  hostPorts: HostPorts,
): ReadonlyMap<string, readonly Allow[]> {
  const all = new Map<string, Allow[]>();
  const add = (namespace: string, allow: Allow) => all.set(namespace, [...(all.get(namespace) ?? []), allow]);

  // By a port of the host: through a node, so from anyone.
  for (const viewed of Object.keys(hostPorts) as Viewed[]) {
    const first = firstInterface(chosen, viewed);
    if (first === undefined) continue;
    add(first.endpoint.namespace, { name: viewed, to: first.ui.selector, ports: [first.ui.podPort], from: "anyone" });
  }
  // Whoever scales asks the store of metrics, from wherever he is.
  const store = firstInterface(chosen, "metrics");
  const scalers = homesOf(chosen, "autoscaling", context).filter((home) => home !== store?.endpoint.namespace);
  if (store !== undefined && scalers.length > 0) {
    add(store.endpoint.namespace, {
      name: "autoscaling",
      to: store.ui.selector,
      ports: [store.ui.podPort],
      from: scalers,
    });
  }
  // Somebody else's, who scrapes whatever has a monitor.
  for (const { component, settings } of providers(chosen, "scraping")) {
    const from = component.connectsFrom?.(settings);
    if (from === undefined) continue;
    for (const { name } of namespacesOf(chosen, context)) add(name, { name: "scraping", ports: [], from: [from] });
  }
  for (const one of chosen) {
    const given = context(one);
    const namespaces = (peer: Peer): readonly string[] =>
      peer === "applications"
        ? given.environment.applications
        : peer === "api server" || peer === "anyone"
          ? []
          : homesOf(chosen, peer, context);
    for (const { name, namespace, to, ports, udp = [], from } of one.component.flows?.(given) ?? ([] as Flow[])) {
      const outside = [...new Set(from.flatMap(namespaces))].filter((other) => other !== namespace);
      const peers = from.some((peer) => peer === "api server" || peer === "anyone") ? "anyone" : outside;
      add(namespace, {
        ...{ name, ports, from: peers },
        ...(udp.length === 0 ? {} : { udp }),
        ...(to === undefined ? {} : { to }),
      });
    }
  }
  return all;
}
