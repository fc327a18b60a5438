import { createHash } from "node:crypto";
import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import { hardened } from "../../kubernetes/hardened.ts";
import type { jaeger } from "./settings.ts";

/** Configuration of Jaeger 2, which is a collector's: as far as the environment sets it. */
interface JaegerConfig {
  readonly service: {
    readonly extensions: readonly string[];
    readonly pipelines: {
      readonly traces: {
        readonly receivers: readonly string[];
        readonly processors: readonly string[];
        readonly exporters: readonly string[];
      };
    };
    readonly telemetry: object;
  };
  readonly extensions: object;
  readonly receivers: object;
  readonly processors: object;
  readonly exporters: object;
}

/** The part of the values of jaeger 4.11.1 that the environment sets. */
export interface JaegerValues {
  readonly jaeger: {
    readonly replicas: 1;
    readonly resources: ReturnType<typeof containerResources>;
    readonly podLabels: Readonly<Record<string, string>>;
    readonly podSecurityContext: object;
    readonly securityContext: object;
  };
  readonly userconfig: JaegerConfig;
}

/** Values of Jaeger: one process, traces in memory. Its configuration is `userconfig`, not `config` as its README says. */
export function jaegerValues(settings: z.output<typeof jaeger>): JaegerValues {
  const userconfig: JaegerConfig = {
    service: {
      extensions: ["jaeger_storage", "jaeger_query", "healthcheckv2"],
      pipelines: {
        traces: { receivers: ["otlp"], processors: ["batch"], exporters: ["jaeger_storage_exporter"] },
      },
      telemetry: {
        resource: { "service.name": "jaeger" },
        metrics: {
          level: "detailed",
          // Names as collectors have them by default (`otelcol_receiver_accepted_spans`): rules and dashboards ask for those.
          readers: [
            {
              pull: {
                exporter: {
                  prometheus: {
                    host: "0.0.0.0",
                    port: 8888,
                    without_type_suffix: true,
                    without_units: true,
                    without_scope_info: true,
                  },
                },
              },
            },
          ],
        },
      },
    },
    extensions: {
      // The chart's probes ask here.
      healthcheckv2: { use_v2: true, http: { endpoint: "0.0.0.0:13133" } },
      jaeger_query: {
        storage: { traces: "memory" },
        http: { endpoint: "0.0.0.0:16686" },
        grpc: { endpoint: "0.0.0.0:16685" },
      },
      jaeger_storage: { backends: { memory: { memory: { max_traces: settings.maxTraces } } } },
    },
    receivers: { otlp: { protocols: { grpc: { endpoint: "0.0.0.0:4317" }, http: { endpoint: "0.0.0.0:4318" } } } },
    processors: { batch: {} },
    exporters: { jaeger_storage_exporter: { trace_storage: "memory" } },
  };
  const hash = createHash("sha256").update(JSON.stringify(userconfig)).digest("hex").slice(0, 12);
  return {
    jaeger: {
      replicas: 1,
      resources: containerResources(settings.resources),
      // The chart puts no checksum of the configuration on the pod: without this a change would not restart it.
      podLabels: { "config-hash": hash },
      podSecurityContext: {
        runAsNonRoot: true,
        runAsUser: 10001,
        runAsGroup: 10001,
        fsGroup: 10001,
        seccompProfile: { type: "RuntimeDefault" },
      },
      securityContext: hardened,
    },
    userconfig,
  };
}
