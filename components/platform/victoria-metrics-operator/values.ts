import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { operatorVersion } from "./chart.ts";
import type { victoriaMetricsOperator } from "./settings.ts";

/** The part of the values of victoria-metrics-operator 0.67.2 that the environment sets. */
export interface VictoriaMetricsOperatorValues {
  readonly image: { readonly tag: string };
  readonly crds: { readonly plain: true };
  readonly operator: { readonly enable_converter_ownership: true };
  readonly admissionWebhooks: { readonly enabled: false };
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly serviceMonitor: { readonly enabled: true; readonly vm: false };
  readonly resources: ReturnType<typeof containerResources>;
  readonly podSecurityContext: { readonly seccompProfile: { readonly type: "RuntimeDefault" } };
}

export function victoriaMetricsOperatorValues(
  settings: z.output<typeof victoriaMetricsOperator>,
): VictoriaMetricsOperatorValues {
  return {
    // The chart has 0.74.0; the same objects are made.
    image: { tag: operatorVersion },
    // In the chart's folder `crds/`: Flux brings and updates them, and they outlive the release, as do objects of others.
    crds: { plain: true },
    // What is made of a ServiceMonitor goes when that goes.
    operator: { enable_converter_ownership: true },
    // With webhooks the operator leaves all checking to them (internal/manager/manager.go, SetSkipRuntimeValidation): a wrong
    // PrometheusRule would then be nothing but a line of its log. Without, it makes the VMRule, says `failed` there and why,
    // and leaves it out. Nor is there a certificate to renew, or a port for the API server.
    admissionWebhooks: { enabled: false },
    env: [
      // Alertmanager is the Prometheus Operator's, which reads them itself: nobody would be told twice.
      { name: "VM_ENABLEDPROMETHEUSCONVERTER_ALERTMANAGERCONFIG", value: "false" },
      // Endpoints are deprecated since Kubernetes 1.33.
      { name: "VM_VMSERVICESCRAPEDEFAULT_ENFORCEENDPOINTSLICES", value: "true" },
    ],
    // Of Prometheus' kind, which every scraper here reads.
    serviceMonitor: { enabled: true, vm: false },
    resources: containerResources(settings.resources),
    podSecurityContext: { seccompProfile: { type: "RuntimeDefault" } },
  };
}
