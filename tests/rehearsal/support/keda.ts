/** KEDA's operator, played: pods are simulated, and nobody else would care for ScaledObjects. */
import { setTimeout as sleep } from "node:timers/promises";
import type { TestCluster } from "./cluster.ts";

const operator = "/apis/apps/v1/namespaces/monitoring/deployments/keda-operator";
export const scaledObjects = (namespace: string) => `/apis/keda.sh/v1alpha1/namespaces/${namespace}/scaledobjects`;

/** As the real one calls it (v2.20.2, controllers/keda/scaledobject_finalizer.go). */
export const finalizer = "finalizer.keda.sh";

/**
 * Puts the finalizer on every ScaledObject of some namespaces and takes it off those that are deleted, as the operator does: while
 * its Deployment is there, and not a moment longer.
 *
 * @returns ends it, and says of which it took the finalizer off
 */
export function playKeda(cluster: TestCluster, namespaces: readonly string[]): () => Promise<readonly string[]> {
  const ended: string[] = [];
  const stopped = new AbortController();
  const look = async (namespace: string) => {
    const path = scaledObjects(namespace);
    const { status, body } = await cluster.api.call("GET", path);
    if (status !== 200 || !(await cluster.exists(operator))) return;
    const { items } = body as {
      items: { metadata: { name: string; finalizers?: string[]; deletionTimestamp?: string } }[];
    };
    for (const { metadata } of items) {
      const { name, finalizers = [], deletionTimestamp } = metadata;
      const isThere = finalizers.includes(finalizer);
      if (isThere === (deletionTimestamp === undefined)) continue;
      const kept = isThere ? finalizers.filter((other) => other !== finalizer) : [...finalizers, finalizer];
      await cluster.patch(`${path}/${name}`, { metadata: { finalizers: kept } });
      if (isThere) ended.push(`${namespace}/${name}`);
    }
  };
  const playing = (async () => {
    while (!stopped.signal.aborted) {
      // It may go between two questions.
      for (const namespace of namespaces) await look(namespace).catch(() => undefined);
      await sleep(300);
    }
  })();
  return async () => {
    stopped.abort();
    await playing;
    return ended;
  };
}
