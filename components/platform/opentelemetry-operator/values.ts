import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { hardened } from "../../kubernetes/hardened.ts";
import type { OpentelemetryOperatorValues } from "./generated/values.ts";
import type { opentelemetryOperator } from "./settings.ts";

/** Values of opentelemetry-operator 0.122.0. @param go whether pods may ask for Go instrumentation */
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
