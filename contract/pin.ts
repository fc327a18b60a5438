/** What rows of values that security or data rest on are written with: `pinned.ts`, and `contract.ts` of components. */
import type { Settings } from "../settings/schema.ts";

export interface Pin {
  /** `Kind namespace/name` of objects; a resource that is no Kubernetes object by its type and name. `*`: any text. */
  readonly object: string;
  /** Keys joined by `/`; `*` is any part of a key, `**` any number of keys. Without them it has to be in each such object. */
  readonly path: string;
  /** Plain data, or what settings make of it. Undefined: it must not be there. */
  readonly value: unknown;
  readonly why: string;
  /** Whether the part of the object that it is about is there. @default always */
  readonly there?: (settings: Settings) => boolean;
}

type Row = readonly [path: string, value: unknown, why: string];

/** A value that settings make. */
export const setting = (of: (settings: Settings) => unknown) => of;

/** Rows of one object. */
export const of = (object: string, rows: readonly Row[]): Pin[] =>
  rows.map(([path, value, why]) => ({ object, path, value, why }));

/** Rows of a release's values. @param there whether the part of the chart that they are about is there; always when absent */
export const release = (name: string, rows: readonly Row[], there?: Pin["there"]): Pin[] =>
  of(
    `HelmRelease flux-system/${name}`,
    rows.map(([path, value, why]) => [`spec/values/${path}`, value, why] as const),
  ).map((pin) => (there === undefined ? pin : { ...pin, there }));

interface Asked {
  readonly cpu: string;
  readonly memory: string;
  readonly memoryLimit: string;
}
/** A container's requests and limits. */
export const asks = ({ cpu, memory, memoryLimit }: Asked) => ({
  requests: { cpu, memory },
  limits: { memory: memoryLimit },
});

/** Whether the cluster is somebody else's. */
export const shared = ({ cluster }: Settings) => cluster.type === "existing";
export const several = (count: (settings: Settings) => number) => setting((settings) => count(settings) > 1);

/** The level of pod security that a namespace enforces, warns of and audits. */
export const podSecurity = (namespace: string, level: unknown, why: string) =>
  of(
    `Namespace ${namespace}`,
    ["enforce", "warn", "audit"].map(
      (mode) => [`metadata/labels/pod-security.kubernetes.io/${mode}`, level, why] as const,
    ),
  );

/** Reasons of more than one component. */
export const why = {
  sized: "the setting of its name; the sum is what preflight and README ask of a machine",
  small: "no setting: counted with the sum that preflight and README ask of a machine",
  contained: "what takes a container over gets no further: hardening, docs/decisions",
  unmeasured: "its metrics feed rules and dashboards here",
  sampled: "rates over two minutes need four samples",
  noTest: "a test pod of the chart that nobody runs would stay in the environment",
  drained: "a drained node takes one replica at a time",
  reported: "nothing of an environment is told to anybody",
  restricted: "its pods need no more, so no other pod gets more",
} as const;

/** Whether a path fits a pattern. */
export function fits(pattern: string): (path: string) => boolean {
  if (!pattern.includes("*")) return (path) => path === pattern;
  const source = pattern
    .split(/(\*\*|\*)/)
    .map((part) => ({ "**": ".*", "*": "[^/]*" })[part] ?? part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const form = new RegExp(`^${source.join("")}$`);
  return (path) => form.test(path);
}
