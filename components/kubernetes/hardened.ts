import { pulls } from "./pull-secrets.ts";

/**
 * Security context of a container that needs nothing from its node and writes nothing but volumes. Charts whose own values
 * leave a part of it out are given it; who cannot have all of it says why beside its values.
 */
export const hardened = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  readOnlyRootFilesystem: true,
  seccompProfile: { type: "RuntimeDefault" },
} as const;

/** Security context of a pod that runs as a user of its own. @param groups its group, and that of its volumes */
export const runsAs = <const User extends number, const Groups extends object>(runAsUser: User, groups: Groups) =>
  ({ runAsNonRoot: true, runAsUser, ...groups, seccompProfile: { type: "RuntimeDefault" } }) as const;

/** Security context of a pod whose containers are hardened by the operator that makes it. */
export const unprivileged = runsAs(1000, { runAsGroup: 2000, fsGroup: 2000 });

/**
 * What pods of ours have in common: no word with the API server, a user, images pulled as the environment does.
 * @param groups as {@link runsAs} has them
 */
export const ownPod = (user: number, environment: Parameters<typeof pulls>[0], groups: object = {}) => ({
  automountServiceAccountToken: false,
  ...pulls(environment),
  securityContext: runsAs(user, groups),
});

/** Replicas of a component on different nodes where there are several: an affinity of pods with these labels. */
export function spread(labels: Readonly<Record<string, string>>) {
  return {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 100,
          podAffinityTerm: { labelSelector: { matchLabels: labels }, topologyKey: "kubernetes.io/hostname" },
        },
      ],
    },
  };
}

/** Replicas are evicted one at a time. None of a single one: its node could not be drained. */
export function disruptionBudgets(
  replicas: number,
  metadata: { readonly name: string; readonly namespace: string },
  labels: Readonly<Record<string, string>>,
) {
  if (replicas === 1) return [];
  const spec = { maxUnavailable: 1, selector: { matchLabels: labels } };
  return [{ apiVersion: "policy/v1", kind: "PodDisruptionBudget", metadata, spec }];
}
