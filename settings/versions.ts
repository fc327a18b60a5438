/**
 * Versions of Flux, Kubernetes and the collector. Those of charts are in `chart.ts` of their components. Renovate updates these
 * lines (renovate.json); nothing else in the project names them. Digests are in digests.json.
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

/** A pin with the digest that is known of it. */
export function pinned(pin: ChartPin): ChartPin {
  const digest = digests[chartReference(pin) ?? ""];
  return digest === undefined ? pin : { ...pin, digest };
}

/** Flux distribution: the tag of github.com/fluxcd/flux2 whose install.yaml is declared. */
// renovate: datasource=github-releases depName=fluxcd/flux2
export const flux = "v2.9.4";

/** Kubernetes version of the Kind node image. The rehearsal's control plane has the same minor version (toolchain/control-plane). */
// renovate: datasource=docker depName=kindest/node
export const kindNode = "v1.36.1";

/** Registry beside the cluster of an environment whose source is `local-registry` (github.com/distribution/distribution). */
// renovate: datasource=docker depName=registry
export const registry = "3.1.2";

/** OpenTelemetry Collector distribution that runs as the environment's collector (same release as the operator). */
// renovate: datasource=docker depName=ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector-contrib
export const collector = "0.158.0";
