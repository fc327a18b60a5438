import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { spread } from "../../kubernetes/hardened.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";
import type { certManager } from "./settings.ts";

type Resources = ReturnType<typeof containerResources>;

/** Where several replicas are, and how many may be away at once. */
interface Availability {
  readonly affinity?: ReturnType<typeof spread>;
  readonly podDisruptionBudget?: { readonly enabled: true };
}

/** The part of the values of cert-manager v1.21.1 that the environment sets. */
export interface CertManagerValues extends Availability {
  readonly crds: { readonly enabled: true; readonly keep: false };
  readonly global: { readonly leaderElection: { readonly namespace: string } };
  readonly replicaCount: number;
  readonly resources: Resources;
  readonly webhook: Availability & { readonly replicaCount: number; readonly resources: Resources };
  readonly cainjector: { readonly resources: Resources };
  readonly prometheus: { readonly enabled: true; readonly servicemonitor: { readonly enabled: true } };
  readonly startupapicheck: { readonly enabled: true; readonly resources: Resources };
}

/** Several replicas keep serving while a node is drained; one of one would keep its node from being drained. */
function available(component: string, replicas: number): Availability {
  if (replicas === 1) return {};
  return {
    affinity: spread({ "app.kubernetes.io/instance": "cert-manager", "app.kubernetes.io/component": component }),
    podDisruptionBudget: { enabled: true },
  };
}

export function certManagerValues(settings: z.output<typeof certManager>): CertManagerValues {
  return {
    crds: { enabled: true, keep: false },
    // The chart's own default is kube-system, where the environment has no business.
    global: { leaderElection: { namespace: namespaces.certManager.name } },
    replicaCount: settings.replicas,
    resources: containerResources(settings.controller),
    ...available("controller", settings.replicas),
    webhook: {
      replicaCount: settings.replicas,
      resources: containerResources(settings.webhook),
      ...available("webhook", settings.replicas),
    },
    cainjector: { resources: containerResources(settings.cainjector) },
    // Lower-case: `serviceMonitor` fails the chart's schema.
    prometheus: { enabled: true, servicemonitor: { enabled: true } },
    // A hook Job that ends when the webhook answers: the release is Ready when certificates can be made.
    startupapicheck: {
      enabled: true,
      resources: containerResources({ cpu: "10m", memory: "32Mi", memoryLimit: "96Mi" }),
    },
  };
}
