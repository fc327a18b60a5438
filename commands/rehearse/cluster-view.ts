/** What a rehearsal shows of its cluster, read by the API and nothing else. */
import { readFileSync } from "node:fs";
import { type Api, connect } from "../../rehearsal/control-plane/api.ts";

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
    readonly phase?: string;
  };
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
