import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import type { eckOperator } from "./settings.ts";

/** Port of the operator's own metrics. */
export const metricsPort = 8080;

/** The part of the values of eck-operator 3.5.0 that the environment sets. */
export interface EckOperatorValues {
  readonly installCRDs: true;
  readonly managedNamespaces: readonly string[];
  readonly createClusterScopedResources: false;
  readonly webhook: { readonly enabled: false };
  readonly telemetry: { readonly disabled: true };
  readonly config: {
    readonly validateStorageClass: false;
    readonly exposedNodeLabels: readonly [];
    readonly metrics: { readonly port: string };
  };
  readonly podMonitor: { readonly enabled: true; readonly interval: string };
  readonly resources: ReturnType<typeof containerResources>;
  readonly podSecurityContext: {
    readonly runAsNonRoot: true;
    readonly seccompProfile: { readonly type: "RuntimeDefault" };
  };
}

export function eckOperatorValues(settings: z.output<typeof eckOperator>): EckOperatorValues {
  return {
    installCRDs: true,
    // Its rights end there (deploy/eck-operator/templates/role-bindings.yaml): it reads and writes every Secret of a namespace that it manages.
    managedNamespaces: [namespaces.monitoring.name],
    createClusterScopedResources: false,
    // A webhook is the whole cluster's. Without it the operator checks an object when it reads it, and says what is wrong in an event.
    webhook: { enabled: false },
    telemetry: { disabled: true },
    // What these ask for is outside of a namespace.
    config: { validateStorageClass: false, exposedNodeLabels: [], metrics: { port: String(metricsPort) } },
    // The chart's 5m would leave gaps in every query over less.
    podMonitor: { enabled: true, interval: "1m" },
    resources: containerResources(settings.resources),
    podSecurityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
  };
}
