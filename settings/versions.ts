/**
 * Every version that the environment is made of, in one place. Renovate updates these lines (renovate.json);
 * nothing else in the project names a version of a chart, of Flux or of Kubernetes. Digests are in digests.json.
 */
import { digests } from "./digests.ts";

/** Where a chart is published and which version of it is deployed. */
export interface ChartPin {
  /** The chart's name in its repository. */
  readonly name: string;
  /** Exact version, as published (cert-manager's carries its leading `v`). */
  readonly version: string;
  /**
   * The repository without the chart's name. `oci://...` makes an OCIRepository, `https://...` a HelmRepository
   * that all charts of that address share.
   */
  readonly repository: string;
  /** Digest of the OCI artifact (`sha256:...`), of digests.json; when it is set, the tag alone decides nothing. */
  readonly digest?: string;
}

/** The reference of a chart that is an OCI artifact. A tag cannot hold a plus: Helm writes an underscore. */
export function chartReference({ name, version, repository }: ChartPin): string | undefined {
  if (!repository.startsWith("oci://")) return undefined;
  return `${repository.slice("oci://".length)}/${name}:${version.replaceAll("+", "_")}`;
}

/** Pins with the digests that are known of them. */
function withDigests<Pins extends Readonly<Record<string, ChartPin>>>(pins: Pins): Pins {
  const pinned = Object.entries(pins).map(([key, pin]) => {
    const digest = digests[chartReference(pin) ?? ""];
    return [key, digest === undefined ? pin : { ...pin, digest }];
  });
  return Object.fromEntries(pinned) as Pins;
}

const prometheusCommunity = "oci://ghcr.io/prometheus-community/charts";

/** Chart versions, as read from the charts' own repositories in August 2026. */
export const charts = withDigests({
  // renovate: datasource=docker depName=quay.io/jetstack/charts/cert-manager
  certManager: { name: "cert-manager", version: "v1.21.1", repository: "oci://quay.io/jetstack/charts" },
  // renovate: datasource=docker depName=ghcr.io/prometheus-community/charts/prometheus-operator-crds
  prometheusOperatorCrds: { name: "prometheus-operator-crds", version: "31.0.1", repository: prometheusCommunity },
  // renovate: datasource=docker depName=ghcr.io/prometheus-community/charts/kube-prometheus-stack
  kubePrometheusStack: { name: "kube-prometheus-stack", version: "88.5.3", repository: prometheusCommunity },
  // renovate: datasource=docker depName=ghcr.io/grafana-community/helm-charts/loki
  loki: { name: "loki", version: "18.11.0", repository: "oci://ghcr.io/grafana-community/helm-charts" },
  // renovate: datasource=docker depName=ghcr.io/fluent/helm-charts/fluent-bit
  fluentBit: { name: "fluent-bit", version: "0.58.1", repository: "oci://ghcr.io/fluent/helm-charts" },
  // renovate: datasource=docker depName=ghcr.io/open-telemetry/opentelemetry-helm-charts/opentelemetry-operator
  opentelemetryOperator: {
    name: "opentelemetry-operator",
    version: "0.122.0",
    repository: "oci://ghcr.io/open-telemetry/opentelemetry-helm-charts",
  },
  // renovate: datasource=helm depName=jaeger registryUrl=https://jaegertracing.github.io/helm-charts
  jaeger: { name: "jaeger", version: "4.11.1", repository: "https://jaegertracing.github.io/helm-charts" },
  // renovate: datasource=docker depName=ghcr.io/stefanprodan/charts/podinfo
  podinfo: { name: "podinfo", version: "6.14.1", repository: "oci://ghcr.io/stefanprodan/charts" },
} as const satisfies Record<string, ChartPin>);

/** Flux distribution: the tag of github.com/fluxcd/flux2 whose install.yaml is declared. */
// renovate: datasource=github-releases depName=fluxcd/flux2
export const flux = "v2.9.4";

/** Kubernetes version of the Kind node image. The rehearsal's control plane has the same minor version (tools/control-plane). */
// renovate: datasource=docker depName=kindest/node
export const kindNode = "v1.36.1";

/** Registry beside the cluster of an environment whose source is `local-registry` (github.com/distribution/distribution). */
// renovate: datasource=docker depName=registry
export const registry = "3.1.2";

/** OpenTelemetry Collector distribution that runs as the environment's collector (same release as the operator). */
// renovate: datasource=docker depName=ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector-contrib
export const collector = "0.158.0";
