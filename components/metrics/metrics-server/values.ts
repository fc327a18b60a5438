import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { spread } from "../../kubernetes/hardened.ts";
import type { metricsServer } from "./settings.ts";

/** Labels of its pods. */
export const labels = { "app.kubernetes.io/name": "metrics-server", "app.kubernetes.io/instance": "metrics-server" };

/** The part of the values of metrics-server 3.13.1 that the environment sets. Its own security context is the usual hardening. */
export interface MetricsServerValues {
  readonly replicas: number;
  readonly resources: ReturnType<typeof containerResources>;
  readonly metrics: { readonly enabled: true };
  readonly serviceMonitor: { readonly enabled: true };
  readonly args?: readonly string[];
  readonly affinity?: ReturnType<typeof spread>;
  readonly podDisruptionBudget?: { readonly enabled: true; readonly maxUnavailable: 1 };
}

/**
 * Values of metrics-server.
 * @param kind whether the cluster is Kind's, whose kubelets sign their certificates themselves
 */
export function metricsServerValues(settings: z.output<typeof metricsServer>, kind: boolean): MetricsServerValues {
  return {
    replicas: settings.replicas,
    resources: containerResources(settings.resources),
    metrics: { enabled: true },
    serviceMonitor: { enabled: true },
    ...(kind ? { args: ["--kubelet-insecure-tls"] } : {}),
    // Several replicas keep serving while a node is drained; one of one would keep its node from being drained.
    ...(settings.replicas === 1
      ? {}
      : { affinity: spread(labels), podDisruptionBudget: { enabled: true, maxUnavailable: 1 } }),
  };
}
