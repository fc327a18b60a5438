/** Has Flux fetch now, and waits until what was pushed is applied. */
import { setTimeout as sleep } from "node:timers/promises";
import { ApiClient, readKubeconfig } from "../cluster/readiness.ts";
import { api, ownHome } from "./names.ts";

interface Observed {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly sourceRef?: { readonly kind: string; readonly name: string } };
  readonly status?: {
    readonly artifact?: { readonly digest?: string; readonly revision?: string };
    readonly lastAppliedRevision?: string;
    readonly lastAttemptedRevision?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

const folder = (group: string, plural: string) => `/apis/${group}/namespaces/${ownHome.namespace}/${plural}`;
const sources = folder(api.source, "ocirepositories");
const kustomizations = folder(api.kustomize, "kustomizations");

const items = async (client: ApiClient, path: string) =>
  (JSON.parse(await client.get(path)) as { items: Observed[] }).items;

/** Asks Flux to fetch now. @returns whether the cluster has such a source */
async function request(client: ApiClient, name: string): Promise<boolean> {
  const found = await items(client, sources).catch((error: unknown) => {
    // Flux's definitions are not there yet.
    if (error instanceof Error && / answers 404/.test(error.message)) return [];
    throw error;
  });
  if (!found.some(({ metadata }) => metadata.name === name)) return false;
  // Flux's own way to be asked (fluxcd/pkg/apis/meta, `ReconcileRequestAnnotation`).
  await client.annotate(`${sources}/${name}`, { "reconcile.fluxcd.io/requestedAt": new Date().toISOString() });
  return true;
}

/**
 * Asks Flux to fetch now what was pushed, when there is a cluster that can be asked: what an `up` changes next may need it, and
 * would wait for the source's interval.
 */
export async function requestFetch(kubeconfig: string, name: string): Promise<void> {
  try {
    const client = new ApiClient(readKubeconfig(kubeconfig));
    await request(client, name).finally(() => {
      client.close();
    });
  } catch {
    // The cluster is still to be made, or made anew: Flux will fetch by itself.
  }
}

/** How far Flux came with a revision. */
export interface Reconciled {
  /** Kustomizations that have applied it. */
  readonly applied: readonly string[];
  /** What Flux says of those that have not. */
  readonly failed: readonly string[];
}

/**
 * @param name of the OCIRepository; its Kustomizations are those that name it as their source
 * @param digest of the artifact that was pushed
 * @param milliseconds after which what is still under way counts as failed
 * @returns undefined when the cluster has no such source yet
 * @throws Error when the cluster does not answer
 */
export async function reconcile(
  kubeconfig: string,
  name: string,
  digest: string,
  milliseconds = 180_000,
): Promise<Reconciled | undefined> {
  const client = new ApiClient(readKubeconfig(kubeconfig));
  const ready = ({ status }: Observed) => status?.conditions?.find(({ type }) => type === "Ready");
  try {
    if (!(await request(client, name))) return undefined;
    for (const late = Date.now() + milliseconds; ;) {
      const source = (await items(client, sources)).find(({ metadata }) => metadata.name === name);
      const revision = source?.status?.artifact?.revision ?? "";
      const fetched = revision.endsWith(`@${digest}`);
      const users = (await items(client, kustomizations)).filter(
        ({ spec: { sourceRef } }) => sourceRef?.kind === "OCIRepository" && sourceRef.name === name,
      );
      const applied = users.filter(({ status }) => fetched && status?.lastAppliedRevision === revision);
      const others = users.filter((user) => !applied.includes(user));
      const failed = others.filter(
        (user) => fetched && user.status?.lastAttemptedRevision === revision && ready(user)?.status === "False",
      );
      const names = applied.map(({ metadata }) => metadata.name);
      if (fetched && others.length === failed.length)
        return { applied: names, failed: failed.map((user) => says("Kustomization", user)) };
      if (Date.now() > late) {
        const open = fetched ? others.map((user) => says("Kustomization", user)) : [says("OCIRepository", source)];
        return { applied: names, failed: open };
      }
      await sleep(300);
    }
  } finally {
    client.close();
  }

  function says(kind: string, object: Observed | undefined): string {
    const message = object === undefined ? undefined : ready(object)?.message;
    return `${kind} ${object?.metadata.name ?? name}: ${message ?? "says nothing yet"}`;
  }
}
