/**
 * Whose a Kind cluster is. Kind writes the labels of a node into the node's container, as text, before it starts Kubernetes
 * (kind 0.33.0, pkg/cluster/internal/create/actions/config: `/kind/kubeadm.conf`, `node-labels`). That file is the one place
 * that is asked: it can be read while a cluster is stopped or half made, and changed when a cluster is taken over. The
 * labels of the Node objects are what the kubelet made of it when it registered, for people to look at.
 */

/** What the labels say of a cluster; a field is absent where its label is. */
export interface Identity {
  /** Id of the environment that it belongs to, kept in that environment's state; or {@link released}. */
  readonly owner?: string;
  /** Pulumi project and stack, for people: the owner decides. */
  readonly project?: string;
  readonly stack?: string;
  /** Hash of the configuration that it was made from. Clusters of others have none. */
  readonly hash?: string;
  /** Tells it from earlier and later clusters of the same name and configuration. */
  readonly generation?: string;
}

/** Owner of a cluster that the next environment of its name may take over (`npm run recover -- <stack> --adopt`). */
export const released = "released";

/** Label of each field. */
export const labelOf = {
  owner: "observability.dev/owner",
  project: "observability.dev/project",
  stack: "observability.dev/stack",
  hash: "observability.dev/config-hash",
  generation: "observability.dev/generation",
} as const satisfies Record<keyof Identity, string>;

const fields = Object.keys(labelOf) as (keyof Identity)[];

/** The labels of an identity. */
export function labelsOf(identity: Identity): Record<string, string> {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const value = identity[field];
      return value === undefined || value === "" ? [] : [[labelOf[field], value]];
    }),
  );
}

const pattern = (field: keyof Identity) =>
  new RegExp(`${labelOf[field].replaceAll(".", "\\.")}=([A-Za-z0-9_.-]*)`, "g");

/** What the kubeadm configuration of a node says, in any of kubeadm's versions. */
export function identityIn(kubeadmConfig: string): Identity {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const value = pattern(field).exec(kubeadmConfig)?.[1];
      return value === undefined || value === "" ? [] : [[field, value]];
    }),
  );
}

/** The kubeadm configuration of a node of ours with another identity; the hash stays, and so does all else. */
export function withIdentity(kubeadmConfig: string, identity: Identity): string {
  let text = kubeadmConfig;
  for (const field of fields) {
    const value = identity[field];
    if (field === "hash" || value === undefined || value === "") continue;
    const label = `${labelOf[field]}=${value}`;
    text = pattern(field).test(text)
      ? text.replaceAll(pattern(field), label)
      : text.replaceAll(pattern("hash"), (hash) => `${hash},${label}`);
  }
  return text;
}

/** Whose a cluster is, for a sentence. */
export function describeOwner({ owner, project, stack }: Identity): string {
  if (owner === undefined) return "an earlier version of this project, which did not write whose a cluster is";
  const name =
    project === undefined || stack === undefined ? "another environment" : `stack "${stack}" of "${project}"`;
  return owner === released ? `nobody any more (it was ${name}'s)` : `${name} (owner ${owner})`;
}

/** Whether a cluster certainly is another environment's. One of an earlier version may be anybody's. */
export function belongsToOther({ owner }: Identity, own: string): boolean {
  return owner !== undefined && owner !== released && owner !== own;
}

/** Why a Kind cluster of this name is left alone, and what can be done. */
export function refusal(name: string, found: Identity | undefined): string {
  const choose = "Give the stack another name";
  if (found === undefined) {
    return (
      `a Kind cluster "${name}" is there, half made, and does not say whose it is. It is left alone: somebody may be ` +
      `making it. If nobody is: kind delete cluster --name ${name}`
    );
  }
  if (found.hash === undefined) {
    return (
      `a Kind cluster "${name}" exists that was not made by this project (its nodes have no label of it). ` +
      `It is left alone. ${choose}, or delete that cluster yourself: kind delete cluster --name ${name}`
    );
  }
  return (
    `the Kind cluster "${name}" belongs to ${describeOwner(found)}, not to this environment. It is left alone. ` +
    `${choose}. If it is yours and its state is lost: npm run recover -- <stack> --adopt. ${elseDelete(name)}`
  );
}

/** Why a cluster that may be taken over is not, for settings with another hash. */
export function otherSettings(name: string, found: string, own: string): string {
  return (
    `the Kind cluster "${name}" is to be taken over, but it was made from other settings (${found}, now ${own}), ` +
    `and nothing in it is thrown away for that. Put the settings under cluster.kind back as they were; change them ` +
    `after it has been taken over. ${elseDelete(name)}`
  );
}

function elseDelete(name: string): string {
  return `If nobody needs that cluster: kind delete cluster --name ${name}`;
}
