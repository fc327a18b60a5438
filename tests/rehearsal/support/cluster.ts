/** What tests ask of the cluster of a rehearsal, by its API and nothing else. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Api, connect } from "../../../rehearsal/control-plane/api.ts";
import { until } from "../../support/until.ts";

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** As much of an object as tests read; the rest is there too. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: { readonly conditions?: readonly Condition[] } & Readonly<Record<string, unknown>>;
}

/** Collections of Flux's kinds. */
export const flux = {
  gitRepositories: "/apis/source.toolkit.fluxcd.io/v1/gitrepositories",
  ociRepositories: "/apis/source.toolkit.fluxcd.io/v1/ocirepositories",
  kustomizations: "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations",
  helmReleases: "/apis/helm.toolkit.fluxcd.io/v2/helmreleases",
  /** Path of one object in Flux's own namespace. */
  gitRepository: (name: string) => `/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/${name}`,
  kustomization: (name: string) => `/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/${name}`,
  helmRelease: (name: string) => `/apis/helm.toolkit.fluxcd.io/v2/namespaces/flux-system/helmreleases/${name}`,
} as const;

/** A listing of everything: `kind.group namespace/name` to the object, or its metadata. */
export type Listing = ReadonlyMap<string, KubeObject>;

interface ResourceList {
  readonly resources: readonly { readonly name: string; readonly kind: string; readonly verbs: readonly string[] }[];
}

/** What the API server leaves out of a list that is asked for so: spec, status and data. */
const metadataAlone = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

export class TestCluster {
  readonly api: Api;

  /** @param kubeconfigPath The administrator's kubeconfig. */
  constructor(kubeconfigPath: string) {
    this.api = connect(readFileSync(kubeconfigPath, "utf8"));
  }

  /** @throws Error when there is no such object, or no answer */
  async get(path: string, accept?: string): Promise<KubeObject> {
    const { status, body } = await this.api.call("GET", path, undefined, undefined, accept);
    // A kind whose definition is a moment old: "storage is (re)initializing".
    if (status === 429) {
      await sleep(1_000);
      return await this.get(path, accept);
    }
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
    return body as KubeObject;
  }

  async exists(path: string): Promise<boolean> {
    const { status, body } = await this.api.call("GET", path);
    if (status !== 200 && status !== 404) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
    return status === 200;
  }

  async list(path: string, accept?: string): Promise<readonly KubeObject[]> {
    // Of metadata alone, a list that is empty is null.
    return ((await this.get(path, accept)) as unknown as { items: KubeObject[] | null }).items ?? [];
  }

  async patch(path: string, patch: object): Promise<KubeObject> {
    const { status, body } = await this.api.call("PATCH", path, patch, "application/merge-patch+json");
    if (status !== 200) throw new Error(`PATCH ${path}: ${status} ${JSON.stringify(body)}`);
    return body as KubeObject;
  }

  /** Asks Flux to look at an object now, as `flux reconcile` does. */
  async reconcile(path: string): Promise<void> {
    await this.patch(path, {
      metadata: { annotations: { "reconcile.fluxcd.io/requestedAt": new Date().toISOString() } },
    });
  }

  /** Waits until what an object says fits; the failure tells what it says instead. */
  async untilObject(
    path: string,
    what: string,
    fits: (object: KubeObject) => boolean,
    seconds = 240,
  ): Promise<KubeObject> {
    let last: KubeObject | undefined;
    try {
      return await until(
        what,
        async () => {
          last = await this.get(path).catch(() => undefined);
          return last !== undefined && fits(last) ? last : undefined;
        },
        seconds,
      );
    } catch (error) {
      throw new Error(`${path}: ${what}; its conditions: ${JSON.stringify(last?.status?.conditions ?? last)}`, {
        cause: error,
      });
    }
  }

  /**
   * Waits until there are repositories, Kustomizations and releases, and each is Ready: a release is not for a moment
   * whenever helm-controller looks at it again (helm-controller#1320).
   */
  async untilFluxIsReady(): Promise<void> {
    let last: readonly string[] = [];
    try {
      await until(
        "everything of Flux is Ready",
        async () => {
          const lists = await Promise.all(
            [flux.gitRepositories, flux.kustomizations, flux.helmReleases].map((path) => this.list(path)),
          );
          last = lists.flatMap((objects) =>
            objects.filter((object) => !isReady(object)).map(({ kind, metadata }) => `${kind ?? ""} ${metadata.name}`),
          );
          const enough = lists.every((objects) => objects.length > 0);
          return last.length === 0 && enough;
        },
        300,
      );
    } catch (error) {
      throw new Error(`not Ready, or none of a kind: ${last.join(", ")}`, { cause: error });
    }
  }

  /** Waits for what kube-controller-manager puts into a namespace, which is some seconds after it is made on a busy machine. */
  async untilFilled(namespace: string): Promise<void> {
    for (const one of ["serviceaccounts/default", "configmaps/kube-root-ca.crt"])
      await this.untilObject(`/api/v1/namespaces/${namespace}/${one}`, "is there", () => true);
  }

  /** Every object of every kind that can be listed. @param form metadata alone by default: the definitions are megabytes */
  async everything(form?: "whole"): Promise<Listing> {
    const groups = (await this.get("/apis")) as unknown as {
      groups: { name: string; preferredVersion: { groupVersion: string } }[];
    };
    const all = new Map<string, KubeObject>();
    const roots = ["/api/v1", ...groups.groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`)];
    for (const root of roots) {
      const { status, body } = await this.api.call("GET", root);
      // A definition that goes takes its group along between two questions; an APIService whose pods are simulated answers nothing.
      if ([404, 503].includes(status)) continue;
      const { resources } = body as ResourceList;
      const group = root.startsWith("/apis/") ? `.${root.split("/")[2] ?? ""}` : "";
      for (const { name, kind, verbs } of resources) {
        if (name.includes("/") || !verbs.includes("list")) continue;
        for (const object of await this.list(`${root}/${name}`, form === "whole" ? undefined : metadataAlone)) {
          const { namespace, name: own } = object.metadata;
          all.set(`${kind}${group} ${namespace === undefined ? "" : `${namespace}/`}${own}`, object);
        }
      }
    }
    return all;
  }

  close(): void {
    this.api.close();
  }
}

/** A condition of an object by its type. */
export function condition(object: KubeObject, type: string): Condition | undefined {
  return object.status?.conditions?.find((one) => one.type === type);
}

/** Whether an object is not Ready for a reason that has these words. */
export const saysNotReady =
  (words: string) =>
  (object: KubeObject): boolean => {
    const { status, message = "" } = condition(object, "Ready") ?? {};
    return status === "False" && message.includes(words);
  };

/** Whether an object is Ready, and says so of what it is now. */
export function isReady(object: KubeObject): boolean {
  const observed = object.status?.["observedGeneration"];
  return condition(object, "Ready")?.status === "True" && observed === object.metadata.generation;
}
