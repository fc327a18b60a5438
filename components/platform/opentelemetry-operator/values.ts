import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { hardened } from "../../kubernetes/hardened.ts";
import type { opentelemetryOperator } from "./settings.ts";

/** The part of the values of opentelemetry-operator 0.122.0 that the environment sets. */
export interface OpentelemetryOperatorValues {
  readonly manager: {
    readonly autoInstrumentation: { readonly go: { readonly enabled: boolean } };
    readonly serviceMonitor: { readonly enabled: true };
    readonly resources: ReturnType<typeof containerResources>;
    readonly securityContext: typeof hardened & { readonly runAsNonRoot: true };
  };
  readonly admissionWebhooks: { readonly certManager: { readonly enabled: true } };
}

/** @param go whether pods may ask for Go instrumentation */
export function opentelemetryOperatorValues(
  settings: z.output<typeof opentelemetryOperator>,
  go: boolean,
): OpentelemetryOperatorValues {
  return {
    manager: {
      autoInstrumentation: { go: { enabled: go } },
      serviceMonitor: { enabled: true },
      resources: containerResources(settings.resources),
      securityContext: { ...hardened, runAsNonRoot: true },
    },
    // `operator.networkpolicy` stays off, its default: with it operator 0.158 crashes (opentelemetry-operator#5493).
    admissionWebhooks: { certManager: { enabled: true } },
  };
}
