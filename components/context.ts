/** What a component of a plan is given to say what it is made of. Pure. */
import {
  type Capability,
  type Endpoint,
  isRemote,
  type Place,
  type UserInterface,
  type Viewed,
} from "./capabilities.ts";
import { choiceOf, type Context, type EnvironmentFacts, type OwnNamespace } from "./component.ts";
import { allOffers, type Chosen, firstOffer, providers } from "./plan.ts";

/** Ports of the host by capability. */
export type HostPorts = Readonly<Partial<Record<Viewed, { readonly hostPort: number }>>>;

/** Something that has an address, and perhaps an interface for browsers. */
export interface Seen {
  /** What decisions call it. */
  readonly key: string;
  readonly endpoint: Place;
  readonly ui?: UserInterface;
}

/** Everybody who has a capability that people look into, with its address. */
export function seen(chosen: readonly Chosen[], viewed: Viewed): Seen[] {
  return providers(chosen, viewed).flatMap(({ component, offers }) => {
    const offer = offers[viewed];
    return offer === undefined
      ? []
      : [{ key: choiceOf(component), endpoint: offer.endpoint, ...(offer.ui === undefined ? {} : { ui: offer.ui }) }];
  });
}

/** The first of them that has an interface in the cluster: the one that a port of the host leads to. */
export function firstInterface(
  chosen: readonly Chosen[],
  viewed: Viewed,
): { readonly key: string; readonly endpoint: Endpoint; readonly ui: UserInterface } | undefined {
  return seen(chosen, viewed).flatMap(({ key, endpoint, ui }) =>
    ui === undefined || isRemote(endpoint) ? [] : [{ key, endpoint, ui }],
  )[0];
}

/** The contexts of a plan, by the key of the component. */
export function contexts(
  chosen: readonly Chosen[],
  environment: Omit<EnvironmentFacts, "applications">,
  applications: readonly string[],
  hostPorts: HostPorts,
): (one: Chosen) => Context<Chosen["settings"]> {
  const keys = new Set(chosen.filter(({ provided }) => !provided).map(({ component }) => component.key));
  const all = allOffers(chosen);
  const make =
    (applicationNamespaces: readonly string[]) =>
    ({ settings }: Chosen): Context<Chosen["settings"]> => ({
      settings,
      environment: { ...environment, applications: applicationNamespaces },
      offered: firstOffer(chosen),
      all,
      has: (key) => keys.has(key),
      browserUrl: (viewed) => {
        const first = firstInterface(chosen, viewed);
        const [any] = seen(chosen, viewed);
        if (first === undefined && any !== undefined && isRemote(any.endpoint)) return any.endpoint.url;
        // By its port on the host, else by the port-forward of docs/commands.md.
        return `http://localhost:${hostPorts[viewed]?.hostPort ?? first?.ui.podPort ?? 80}${first?.ui.path ?? first?.endpoint.path ?? ""}`;
      },
    });
  const own = make(applications);
  const ofComponents = chosen
    .flatMap((one) => one.component.namespaces(own(one)))
    .filter(({ application }) => application === true);
  return make([...new Set([...ofComponents.map(({ name }) => name), ...applications])]);
}

/** Namespaces of a plan, each once. */
export function namespacesOf(chosen: readonly Chosen[], context: ReturnType<typeof contexts>): OwnNamespace[] {
  const all = new Map<string, OwnNamespace>();
  for (const one of chosen) for (const own of one.component.namespaces(context(one))) all.set(own.name, own);
  return [...all.values()];
}

/** A component's own namespaces; of a suite those of its parts, too. */
export function homes(chosen: readonly Chosen[], one: Chosen, context: ReturnType<typeof contexts>): string[] {
  const parts = chosen.filter(({ component: { partOf } }) => partOf === one.component.key);
  return [
    ...new Set([one, ...parts].flatMap((each) => each.component.namespaces(context(each)).map(({ name }) => name))),
  ];
}

/** Namespaces of whoever has a capability. */
export function homesOf(
  chosen: readonly Chosen[],
  capability: Capability,
  context: ReturnType<typeof contexts>,
): string[] {
  return providers(chosen, capability).flatMap((one) =>
    one.provided ? (one.component.provided?.namespace?.(one.settings) ?? []) : homes(chosen, one, context),
  );
}
