import { annotationOf, type KubeObject } from "./kubernetes-objects.ts";
import { isRecord, text, type Properties, type Value } from "./values.ts";

/** Undefined when the object is as it should be, else what it is waiting for. */
export type Awaited = (object: KubeObject) => string | undefined;

/**
 * What the released provider waits for: the annotation `pulumi.com/waitFor` instead of the built-in rules; without
 * either, nothing (a custom resource counts as ready at once, and so do Namespaces and CustomResourceDefinitions).
 * @throws When the annotation is malformed.
 */
export function awaitedOf(inputs: Properties): readonly Awaited[] {
  const annotation = annotationOf(inputs, "pulumi.com/waitFor");
  if (annotation !== undefined && annotation !== "") return expressionsOf(annotation).map(parse);
  const builtIn = builtIns[`${text(inputs["apiVersion"])}/${text(inputs["kind"])}`];
  return builtIn === undefined ? [] : [builtIn];
}

/** Kinds whose built-in rule is also looked at by a refresh. */
export function isCheckedOnRead(inputs: Properties): boolean {
  return /^(apps\/v1\/(Deployment|StatefulSet|DaemonSet)|batch\/v1\/Job|v1\/Pod)$/.test(
    `${text(inputs["apiVersion"])}/${text(inputs["kind"])}`,
  );
}

/** The conditions of an object as lines, for people. */
export function conditionLines(object: KubeObject): string[] {
  return conditionsOf(object).map((condition) => {
    const details = [text(condition["reason"]), text(condition["message"])].filter((part) => part !== "");
    return `condition ${text(condition["type"])}=${text(condition["status"])} ${details.join(": ")}`.trim();
  });
}

function expressionsOf(annotation: string): readonly string[] {
  let list: unknown;
  try {
    list = JSON.parse(annotation);
  } catch {
    return [annotation];
  }
  if (!Array.isArray(list) || !list.every((item) => typeof item === "string")) return [annotation];
  if (list.length === 0) throw new Error("pulumi.com/waitFor: at least one condition must be specified");
  return list;
}

function parse(expression: string): Awaited {
  if (expression.startsWith("condition=")) {
    const [type = "", status = "True"] = expression.slice("condition=".length).split("=");
    return (object) => conditionIs(object, type, status);
  }
  // The released provider reads RFC 9535 (pulumi-kubernetes 4.34, provider/pkg/jsonpath); nothing here uses it.
  if (expression.startsWith("jsonpath=")) throw new Error(`pulumi.com/waitFor: the stand-in reads no ${expression}`);
  throw new Error(`pulumi.com/waitFor: expected a "jsonpath=" or "condition=" prefix, got "${expression}"`);
}

/** As `kubectl wait --for=condition=...`: a condition about an older generation does not count. */
function conditionIs(object: KubeObject, type: string, status: string): string | undefined {
  const condition = conditionsOf(object).find((item) => text(item["type"]).toLowerCase() === type.toLowerCase());
  if (condition === undefined) return `it has no condition ${type} yet`;
  const generation = object.metadata.generation;
  const observed = condition["observedGeneration"] ?? statusOf(object)["observedGeneration"];
  if (generation !== undefined && typeof observed === "number" && observed < generation) {
    return `condition ${type} is about generation ${observed}, not ${generation}`;
  }
  if (text(condition["status"]).toLowerCase() === status.toLowerCase()) return undefined;
  const why = [text(condition["reason"]), text(condition["message"])].filter((part) => part !== "").join(": ");
  return `condition ${type}=${text(condition["status"])}, wanted ${status}${why === "" ? "" : ` (${why})`}`;
}

const builtIns: Readonly<Record<string, Awaited | undefined>> = {
  "apps/v1/Deployment"(object) {
    const { status, wanted, stale } = workload(object);
    if (stale !== undefined) return stale;
    const progressing = conditionsOf(object).find((item) => item["type"] === "Progressing");
    if (progressing?.["reason"] === "ProgressDeadlineExceeded") return text(progressing["message"]);
    const updated = number(status["updatedReplicas"]);
    const available = number(status["availableReplicas"]);
    if (updated < wanted) return `${updated} of ${wanted} replicas are of the new version`;
    if (number(status["replicas"]) > updated) return "replicas of the old version are still there";
    return available < wanted ? `${available} of ${wanted} replicas are available` : undefined;
  },
  "apps/v1/StatefulSet"(object) {
    const { status, wanted, stale } = workload(object);
    if (stale !== undefined) return stale;
    const ready = number(status["readyReplicas"]);
    if (ready < wanted) return `${ready} of ${wanted} replicas are ready`;
    const isRolledOut = status["currentRevision"] === status["updateRevision"] || wanted === 0;
    return isRolledOut ? undefined : "the new version is not rolled out yet";
  },
  "apps/v1/DaemonSet"(object) {
    const { status, stale } = workload(object);
    if (stale !== undefined) return stale;
    const wanted = number(status["desiredNumberScheduled"]);
    const updated = number(status["updatedNumberScheduled"]);
    const available = number(status["numberAvailable"]);
    if (updated < wanted) return `${updated} of ${wanted} nodes run the new version`;
    return available < wanted ? `available on ${available} of ${wanted} nodes` : undefined;
  },
  "batch/v1/Job"(object) {
    return conditionIs(object, "Complete", "True");
  },
  "v1/Pod"(object) {
    if (statusOf(object)["phase"] === "Succeeded") return undefined;
    return conditionIs(object, "Ready", "True");
  },
  "v1/PersistentVolume"(object) {
    return phaseIn(object, ["Available", "Bound"]);
  },
  "v1/PersistentVolumeClaim"(object) {
    return phaseIn(object, ["Bound"]);
  },
  "v1/Secret"(object) {
    if (object["type"] !== "kubernetes.io/service-account-token" || object["data"] !== undefined) return undefined;
    return "its token is not made yet";
  },
};

function workload(object: KubeObject): { status: Readonly<Record<string, Value>>; wanted: number; stale?: string } {
  const status = statusOf(object);
  const spec = object["spec"] as Value | undefined;
  const wanted = isRecord(spec) && typeof spec["replicas"] === "number" ? spec["replicas"] : 1;
  const observed = number(status["observedGeneration"]);
  const isStale = observed < (object.metadata.generation ?? 0);
  return isStale ? { status, wanted, stale: "its controller has not seen it yet" } : { status, wanted };
}

function phaseIn(object: KubeObject, phases: readonly string[]): string | undefined {
  const phase = text(statusOf(object)["phase"]);
  return phases.includes(phase) ? undefined : `phase ${phase || "unknown"}, wanted ${phases.join(" or ")}`;
}

function statusOf(object: KubeObject): Readonly<Record<string, Value>> {
  const status = object["status"] as Value | undefined;
  return isRecord(status) ? status : {};
}

function conditionsOf(object: KubeObject): readonly Readonly<Record<string, Value>>[] {
  const conditions = statusOf(object)["conditions"];
  return Array.isArray(conditions) ? (conditions as Value[]).filter(isRecord) : [];
}

function number(value: Value | undefined): number {
  return typeof value === "number" ? value : 0;
}
