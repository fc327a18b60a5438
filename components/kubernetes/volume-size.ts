/** Volumes of a StatefulSet keep the size that they were made with: said in the preview, and before the release is changed. */
import * as pulumi from "@pulumi/pulumi";
import type { ClusterAccess } from "../gitops/diagnosis.ts";
import { openApi } from "./api.ts";

export interface VolumeClaims {
  /** Path of the setting that is their size. */
  readonly setting: string;
  /** Keys of the size in the values of the release. */
  readonly size: readonly string[];
  readonly namespace: string;
  readonly statefulSet: string;
  /** Name of the claims without the pod's. */
  readonly claim: string;
}

function at(values: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>((node, key) => (node as Readonly<Record<string, unknown>> | undefined)?.[key], values);
}

/** What to do instead; nothing when the size is the same. Kubernetes changes no claim template of a StatefulSet. */
export function otherSize(claims: VolumeClaims, before: unknown, after: unknown): string | undefined {
  const [was, is] = [at(before, claims.size), at(after, claims.size)];
  if (typeof was !== "string" || typeof is !== "string" || was === is) return undefined;
  const { setting, namespace, statefulSet, claim } = claims;
  const patch = JSON.stringify({ spec: { resources: { requests: { storage: is } } } });
  return [
    `${setting}: is ${is}, but the volumes were made with ${was}, and Kubernetes changes no StatefulSet's volumes.`,
    `Set it to ${was} again, or, to keep the data and go on with ${is}, just before the next up:`,
    `  kubectl --namespace ${namespace} delete statefulset ${statefulSet} --cascade=orphan`,
    "Pods and volumes stay, and up makes it again. Volumes that are there grow only where their StorageClass allows it:",
    `  kubectl --namespace ${namespace} patch pvc ${claim}-${statefulSet}-0 --patch '${patch}'`,
  ].join("\n");
}

/** Refuses another size while the StatefulSet is there. Without an answer of the cluster it counts as there. */
export function keepVolumeSize(claims: VolumeClaims, { kubeconfig, context }: ClusterAccess): pulumi.ResourceHook {
  return new pulumi.ResourceHook(
    `keep-volumes-of-${claims.statefulSet}`,
    async ({ oldInputs, newInputs }) => {
      const said = otherSize(claims, at(oldInputs, ["spec", "values"]), at(newInputs, ["spec", "values"]));
      if (said === undefined) return;
      const path = `/apis/apps/v1/namespaces/${claims.namespace}/statefulsets/${claims.statefulSet}`;
      const isThere = await new Promise<string>((resolve) => void kubeconfig.apply(resolve))
        .then((text) => openApi(text, context))
        .then((api) => api.get(path))
        .then(
          (found) => found !== undefined,
          () => true,
        );
      if (isThere) throw new Error(said);
    },
    { onDryRun: true },
  );
}
