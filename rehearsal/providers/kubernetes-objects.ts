import type { Properties, Value } from "./values.ts";
import { equal, isRecord, Secret, text, unknown } from "./values.ts";
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
  const group = groupOf(apiVersion);
  return (!group.includes(".") || group.endsWith(".k8s.io")) && clusterScoped.has(kind);
}

/** `stringData` of a Secret becomes `data`, as the API server does. Unknown values stay unknown. */
export function normalized(inputs: Properties): Properties {
  if (inputs["apiVersion"] !== "v1" || inputs["kind"] !== "Secret") return inputs;
  const { stringData, ...rest } = inputs;
  if (!isRecord(stringData)) return inputs;
  const encoded = Object.fromEntries(
    Object.entries(stringData).map(([key, value]) => [
      key,
      typeof value === "string" ? Buffer.from(value).toString("base64") : value,
    ]),
  );
  const data = isRecord(rest["data"]) ? rest["data"] : {};
  return { ...rest, data: { ...data, ...encoded } };
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
export function outputsOf(object: KubeObject, inputs: Properties): Properties {
  const metadata = Object.fromEntries(Object.entries(object.metadata).filter(([key]) => key !== "managedFields"));
  const outputs = { ...object, metadata } as Record<string, Value>;
  if (object.apiVersion !== "v1" || object.kind !== "Secret") return outputs;
  for (const key of ["data", "stringData"]) {
    if (outputs[key] !== undefined) outputs[key] = new Secret(outputs[key]);
  }
  // The API server does not give `stringData` back; a program may still read it.
  if (inputs["stringData"] !== undefined) outputs["stringData"] = new Secret(inputs["stringData"]);
  return outputs;
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
