import type { Extra } from "../component.ts";
import { namespaces } from "../kubernetes/namespaces.ts";

/**
 * The monitor of pods that the Prometheus Operator makes of an object (0.93.1: ports `web` and `reloader-web`), which no chart brings.
 *
 * @param name its own, which the label `app.kubernetes.io/name` of the pods has too: the job of their series
 */
export const podMonitor = (name: string, labels: Readonly<Record<string, string>>): Extra => ({
  name: "monitor",
  object: {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PodMonitor",
    metadata: { name, namespace: namespaces.monitoring.name },
    spec: {
      jobLabel: "app.kubernetes.io/name",
      selector: { matchLabels: labels },
      podMetricsEndpoints: [{ port: "web" }, { port: "reloader-web" }],
    },
  },
});
