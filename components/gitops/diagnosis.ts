/** Why an object of Flux is not Ready, as the cluster tells it: for whoever reads the end of a failed `up`. */
import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesObject, KubernetesObjectApi } from "@kubernetes/client-node";
import * as pulumi from "@pulumi/pulumi";
import { api } from "./names.ts";

/** How long the cluster may take to answer, in milliseconds: a dead one must not hold up the end of an `up`. */
const answerTimeout = 15_000;

/** How many lines of a kind are told; the last events, the first pods. */
const most = 6;

/** Conditions that never say why an object is not Ready. */
const beside = ["ArtifactInStorage", "Drifted"];

/** How the cluster is reached. */
export interface ClusterAccess {
  /** Secret. */
  readonly kubeconfig: pulumi.Output<string>;
  readonly context: string;
}

/** Where an object is. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly state?: Readonly<Record<"waiting" | "terminated", { reason?: string; message?: string } | undefined>>;
}

interface Observed extends KubernetesObject {
  readonly spec?: {
    readonly targetNamespace?: string;
    readonly releaseName?: string;
    readonly chartRef?: { readonly kind: string; readonly name: string };
    readonly sourceRef?: { readonly kind: string; readonly name: string };
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly Condition[];
    readonly inventory?: { readonly entries?: readonly { readonly id: string }[] };
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

interface Event extends KubernetesObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: Date | string | null;
  readonly eventTime?: Date | string | null;
  readonly involvedObject: { readonly kind?: string; readonly name?: string };
}

/** The calls that a diagnosis makes; `KubernetesObjectApi` has them. */
export type Reader = Pick<KubernetesObjectApi, "read" | "list">;

const conditionsOf = (object: Observed | undefined) => object?.status?.conditions ?? [];
const isReady = (object: Observed) =>
  conditionsOf(object).some(({ type, status }) => type === "Ready" && status === "True");

function conditionLine({ type, status, reason, message }: Condition): string {
  return `${type}=${status}${reason === undefined ? "" : ` ${reason}`}: ${oneLine(message)}`;
}

/** A message without what follows its first paragraph: helm-controller adds the last lines of Helm's log. */
function oneLine(message = ""): string {
  return (message.split("\n\n")[0] ?? "").replaceAll(/\s+/g, " ").trim();
}

/** What the containers of a pod wait for, or why it has no node. */
function podLine(pod: Observed): string {
  const { phase = "Unknown", initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const waits = [...initContainerStatuses, ...containerStatuses]
    .filter(({ ready }) => !ready)
    .map(({ name, state }) => {
      const { reason = "not ready", message } = state?.waiting ?? state?.terminated ?? {};
      return `container ${name} ${reason}${message === undefined ? "" : ` (${oneLine(message)})`}`;
    });
  const unscheduled = conditionsOf(pod).find(({ type, status }) => type === "PodScheduled" && status === "False");
  const why = [...waits, ...(unscheduled?.message === undefined ? [] : [unscheduled.message])];
  return `pod ${pod.metadata?.name ?? ""} is ${phase}${why.length === 0 ? "" : `: ${why.join("; ")}`}`;
}

/** The last warnings about objects, each text once. */
function eventLines(events: readonly Event[], about: (name: string) => boolean): string[] {
  const time = ({ lastTimestamp, eventTime }: Event) => new Date(lastTimestamp ?? eventTime ?? 0).getTime();
  const lines = events
    .filter(({ type, involvedObject }) => type === "Warning" && about(involvedObject.name ?? ""))
    .toSorted((left, right) => time(left) - time(right))
    .map(
      ({ reason = "", message, involvedObject: { kind = "", name = "" } }) =>
        `event ${reason}, ${kind} ${name}: ${oneLine(message)}`,
    );
  // Each try to make a pod names another one: what differs in names alone is told once.
  return [...new Map(lines.map((line) => [line.replaceAll(/"[^"]*"/g, ""), line])).values()].slice(-most);
}

/** An object, or undefined when there is none. */
async function find(reader: Reader, { apiVersion, kind, namespace, name }: ObjectReference) {
  try {
    return await reader.read<Observed>({ apiVersion, kind, metadata: { name, namespace } });
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 404) return undefined;
    throw error;
  }
}

/** The pods and the warnings of a release, by the names and labels that charts give. */
async function workloadLines(reader: Reader, release: Observed): Promise<string[]> {
  const namespace = release.spec?.targetNamespace ?? release.metadata?.namespace ?? "";
  const name = release.spec?.releaseName ?? release.metadata?.name ?? "";
  const belongs = (other: string) => other === name || other.startsWith(`${name}-`);
  const pods = (await reader.list<Observed>("v1", "Pod", namespace)).items.filter(
    (pod) =>
      !isReady(pod) &&
      pod.status?.phase !== "Succeeded" &&
      (pod.metadata?.labels?.["app.kubernetes.io/instance"] === name || belongs(pod.metadata?.name ?? "")),
  );
  const names = pods.map((pod) => pod.metadata?.name ?? "");
  const events = (await reader.list<Event>("v1", "Event", namespace)).items;
  return [
    ...pods.slice(0, most).map(podLine),
    ...eventLines(events, (about) => belongs(about) || names.includes(about)),
  ];
}

/** What an object gets its content from, when that is what is missing. */
async function sourceLines(reader: Reader, { spec, metadata }: Observed): Promise<string[]> {
  const namespace = metadata?.namespace ?? "";
  const { kind, name } = spec?.chartRef ??
    spec?.sourceRef ?? { kind: "HelmChart", name: `${namespace}-${metadata?.name ?? ""}` };
  const source = await find(reader, { apiVersion: api.source, kind, namespace, name });
  if (source === undefined || isReady(source)) return [];
  return conditionsOf(source)
    .filter(({ type }) => type === "Ready")
    .map((condition) => `its ${kind} ${name}: ${conditionLine(condition)}`);
}

/** The releases that a Kustomization applied and that are not Ready, with what is to be told of each. */
async function appliedLines(reader: Reader, kustomization: Observed): Promise<string[]> {
  const lines: string[] = [];
  for (const { id } of kustomization.status?.inventory?.entries ?? []) {
    // <namespace>_<name>_<group>_<kind>, as kustomize-controller writes it.
    const [namespace = "", name = "", , kind] = id.split("_");
    if (kind !== "HelmRelease") continue;
    const release = await find(reader, { apiVersion: api.helm, kind, namespace, name });
    if (release !== undefined && !isReady(release))
      lines.push(...(await objectLines(reader, release, { kind, namespace, name })));
  }
  return lines;
}

async function objectLines(
  reader: Reader,
  object: Observed,
  { kind, namespace, name }: Omit<ObjectReference, "apiVersion">,
): Promise<string[]> {
  const events = (await reader.list<Event>("v1", "Event", namespace)).items.filter(
    ({ involvedObject }) => involvedObject.kind === kind,
  );
  const details = [
    ...conditionsOf(object)
      .filter(({ type }) => !beside.includes(type))
      .map(conditionLine),
    ...eventLines(events, (about) => about === name),
    ...(kind === "HelmRelease" || kind === "Kustomization" ? await sourceLines(reader, object) : []),
    ...(kind === "HelmRelease" ? await workloadLines(reader, object) : []),
    ...(kind === "Kustomization" ? await appliedLines(reader, object) : []),
  ];
  return [`${kind} ${namespace}/${name}`, ...details.map((line) => `  ${line}`)];
}

/** What the cluster says about an object of Flux: its conditions, its warnings, its source, its pods. Lines of text. */
export async function diagnose(reader: Reader, reference: ObjectReference): Promise<string[]> {
  const object = await find(reader, reference);
  if (object === undefined) return [`${reference.kind} ${reference.namespace}/${reference.name} is not in the cluster`];
  return await objectLines(reader, object, reference);
}

/**
 * Tells why an object was not Ready in time. The Kubernetes provider says no more than "timed out waiting for the condition"
 * of a custom resource, and shows its warnings only while it waits (pulumi-kubernetes 4.34, `await.go`, `watchers.go`).
 * It changes nothing and asks for no retry.
 */
export function explainUnready({ kubeconfig, context }: ClusterAccess): pulumi.ErrorHook {
  const explain: pulumi.ErrorHookFunction = async ({ newInputs }) => {
    if (newInputs === undefined) return false; // A delete: the provider names what holds it up.
    const { apiVersion, kind, metadata } = newInputs as unknown as {
      apiVersion: string;
      kind: string;
      metadata: { name: string; namespace: string };
    };
    const reference = { apiVersion, kind, namespace: metadata.namespace, name: metadata.name };
    const what = `${kind} ${metadata.namespace}/${metadata.name}`;
    try {
      // It takes a second to load, which no `up` that goes well has to spend.
      const { KubeConfig, KubernetesObjectApi: ObjectApi } = await import("@kubernetes/client-node");
      const config = new KubeConfig();
      config.loadFromString(await new Promise<string>((resolve) => void kubeconfig.apply(resolve)));
      config.setCurrentContext(context);
      const late = sleep(answerTimeout, undefined, { ref: false }).then(() => {
        throw new Error(`no answer within ${answerTimeout / 1000} s`);
      });
      const lines = await Promise.race([diagnose(ObjectApi.makeApiClient(config), reference), late]);
      await pulumi.log.warn(`Why it is not Ready, as the cluster says:\n${lines.join("\n")}`);
    } catch (error) {
      const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "";
      await pulumi.log.warn(`${what} is not Ready, and the cluster does not say why: ${reason.slice(0, 300)}`);
    }
    return false;
  };
  // The engine calls a hook from outside the program; its log belongs to the run of the program that declared it.
  return new pulumi.ErrorHook("explain-unready", AsyncLocalStorage.bind(explain));
}
