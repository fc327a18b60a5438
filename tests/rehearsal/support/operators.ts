/** Operators whose objects end only with them, played: pods are simulated, and nobody else would care for the objects. */
import { setTimeout as sleep } from "node:timers/promises";
import type { TestCluster } from "./cluster.ts";

const kedas = (plural: string) => (namespace: string) => `/apis/keda.sh/v1alpha1/namespaces/${namespace}/${plural}`;
export const scaledObjects = kedas("scaledobjects");
export const triggerAuthentications = kedas("triggerauthentications");

interface Operator {
  /** Labels that it gives an object. */
  readonly labels?: (name: string) => Readonly<Record<string, string>>;
  /** Path of its Deployment. */
  readonly deployment: string;
  /** As the real one calls it. */
  readonly finalizer: string;
  /** Paths of the objects that it cares for. */
  readonly collections: readonly string[];
}

const deployments = "/apis/apps/v1/namespaces/monitoring/deployments";

/** KEDA 2.20.2 (controllers/keda/scaledobject_finalizer.go, util/finalizer.go); tests/nightly/keda.test.ts has the real one. */
export const keda = {
  deployment: `${deployments}/keda-operator`,
  finalizer: "finalizer.keda.sh",
  // controllers/keda/scaledobject_controller.go, ensureScaledObjectLabel.
  labels: (name) => ({ "scaledobject.keda.sh/name": name }),
  collections: [scaledObjects("demo")],
} as const satisfies Operator;

const kedaAuthentications: Operator = {
  ...{ deployment: keda.deployment, finalizer: keda.finalizer },
  collections: [triggerAuthentications("demo")],
};

/** VictoriaMetrics' (api/operator/v1beta1/vmextra_types.go), for what it makes programs of. */
const victoriaMetrics: Operator = {
  deployment: `${deployments}/victoria-metrics-operator`,
  finalizer: "apps.victoriametrics.com/finalizer",
  collections: ["vmsingles", "vmagents", "vmalerts"].map(
    (plural) => `/apis/operator.victoriametrics.com/v1beta1/namespaces/monitoring/${plural}`,
  ),
};

/**
 * Puts the finalizers on objects and takes them off those that are deleted, as the operators do: while their Deployments are there,
 * and not a moment longer.
 *
 * @returns ends it, and says of which it took the finalizer off
 */
export function playOperators(cluster: TestCluster): () => Promise<readonly string[]> {
  const ended: string[] = [];
  const stopped = new AbortController();
  const look = async ({ deployment, finalizer, labels }: Operator, path: string) => {
    const { status, body } = await cluster.api.call("GET", path);
    if (status !== 200 || !(await cluster.exists(deployment))) return;
    const { items } = body as {
      items: { metadata: { name: string; finalizers?: string[]; deletionTimestamp?: string } }[];
    };
    for (const { metadata } of items) {
      const { name, finalizers = [], deletionTimestamp } = metadata;
      const isThere = finalizers.includes(finalizer);
      if (isThere === (deletionTimestamp === undefined)) continue;
      const kept = isThere ? finalizers.filter((other) => other !== finalizer) : [...finalizers, finalizer];
      await cluster.patch(`${path}/${name}`, {
        metadata: { finalizers: kept, ...(isThere ? {} : { labels: labels?.(name) }) },
      });
      if (isThere) ended.push(`${path.split("/").at(-1) ?? ""}/${name}`);
    }
  };
  const playing = (async () => {
    while (!stopped.signal.aborted) {
      for (const operator of [keda, kedaAuthentications, victoriaMetrics])
        // It may go between two questions.
        for (const path of operator.collections) await look(operator, path).catch(() => undefined);
      await sleep(1_000);
    }
  })();
  return async () => {
    stopped.abort();
    await playing;
    return ended;
  };
}
