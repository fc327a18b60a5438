/** Names that kube-prometheus-stack 88.5.3 gives to what it makes. */
import { chartImages } from "../../../settings/digests.ts";
import { containerResources } from "../../../settings/resources.ts";
import { chart } from "./chart.ts";
import type { Endpoint } from "../../capabilities.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";

const release = chart.name;

/** The Service of Prometheus or Alertmanager, and the labels of the pods that the operator makes. */
export function stackService(
  of: "prometheus" | "alertmanager",
  port: number,
  path: string,
): { readonly endpoint: Endpoint; readonly selector: Readonly<Record<string, string>> } {
  const service = `${release}-${of}`;
  const instance = of === "prometheus" ? "operator.prometheus.io/name" : "alertmanager";
  return {
    endpoint: { namespace: namespaces.monitoring.name, service, port, path },
    selector: { "app.kubernetes.io/name": of, [instance]: service },
  };
}

/** Small helpers beside a main container: sidecars and config reloaders. */
export const helper = containerResources({ cpu: "5m", memory: "32Mi", memoryLimit: "128Mi" });

/**
 * An image that the chart runs, for an object of ours that its operator makes pods of: one version for both.
 * @param path of its checksum in the chart's values. @throws Error when it is not known (`npm run charts:refresh`)
 */
export function stackImage(path: string): string {
  const image = chartImages[chart.name]?.checksums[path];
  if (image === undefined) throw new Error(`settings/chart-images.json names no ${path} of ${chart.name}.`);
  return image;
}

/** The version in an image's tag, as the operator wants it: `v3.14.0` of `v3.14.0-distroless`. */
export function versionOf(image: string): string {
  return /:([^:-]+)[^:]*$/.exec(image)?.[1] ?? "";
}
