/**
 * What a component of the catalogue is: data, and pure functions from settings to data. Nothing here or in a component's
 * folder makes a resource; `deploy.ts` does that, the same way for all.
 */
import type { z } from "zod";
import type { ContainerResources } from "../settings/resources.ts";
import type { Finding } from "../settings/finding.ts";
import type { Members, SecretGroup, SecretName } from "../settings/secrets.ts";
import type { ChartPin } from "../settings/versions.ts";
import type { NodeSources } from "./agents/node-sources.ts";
import type { Redaction } from "./agents/redaction.ts";
import type { Capability, Offers, Viewed } from "./capabilities.ts";
import type { Manifest } from "./kubernetes/manifest.ts";
import type { PodSecurityLevel } from "./kubernetes/namespace.ts";
import type { VolumeClaims } from "./kubernetes/volume-size.ts";

/** A group of settings that decides between alternatives: `metrics: prometheus`. */
export type Slot =
  | "metrics"
  | "scraper"
  | "ruler"
  | "alerts"
  | "dashboards"
  | "logs"
  | "logAgent"
  | "traces"
  | "gateway"
  | "objectStorage"
  | "autoscaler";

/** What is known of an environment whatever it is made of. */
export interface EnvironmentFacts {
  /** Name of the stack. */
  readonly name: string;
  readonly clusterName: string;
  /** Whether the cluster is one of Kind, made for the environment. */
  readonly kind: boolean;
  /** Whether the control plane's own parts can be scraped. */
  readonly scrapeControlPlane: boolean;
  /** Namespaces of applications that send telemetry. */
  readonly applications: readonly string[];
  /** What is taken out of log records and spans. */
  readonly redact: Redaction;
  /** What is read of nodes beside lines of containers. */
  readonly nodeSources: NodeSources;
  /** Whether images are pulled with the credentials of private registries. */
  readonly credentials: boolean;
  /** Secrets that are set. */
  readonly secrets: readonly SecretName[];
  /** An image as it is pulled: with its digest, where one is pinned. */
  readonly image: (name: string) => string;
  /** Address of the folder with the pages of runbooks. @default `docs/runbooks`, the path in this project */
  readonly runbooks?: string;
  /** CA certificates of the company's network, PEM. @default none */
  readonly ca?: string | undefined;
}

/** What a component is given to say what it is made of. */
export interface Context<S> {
  /** The component's own groups of settings. */
  readonly settings: S;
  readonly environment: EnvironmentFacts;
  /** What the first component that has a capability offers; undefined where there is none. */
  readonly offered: <C extends Capability>(capability: C) => Offers[C] | undefined;
  /** What every component that has a capability offers, by the component's key. */
  readonly all: <C extends Capability>(capability: C) => readonly { readonly key: string; readonly offer: Offers[C] }[];
  /** Whether the environment makes a component, by its key. */
  readonly has: (key: string) => boolean;
  /** Where a browser finds the interface of a capability; links need it. */
  readonly browserUrl: (of: Viewed) => string;
}

/** Where a text of a Secret comes from: as it stands, made once and kept, or a secret of the stack file. */
export type SecretText =
  | string
  /** A random password of 24 letters and digits; another key is another password. */
  | { readonly generated: string }
  | { readonly secret: SecretName }
  /** A member of a group of secrets. */
  | { readonly group: SecretGroup; readonly member: string }
  /** A random password that several components know, by its name: 24 letters and digits, made once and kept. */
  | { readonly shared: string }
  /** PEM of a certificate authority that the environment makes once and keeps, by its name. */
  | { readonly authority: string; readonly part: "certificate" | "key" }
  /** JSON with such texts in it, whatever their characters. */
  | { readonly json: SecretTree };

/** Lists and maps of texts of a Secret, and numbers. */
export type SecretTree = SecretText | number | readonly SecretTree[] | { readonly [key: string]: SecretTree };

export interface SecretObject {
  readonly name: string;
  readonly namespace: string;
  readonly data: Readonly<Record<string, SecretText>>;
}

/** A chart that Flux deploys. */
export interface Release {
  readonly chart: ChartPin;
  readonly namespace: string;
  /** @default the chart's name */
  readonly name?: string;
  readonly values: object;
  /** Values of the stack file, merged over `values` last; lists replace. */
  readonly override?: object;
  /** Values by which every pod of the chart pulls with the credentials of private registries; undefined where it has no pods. */
  readonly pullSecrets: object | undefined;
  /** Volumes that keep the size that they were made with. */
  readonly volumes?: readonly VolumeClaims[];
  /** Where Flux should not put a difference back: fields that others write by design. */
  readonly driftIgnore?: readonly { readonly kind: string; readonly paths: readonly string[] }[];
  /** Deployments of the chart whose replicas an autoscaler decides: the release says none. @default none */
  readonly scaled?: readonly string[];
}

/** An object beside a chart's. */
export interface Extra {
  /** Ends the resource's name. */
  readonly name: string;
  readonly object: Manifest;
  /** Is made after all else of the component, instead of before its releases. @default false */
  readonly last?: boolean;
  /** A webhook of an operator looks at it, which may answer only after its release is Ready. @default false */
  readonly webhook?: boolean;
}

/**
 * Who connects: pods of whoever has a capability, of applications, or what no policy can name because it is no pod: the API
 * server calling a webhook, a port of the node, anyone from outside who is then asked for a password.
 */
export type Peer = Capability | "applications" | "api server" | "anyone";

/** Who reaches which pods on which ports. Network policies are made of these; without one nobody from outside does. */
export interface Flow {
  /** Ends the policy's name, unique in the namespace. */
  readonly name: string;
  readonly namespace: string;
  /** Labels of the pods that are reached; all pods of the namespace when absent. */
  readonly to?: Readonly<Record<string, string>>;
  /** TCP ports of the pods. */
  readonly ports: readonly number[];
  /** UDP ports. @default none */
  readonly udp?: readonly number[];
  readonly from: readonly Peer[];
}

/** Containers of one kind, and how many there are. */
export interface Requested extends ContainerResources {
  /** Path of the setting; undefined where none decides. */
  readonly setting?: string;
  readonly count: number;
}

export interface OwnNamespace {
  readonly name: string;
  readonly podSecurity: PodSecurityLevel;
  /** Whether its pods are an application's, which may send telemetry. @default false */
  readonly application?: boolean;
}

/** A query of a dashboard or a rule that goes with the environment. */
export interface ContentQuery {
  /** Who asks, for people. */
  readonly where: string;
  /** PromQL, and sometimes another language. */
  readonly query: string;
}

export interface SyncedContent {
  /** Name of Flux's Kustomization. */
  readonly name: string;
  /** Relative to the repository's root. */
  readonly path: string;
  /** Name in `flux-repo/content/` of the dashboards and rules that go with it. @default none */
  readonly content?: string;
  /** Changes to what is in the folder, in the form of Flux's Kustomization. @default none */
  readonly patches?: readonly { readonly target: object; readonly patch: string }[];
}

/** What checks look at beside the settings. */
export interface Known {
  /** Secrets that are set. */
  readonly secrets: readonly SecretName[];
  /** Names in groups of secrets; undefined where they are not known, and then not looked at. */
  readonly members: Members<readonly string[]> | undefined;
  /** Whether there is a CA of the company (`network.ca`). */
  readonly companyCa: boolean;
  readonly now: Date;
  /** As of a context. */
  readonly offered: Context<unknown>["offered"];
  readonly all: Context<unknown>["all"];
}

/** Something of which a cluster has one, because two would undo each other's work: how an installation is recognised. */
export interface Single {
  /** As a sentence begins with it. */
  readonly name: string;
  /** Ends of its definitions' API groups. */
  readonly groups: readonly string[];
  /** Names of its controllers' images, without registry and tag, or with the end of their path: mirrors keep them. */
  readonly images: readonly string[];
}

/** Groups of settings by name. */
export type Groups = Readonly<Record<string, z.ZodType>>;
/** What they hold once validated. */
export type SettingsOf<G extends Groups> = { readonly [K in keyof G]: z.output<G[K]> };

export interface Component<K extends string = string, G extends Groups = Groups> {
  /** Its name in settings and messages. */
  readonly key: K;
  /** What people call it. */
  readonly title: string;
  /** The decision in which it is an alternative. @default it is not one: it is there unless `enabled` says no */
  readonly slot?: Slot;
  /** What that decision calls it. @default its key */
  readonly choice?: string;
  /** The setting with its address, for one that is there already: chosen without, it offers nothing. */
  readonly address?: string;
  /** Its groups of settings; the one called like its key is its own. */
  readonly settings: G;
  /** Charts that it may deploy. */
  readonly charts: readonly ChartPin[];
  /** Day after which nobody maintains it upstream, and what takes its place: a test fails then. @default none is known */
  readonly endOfLife?: { readonly day: string; readonly successor: string };
  /** Whether it is there, for one without a slot. @default always */
  enabled?(settings: SettingsOf<G>): boolean;
  /** Whether it is there when another cannot do without what it offers, and then only. @default false */
  readonly whenNeeded?: true;
  /** Setting that switches it off, for one without a slot that can be. */
  readonly switch?: string;
  /** What it installs, where a cluster has one of it. @default a cluster may have several */
  readonly single?: Single;
  /** An existing cluster may provide it. @default it cannot */
  readonly provided?: {
    /** The member of the setting `provided` that says so. */
    readonly by: string;
    /** Definitions without which it is of no use here. */
    readonly definitions?: readonly string[];
    /** Where it is then: flows let it in from there. @default nobody needs to know */
    namespace?(settings: SettingsOf<G>): string;
  };
  /** Namespace of somebody else's whose pods connect in its name, to whichever port of whichever pod they find a monitor of. @default none does */
  connectsFrom?(settings: SettingsOf<G>): string | undefined;
  /** Names of APIServices that it makes: a cluster has one of each. */
  serves?(settings: SettingsOf<G>): readonly string[];
  /** Settings by which it has a capability that it may have, as they follow "Set". @default `offers` alone says what it has */
  readonly gains?: Readonly<Partial<Record<Capability, string>>>;
  /** Capabilities that it cannot do without. */
  readonly needs?: readonly Capability[];
  /** Further ones, which depend on its settings. */
  alsoNeeds?(settings: SettingsOf<G>): readonly Capability[];
  /** Capabilities that it uses where they are there. */
  readonly uses?: readonly Capability[];
  /** Capabilities that have to be working before anything of it is made, where they are there. */
  readonly after?: readonly Capability[];
  /** Components that it cannot stand beside, and why. */
  readonly conflicts?: readonly { readonly with: string; readonly because: string }[];
  /** The component whose one chart it is a part of: its values go there, and it works when that release does. */
  readonly partOf?: string;
  /** Namespaces that it puts something into. */
  namespaces(context: Context<SettingsOf<G>>): readonly OwnNamespace[];
  offers?(settings: SettingsOf<G>): Partial<Offers>;
  flows?(context: Context<SettingsOf<G>>): readonly Flow[];
  /**
   * @param nodes of the cluster, as far as settings know
   * @param all what the chosen components offer
   */
  requests?(settings: SettingsOf<G>, nodes: number, all: Known["all"]): readonly Requested[];
  /** Images that it names itself, beside those of its charts, by what people call them. */
  images?(settings: SettingsOf<G>): Readonly<Record<string, string>>;
  /** What is wrong with its settings that are each right on their own. */
  check?(settings: SettingsOf<G>, known: Known): readonly Finding[];
  /** What is not wrong, but may be a mistake. */
  warnings?(
    settings: SettingsOf<G>,
    now: Date,
    offered: Known["offered"],
    queries: () => readonly ContentQuery[],
  ): readonly Finding[];
  secrets?(context: Context<SettingsOf<G>>): readonly SecretObject[];
  releases?(context: Context<SettingsOf<G>>): readonly Release[];
  /** Values for the chart of `partOf`. */
  part?(context: Context<SettingsOf<G>>): { readonly values: object; readonly override?: object };
  extras?(context: Context<SettingsOf<G>>): readonly Extra[];
  /** A folder of the repository that Flux applies on its own, once all else of the component is there. */
  folder?(context: Context<SettingsOf<G>>): SyncedContent | undefined;
  /** Values that manifests in the repository may use as `${NAME}`. */
  variables?(context: Context<SettingsOf<G>>): Readonly<Record<string, string>>;
}

/** Capabilities that a component cannot do without under its own settings. */
export function needsOf<G extends Groups>(component: Component<string, G>, own: SettingsOf<G>): readonly Capability[] {
  return [...(component.needs ?? []), ...(component.alsoNeeds?.(own) ?? [])];
}

/** What a decision calls a component, and what further ones of a capability are known by. */
export function choiceOf({ key, choice }: Pick<Component, "key" | "choice">): string {
  return choice ?? key;
}

/** Checks a component's description against its own settings; gives it back as it is. */
export function defineComponent<const K extends string, G extends Groups>(component: Component<K, G>): Component<K, G> {
  return component;
}
