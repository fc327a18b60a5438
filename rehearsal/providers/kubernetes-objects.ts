import type { Properties, Value } from "./values.ts";
import { equal, hasUnknown, isRecord, Secret, text, unknown } from "./values.ts";
import type { Change } from "./server.ts";

/** A Kubernetes object as JSON. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: Value | Metadata | undefined;
}

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly managedFields?: Value;
}

/** What names an object. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Absent for an object of the whole cluster. */
  readonly namespace?: string | undefined;
}

/** `kind namespace/name`, for messages. */
export function describe(reference: ObjectReference): string {
  const where = reference.namespace === undefined ? "" : `${reference.namespace}/`;
  return `${reference.kind} ${where}${reference.name}`;
}

/** The API group; empty for the core group. */
export function groupOf(apiVersion: string): string {
  return apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
}

/** Kinds of Kubernetes' own groups that belong to no namespace, for when there is no API server to ask. */
const clusterScoped: ReadonlySet<string> = new Set([
  "Namespace",
  "Node",
  "PersistentVolume",
  "ClusterRole",
  "ClusterRoleBinding",
  "CustomResourceDefinition",
  "APIService",
  "StorageClass",
  "VolumeAttributesClass",
  "CSIDriver",
  "CSINode",
  "VolumeAttachment",
  "IngressClass",
  "PriorityClass",
  "RuntimeClass",
  "MutatingWebhookConfiguration",
  "ValidatingWebhookConfiguration",
  "MutatingAdmissionPolicy",
  "MutatingAdmissionPolicyBinding",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
  "CertificateSigningRequest",
  "ClusterTrustBundle",
  "FlowSchema",
  "PriorityLevelConfiguration",
  "ServiceCIDR",
  "IPAddress",
]);

/** Whether the kind is one of Kubernetes' own and belongs to no namespace. */
export function isClusterScoped(apiVersion: string, kind: string): boolean {
  return isBuiltIn(apiVersion) && clusterScoped.has(kind);
}

/** Kubernetes' own API groups: objects of these have one canonical form. */
function isBuiltIn(apiVersion: string): boolean {
  const group = groupOf(apiVersion);
  return !group.includes(".") || group.endsWith(".k8s.io");
}

/** Fields that the API server sets and that no program declares. */
const readOnlyMetadata = [
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "uid",
];

/**
 * The inputs as the API server will give them back, so that writing the same thing in another way is no change:
 * quantities (`1000m` is `1`), and `stringData` of a Secret as `data`. As in the released provider, inputs with
 * a part that is not known yet stay as they are.
 */
export function normalized(inputs: Properties): Properties {
  const metadata = inputs["metadata"];
  const declared = isRecord(metadata) ? { ...inputs, metadata: without(metadata, readOnlyMetadata) } : inputs;
  if (hasUnknown(declared) || !isBuiltIn(text(inputs["apiVersion"]))) return declared;
  if (inputs["kind"] === "CustomResourceDefinition") return without(declared, ["status"]);
  if (inputs["apiVersion"] === "v1" && inputs["kind"] === "Secret") return withoutStringData(declared);
  return canonicalQuantities(declared, "") as Properties;
}

function withoutStringData(inputs: Properties): Properties {
  const { stringData } = inputs;
  if (!isRecord(stringData)) return inputs;
  const data = isRecord(inputs["data"]) ? inputs["data"] : {};
  const encoded = Object.entries(stringData).map(([key, value]) => [key, Buffer.from(text(value)).toString("base64")]);
  return { ...without(inputs, ["stringData"]), data: { ...data, ...(Object.fromEntries(encoded) as Properties) } };
}

function without(record: Properties, keys: readonly string[]): Properties {
  return Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(key)));
}

/** Maps whose values are quantities, and single fields that are one. */
const quantityMaps = new Set(["requests", "limits", "hard", "capacity", "overhead", "default", "defaultRequest"]);
const quantityFields = new Set(["sizeLimit", "averageValue"]);

function canonicalQuantities(value: Value, parent: string): Value {
  if (Array.isArray(value)) return value.map((item) => canonicalQuantities(item as Value, ""));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const isQuantity = quantityMaps.has(parent) || quantityFields.has(key);
      const isScalar = typeof item === "string" || typeof item === "number";
      return [key, isQuantity && isScalar ? canonicalQuantity(String(item)) : canonicalQuantities(item, key)];
    }),
  );
}

const decimalSuffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/** Kubernetes' canonical form: the largest suffix with which the number is whole. What is no quantity stays. */
function canonicalQuantity(quantity: string): string {
  const match = /^([+-]?)(\d+)(?:\.(\d+))?(n|u|m|k|M|G|T|P|E|[KMGTPE]i)?$/.exec(quantity);
  if (match === null) return quantity;
  const [, sign = "", whole = "", fraction = "", suffix = ""] = match;
  const isBinary = suffix.endsWith("i");
  const suffixes = isBinary ? binarySuffixes : decimalSuffixes;
  const base = isBinary ? 1024n : 1000n;
  // In units of the smallest suffix.
  let units = BigInt(whole + fraction) * base ** BigInt(suffixes.indexOf(suffix));
  const divisor = 10n ** BigInt(fraction.length);
  if (units % divisor !== 0n) return quantity; // Finer than the smallest unit.
  units /= divisor;
  let index = 0;
  while (index < suffixes.length - 1 && units !== 0n && units % base === 0n) {
    units /= base;
    index++;
  }
  if (units === 0n) return "0";
  return `${sign === "-" ? sign : ""}${units}${suffixes[index] ?? ""}`;
}

/** The part of the live object that the inputs speak of: what the API server defaulted is no drift. */
export function pruned(live: Value, shape: Value): Value {
  if (isRecord(live) && isRecord(shape)) {
    return Object.fromEntries(
      Object.entries(live)
        .filter(([key]) => shape[key] !== undefined)
        .map(([key, value]) => [key, pruned(value, shape[key] ?? null)]),
    );
  }
  if (Array.isArray(live) && Array.isArray(shape)) {
    return live.slice(0, shape.length).map((item, index) => pruned(item as Value, shape[index] as Value));
  }
  return live;
}

/**
 * Fields that cannot be changed in place: the table of the released provider (`provider/pkg/provider/diff.go` of
 * pulumi-kubernetes), for the groups and kinds that this project or its users may declare.
 */
function immutableFields(
  apiVersion: string,
  kind: string,
  mutable: MutableKinds,
  inputs: Properties,
): readonly string[] {
  const own = ["metadata.name", "metadata.namespace"];
  const isFrozen = inputs["immutable"] === true;
  switch (`${apiVersion}/${kind}`) {
    case "v1/Secret":
      return mutable.secrets && !isFrozen ? [...own, "type"] : [...own, "type", "stringData", "data"];
    case "v1/ConfigMap":
      return mutable.configMaps && !isFrozen ? own : [...own, "binaryData", "data"];
    case "v1/Service":
      return [...own, "spec.clusterIP"];
    case "v1/PersistentVolumeClaim":
      return [...own, ...["accessModes", "selector", "storageClassName", "volumeName"].map((field) => `spec.${field}`)];
    case "v1/Pod":
      return [...own, "spec"];
    case "apps/v1/Deployment":
    case "apps/v1/DaemonSet":
      return [...own, "spec.selector"];
    case "apps/v1/StatefulSet":
      return [
        ...own,
        ...["podManagementPolicy", "revisionHistoryLimit", "selector", "serviceName", "volumeClaimTemplates"].map(
          (field) => `spec.${field}`,
        ),
      ];
    case "batch/v1/Job":
      return [...own, ...["completions", "parallelism", "selector", "template"].map((field) => `spec.${field}`)];
    case "rbac.authorization.k8s.io/v1/ClusterRoleBinding":
    case "rbac.authorization.k8s.io/v1/RoleBinding":
      return [...own, "roleRef"];
    case "storage.k8s.io/v1/StorageClass":
      return [...own, "parameters", "provisioner"];
    default:
      return own;
  }
}

/** Provider settings that make Secrets and ConfigMaps changeable in place. */
export interface MutableKinds {
  readonly secrets: boolean;
  readonly configMaps: boolean;
}

/** Compares the live object, as far as it was declared, with what is declared now. */
export function changesOf(
  live: Properties,
  oldInputs: Properties,
  inputs: Properties,
  mutable: MutableKinds,
): Map<string, Change> {
  const declared = normalized(inputs);
  const base = pruned(live, normalized(oldInputs));
  const fields = immutableFields(text(inputs["apiVersion"]), text(inputs["kind"]), mutable, inputs);
  const changes = new Map<string, Change>();
  walk(base, declared, "", (path, kind) => {
    const replace = fields.some(
      (field) => path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`),
    );
    changes.set(path, { kind, replace });
  });
  return changes;
}

function walk(
  old: Value | undefined,
  now: Value | undefined,
  path: string,
  report: (path: string, kind: Change["kind"]) => void,
): void {
  if (isEmpty(old) && isEmpty(now)) return;
  if (isRecord(old) && isRecord(now)) {
    for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
      walk(old[key], now[key], join(path, key), report);
    }
    return;
  }
  if (Array.isArray(old) && Array.isArray(now)) {
    for (let index = 0; index < Math.max(old.length, now.length); index++) {
      walk(old[index] as Value | undefined, now[index] as Value | undefined, `${path}[${index}]`, report);
    }
    return;
  }
  if (equal(old, now)) return;
  report(path, isEmpty(old) ? "add" : isEmpty(now) ? "delete" : "update");
}

/** Null, and an object or list without content, say nothing: the API server does not keep them. */
function isEmpty(value: Value | undefined): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) && Object.values(value).every(isEmpty);
}

function join(path: string, key: string): string {
  if (/^[A-Za-z_][\w-]*$/.test(key)) return path === "" ? key : `${path}.${key}`;
  return `${path}[${JSON.stringify(key)}]`;
}

/** What the state keeps of a live object: without the bookkeeping of field managers, the content of a Secret marked. */
export function outputsOf(object: KubeObject): Properties {
  const metadata = Object.fromEntries(Object.entries(object.metadata).filter(([key]) => key !== "managedFields"));
  const outputs = { ...object, metadata } as Record<string, Value>;
  if (object.apiVersion !== "v1" || object.kind !== "Secret") return outputs;
  return withSecretData(outputs);
}

/** Marks the content of a Secret as secret; the API server does not give `stringData` back. */
export function withSecretData(secret: Properties): Properties {
  return Object.fromEntries(
    Object.entries(secret).map(([key, value]) => [
      key,
      (key === "data" || key === "stringData") && !(value instanceof Secret) ? new Secret(value) : value,
    ]),
  );
}

/** Name of the object, or undefined where it is unknown or missing. */
export function nameOf(inputs: Properties): string | undefined {
  return textIn(inputs, "name");
}

/** Namespace that is declared, or undefined. */
export function namespaceOf(inputs: Properties): string | undefined {
  return textIn(inputs, "namespace");
}

/** An annotation's value, or undefined. */
export function annotationOf(inputs: Properties, name: string): string | undefined {
  const metadata = inputs["metadata"];
  const annotations = isRecord(metadata) ? metadata["annotations"] : undefined;
  const value = isRecord(annotations) ? annotations[name] : undefined;
  return typeof value === "string" ? value : undefined;
}

function textIn(inputs: Properties, key: string): string | undefined {
  const metadata = inputs["metadata"];
  if (!isRecord(metadata)) return undefined;
  const value = metadata[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Inputs with fields of `metadata` added. */
export function withMetadata(inputs: Properties, fields: Readonly<Record<string, Value>>): Properties {
  const metadata = isRecord(inputs["metadata"]) ? inputs["metadata"] : {};
  return { ...inputs, metadata: { ...metadata, ...fields } };
}

/** Whether the object's name is only known after the deployment. */
export function isNameUnknown(inputs: Properties): boolean {
  const metadata = inputs["metadata"];
  return metadata === unknown || (isRecord(metadata) && metadata["name"] === unknown);
}
