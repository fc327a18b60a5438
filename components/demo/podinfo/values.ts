import { chart } from "./chart.ts";
import { clusterUrl, type TelemetryGateway } from "../../capabilities.ts";

/** Port of podinfo's API; `/metrics` is served there too, and the chart's ServiceMonitor asks for it there. */
export const podinfoPort = 9898;

/** The image that the chart deploys: its values.yaml has its own version as the tag. */
export const podinfoImage = `ghcr.io/stefanprodan/podinfo:${chart.version}`;

/** The part of the values of podinfo 6.14.1 that the environment sets. */
export interface PodinfoValues {
  readonly logLevel: "debug";
  readonly backends: readonly string[];
  readonly extraArgs: readonly string[];
  readonly extraEnvs: readonly { readonly name: string; readonly value: string }[];
  readonly podAnnotations: Readonly<Record<string, string>>;
  readonly podSecurityContext: object;
  readonly securityContext: object;
  readonly serviceMonitor: { readonly enabled: true; readonly interval: string };
  readonly resources: object;
}

export interface PodinfoArgs {
  /** Where traces and log records go; undefined where nobody takes them. */
  readonly gateway: TelemetryGateway | undefined;
  /** Share of new traces that are kept. */
  readonly samplingRatio: number;
  /** Name of the cluster, as it stands on what is sent. */
  readonly clusterName: string;
}

/**
 * Values of one podinfo.
 *
 * @param name of the release, and so of its Service, its Deployment and the service in traces
 * @param backends addresses that `/api/echo` hands a request on to
 */
export function podinfoValues(name: string, backends: readonly string[], args: PodinfoArgs): PodinfoValues {
  const { gateway } = args;
  const attributes = {
    "k8s.cluster.name": args.clusterName,
    "deployment.environment.name": args.clusterName,
    // The one of the chart; namespace, pod and the rest are added by the collector.
    "k8s.container.name": "podinfo",
  };
  return {
    // Its request log, with the `trace_id` of the request, is written at this level (pkg/api/http/logging.go).
    logLevel: "debug",
    backends,
    // Without a name it sends nothing (cmd/podinfo/main.go).
    extraArgs: gateway === undefined ? [] : [`--otel-service-name=${name}`],
    // Read by the SDK for Go; its exporters speak gRPC (pkg/api/http/tracer.go).
    extraEnvs:
      gateway === undefined
        ? []
        : [
            { name: "OTEL_EXPORTER_OTLP_ENDPOINT", value: clusterUrl(gateway.otlpGrpc) },
            { name: "OTEL_TRACES_SAMPLER", value: "parentbased_traceidratio" },
            { name: "OTEL_TRACES_SAMPLER_ARG", value: String(args.samplingRatio) },
            {
              name: "OTEL_RESOURCE_ATTRIBUTES",
              value: Object.entries(attributes)
                .map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
                .join(","),
            },
          ],
    // The chart marks its pods for scraping and has a monitor too: the collector has to leave them to the monitor.
    podAnnotations: { "prometheus.io/monitor": "true" },
    // The image names its user ("app"), and a kubelet knows by a number only that this is not root.
    podSecurityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: "RuntimeDefault" } },
    // It writes to /data alone, a volume of the chart.
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    serviceMonitor: { enabled: true, interval: "30s" },
    resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
  };
}
