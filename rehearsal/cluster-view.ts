/** What a rehearsal shows of its cluster, read by the API and nothing else. */
import { readFileSync } from "node:fs";
import { type Api, connect } from "./control-plane/api.ts";
import type { ObjectName } from "./progress.ts";

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

interface KubeObject {
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly observedGeneration?: number;
    readonly inventory?: { readonly entries?: readonly unknown[] };
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly phase?: string;
  };
}

interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly terminated?: { readonly reason?: string; readonly message?: string; readonly exitCode?: number };
  };
}

interface KubeEvent {
  readonly reason?: string;
  readonly message?: string;
  readonly type?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly involvedObject: { readonly kind: string; readonly name: string };
}

/** Flux's kinds, as the API has them. */
const fluxKinds = {
  GitRepository: "/apis/source.toolkit.fluxcd.io/v1/gitrepositories",
  OCIRepository: "/apis/source.toolkit.fluxcd.io/v1/ocirepositories",
  HelmRepository: "/apis/source.toolkit.fluxcd.io/v1/helmrepositories",
  Kustomization: "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations",
  HelmRelease: "/apis/helm.toolkit.fluxcd.io/v2/helmreleases",
} as const;

/** One Flux object and whether it is Ready. */
export interface FluxObject {
  readonly kind: keyof typeof fluxKinds;
  readonly namespace: string;
  readonly name: string;
  readonly ready: boolean;
  /** What its Ready condition says, or which pods a release waits for; a sentence of ours when there is neither. */
  readonly says: string;
  /** Whether Flux tried and failed; it will try again. */
  readonly failing: boolean;
  /** Number of objects that it has applied, for a Kustomization. */
  readonly applied?: number;
}

/** What is to be known about an object that failed. */
export interface Diagnosis {
  readonly object: string;
  readonly conditions: readonly string[];
  readonly events: readonly string[];
  readonly pods: readonly string[];
}

export class ClusterView {
  readonly #path: string;
  #api: Api | undefined;

  /** @param kubeconfigPath a file that may not be there yet */
  constructor(kubeconfigPath: string) {
    this.#path = kubeconfigPath;
  }

  #connection(): Api | undefined {
    if (this.#api !== undefined) return this.#api;
    try {
      this.#api = connect(readFileSync(this.#path, "utf8"));
    } catch {
      // No cluster yet, or its file is just being written.
    }
    return this.#api;
  }

  async #list(path: string): Promise<readonly KubeObject[] | undefined> {
    const answer = (await this.#connection()?.get(path)) as { items?: readonly KubeObject[] } | undefined;
    return answer?.items;
  }

  /** All Flux objects of the cluster, or undefined while it does not answer. Kinds that are not defined yet have none. */
  async fluxObjects(): Promise<FluxObject[] | undefined> {
    const kinds = Object.keys(fluxKinds) as (keyof typeof fluxKinds)[];
    const [pods, ...lists] = await Promise.all([
      this.#list("/api/v1/pods"),
      ...kinds.map((kind) => this.#list(fluxKinds[kind])),
    ]);
    if (pods === undefined) return undefined;
    const unready = pods.filter((pod) => !isReady(pod) && pod.status?.phase !== "Succeeded");
    return kinds.flatMap((kind, index) => (lists[index] ?? []).map((object) => fluxObject(kind, object, unready)));
  }

  /** Conditions, last events and pods of an object; undefined when the cluster does not answer. */
  async diagnose(name: ObjectName): Promise<Diagnosis | undefined> {
    const api = this.#connection();
    const plural = await this.#plural(name);
    if (api === undefined || plural === undefined) return undefined;
    const root = name.apiVersion.includes("/") ? `/apis/${name.apiVersion}` : `/api/${name.apiVersion}`;
    const within = name.namespace === undefined ? "" : `/namespaces/${name.namespace}`;
    const object = (await api.get(`${root}${within}/${plural}/${name.name}`)) as KubeObject | undefined;
    const target = object?.spec?.["targetNamespace"];
    const namespace = typeof target === "string" ? target : name.namespace;
    const pods = namespace === undefined ? [] : ((await this.#list(`/api/v1/namespaces/${namespace}/pods`)) ?? []);
    const unready = pods.filter((pod) => !isReady(pod) && pod.status?.phase !== "Succeeded");
    const names = [name.name, ...unready.map((pod) => pod.metadata.name)];
    const places = [...new Set([name.namespace, namespace].filter((place) => place !== undefined))];
    const events: KubeEvent[] = [];
    for (const place of places) {
      const list = await this.#list(`/api/v1/namespaces/${place}/events`);
      events.push(...((list ?? []) as unknown as KubeEvent[]));
    }
    return {
      object: `${name.kind} ${name.namespace === undefined ? "" : `${name.namespace}/`}${name.name}`,
      conditions:
        object === undefined
          ? ["it is not in the cluster"]
          : (object.status?.conditions ?? []).map(
              ({ type, status, reason = "", message = "" }) => `${type}=${status} ${reason}: ${message}`,
            ),
      events: events
        .filter(({ involvedObject }) => names.includes(involvedObject.name))
        .sort((a, b) => time(a).localeCompare(time(b)))
        .slice(-8)
        .map(
          ({ type = "", reason = "", message = "", involvedObject: about }) =>
            `${type} ${reason}, ${about.kind} ${about.name}: ${message}`,
        ),
      pods: unready.slice(0, 8).map(podLine),
    };
  }

  async #plural({ apiVersion, kind }: ObjectName): Promise<string | undefined> {
    const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const answer = (await this.#connection()?.get(root)) as
      { resources: readonly { readonly name: string; readonly kind: string }[] } | undefined;
    return answer?.resources.find((resource) => resource.kind === kind && !resource.name.includes("/"))?.name;
  }

  close(): void {
    this.#api?.close();
    this.#api = undefined;
  }
}

function fluxObject(kind: keyof typeof fluxKinds, object: KubeObject, unready: readonly KubeObject[]): FluxObject {
  const condition = object.status?.conditions?.find(({ type }) => type === "Ready");
  const { name, namespace = "" } = object.metadata;
  // Ready of what it was before the last change says nothing of what it is now.
  const ready = condition?.status === "True" && object.status?.observedGeneration === object.metadata.generation;
  const pods = kind === "HelmRelease" && !ready ? podsOf(object, unready) : [];
  const entries = object.status?.inventory?.entries;
  return {
    kind,
    namespace,
    name,
    ready,
    failing: condition?.status === "False" && /(Failed|Error)$/.test(condition.reason ?? ""),
    says:
      condition === undefined
        ? "not looked at by Flux yet"
        : `${shortOf(condition)}${pods.length === 0 ? "" : `; not Ready: ${pods.join(", ")}`}`,
    ...(kind === "Kustomization" ? { applied: entries?.length ?? 0 } : {}),
  };
}

/** A condition's message; Helm names release and chart before it comes to the point. */
function shortOf({ message, reason }: Condition): string {
  return (message ?? reason ?? "").replace(/ for release \S+ with chart \S+(?=: )/, "");
}

/** Names of the pods that belong to a release, by the label that charts give them. */
function podsOf({ spec, metadata }: KubeObject, pods: readonly KubeObject[]): string[] {
  const release = spec?.["releaseName"] ?? metadata.name;
  return pods
    .filter((pod) => pod.metadata.labels?.["app.kubernetes.io/instance"] === release)
    .map((pod) => pod.metadata.name);
}

function isReady(object: KubeObject): boolean {
  return object.status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
}

function time(event: KubeEvent): string {
  return event.lastTimestamp ?? event.eventTime ?? "";
}

function podLine(pod: KubeObject): string {
  const states = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
    .filter(({ ready }) => !ready)
    .map(({ name, state }) => {
      const why = state?.waiting ?? state?.terminated;
      return `${name}: ${why?.reason ?? "not ready"}${why?.message === undefined ? "" : ` (${why.message})`}`;
    });
  const unscheduled = pod.status?.conditions?.find(({ type, status }) => type === "PodScheduled" && status === "False");
  const why = [...states, ...(unscheduled?.message === undefined ? [] : [unscheduled.message])].join("; ");
  return `${pod.metadata.namespace ?? ""}/${pod.metadata.name} ${pod.status?.phase ?? "Unknown"}${why === "" ? "" : `, ${why}`}`;
}
