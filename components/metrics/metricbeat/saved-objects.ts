/** What people find of the metrics in Kibana: a data view and a dashboard. */
import { chart, count, dashboard, dataView, extreme, perSecond, type SavedObject, sum } from "../../kibana.ts";
import { streams } from "./names.ts";

const view = "observability-metrics";
const label = (name: string) => `prometheus.labels.${name}`;

type Chart = Parameters<typeof chart>[0];

/** Two beside each other. */
const charts: readonly Omit<Chart, "view" | "gridData" | "rest">[] = [
  {
    title: "Failed scrapes, by job",
    value: count("Scrapes"),
    by: { label: "Job", field: label("job") },
    where: "prometheus.up.value < 1",
  },
  {
    title: "Requests a second, by service",
    value: perSecond("Requests", "prometheus.traces_span_metrics_calls_total.rate"),
    by: { label: "Service", field: label("service_name") },
  },
  {
    title: "CPU, by pod",
    value: perSecond("Cores", "prometheus.container_cpu_usage_seconds_total.rate"),
    by: { label: "Pod", field: label("pod") },
    // The kubelet has a pod's and a node's sum beside those of containers.
    where: `${label("container")} : *`,
  },
  {
    title: "Memory of the largest container, by pod",
    value: extreme("Memory", "max", "prometheus.container_memory_working_set_bytes.value"),
    by: { label: "Pod", field: label("pod") },
    where: `${label("container")} : *`,
  },
  {
    title: "Restarts, by pod",
    value: sum("Restarts", "prometheus.kube_pod_container_status_restarts_total.rate"),
    by: { label: "Pod", field: label("pod") },
  },
  {
    title: "Room left on the fullest file system, by node",
    value: extreme("Room", "min", "prometheus.node_filesystem_avail_bytes.value"),
    by: { label: "Node", field: label("instance") },
    where: `not ${label("fstype")} : (tmpfs or ramfs)`,
  },
];

export const savedObjects: readonly SavedObject[] = [
  dataView(view, streams, "Metrics"),
  dashboard(
    "observability-metrics",
    "Metrics",
    "What do pods, nodes and services do?",
    charts.map((one, index) =>
      chart({
        ...{ ...one, view, rest: false },
        gridData: { x: (index % 2) * 24, y: Math.floor(index / 2) * 12, w: 24, h: 12 },
      }),
    ),
  ),
];
