import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { containerResources } from "../../settings/resources.ts";
import type { Settings } from "../../settings/schema.ts";
import { charts } from "../../settings/versions.ts";
import { address, type Endpoint, type TraceStore } from "../capabilities.ts";
import { HelmRelease } from "../gitops/helm-release.ts";
import { hardened } from "../kubernetes/hardened.ts";
import { declare } from "../kubernetes/manifest.ts";
import type { ReleaseArgs } from "./component.ts";
import { namespaces } from "./namespaces.ts";

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
function jaegerValues(settings: Settings["jaeger"]): JaegerValues {
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

const endpoint: Endpoint = { namespace: namespaces.monitoring, service: "jaeger-query", port: 16686, path: "" };
const collector: Endpoint = { namespace: namespaces.monitoring, service: "jaeger-collector", port: 4317, path: "" };

/** Labels of Jaeger's pod. */
export const jaegerSelector = {
  "app.kubernetes.io/name": "jaeger",
  "app.kubernetes.io/instance": "jaeger",
  "app.kubernetes.io/component": "all-in-one",
} as const;

/** Jaeger's offer to others. */
export const jaegerStore: TraceStore = { endpoint, dataSourceType: "jaeger", otlpAddress: address(collector) };

/**
 * Jaeger: keeps traces. The chart's one Service is `jaeger`; the names of the older charts, `jaeger-query` and
 * `jaeger-collector`, are kept as Services of ours, because people and their configurations know them.
 */
export class Jaeger extends pulumi.ComponentResource {
  constructor(
    name: string,
    args: ReleaseArgs & { readonly settings: Settings["jaeger"] },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("observability:monitoring:Jaeger", name, {}, opts);
    new HelmRelease<JaegerValues>(
      name,
      {
        ...args,
        chart: charts.jaeger,
        namespace: namespaces.monitoring,
        values: jaegerValues(args.settings),
        override: args.settings.values,
      },
      { parent: this },
    );
    const service = ({ service: serviceName, port }: Endpoint, portName: string) =>
      new k8s.core.v1.Service(
        `${name}-${serviceName}`,
        {
          metadata: {
            name: serviceName,
            namespace: namespaces.monitoring,
            annotations: { "pulumi.com/skipAwait": "true" },
          },
          spec: { selector: jaegerSelector, ports: [{ name: portName, port, targetPort: port, protocol: "TCP" }] },
        },
        { parent: this, dependsOn: [...args.prerequisites] },
      );
    service(endpoint, "http-query");
    service(collector, "grpc-otlp");
    // The chart has none.
    declare(
      `${name}-servicemonitor`,
      {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "ServiceMonitor",
        metadata: { name: "jaeger", namespace: namespaces.monitoring },
        spec: {
          selector: {
            matchLabels: { "app.kubernetes.io/name": "jaeger", "app.kubernetes.io/component": "all-in-one" },
          },
          endpoints: [{ port: "internal-metrics" }],
        },
      },
      { parent: this, dependsOn: [...args.prerequisites] },
    );
    this.registerOutputs();
  }
}
