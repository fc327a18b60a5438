import { type Autoscaling, clusterUrl, isRemote } from "../../capabilities.ts";
import type { SecretText } from "../../component.ts";
import { caOf, secretText, tenantHeader } from "../../remote.ts";

/**
 * What the store wants of who asks, in KEDA's words (v2.20.2, pkg/scalers/authentication): each key of the Secret is a parameter.
 * Without a mode KEDA leaves all of it aside, the certificates too: where there is nothing but those, the mode is a header that
 * says no more than is so.
 */
function credentials(...[, store, known]: Parameters<Autoscaling["scale"]>): {
  readonly mode?: "basic" | "bearer" | "custom";
  readonly data: Readonly<Record<string, SecretText>>;
} {
  if (!isRemote(store)) return { data: {} };
  const { access } = store;
  const ca = caOf(store, known);
  const trusted: Readonly<Record<string, SecretText>> = ca === undefined ? {} : { ca };
  const secret = secretText(access, known);
  if (secret !== undefined) {
    return access.user === undefined
      ? { mode: "bearer", data: { bearerToken: secret, ...trusted } }
      : { mode: "basic", data: { username: access.user, password: secret, ...trusted } };
  }
  return ca === undefined
    ? { data: {} }
    : { mode: "custom", data: { customAuthHeader: "Accept", customAuthValue: "application/json", ca } };
}

/**
 * A ScaledObject, of which KEDA makes a HorizontalPodAutoscaler. What the store wants is in a Secret of the workload's namespace: a
 * ClusterTriggerAuthentication would lend it to whoever names it, for any address.
 */
export const scaledObject: Autoscaling["scale"] = (workload, store, known) => {
  const { namespace, deployment: name, counter, job, perPod, min, max } = workload;
  const { mode, data } = credentials(workload, store, known);
  const metadata = { name, namespace };
  const tenant = isRemote(store) ? store.access.tenant : undefined;
  const secret = `${name}-metrics`;
  const authentication = {
    apiVersion: "keda.sh/v1alpha1",
    kind: "TriggerAuthentication",
    metadata,
    spec: {
      secretTargetRef: Object.keys(data).map((key) => ({ parameter: key, name: secret, key })),
    },
  };
  const object = {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata,
    spec: {
      scaleTargetRef: { name },
      minReplicaCount: min,
      maxReplicaCount: max,
      triggers: [
        {
          type: "prometheus",
          name: counter,
          metricType: "AverageValue",
          metadata: {
            serverAddress: clusterUrl(store),
            query: `sum(rate(${counter}{namespace="${namespace}", job="${job}"}[2m]))`,
            threshold: String(perPod),
            // No answer is not no requests: the replicas stay, and an alert tells.
            ignoreNullValues: "false",
            ...(tenant === undefined ? {} : { customHeaders: `${tenantHeader}=${tenant}` }),
            ...(mode === undefined ? {} : { authModes: mode }),
          },
          ...(mode === undefined ? {} : { authenticationRef: { name } }),
        },
      ],
    },
  };
  return {
    secrets: mode === undefined ? [] : [{ name: secret, namespace, data }],
    // Deleted in the opposite order: KEDA takes its finalizer off while it is there, and the workload still is.
    objects: [
      ...(mode === undefined ? [] : [{ name: `${name}-access`, object: authentication }]),
      { name: `${name}-scaling`, object, last: true, webhook: true },
    ],
  };
};
