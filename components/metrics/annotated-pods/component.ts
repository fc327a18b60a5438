import { defineComponent } from "../../component.ts";
import { namespaces } from "../../kubernetes/namespaces.ts";

/** A pod's `prometheus.io/*` annotation as the label that service discovery gives it. */
const annotation = (name: string) => `__meta_kubernetes_pod_annotation_prometheus_io_${name}`;

/**
 * Scrapes pods of applications by their annotations, for those that have no monitor. Prometheus does it itself: several
 * collectors would each scrape every pod, and their series would be the collector's, with the pod's labels renamed.
 */
export const annotatedPods = defineComponent({
  key: "annotatedPods",
  title: "Scraping by annotations",
  settings: {},
  charts: [],
  needs: ["monitors"],
  after: ["monitors"],
  uses: ["scraping"],
  namespaces: () => [namespaces.monitoring],
  extras: ({ environment: { applications } }) =>
    // To service discovery no name is every namespace.
    applications.length === 0
      ? []
      : [
          {
            name: "scrape-config",
            object: {
              apiVersion: "monitoring.coreos.com/v1alpha1",
              kind: "ScrapeConfig",
              metadata: { name: "application-pods", namespace: namespaces.monitoring.name },
              spec: {
                jobName: "application-pods",
                // They need not exist yet.
                kubernetesSDConfigs: [{ role: "Pod", namespaces: { names: [...applications] } }],
                relabelings: [
                  // The VictoriaMetrics operator leaves jobName out of its copy.
                  { action: "replace", targetLabel: "job", replacement: "application-pods" },
                  { sourceLabels: [annotation("scrape")], action: "keep", regex: "true" },
                  // Whoever has a monitor says so, for a pod does not know who selects it.
                  { sourceLabels: [annotation("monitor")], action: "drop", regex: "true" },
                  // A pod that has ended answers no more; the operator drops those of its monitors, too.
                  { sourceLabels: ["__meta_kubernetes_pod_phase"], action: "drop", regex: "(Failed|Succeeded)" },
                  {
                    sourceLabels: [annotation("path")],
                    action: "replace",
                    targetLabel: "__metrics_path__",
                    regex: "(.+)",
                  },
                  {
                    sourceLabels: ["__meta_kubernetes_pod_ip", annotation("port")],
                    action: "replace",
                    regex: "(.+);(\\d+)",
                    replacement: "$1:$2",
                    targetLabel: "__address__",
                  },
                  // A pod has a target for each container port; all of them lead to the annotated one.
                  { sourceLabels: ["__meta_kubernetes_pod_container_init"], action: "drop", regex: "true" },
                  { sourceLabels: ["__meta_kubernetes_namespace"], action: "replace", targetLabel: "namespace" },
                  { sourceLabels: ["__meta_kubernetes_pod_name"], action: "replace", targetLabel: "pod" },
                ],
              },
            },
          },
        ],
});
