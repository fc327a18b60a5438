/**
 * Places of charts' values that a chart's `values.yaml` says nothing about: maps that are handed on as they are, and keys that
 * only templates read. `contract.ts` of a component lists those that it fills, each with its reason, and the schema of the
 * reader behind the chart judges what is in it.
 */
import { customResourcePart, type Schema } from "./schemas.ts";

/** Why a chart says nothing about a place, and what judges what is there: a function, because CRDs are read only when needed. */
export type HandedOn = readonly [reason: string, schema: () => Schema];

/** By chart, and by keys joined by `/`; a `*` stands for any one key, a `**` in front for any keys before it. */
export type FreeForm = Readonly<Record<string, Readonly<Record<string, HandedOn>>>>;

const prometheus = ["monitoring.coreos.com/v1", "Prometheus"] as const;

const quantity: Schema = { type: "string", pattern: "^\\d+(\\.\\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$" };
const amounts = (...names: readonly string[]): Schema => ({
  type: "object",
  additionalProperties: false,
  minProperties: 1,
  properties: Object.fromEntries(names.map((name) => [name, quantity])),
});

/** A container's requests and limits; stricter than Kubernetes, which takes any name for a resource. */
export const resourcesSchema: Schema = {
  type: "object",
  additionalProperties: false,
  required: ["requests", "limits"],
  properties: {
    requests: { ...amounts("cpu", "memory"), required: ["cpu", "memory"] },
    limits: { ...amounts("memory"), required: ["memory"] },
  },
};

export const strict = (properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema => ({
  type: "object",
  additionalProperties: false,
  properties,
  ...(required.length > 0 ? { required } : {}),
});
export const text: Schema = { type: "string", minLength: 1 };
export const flag: Schema = { type: "boolean" };
/** Flags that have to be there, and off. */
export const off = (...names: readonly string[]): Schema =>
  strict(Object.fromEntries(names.map((name) => [name, { const: false }])), names);
export const list = (items: Schema): Schema => ({ type: "array", items });
export const map = (values: Schema): Schema => ({ type: "object", additionalProperties: values });

/** `rules` of a role (rbac.authorization.k8s.io/v1 PolicyRule), for reading only. */
export const policyRulesSchema: Schema = {
  ...list(
    strict(
      {
        apiGroups: { ...list({ type: "string", pattern: "^$|^(apps|batch|[a-z.-]+\\.[a-z]+)$" }), minItems: 1 },
        resources: { ...list({ type: "string", pattern: "^[a-z/]+$" }), minItems: 1 },
        verbs: { ...list({ enum: ["get", "list", "watch"] }), minItems: 1 },
      },
      ["apiGroups", "resources", "verbs"],
    ),
  ),
  minItems: 1,
};

/** As `model.Duration` of Prometheus reads it. */
export const duration: Schema = {
  type: "string",
  pattern: "^(?=\\d)(\\d+y)?(\\d+w)?(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?(\\d+ms)?$",
};

/** What Kubernetes takes at a place of a pod, as the definition of Prometheus describes it. */
const podPart = (...path: readonly string[]): HandedOn => [
  "a map that the chart hands to the pod as it is",
  () => customResourcePart(...prometheus, "spec", ...path),
];

export const resources: HandedOn = ["a map that the chart hands to the pod as it is", () => resourcesSchema];
export const tolerations = podPart("tolerations");
export const affinity = podPart("affinity");
export const podSecurityContext = podPart("securityContext");
export const containerSecurityContext = podPart("containers", "items", "securityContext");
export const env = podPart("containers", "items", "env");
export const volumeMounts = podPart("containers", "items", "volumeMounts");
export const volumes = podPart("volumes");
export const annotations: HandedOn = ["annotations of an object", () => map(text)];
export const pullSecrets = podPart("imagePullSecrets");
export const pullSecretNames: HandedOn = [
  "a list of names, of which the chart makes references",
  () => ({ type: "array", items: text }),
];

/** The address under which people open what the chart deploys; its path has to be the routePrefix. */
export const externalUrl = (prefix: string): HandedOn => [
  "null in the chart; its path has to be the routePrefix",
  () => ({ type: "string", pattern: `^https?://[\\w.-]+(:\\d+)?${prefix}$` }),
];
/** A name in a list or a reference. */
export const named: Schema = { type: "string", pattern: "^[A-Za-z0-9._-]+$" };
