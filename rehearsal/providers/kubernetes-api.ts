import { setTimeout as sleep } from "node:timers/promises";
import { KubeError, type ApplyOptions, type Cluster } from "./kubernetes.ts";
import { awaitedOf, conditionLines, isCheckedOnRead, type Awaited } from "./kubernetes-await.ts";
import { KubeClient, patchTypes, referenceTo } from "./kubernetes-client.ts";
import { annotationOf, describe, type KubeObject, type ObjectReference } from "./kubernetes-objects.ts";
import type { ResourceRequest } from "./server.ts";
import { equal, isRecord, text, type Properties, type Value } from "./values.ts";

/** Seconds that the released provider waits where the resource sets nothing. */
const defaultTimeout = 600;

/** Seconds for which a Service's endpoints must stay the same before it counts as ready, as in the released provider. */
const endpointsSettle = 10;

/** The field manager of a plain create; the first update takes its fields over. */
const createManager = "pulumi-kubernetes";

/** A cluster behind a real API server. */
export class ApiCluster implements Cluster {
  readonly #client: KubeClient;

  private constructor(client: KubeClient) {
    this.#client = client;
  }

  /**
   * Opens a cluster and asks for its version.
   * @throws When the kubeconfig is empty, malformed or has no such context (nothing is sent then), or nobody answers.
   */
  static async connect(kubeconfig: string, context: string): Promise<ApiCluster> {
    const client = await KubeClient.open(kubeconfig, context);
    await client.object("GET", "/version");
    return new ApiCluster(client);
  }

  async isNamespaced(apiVersion: string, kind: string): Promise<boolean | undefined> {
    return (await this.#client.resource(apiVersion, kind))?.namespaced;
  }

  async get(reference: ObjectReference, signal?: AbortSignal): Promise<KubeObject | undefined> {
    try {
      const path = await this.#client.path(reference, signal);
      return await this.#client.object("GET", path, signal === undefined ? {} : { signal });
    } catch (error) {
      // Without its definition an object cannot be there.
      if (error instanceof KubeError && (error.reason === "NotFound" || error.reason === "NoMatch")) return undefined;
      throw error;
    }
  }

  async create(object: KubeObject, { signal }: ApplyOptions): Promise<KubeObject> {
    const path = await this.#client.collection(referenceTo(object), signal);
    return this.#client.object("POST", `${path}?fieldManager=${createManager}`, { body: object, signal });
  }

  async apply(object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    const { signal, fieldManager } = options;
    const path = await this.#client.path(referenceTo(object), signal);
    const query = `fieldManager=${encodeURIComponent(fieldManager)}&force=${String(options.force)}`;
    try {
      return await this.#client.object("PATCH", `${path}?${query}`, {
        body: object,
        contentType: patchTypes.apply,
        signal,
      });
    } catch (error) {
      if (!(error instanceof KubeError) || error.reason !== "Conflict") throw error;
      throw new KubeError(
        "Conflict",
        "server-side apply field conflict detected\n" +
          `The resource managed by field manager "${fieldManager}" had an apply conflict: ${error.message}\n` +
          "Give the field up in the program, or take it over with the annotation pulumi.com/patchForce.",
      );
    }
  }

  async update(object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    const { signal } = options;
    const path = await this.#client.path(referenceTo(object), signal);
    const live = await this.#client.object("GET", path, { signal });
    if (object.kind === "CustomResourceDefinition") {
      // Replaced as a whole, as the released provider does, so that a removed version or field goes.
      const body = { ...object, metadata: { ...object.metadata, resourceVersion: live.metadata.resourceVersion } };
      return this.#client.object("PUT", `${path}?fieldManager=${encodeURIComponent(options.fieldManager)}`, {
        body,
        signal,
      });
    }
    await this.#takeOver(path, live, options);
    return this.apply(object, options);
  }

  async delete(
    reference: ObjectReference,
    timeoutSeconds: number | undefined,
    request: ResourceRequest,
  ): Promise<void> {
    const { signal } = request;
    const live = await this.get(reference, signal);
    if (live === undefined) return;
    const path = await this.#client.path(reference, signal);
    const wanted = annotationOf(live as unknown as Properties, "pulumi.com/deletionPropagationPolicy")?.toLowerCase();
    const propagationPolicy = wanted === "orphan" ? "Orphan" : wanted === "background" ? "Background" : "Foreground";
    const answer = await this.#client.send("DELETE", path, {
      body: { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy },
      signal,
    });
    if (answer.status === 404) return;
    if (answer.status >= 400) {
      throw new KubeError("Other", isRecord(answer.body) ? text(answer.body["message"]) : `status ${answer.status}`);
    }
    const until = within(timeoutSeconds, signal);
    let last = live;
    try {
      for await (const object of this.#client.follow(reference, until)) {
        if (object === undefined || object.metadata.uid !== live.metadata.uid) return;
        last = object;
      }
    } catch (error) {
      if (error instanceof KubeError && error.reason === "NoMatch") return; // Its definition is gone, and it with it.
      if (!until.aborted) throw error;
    }
    // A last look: it may have gone at the very end.
    last = (await this.get(reference)) ?? { ...last, metadata: { ...last.metadata, uid: "" } };
    if (last.metadata.uid !== live.metadata.uid) return;
    const finalizers = last.metadata.finalizers ?? [];
    const status = last["status"] as Value | undefined;
    const content = reference.kind === "Namespace" && isRecord(status) ? conditionLines(last) : [];
    throw new Error(
      [
        `${describe(reference)} is not gone after ${timeoutSeconds ?? defaultTimeout} s: timed out waiting for the condition`,
        finalizers.length === 0 ? "" : `finalizers might be preventing deletion (${finalizers.join(", ")})`,
        ...content,
      ]
        .filter((line) => line !== "")
        .join("\n"),
    );
  }

  notReadyNow(object: KubeObject, inputs: Properties): readonly string[] {
    // A refresh looks at the built-in rules only, never at pulumi.com/waitFor.
    if (!isCheckedOnRead(inputs) || annotationOf(inputs, "pulumi.com/waitFor") !== undefined) return [];
    return awaitedOf(inputs).flatMap((awaited) => awaited(object) ?? []);
  }

  async whenReady(
    object: KubeObject,
    inputs: Properties,
    timeoutSeconds: number | undefined,
    request: ResourceRequest,
  ): Promise<{ readonly object: KubeObject; readonly notReady?: readonly string[] }> {
    const awaited = awaitedOf(inputs);
    const isService = object.apiVersion === "v1" && object.kind === "Service";
    const waitsForEndpoints =
      isService && annotationOf(inputs, "pulumi.com/waitFor") === undefined && selectsPods(object);
    if (awaited.length === 0 && !waitsForEndpoints) return { object };
    const until = within(timeoutSeconds, request.signal);
    const reference = referenceTo(object);
    let last = object;
    let missing: readonly string[] = [];
    try {
      if (waitsForEndpoints) {
        await this.#untilEndpointsSettle(reference, until);
        return { object: (await this.get(reference, until)) ?? object };
      }
      for await (const live of this.#client.follow(reference, until)) {
        if (live === undefined) throw new Error(`${describe(reference)} was deleted while it was waited for`);
        last = live;
        const now = lacking(live, awaited);
        if (now.length === 0) return { object: live };
        if (now.join() !== missing.join()) request.log("debug", `waiting: ${now.join("; ")}`);
        missing = now;
      }
    } catch (error) {
      if (!until.aborted) throw error;
    }
    const cause = request.signal.aborted
      ? `Resource operation was cancelled for "${reference.name}"`
      : `timed out waiting for the condition after ${timeoutSeconds ?? defaultTimeout} s`;
    // Of these the released provider says no more: its built-in rules alone know what an object is missing.
    if (annotationOf(inputs, "pulumi.com/waitFor") !== undefined) return { object: last, notReady: [cause] };
    if (waitsForEndpoints) missing = ["Service does not target any Pods, or they are not ready"];
    return { object: last, notReady: [cause, ...missing, ...(await this.#circumstances(last))] };
  }

  /**
   * Hands the fields that a plain create or kubectl wrote to our field manager, as the released provider does before
   * an update: else a field that is no longer declared would stay.
   */
  async #takeOver(path: string, live: KubeObject, options: ApplyOptions): Promise<void> {
    const entries = Array.isArray(live.metadata.managedFields) ? (live.metadata.managedFields as Value[]) : [];
    const records = entries.filter(isRecord);
    const isPredecessor = (entry: Readonly<Record<string, Value>>): boolean =>
      entry["subresource"] === undefined &&
      ((entry["operation"] === "Update" &&
        /^(kubectl|before-first-apply|pulumi-kubernetes)/.test(text(entry["manager"]))) ||
        (entry["operation"] === "Apply" && text(entry["manager"]).startsWith("kubectl")));
    const taken = records.filter(isPredecessor);
    if (taken.length === 0) return;
    const isOurs = (entry: Readonly<Record<string, Value>>): boolean =>
      entry["operation"] === "Apply" && entry["manager"] === options.fieldManager && entry["subresource"] === undefined;
    const ours = records.filter((entry) => isOurs(entry) || isPredecessor(entry));
    const [first = {}] = ours;
    const merged = {
      ...first,
      manager: options.fieldManager,
      operation: "Apply",
      fieldsV1: ours.map((entry) => entry["fieldsV1"] ?? {}).reduce(union, {}),
    };
    const others = records.filter((entry) => !ours.includes(entry));
    const body = [
      { op: "replace", path: "/metadata/managedFields", value: [...others, merged] },
      { op: "replace", path: "/metadata/resourceVersion", value: live.metadata.resourceVersion },
    ];
    await this.#client.object("PATCH", path, { body, contentType: patchTypes.json, signal: options.signal });
  }

  /** Waits until the Service has ready endpoints, none that is not, and they have stayed the same for a while. */
  async #untilEndpointsSettle(reference: ObjectReference, signal: AbortSignal): Promise<void> {
    let since = 0;
    let before: Value | undefined;
    for (;;) {
      const endpoints = await this.get({ ...reference, kind: "Endpoints" }, signal);
      const subsets = (endpoints?.["subsets"] as Value | undefined) ?? [];
      const list = Array.isArray(subsets) ? (subsets as Value[]).filter(isRecord) : [];
      const isReady = list.length > 0 && list.every((subset) => subset["notReadyAddresses"] === undefined);
      if (!isReady || !equal(before, subsets)) since = performance.now();
      before = subsets;
      if (isReady && performance.now() - since >= endpointsSettle * 1000) return;
      await sleep(500, undefined, { signal });
    }
  }

  /** What the released provider gathers about kinds that it knows: conditions, last events, what their pods wait for. */
  async #circumstances(object: KubeObject): Promise<string[]> {
    const { namespace, uid } = object.metadata;
    if (namespace === undefined) return conditionLines(object);
    try {
      const list = `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
      const selector = encodeURIComponent(`involvedObject.uid=${uid ?? ""}`);
      const events = itemsOf((await this.#client.send("GET", `${list}/events?fieldSelector=${selector}`)).body);
      const lines = events
        .toSorted((left, right) => timeOf(left).localeCompare(timeOf(right)))
        .slice(-5)
        .map((event) => `event ${text(event["type"])} ${text(event["reason"])}: ${text(event["message"])}`);
      const labels = podLabels(object);
      const pods =
        labels === undefined
          ? []
          : itemsOf((await this.#client.send("GET", `${list}/pods?labelSelector=${encodeURIComponent(labels)}`)).body);
      return [...conditionLines(object), ...lines, ...pods.flatMap(waitingContainers)];
    } catch {
      // The reason for the failure must not be hidden by one of its report.
      return conditionLines(object);
    }
  }
}

function within(seconds: number | undefined, signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout((seconds ?? defaultTimeout) * 1000)]);
}

function lacking(object: KubeObject, awaited: readonly Awaited[]): string[] {
  return awaited.flatMap((check) => check(object) ?? []);
}

function selectsPods(service: KubeObject): boolean {
  const spec = service["spec"] as Value | undefined;
  if (!isRecord(spec) || spec["type"] === "ExternalName" || spec["clusterIP"] === "None") return false;
  return isRecord(spec["selector"]) && Object.keys(spec["selector"]).length > 0;
}

function podLabels(object: KubeObject): string | undefined {
  const spec = object["spec"] as Value | undefined;
  const selector = isRecord(spec) ? spec["selector"] : undefined;
  const labels = isRecord(selector) ? selector["matchLabels"] : undefined;
  if (!isRecord(labels)) return undefined;
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${text(value)}`)
    .join(",");
}

function waitingContainers(pod: Readonly<Record<string, Value>>): string[] {
  const metadata = isRecord(pod["metadata"]) ? pod["metadata"] : {};
  const status = isRecord(pod["status"]) ? pod["status"] : {};
  const containers = Array.isArray(status["containerStatuses"]) ? (status["containerStatuses"] as Value[]) : [];
  return containers.filter(isRecord).flatMap((container) => {
    const state = isRecord(container["state"]) ? container["state"] : {};
    const waiting = isRecord(state["waiting"]) ? state["waiting"] : undefined;
    if (waiting === undefined) return [];
    const where = `pod ${text(metadata["name"])}, container ${text(container["name"])}`;
    return [`${where}: ${text(waiting["reason"])} ${text(waiting["message"])}`.trim()];
  });
}

function itemsOf(list: Value): readonly Readonly<Record<string, Value>>[] {
  const items = isRecord(list) ? list["items"] : undefined;
  return Array.isArray(items) ? (items as Value[]).filter(isRecord) : [];
}

function timeOf(event: Readonly<Record<string, Value>>): string {
  return text(event["lastTimestamp"]) || text(event["eventTime"]);
}

function union(left: Value, right: Value): Value {
  if (!isRecord(left) || !isRecord(right)) return right;
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return Object.fromEntries([...keys].map((key) => [key, union(left[key] ?? {}, right[key] ?? {})]));
}
