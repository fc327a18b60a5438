/** Which components an environment has, in which order, and what is wrong with the choice. Pure: settings in, plan out. */
import type { Finding } from "../settings/finding.ts";
import type { Settings } from "../settings/schema.ts";
import { nodeSources } from "./agents/node-sources.ts";
import type { Capability, Offers } from "./capabilities.ts";
import { alternatives, components, slots } from "./catalogue.ts";
import { choiceOf, type Component, type Context, type Requested, type Slot, needsOf } from "./component.ts";

/** A component with its own settings. */
export interface Chosen {
  readonly component: Component;
  readonly settings: Readonly<Record<string, never>>;
  readonly offers: Partial<Offers>;
  /** The cluster has it already: it offers what it offers, and nothing of it is made. */
  readonly provided: boolean;
}

/** Something wrong with a choice, and each setting that by itself puts it right. */
export interface PlanFinding extends Finding {
  readonly remedies: readonly Remedy[];
}

export interface Remedy {
  /** Dotted path of the setting. */
  readonly setting: string;
  readonly value: unknown;
}

export interface Plan {
  /** In an order in which everything comes after what it waits for. */
  readonly chosen: readonly Chosen[];
  readonly findings: readonly PlanFinding[];
}

/** Alternatives that a decision has chosen. */
function chosenIn(settings: Settings, slot: Slot): string[] {
  const choice = settings[slot];
  return Array.isArray(choice) ? choice : choice === "none" || choice === "store" ? [] : [choice];
}

function ownSettings(component: Component, settings: Settings): Chosen["settings"] {
  const groups = settings as unknown as Readonly<Record<string, never>>;
  const own: Record<string, never> = {};
  for (const group in component.settings) own[group] = groups[group] as never;
  return own;
}

function isChosen(component: Component, settings: Settings): boolean {
  if (component.whenNeeded === true) return false;
  if (component.slot !== undefined) return chosenIn(settings, component.slot).includes(choiceOf(component));
  return component.enabled?.(ownSettings(component, settings)) ?? true;
}

/** Decisions about who has a capability that several can have, by that capability. */
const deciders = new Map(
  Object.entries(slots).flatMap(([slot, { of }]) => (of === undefined ? [] : [[of, slot as Slot] as const])),
);

/** Who reads nodes reads what there is of them. */
function ofNodes(settings: Settings): Partial<Offers> {
  const { journal, auditLog } = nodeSources(settings);
  return {
    ...(journal === undefined ? {} : { journal: true }),
    ...(auditLog === undefined ? {} : { auditLog: true }),
  };
}

/** What a component offers, without what others are decided for. */
function offersOf(component: Component, settings: Settings): Partial<Offers> {
  const own = component.offers?.(ownSettings(component, settings)) ?? {};
  const all: Readonly<Record<string, unknown>> = own.logAgent === true ? { ...own, ...ofNodes(settings) } : own;
  const offers: Record<string, unknown> = {};
  for (const capability in all) {
    const slot = deciders.get(capability as Capability);
    if (slot === undefined || component.slot === (settings[slot] === "store" ? "metrics" : slot))
      offers[capability] = all[capability];
  }
  return offers;
}

/** What is left of a component that the cluster provides: what others know of it. */
function notMade(component: Component): Component {
  const { key, title, settings, slot, choice, switch: off, provided, whenNeeded } = component;
  return {
    ...{ key, title, settings, charts: [], namespaces: () => [] },
    ...(slot === undefined ? {} : { slot }),
    ...(choice === undefined ? {} : { choice }),
    ...(off === undefined ? {} : { switch: off }),
    ...(provided === undefined ? {} : { provided }),
    ...(whenNeeded === undefined ? {} : { whenNeeded }),
    offers: (own) => component.offers?.(own) ?? {},
  };
}

/** Components with those that are there because one of them needs what they offer. */
function withNeeded(some: readonly Component[], settings: Settings): Component[] {
  const needed = new Set(some.flatMap((component) => needsOf(component, ownSettings(component, settings))));
  const more = components.filter(
    (component) =>
      component.whenNeeded === true &&
      !some.includes(component) &&
      Object.keys(component.offers?.(ownSettings(component, settings)) ?? {}).some((own) =>
        needed.has(own as Capability),
      ),
  );
  return more.length === 0 ? [...some] : withNeeded([...some, ...more], settings);
}

/** The same, the alternatives of a decision in the order in which it names them: the first of a capability is whom people and links ask. */
function asNamed(some: readonly Component[], settings: Settings): Component[] {
  const alternativesOf = Map.groupBy(some, ({ slot }) => slot);
  for (const [slot, those] of alternativesOf) {
    if (slot === undefined) continue;
    const named = chosenIn(settings, slot);
    those.sort((a, b) => named.indexOf(choiceOf(a)) - named.indexOf(choiceOf(b)));
  }
  return some.map((component) =>
    component.slot === undefined ? component : (alternativesOf.get(component.slot)?.shift() ?? component),
  );
}

const suites = new Set(components.map(({ partOf }) => partOf));

/** A suite is there when a part of it is made. */
function chosenComponents(settings: Settings): Chosen[] {
  const decided = components.filter((component) => !suites.has(component.key) && isChosen(component, settings));
  const parts = withNeeded(decided, settings);
  const isProvided = ({ provided }: Component) => settings.provided.includes(provided?.by ?? "");
  const used = new Set(parts.filter((part) => !isProvided(part)).map(({ partOf }) => partOf));
  const made = components.filter((component) => parts.includes(component) || used.has(component.key));
  return asNamed(made, settings).map((component) => {
    const own = ownSettings(component, settings);
    const provided = isProvided(component);
    const offers = offersOf(component, settings);
    return { component: provided ? notMade(component) : component, settings: own, offers, provided };
  });
}

/** Who of some has a capability. */
export function providers(chosen: readonly Chosen[], capability: Capability): Chosen[] {
  return chosen.filter(({ offers }) => offers[capability] !== undefined);
}

/** What the first of some that has a capability offers. */
export function firstOffer(chosen: readonly Chosen[]): <C extends Capability>(capability: C) => Offers[C] | undefined {
  return (capability) => providers(chosen, capability)[0]?.offers[capability];
}

/** What every one of some that has a capability offers, by what people choose it by. */
export function allOffers(chosen: readonly Chosen[]): Context<unknown>["all"] {
  return (capability) =>
    providers(chosen, capability).flatMap(({ component, offers }) => {
      const offer = offers[capability];
      return offer === undefined ? [] : [{ key: choiceOf(component), offer }];
    });
}

/** Who has capabilities, with the suites of which they are parts: what works when those do. */
export function working(chosen: readonly Chosen[], capabilities: readonly Capability[]): Chosen[] {
  const able = capabilities.flatMap((capability) => providers(chosen, capability));
  const suites = new Set(able.map(({ component: { partOf } }) => partOf));
  return chosen.filter((one) => able.includes(one) || suites.has(one.component.key));
}

/**
 * Components that have to work before one is made: who has what it comes after, with the suite of which that is a part; and,
 * for a suite, its parts.
 */
export function prerequisites(chosen: readonly Chosen[], { component }: Chosen): Chosen[] {
  const before = working(chosen, component.after ?? []);
  return chosen.filter(
    (one) => one.component !== component && (before.includes(one) || one.component.partOf === component.key),
  );
}

/** @throws Error for a circle: a mistake of the catalogue that no setting can put right */
function ordered(chosen: readonly Chosen[]): Chosen[] {
  const order: Chosen[] = [];
  const visit = (one: Chosen, path: readonly string[]) => {
    if (order.includes(one)) return;
    const { key } = one.component;
    if (path.includes(key)) throw new Error(`Components wait for each other: ${[...path, key].join(", ")}.`);
    for (const before of prerequisites(chosen, one)) visit(before, [...path, key]);
    order.push(one);
  };
  for (const one of chosen) visit(one, []);
  return order;
}

/** What may be set so that a component is not there. */
function without(component: Component, settings: Settings): Remedy[] {
  const { slot, switch: off } = component;
  if (off !== undefined) return [{ setting: off, value: false }];
  if (slot === undefined) return [];
  const others = chosenIn(settings, slot).filter((other) => other !== choiceOf(component));
  const none = slots[slot].of === undefined ? "none" : "store";
  return [{ setting: slot, value: others.length === 0 ? none : others.length === 1 ? others[0] : others }];
}

/**
 * What may be set so that a capability is there.
 * @param who needs it: what cannot stand beside them is no remedy
 * @param all what every component offers
 */
function having(
  capability: Capability,
  settings: Settings,
  who: readonly Component[],
  all: readonly Pick<Chosen, "component" | "offers">[],
): { readonly path: string; readonly is: string; readonly remedies: Remedy[] } | undefined {
  const decider = deciders.get(capability);
  const decided = decider === undefined ? "store" : settings[decider];
  const others = (decider === undefined ? [] : alternatives(decider)).filter((one) => one !== decided);
  const instead = others.map((value): Remedy => ({ setting: decider ?? "", value }));
  if (decider !== undefined && decided !== "store") return { path: decider, is: String(decided), remedies: instead };
  const able = all.filter(({ offers }) => offers[capability] !== undefined).map(({ component }) => component);
  const slot = able.find((component) => component.slot !== undefined)?.slot;
  if (slot !== undefined) {
    const refused = who.flatMap(({ conflicts = [] }) => conflicts.map((one) => one.with));
    const possible = able.filter(({ key }) => !refused.includes(key));
    const some = possible.length + instead.length > 0 ? possible : able;
    const remedies = some.map((component) => ({ setting: slot, value: choiceOf(component) }));
    return { path: slot, is: String(settings[slot]), remedies: [...remedies, ...instead] };
  }
  const [one] = able;
  return one?.switch === undefined
    ? undefined
    : { path: one.switch, is: "false", remedies: [{ setting: one.switch, value: true }] };
}

const sentence = ({ setting, value }: Remedy) =>
  `${setting} to ${Array.isArray(value) ? value.join(", ") : String(value)}`;

/** `a`, `a or b`, `a, b or c`. */
const either = (values: readonly string[]) =>
  [values.slice(0, -1).join(", "), ...values.slice(-1)].filter(Boolean).join(" or ");

/** One of several: values of a setting are named with it once. */
function oneOf(remedies: readonly Remedy[]): string {
  const bySetting = [...Map.groupBy(remedies, ({ setting }) => setting)];
  return bySetting
    .map(([setting, values]) => sentence({ setting, value: either(values.map(({ value }) => String(value))) }))
    .join(" or ");
}

/** Those chosen that are there already, and nobody has said where. */
function unaddressed(chosen: readonly Chosen[]): (Component & { readonly slot: Slot; readonly address: string })[] {
  return chosen.flatMap(({ component, offers }) => {
    const { slot, address } = component;
    return slot === undefined || address === undefined || Object.keys(offers).length > 0
      ? []
      : [{ ...component, slot, address }];
  });
}

/** Addresses that are missing, and those that nothing uses. */
function addresses(chosen: readonly Chosen[], settings: Settings): PlanFinding[] {
  const needless = unaddressed(chosen).map((component): PlanFinding => {
    // Rather what is usual than nothing, which others may need.
    const remedies = without(component, settings).map(({ setting, value }) => ({
      setting,
      value: value === "none" ? slots[component.slot].default : value,
    }));
    const path = component.address;
    const choice = `${component.slot} is ${choiceOf(component)}`;
    return {
      path,
      message: `is missing, and ${choice}. Set ${path}, or set ${remedies.map(sentence).join()}.`,
      remedies,
    };
  });
  const useless = components.flatMap((component): PlanFinding[] => {
    const { slot, address } = component;
    if (slot === undefined || address === undefined || isChosen(component, settings)) return [];
    if (Object.keys(component.offers?.(ownSettings(component, settings)) ?? {}).length === 0) return [];
    const path = address.split(".").slice(0, -1).join(".");
    const remedies = [{ setting: slot, value: choiceOf(component) }];
    const message = `is set, and ${slot} is ${String(settings[slot])}: nothing uses it. Set ${remedies.map(sentence).join()}, or remove ${path}.`;
    return [{ path, message, remedies }];
  });
  return [...needless, ...useless];
}

/** What it lacks, where that is more than itself. */
const lacks = (capability: Capability, { path, is }: { readonly path: string; readonly is: string }) =>
  path in slots && path !== capability && is !== "none" ? `which has no ${capability}, and` : "but";

function missing(chosen: readonly Chosen[], settings: Settings): PlanFinding[] {
  const needed = new Map<Capability, Component[]>();
  for (const { component, settings: own } of chosen) {
    for (const capability of needsOf(component, own)) {
      // Who is there and only lacks an address is told of by itself.
      if (providers(chosen, capability).length > 0 || unaddressed(chosen).some(({ slot }) => slot === capability))
        continue;
      needed.set(capability, [...(needed.get(capability) ?? []), component]);
    }
  }
  if (needed.size === 0) return [];
  const all = components.map((component) => ({ component, offers: offersOf(component, settings) }));
  const findings = [...needed].flatMap(([capability, who]): PlanFinding[] => {
    const could = having(capability, settings, who, all);
    if (could === undefined) throw new Error(`Nobody in the catalogue offers ${capability}.`);
    const names = who.map(({ key }) => key).join(" and ");
    const off = who.flatMap((component) => without(component, settings));
    // Only if all of them can do without is their absence a remedy.
    const alone = who.length === 1 ? off : [];
    const instead = off.length < who.length ? "" : `, or ${off.map(sentence).join(" and ")}`;
    const decided = [...deciders.values()].includes(could.path as Slot);
    const gained = decided ? [] : chosen.flatMap(({ component: { gains } }) => gains?.[capability] ?? []);
    return [
      {
        path: could.path,
        message: `is ${could.is}, ${lacks(capability, could)} ${names} cannot do without it. Set ${[...gained, oneOf(could.remedies)].join(" or ")}${instead}.`,
        remedies: [...could.remedies, ...alone],
      },
    ];
  });
  // Somebody may need two capabilities that the same one has.
  return findings.filter(({ message }, index) => findings.findIndex((one) => one.message === message) === index);
}

/** Components that cannot stand beside each other. */
export function conflicts(chosen: readonly Chosen[], settings: Settings): PlanFinding[] {
  return chosen.flatMap(({ component }) =>
    (component.conflicts ?? []).flatMap(({ with: key, because }): PlanFinding[] => {
      const other = chosen.find((one) => one.component.key === key);
      if (other === undefined) return [];
      const remedies = [...without(component, settings), ...without(other.component, settings)];
      return [
        {
          path: remedies[0]?.setting ?? component.key,
          message: `${because} Set ${remedies.map(sentence).join(", or ")}.`,
          remedies,
        },
      ];
    }),
  );
}

/** Components that would each make the same APIService. */
function rivals(chosen: readonly Chosen[], settings: Settings): PlanFinding[] {
  const makers = new Map<string, Component[]>();
  for (const { component, settings: own } of chosen) {
    for (const name of component.serves?.(own) ?? []) makers.set(name, [...(makers.get(name) ?? []), component]);
  }
  return [...makers].flatMap(([name, who]): PlanFinding[] => {
    if (who.length < 2) return [];
    const remedies = who.flatMap((component) => without(component, settings));
    const message =
      `${who.map(({ key }) => key).join(" and ")} would each make the APIService ${name}, and a cluster has one of that name. ` +
      `Set ${remedies.map(sentence).join(", or ")}.`;
    return [{ path: remedies[0]?.setting ?? who[0]?.key ?? "", message, remedies }];
  });
}

/** What the cluster is said to provide, and the settings leave out. */
function unused(chosen: readonly Chosen[], settings: Settings): PlanFinding[] {
  return settings.provided.flatMap((named, index): PlanFinding[] => {
    if (chosen.some(({ component: { provided } }) => provided?.by === named)) return [];
    const others = settings.provided.filter((other) => other !== named);
    const ons = components.flatMap((one): (Remedy & { readonly is: string })[] => {
      if (one.provided?.by !== named) return [];
      if (one.slot !== undefined) return [{ setting: one.slot, value: choiceOf(one), is: String(settings[one.slot]) }];
      return one.switch === undefined ? [] : [{ setting: one.switch, value: true, is: "false" }];
    });
    const off = ons.map(({ setting, is }) => `${setting} is ${is}`).join(", ");
    const is = ons.length === 0 ? "and nothing here needs it" : `but ${off}`;
    const on = ons.length === 0 ? "" : `, or ${ons.map(sentence).join(", ")}`;
    return [
      {
        path: `provided[${index}]`,
        message: `is ${named}, ${is}. Set provided to [${others.join(", ")}]${on}.`,
        remedies: [{ setting: "provided", value: others }, ...ons.map(({ setting, value }) => ({ setting, value }))],
      },
    ];
  });
}

/** The APIServices that an environment makes, each with what to set to leave it out, and the component that makes it. */
export function served(
  settings: Settings,
): { readonly name: string; readonly off?: string | undefined; readonly by: Component }[] {
  return plan(settings).chosen.flatMap(({ component, settings: own }) => {
    const [off] = without(component, settings).map(sentence);
    return (component.serves?.(own) ?? []).map((name) => ({ name, off, by: component }));
  });
}

/**
 * Settings of alternatives that a decision has not chosen: nobody reads them.
 * @param said what the stack says, by group
 */
export function idle(settings: Settings, said: Readonly<Record<string, unknown>>): Finding[] {
  const { chosen } = plan(settings);
  return Object.entries(said).flatMap(([group, value]): Finding[] => {
    const whose = components.filter((component) => group in component.settings);
    const [owner] = whose;
    const isRead = whose.some(
      ({ key, slot }) => slot === undefined || chosen.some(({ component }) => component.key === key),
    );
    if (isRead || owner?.slot === undefined || Object.keys(value as object).length === 0) return [];
    const { slot } = owner;
    // The addresses of what is there already are of several decisions, and are told of by themselves.
    if (whose.some((other) => other.slot !== slot)) return [];
    const choice = settings[slot];
    const is = Array.isArray(choice) ? `[${choice.join(", ")}]` : choice;
    const wanted = [...new Set(whose.map(choiceOf))].join(" or ");
    return [
      { path: group, message: `has no effect, because ${slot} is ${is}. Remove it, or set ${slot} to ${wanted}.` },
    ];
  });
}

/** Settings do not change, and are asked for their plan again and again. */
const plans = new WeakMap<Settings, Plan>();

/**
 * The components of an environment.
 * @throws Error for a mistake of the catalogue itself
 */
export function plan(settings: Settings): Plan {
  const known = plans.get(settings) ?? planned(settings);
  plans.set(settings, known);
  return known;
}

function planned(settings: Settings): Plan {
  const chosen = chosenComponents(settings);
  return {
    chosen: ordered(chosen),
    findings: [
      ...addresses(chosen, settings),
      ...missing(chosen, settings),
      ...conflicts(chosen, settings),
      ...rivals(chosen, settings),
      ...unused(chosen, settings),
    ],
  };
}

/** Every container that the components of an environment ask for, without those of the cluster. */
export function requests(settings: Settings, { chosen }: Pick<Plan, "chosen"> = plan(settings)): Requested[] {
  const { cluster } = settings;
  const nodes = cluster.type === "kind" ? 1 + cluster.kind.workers : 1;
  const all = allOffers(chosen);
  return chosen.flatMap(({ component, settings: own }) => component.requests?.(own, nodes, all) ?? []);
}
