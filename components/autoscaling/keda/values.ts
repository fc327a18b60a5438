import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { spread } from "../../kubernetes/hardened.ts";
import type { keda } from "./settings.ts";

type Resources = ReturnType<typeof containerResources>;

/** Labels of its pods, by program. */
export const labels = {
  operator: { app: "keda-operator" },
  metricsApi: { app: "keda-operator-metrics-apiserver" },
  webhooks: { app: "keda-admission-webhooks" },
} as const;

interface Replicas {
  readonly replicaCount: number;
  readonly affinity?: ReturnType<typeof spread>;
}

interface Scraped {
  readonly enabled: true;
  readonly serviceMonitor: { readonly enabled: true };
}

/** The part of the values of KEDA 2.20.2 that the environment sets. Its own security contexts are the usual hardening. */
export interface KedaValues {
  readonly clusterName: string;
  readonly image: { readonly pullPolicy: "IfNotPresent" };
  readonly crds: { readonly additionalAnnotations: { readonly "helm.sh/resource-policy": "keep" } };
  readonly operator: Replicas;
  readonly metricsServer: Replicas;
  readonly webhooks: Replicas;
  readonly podDisruptionBudget?: Readonly<
    Record<"operator" | "metricServer" | "webhooks", { readonly maxUnavailable: 1 }>
  >;
  readonly rbac: { readonly enabledCustomScaledRefKinds: false };
  readonly resources: {
    readonly operator: Resources;
    readonly metricServer: Resources;
    readonly webhooks: Resources;
  };
  readonly prometheus: { readonly operator: Scraped; readonly metricServer: Scraped; readonly webhooks: Scraped };
  readonly certificates?: { readonly certManager: { readonly enabled: true } };
}

/** @param certificates whether cert-manager issues certificates */
export function kedaValues(settings: z.output<typeof keda>, clusterName: string, certificates: boolean): KedaValues {
  const { replicas } = settings;
  const several = (pods: Readonly<Record<string, string>>): Replicas => ({
    replicaCount: replicas,
    ...(replicas === 1 ? {} : { affinity: spread(pods) }),
  });
  const scraped = { enabled: true, serviceMonitor: { enabled: true } } as const;
  const one = { maxUnavailable: 1 } as const;
  return {
    clusterName,
    image: { pullPolicy: "IfNotPresent" },
    // Its objects have a finalizer that the operator alone takes off: a definition that is deleted with the release, after
    // the operator, would wait for objects of others for ever, and Helm for the definition.
    crds: { additionalAnnotations: { "helm.sh/resource-policy": "keep" } },
    operator: several(labels.operator),
    metricsServer: several(labels.metricsApi),
    webhooks: several(labels.webhooks),
    ...(replicas === 1 ? {} : { podDisruptionBudget: { operator: one, metricServer: one, webhooks: one } }),
    // Else it may read every object of every kind. Deployments and StatefulSets are scaled without.
    rbac: { enabledCustomScaledRefKinds: false },
    resources: {
      operator: containerResources(settings.operator),
      metricServer: containerResources(settings.metricsApi),
      webhooks: containerResources(settings.webhooks),
    },
    prometheus: { operator: scraped, metricServer: scraped, webhooks: scraped },
    // Else its operator makes them, and may change every webhook and every APIService of the cluster for it.
    ...(certificates ? { certificates: { certManager: { enabled: true } } } : {}),
  };
}
