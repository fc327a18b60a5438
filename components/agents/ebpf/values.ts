import type { z } from "zod";
import { containerResources } from "../../../settings/resources.ts";
import type { ebpf } from "./settings.ts";

/** Of its own metrics: the chart names the port that `service.internalMetrics.targetPort` says. */
export const metrics = { port: 6060, path: "/internal/metrics", name: "int-metrics" } as const;

/** The part of the values of opentelemetry-ebpf-instrumentation 0.12.0 that the environment sets. */
export interface EbpfValues {
  readonly privileged: false;
  readonly contextPropagation: { readonly enabled: boolean };
  readonly extraCapabilities: readonly string[];
  readonly resources: ReturnType<typeof containerResources>;
  readonly tolerations: readonly { readonly operator: "Exists" }[];
  readonly service: { readonly internalMetrics: { readonly targetPort: number } };
  readonly config: { readonly data: ReturnType<typeof ebpfConfig> };
}

/**
 * Its configuration (version 1 of the keys). Spans alone leave it: the gateway counts them, and draws the service graph, as it does with those of
 * instrumented programs, so that each metric has one producer.
 *
 * @param endpoint where OTLP is taken by gRPC
 * @param samplingRatio share of new traces that are kept
 */
function ebpfConfig(
  { namespaces, ignoredPaths }: z.output<typeof ebpf>,
  endpoint: string,
  samplingRatio: number,
  clusterName: string,
) {
  return {
    discovery: {
      instrument: namespaces.map((name) => ({ k8s_namespace: name })),
      // A program that sends OTLP has instrumentation of its own: its requests would be there twice.
      exclude_otel_instrumented_services: true,
    },
    attributes: { kubernetes: { enable: true, cluster_name: clusterName } },
    // Paths with an id in them would each be a name of spans.
    routes: { unmatched: "heuristic", ignored_patterns: ignoredPaths, ignore_mode: "all" },
    otel_traces_export: {
      endpoint,
      protocol: "grpc",
      sampler: { name: "parentbased_traceidratio", arg: String(samplingRatio) },
    },
    // The chart's own have an address and a port, and a map's key cannot be taken away from it.
    otel_metrics_export: { endpoint: "" },
    prometheus_export: { port: 0 },
    internal_metrics: { exporter: "prometheus", prometheus: { port: metrics.port, path: metrics.path } },
  } as const;
}

export function ebpfValues(
  settings: z.output<typeof ebpf>,
  ...config: [endpoint: string, samplingRatio: number, clusterName: string]
): EbpfValues {
  return {
    // Capabilities by name, and root without anything else.
    privileged: false,
    contextPropagation: { enabled: settings.propagation },
    extraCapabilities: settings.extraCapabilities,
    resources: containerResources(settings.resources),
    // Every node, tainted or not.
    tolerations: [{ operator: "Exists" }],
    service: { internalMetrics: { targetPort: metrics.port } },
    config: { data: ebpfConfig(settings, ...config) },
  };
}
