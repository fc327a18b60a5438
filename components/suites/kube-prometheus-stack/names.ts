/** Names that kube-prometheus-stack 88.5.3 gives to what it makes. */
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
