import { createHash } from "node:crypto";
import { KubeError, type Cluster } from "./kubernetes.ts";
import { describe, groupOf, isClusterScoped, type KubeObject, type ObjectReference } from "./kubernetes-objects.ts";
import { isRecord, type Value } from "./values.ts";

/**
 * A stand-in for a cluster: a map of objects. Nothing runs in it, nothing validates, and every object is ready at once.
 * What it does keep to: an object needs its namespace, a created object must not exist, a namespace takes its objects
 * with it.
 */
export class MemoryCluster implements Cluster {
  readonly #objects = new Map<string, KubeObject>();
  #revision = 0;

  constructor() {
    this.clear();
  }

  /** All objects, in the order of their creation. */
  get objects(): readonly KubeObject[] {
    return [...this.#objects.values()];
  }

  /** Finds an object by what names it. */
  find(reference: ObjectReference): KubeObject | undefined {
    return this.#objects.get(keyOf(reference));
  }

  /** Puts an object as it is, as someone with kubectl would. */
  put(object: KubeObject): KubeObject {
    const reference = referenceOf(object);
    const old = this.find(reference);
    const stored: KubeObject = {
      ...structuredClone(object),
      metadata: {
        ...structuredClone(object.metadata),
        uid: old?.metadata.uid ?? uuidOf(`${keyOf(reference)}#${this.#revision}`),
        generation: (old?.metadata.generation ?? 0) + 1,
        resourceVersion: String(++this.#revision),
      },
    };
    this.#objects.set(keyOf(reference), stored);
    return stored;
  }

  /** Removes an object, and with a Namespace all that is in it. */
  remove(reference: ObjectReference): void {
    this.#objects.delete(keyOf(reference));
    if (reference.kind !== "Namespace") return;
    for (const [key, object] of this.#objects) {
      if (object.metadata.namespace === reference.name) this.#objects.delete(key);
    }
  }

  /** A new, empty cluster: only the namespaces that every cluster has. */
  clear(): void {
    this.#objects.clear();
    for (const name of ["default", "kube-system", "kube-public", "kube-node-lease"]) {
      this.put({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
    }
  }

  isNamespaced(apiVersion: string, kind: string): Promise<boolean | undefined> {
    if (isClusterScoped(apiVersion, kind)) return Promise.resolve(false);
    const definition = this.objects.find((object) => {
      const spec = object.kind === "CustomResourceDefinition" ? (object["spec"] as Value) : undefined;
      const names = isRecord(spec) ? spec["names"] : undefined;
      return isRecord(spec) && spec["group"] === groupOf(apiVersion) && isRecord(names) && names["kind"] === kind;
    });
    const spec = definition?.["spec"] as Value | undefined;
    return Promise.resolve(isRecord(spec) ? spec["scope"] !== "Cluster" : undefined);
  }

  get(reference: ObjectReference): Promise<KubeObject | undefined> {
    return Promise.resolve(this.find(reference));
  }

  create(object: KubeObject): Promise<KubeObject> {
    const reference = referenceOf(object);
    if (this.find(reference) !== undefined) {
      return Promise.reject(new KubeError("AlreadyExists", `${describe(reference)} already exists`));
    }
    return this.apply(object);
  }

  apply(object: KubeObject): Promise<KubeObject> {
    const { namespace } = object.metadata;
    if (namespace !== undefined && this.find({ apiVersion: "v1", kind: "Namespace", name: namespace }) === undefined) {
      return Promise.reject(new KubeError("NotFound", `namespaces "${namespace}" not found`));
    }
    return Promise.resolve(this.put(object));
  }

  update(object: KubeObject): Promise<KubeObject> {
    const reference = referenceOf(object);
    if (this.find(reference) === undefined) {
      return Promise.reject(new KubeError("NotFound", `${describe(reference)} not found`));
    }
    return this.apply(object);
  }

  notReadyNow(): readonly string[] {
    return [];
  }

  delete(reference: ObjectReference): Promise<void> {
    this.remove(reference);
    return Promise.resolve();
  }

  whenReady(object: KubeObject): Promise<{ readonly object: KubeObject }> {
    return Promise.resolve({ object });
  }
}

function referenceOf(object: KubeObject): ObjectReference {
  const { name, namespace } = object.metadata;
  return { apiVersion: object.apiVersion, kind: object.kind, name, namespace };
}

/** Versions of one group share their objects. */
function keyOf({ apiVersion, kind, namespace, name }: ObjectReference): string {
  return `${groupOf(apiVersion)}/${kind}/${namespace ?? ""}/${name}`;
}

/** The same in every run, so that a test's state can be compared with another run's. */
function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
