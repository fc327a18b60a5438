import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { parse, parseAllDocuments } from "yaml";
import {
  compare,
  unsupported,
  type CreateRequest,
  type ResourceRequest,
  type StandIn,
  type Updated,
} from "./server.ts";
import {
  annotationOf,
  changesOf,
  isClusterScoped,
  isNameUnknown,
  nameOf,
  namespaceOf,
  normalized,
  outputsOf,
  pruned,
  withMetadata,
  withSecretData,
  type KubeObject,
  type MutableKinds,
  type ObjectReference,
} from "./kubernetes-objects.ts";
import { equal, isRecord, text, unknown, type Properties, type Value } from "./values.ts";

/** How a cluster is asked to take an object. */
export interface ApplyOptions {
  /** Who owns the fields, for server-side apply. */
  readonly fieldManager: string;
  /** Take fields over that others own. */
  readonly force: boolean;
  readonly signal: AbortSignal;
}

/** What the stand-in needs of a cluster; made once for each configured provider. */
export interface Cluster {
  /** Whether the kind belongs to a namespace; undefined when the cluster does not know the kind. */
  isNamespaced(apiVersion: string, kind: string): Promise<boolean | undefined>;
  get(reference: ObjectReference, signal: AbortSignal): Promise<KubeObject | undefined>;
  /** Fails with {@link KubeError} when it exists, or when its namespace or kind does not. */
  create(object: KubeObject, options: ApplyOptions): Promise<KubeObject>;
  /** Makes or changes the object by server-side apply. */
  apply(object: KubeObject, options: ApplyOptions): Promise<KubeObject>;
  /** Changes the object; it must exist. */
  update(object: KubeObject, options: ApplyOptions): Promise<KubeObject>;
  /** Returns once the object is gone; undefined `timeoutSeconds` is the cluster's default. */
  delete(reference: ObjectReference, timeoutSeconds: number | undefined, request: ResourceRequest): Promise<void>;
  /** Why the object does not work at this moment, as far as a refresh looks at it. */
  notReadyNow(object: KubeObject, inputs: Properties): readonly string[];
  /** Waits until the object works. Returns the latest object, and why it is not ready where it is not in time. */
  whenReady(
    object: KubeObject,
    inputs: Properties,
    timeoutSeconds: number | undefined,
    request: ResourceRequest,
  ): Promise<{ readonly object: KubeObject; readonly notReady?: readonly string[] }>;
}

/** Why the API server refused. */
export class KubeError extends Error {
  readonly reason: "AlreadyExists" | "NotFound" | "NoMatch" | "Conflict" | "Unreachable" | "Other";
  constructor(reason: KubeError["reason"], message: string) {
    super(message);
    this.name = "KubeError";
    this.reason = reason;
  }
}

/** The provider resource's settings; booleans arrive as JSON text. */
export interface KubernetesConfig {
  readonly kubeconfig: string;
  readonly context: string;
  readonly namespace: string;
  readonly upsertExistingObjects: boolean;
  readonly enablePatchForce: boolean;
  readonly deleteUnreachable: boolean;
  readonly mutable: MutableKinds;
}

/** Where the state keeps the object's field manager, as in the released provider. */
const managerKey = "__fieldManager";

/** Seconds between attempts to create an object whose namespace or kind is not there yet (63 s in all). */
const creationRetries = [1, 2, 4, 8, 16, 32];

/**
 * Stand-in for the kubernetes provider: any kind, through one generic implementation.
 * Charts, Helm releases and Kustomize directories are not in it.
 * @param connect Opens the cluster that the configuration names. As in the released provider a failure is no error by
 * itself: every later call to the cluster fails with its reason.
 * @param environment Where `PULUMI_K8S_DELETE_UNREACHABLE` is read: a destroy does not run the program that could set it.
 */
export function kubernetesStandIn(
  connect: (config: KubernetesConfig) => Cluster | Promise<Cluster>,
  environment: NodeJS.ProcessEnv,
): StandIn {
  let config: KubernetesConfig | undefined;
  let cluster: Cluster | undefined;
  let unreachable = "";

  function configured(): KubernetesConfig {
    if (config === undefined) throw new Error("the kubernetes provider is not configured");
    return config;
  }

  function connected(): { config: KubernetesConfig; cluster: Cluster } {
    if (cluster === undefined) {
      throw new KubeError("Unreachable", `configured Kubernetes cluster is unreachable: ${unreachable}`);
    }
    return { config: configured(), cluster };
  }

  async function isNamespaced(inputs: Properties): Promise<boolean> {
    const apiVersion = text(inputs["apiVersion"]);
    const kind = text(inputs["kind"]);
    if (isClusterScoped(apiVersion, kind)) return false;
    // A kind that is not there yet is taken to belong to a namespace, and corrected when it is created.
    return (await cluster?.isNamespaced(apiVersion, kind)) ?? true;
  }

  async function objectOf(inputs: Properties): Promise<KubeObject> {
    const namespace = (await isNamespaced(inputs)) ? (namespaceOf(inputs) ?? configured().namespace) : undefined;
    // Without a namespace where the kind has none, whatever was declared.
    const own = withoutNulls(withMetadata(normalized(inputs), { namespace: namespace ?? null }));
    return own as unknown as KubeObject;
  }

  async function referenceOf(id: string, state: Properties): Promise<ObjectReference> {
    const [first = "", second] = id.split("/");
    const apiVersion = text(state["apiVersion"]);
    const kind = text(state["kind"]);
    const namespaced = await isNamespaced(state);
    const name = second ?? first;
    return { apiVersion, kind, name, namespace: namespaced ? (second === undefined ? "default" : first) : undefined };
  }

  async function finish(object: KubeObject, request: CreateRequest, manager: string): Promise<Updated> {
    if (isAwaitSkipped(request.inputs)) return { properties: recorded(object, manager) };
    const timeout = timeoutOf(request.timeoutSeconds, request.inputs);
    const result = await connected().cluster.whenReady(object, request.inputs, timeout, request);
    const properties = recorded(result.object, manager);
    return result.notReady === undefined ? { properties } : { properties, notReady: result.notReady };
  }

  return {
    checkConfig(inputs) {
      // Strict mode is off unless the configuration says otherwise, and looks at nothing else (4.34, `CheckConfig`).
      if (text(inputs["strictMode"]) !== "true") return { inputs, failures: [] };
      const failures = ["kubeconfig", "context"]
        .filter((property) => inputs[property] !== unknown && text(inputs[property]).trim() === "")
        .map((property) => ({ property, reason: `strict mode requires Provider "${property}" argument` }));
      return { inputs, failures };
    },
    diffConfig(old, inputs) {
      const changes = compare(old, inputs, []);
      const identifier = inputs["clusterIdentifier"];
      const wasIdentified = old["clusterIdentifier"] !== undefined;
      if (identifier !== undefined && identifier === old["clusterIdentifier"]) return { changes };
      for (const key of ["kubeconfig", "context", "cluster", "clusterIdentifier"]) {
        const change = changes.get(key);
        if (change === undefined) continue;
        // An identifier that is added or removed replaces nothing, one that changes replaces everything.
        const replace =
          key === "clusterIdentifier"
            ? wasIdentified && identifier !== undefined
            : inputs[key] === unknown || isOtherCluster(old, inputs);
        changes.set(key, { ...change, replace });
      }
      return { changes };
    },
    async configure(inputs) {
      config = {
        kubeconfig: text(inputs["kubeconfig"]),
        context: text(inputs["context"]),
        namespace: text(inputs["namespace"]) || "default",
        upsertExistingObjects: flag(inputs["upsertExistingObjects"]),
        enablePatchForce: flag(inputs["enablePatchForce"]),
        deleteUnreachable: flag(inputs["deleteUnreachable"]) || environment["PULUMI_K8S_DELETE_UNREACHABLE"] === "true",
        mutable: {
          secrets: flag(inputs["enableSecretMutable"]),
          configMaps: flag(inputs["enableConfigMapMutable"]),
        },
      };
      try {
        cluster = await connect(config);
      } catch (error) {
        unreachable = error instanceof Error ? error.message : String(error);
      }
    },
    check(request) {
      if (/^kubernetes:helm\.sh\/|:ConfigGroup$|:ConfigFile$|(Patch|List)$/.test(request.type)) {
        throw unsupported("kubernetes", request.type);
      }
      const { inputs, old } = request;
      if (typeof inputs["apiVersion"] !== "string" || typeof inputs["kind"] !== "string") {
        return { inputs, failures: [{ property: "apiVersion", reason: "apiVersion and kind must be known texts" }] };
      }
      const checked = normalized(isNamed(inputs) ? inputs : autonamed(inputs, old, request.name));
      const isSecret = inputs["apiVersion"] === "v1" && inputs["kind"] === "Secret";
      return { inputs: isSecret ? withSecretData(checked) : checked };
    },
    async diff(request) {
      const { namespace: fallback, mutable } = configured();
      const isInNamespace = await isNamespaced(request.inputs);
      const place = (properties: Properties): Properties =>
        isInNamespace
          ? withMetadata(properties, { namespace: namespaceOf(properties) ?? fallback })
          : withMetadata(properties, { namespace: null });
      const changes = changesOf(place(request.old), place(request.oldInputs), place(request.inputs), mutable);
      const isSameObject =
        nameOf(request.inputs) === nameOf(request.old) &&
        namespaceOf(place(request.inputs)) === namespaceOf(place(request.old));
      const isAutonamed = annotationOf(request.inputs, "pulumi.com/autonamed") === "true";
      return { changes, deleteBeforeReplace: isSameObject && !isAutonamed };
    },
    async create(request) {
      if (request.preview) {
        const { name, namespace } = { name: nameOf(request.inputs), namespace: namespaceOf(request.inputs) };
        const id = name === undefined ? "" : namespace === undefined ? name : `${namespace}/${name}`;
        return { id, properties: request.inputs };
      }
      const { config, cluster } = connected();
      const options = applyOptions(request, config, "");
      const made = await retried(request, async () => {
        const object = await objectOf(request.inputs);
        return config.upsertExistingObjects ? cluster.apply(object, options) : cluster.create(object, options);
      });
      return { id: idOf(made), ...(await finish(made, request, options.fieldManager)) };
    },
    async read(request) {
      try {
        const { cluster } = connected();
        const state = Object.keys(request.old).length > 0 ? request.old : request.inputs;
        const live = await cluster.get(await referenceOf(request.id, withTypeOf(state, request.type)), request.signal);
        if (live === undefined) return undefined;
        const properties = recorded(live, managerOf(request.old));
        const notReady = isAwaitSkipped(request.inputs) ? [] : cluster.notReadyNow(live, request.inputs);
        return { id: request.id, properties, inputs: refreshedInputs(live, request.inputs), notReady };
      } catch (error) {
        if (!isUnreachable(error)) throw error;
        if (config?.deleteUnreachable !== true) throw withRemedy(error);
        request.log("warning", `${request.id}: the cluster is unreachable; dropped from the state only`);
        return undefined;
      }
    },
    async update(request) {
      if (request.preview) return { properties: { ...request.old, ...request.inputs } };
      const { config, cluster } = connected();
      const object = await objectOf(request.inputs);
      const options = applyOptions(request, config, managerOf(request.old));
      return finish(await cluster.update(object, options), request, options.fieldManager);
    },
    async delete(request) {
      try {
        const { cluster } = connected();
        const reference = await referenceOf(request.id, request.old);
        await cluster.delete(reference, timeoutOf(request.timeoutSeconds, request.oldInputs), request);
      } catch (error) {
        if (!isUnreachable(error)) throw error;
        if (config?.deleteUnreachable !== true) throw withRemedy(error);
        request.log("warning", `${request.id}: the cluster is unreachable; dropped from the state only`);
      }
    },
    invoke(token, args) {
      if (token !== "kubernetes:yaml:decode") throw unsupported("kubernetes", token);
      const result = parseAllDocuments(text(args["text"])).map((document) => document.toJS() as Value);
      return { result: result.filter((object) => object !== null) };
    },
  };
}

function isUnreachable(error: unknown): error is KubeError {
  return error instanceof KubeError && error.reason === "Unreachable";
}

function withRemedy(error: KubeError): Error {
  const remedy =
    "If the cluster is gone for good, set PULUMI_K8S_DELETE_UNREACHABLE=true or the provider's deleteUnreachable: " +
    "its objects are then dropped from the state.";
  return new Error(`${error.message}\n${remedy}`, { cause: error });
}

function isAwaitSkipped(inputs: Properties): boolean {
  return annotationOf(inputs, "pulumi.com/skipAwait") === "true";
}

/** The state of an object: what it is, and which field manager owns what the program declares. */
function recorded(object: KubeObject, fieldManager: string): Properties {
  return { ...outputsOf(object), [managerKey]: fieldManager };
}

function managerOf(state: Properties): string {
  return text(state[managerKey]);
}

/** @param recordedManager The manager of the object so far; empty for a new object. */
function applyOptions(request: CreateRequest, config: KubernetesConfig, recordedManager: string): ApplyOptions {
  const force = config.enablePatchForce || annotationOf(request.inputs, "pulumi.com/patchForce") === "true";
  // One for each resource. The released provider draws it at random; this one can be told from the resource.
  const own = `pulumi-kubernetes-${createHash("sha256").update(request.urn).digest("hex").slice(0, 8)}`;
  const fieldManager = annotationOf(request.inputs, "pulumi.com/patchFieldManager") ?? (recordedManager || own);
  return { fieldManager, force, signal: request.signal };
}

function isNamed(inputs: Properties): boolean {
  return nameOf(inputs) !== undefined || isNameUnknown(inputs);
}

/** A name for an object that has none: the one it had, or one from the resource's name. */
function autonamed(inputs: Properties, old: Properties | undefined, name: string): Properties {
  const metadata = isRecord(inputs["metadata"]) ? inputs["metadata"] : {};
  const annotations = isRecord(metadata["annotations"]) ? metadata["annotations"] : {};
  return withMetadata(inputs, {
    name: (old && nameOf(old)) ?? `${name}-${randomBytes(4).toString("hex")}`,
    annotations: { ...annotations, "pulumi.com/autonamed": "true" },
  });
}

/** Retries what may heal by itself: the object's namespace or kind is being made at the same time. */
async function retried(request: CreateRequest, attempt: () => Promise<KubeObject>): Promise<KubeObject> {
  for (let retry = 0; ; retry++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof KubeError) || error.reason === "Unreachable") throw error;
      const seconds = creationRetries[retry];
      if (seconds === undefined || (error.reason !== "NotFound" && error.reason !== "NoMatch")) {
        throw refusal(request.urn, error);
      }
      request.log("debug", `retry in ${seconds} s: ${error.message}`);
      await sleep(seconds * 1000, undefined, { signal: request.signal });
    }
  }
}

function refusal(urn: string, error: KubeError): Error {
  const said = `resource "${urn}" was not successfully created by the Kubernetes API server: ${error.message}`;
  const remedy = {
    AlreadyExists:
      "It may be left from a run that was killed, or be somebody else's. The provider's upsertExistingObjects adopts it; " +
      "`pulumi import` takes it into the state; else delete it.",
    NoMatch: "Verify that any required CRDs have been created.",
    NotFound: "",
    Conflict: "",
    Unreachable: "",
    Other: "",
  }[error.reason];
  return new Error(remedy === "" ? said : `${said}\n${remedy}`, { cause: error });
}

/** The declared inputs with the values that the live object has now, so that a diff shows only real drift. */
function refreshedInputs(live: KubeObject, inputs: Properties): Properties {
  const shape = normalized(inputs);
  const now = pruned(live as unknown as Properties, shape) as Properties;
  // A field that is declared empty is not kept by the API server: no drift.
  return { ...now, ...emptyFields(shape) };
}

function emptyFields(inputs: Properties): Properties {
  return Object.fromEntries(
    Object.entries(inputs).filter(
      ([, value]) => value === null || (isRecord(value) && Object.keys(value).length === 0),
    ),
  );
}

function withTypeOf(state: Properties, type: string): Properties {
  const [, apiVersion = "", kind = ""] = type.split(":");
  return { apiVersion: apiVersion.replace(/^core\//, ""), kind, ...state };
}

function idOf(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The resource's `customTimeouts`, else its annotation, else undefined. */
function timeoutOf(seconds: number, inputs: Properties): number | undefined {
  if (seconds > 0) return seconds;
  const annotated = Number(annotationOf(inputs, "pulumi.com/timeoutSeconds"));
  return annotated > 0 ? annotated : undefined;
}

function withoutNulls(value: Value): Value {
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item as Value));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .map(([key, item]) => [key, withoutNulls(item)]),
  );
}

function flag(value: Value | undefined): boolean {
  return value === true || value === "true";
}

/** Whether both configurations name a cluster, by address and authority, and not the same one. */
function isOtherCluster(old: Properties, now: Properties): boolean {
  const [was, is] = [clusterIn(old), clusterIn(now)];
  return was !== undefined && is !== undefined && !equal(was, is);
}

/** What the kubeconfig says of the cluster in use; undefined where it says nothing. */
function clusterIn(config: Properties): Value | undefined {
  try {
    const content = parse(text(config["kubeconfig"])) as Value;
    const context = entryOf(content, "contexts", text(config["context"]));
    const name = text(config["cluster"]) || (isRecord(context) ? text(context["cluster"]) : "");
    return entryOf(content, "clusters", name);
  } catch {
    return undefined;
  }
}

/** The content of a named entry: `{ name: x, context: {...} }` in `contexts`. */
function entryOf(kubeconfig: Value, list: "contexts" | "clusters", name: string): Value | undefined {
  const entries = isRecord(kubeconfig) ? kubeconfig[list] : undefined;
  if (!Array.isArray(entries)) return undefined;
  const entry = (entries as Value[]).find((item) => isRecord(item) && item["name"] === name);
  return isRecord(entry) ? entry[list.slice(0, -1)] : undefined;
}
