import type { Dashboard } from "../builder.ts";
import { dashboardUrl, logStreams } from "../names.ts";

/** Pods of the chosen workloads, by the relation that kube-prometheus-stack records. */
const pods = `* on (namespace, pod) group_left () max by (namespace, pod) (namespace_workload_pod:kube_pod_owner:relabel{namespace=~"$namespace", workload=~"$workload"})`;
const container = `namespace=~"$namespace", pod=~"$pod", container!="", container!="POD"`;
const object = `namespace=~"$namespace", pod=~"$pod"`;

/** Sum over the containers of each pod that belongs to a chosen workload. */
function byPod(expr: string): string {
  return `sum by (namespace, pod) (${expr}) ${pods}`;
}

const logs = logStreams({ namespace: "$namespace", pod: "$pod" });

const workloadLabels = `namespace=~"$namespace", deployment=~"$workload"`;

export const workload: Dashboard = {
  uid: "workload",
  title: "Workload",
  description: "What is wrong with this one Deployment, StatefulSet or DaemonSet: does it run, starve, leak, restart?",
  folder: "kubernetes",
  tags: ["kubernetes"],
  sources: ["metrics", "logs"],
  variables: [
    {
      name: "namespace",
      label: "Namespace",
      description: "Namespace of the workload.",
      query: "label_values(namespace_workload_pod:kube_pod_owner:relabel, namespace)",
    },
    {
      name: "workload",
      label: "Workload",
      description: "Deployment, StatefulSet, DaemonSet or Job.",
      query: `label_values(namespace_workload_pod:kube_pod_owner:relabel{namespace=~"$namespace"}, workload)`,
    },
    {
      name: "pod",
      label: "Pod",
      description: "Pods of the workload.",
      query: `label_values(namespace_workload_pod:kube_pod_owner:relabel{namespace=~"$namespace", workload=~"$workload"}, pod)`,
    },
  ],
  annotations: [
    {
      name: "Restarts",
      description: "A container started again",
      title: "restart of {{pod}}/{{container}}",
      color: "orange",
      expr: `changes(kube_pod_container_status_restarts_total{${object}}[2m]) > 0`,
    },
  ],
  rows: [
    {
      title: "At a glance",
      panels: [
        {
          kind: "stat",
          title: "Pods running",
          description: "Pods of the selection in phase Running.",
          unit: "short",
          width: 4,
          height: 4,
          targets: [
            {
              expr: `sum((max by (namespace, pod) (kube_pod_status_phase{${object}, phase="Running"} == 1)) ${pods})`,
              legend: "running",
              instant: true,
            },
          ],
        },
        {
          kind: "stat",
          title: "Pods not ready",
          description: "Running or pending pods whose Ready condition is not true.",
          unit: "short",
          width: 4,
          height: 4,
          thresholds: [
            { from: 0, color: "green" },
            { from: 1, color: "red" },
          ],
          targets: [
            {
              expr: `sum((max by (namespace, pod) (kube_pod_status_ready{${object}, condition="false"} == 1 and on (namespace, pod) kube_pod_status_phase{phase=~"Running|Pending"} == 1)) ${pods}) or vector(0)`,
              legend: "not ready",
              instant: true,
            },
          ],
        },
        {
          kind: "stat",
          title: "Restarts",
          description: "Container restarts within the time range.",
          unit: "short",
          width: 4,
          height: 4,
          decimals: 0,
          thresholds: [
            { from: 0, color: "green" },
            { from: 1, color: "orange" },
          ],
          targets: [
            {
              expr: `sum(${byPod(`increase(kube_pod_container_status_restarts_total{${object}}[$__range])`)})`,
              legend: "restarts",
              instant: true,
            },
          ],
        },
        {
          kind: "stat",
          title: "Killed for memory",
          description: "Containers whose last end was OOMKilled.",
          unit: "short",
          width: 4,
          height: 4,
          thresholds: [
            { from: 0, color: "green" },
            { from: 1, color: "red" },
          ],
          targets: [
            {
              expr: `sum(${byPod(`kube_pod_container_status_last_terminated_reason{${object}, reason="OOMKilled"}`)}) or vector(0)`,
              legend: "OOMKilled",
              instant: true,
            },
          ],
        },
        {
          kind: "stat",
          title: "Memory of limit",
          description: "The container nearest to its memory limit. At 100 % it is killed.",
          unit: "percentunit",
          width: 4,
          height: 4,
          decimals: 0,
          noValue: "no limit",
          thresholds: [
            { from: 0, color: "green" },
            { from: 0.8, color: "yellow" },
            { from: 0.95, color: "red" },
          ],
          targets: [
            {
              expr:
                `max(max by (namespace, pod, container) (container_memory_working_set_bytes{${container}}) / ` +
                `on (namespace, pod, container) max by (namespace, pod, container) (kube_pod_container_resource_limits{${object}, resource="memory"}))`,
              legend: "of limit",
            },
          ],
        },
        {
          kind: "stat",
          title: "CPU throttled",
          description: "Share of the scheduling periods in which the CPU limit stopped a container.",
          unit: "percentunit",
          width: 4,
          height: 4,
          decimals: 0,
          noValue: "no limit",
          thresholds: [
            { from: 0, color: "green" },
            { from: 0.1, color: "yellow" },
            { from: 0.25, color: "red" },
          ],
          targets: [
            {
              expr:
                `max(sum by (namespace, pod, container) (rate(container_cpu_cfs_throttled_periods_total{${container}}[$__rate_interval])) / ` +
                `sum by (namespace, pod, container) (rate(container_cpu_cfs_periods_total{${container}}[$__rate_interval])))`,
              legend: "throttled",
            },
          ],
        },
      ],
    },
    {
      title: "CPU and memory",
      panels: [
        {
          kind: "timeseries",
          title: "CPU by pod",
          description: "CPU that each pod uses. Dashed: what one pod requests and may use at most.",
          unit: "cores",
          decimals: 3,
          width: 12,
          min: 0,
          targets: [
            {
              expr: byPod(`rate(container_cpu_usage_seconds_total{${container}}[$__rate_interval])`),
              legend: "{{pod}}",
            },
            {
              expr: `max(${byPod(`kube_pod_container_resource_requests{${object}, resource="cpu"}`)})`,
              legend: "request",
            },
            {
              expr: `max(${byPod(`kube_pod_container_resource_limits{${object}, resource="cpu"}`)})`,
              legend: "limit",
            },
          ],
          overrides: [
            { field: "request", limit: true, color: "gray" },
            { field: "limit", limit: true, color: "red" },
          ],
          links: [
            {
              title: "Logs",
              url: dashboardUrl("logs", { namespace: "${__field.labels.namespace}", pod: "${__field.labels.pod}" }),
            },
          ],
        },
        {
          kind: "timeseries",
          title: "Memory by pod",
          description: "Working set of each pod. Dashed: what one pod requests and may use at most.",
          unit: "bytes",
          width: 12,
          min: 0,
          targets: [
            { expr: byPod(`container_memory_working_set_bytes{${container}}`), legend: "{{pod}}" },
            {
              expr: `max(${byPod(`kube_pod_container_resource_requests{${object}, resource="memory"}`)})`,
              legend: "request",
            },
            {
              expr: `max(${byPod(`kube_pod_container_resource_limits{${object}, resource="memory"}`)})`,
              legend: "limit",
            },
          ],
          overrides: [
            { field: "request", limit: true, color: "gray" },
            { field: "limit", limit: true, color: "red" },
          ],
          links: [
            {
              title: "Logs",
              url: dashboardUrl("logs", { namespace: "${__field.labels.namespace}", pod: "${__field.labels.pod}" }),
            },
          ],
        },
      ],
    },
    {
      title: "Life of the pods",
      panels: [
        {
          kind: "timeseries",
          title: "Replicas",
          description: "Replicas that a Deployment wants and those that are available.",
          unit: "short",
          width: 8,
          min: 0,
          decimals: 0,
          noValue: "no Deployment",
          targets: [
            { expr: `sum(kube_deployment_spec_replicas{${workloadLabels}})`, legend: "wanted" },
            { expr: `sum(kube_deployment_status_replicas_available{${workloadLabels}})`, legend: "available" },
          ],
          overrides: [
            { field: "wanted", limit: true, color: "gray" },
            { field: "available", color: "green" },
          ],
        },
        {
          kind: "timeseries",
          title: "Restarts by container",
          description: "Restarts within 10 minutes.",
          unit: "short",
          width: 8,
          draw: "bars",
          decimals: 0,
          noValue: "no restarts",
          targets: [
            {
              expr: `round(sum by (pod, container) (increase(kube_pod_container_status_restarts_total{${object}}[10m]))) > 0`,
              legend: "{{pod}}/{{container}}",
            },
          ],
        },
        {
          kind: "timeseries",
          title: "Network",
          description: "Bytes received (positive) and sent (negative) by the pods of the selection.",
          unit: "Bps",
          width: 8,
          targets: [
            {
              expr: `sum(${byPod(`rate(container_network_receive_bytes_total{${object}}[$__rate_interval])`)})`,
              legend: "received",
            },
            {
              expr: `-sum(${byPod(`rate(container_network_transmit_bytes_total{${object}}[$__rate_interval])`)})`,
              legend: "sent",
            },
          ],
        },
        {
          kind: "table",
          title: "Why containers wait or ended",
          description: "Containers that wait now or ended before, with the reason that Kubernetes gives.",
          unit: "string",
          width: 24,
          height: 5,
          columns: ["namespace", "pod", "container", "reason"],
          noValue: "nothing waits, nothing ended",
          targets: [
            {
              expr:
                `max by (namespace, pod, container, reason) (kube_pod_container_status_waiting_reason{${object}} == 1 ` +
                `or kube_pod_container_status_last_terminated_reason{${object}} == 1)`,
              instant: true,
              format: "table",
            },
          ],
          overrides: [
            { field: "namespace", rename: "Namespace" },
            { field: "pod", rename: "Pod" },
            { field: "container", rename: "Container" },
            { field: "reason", rename: "Reason" },
          ],
        },
      ],
    },
    {
      title: "Logs",
      panels: [
        {
          kind: "logs",
          title: "Log lines",
          description:
            "What the selected pods write and send by OTLP. A line with a trace_id carries a link to its trace.",
          unit: "string",
          width: 24,
          height: 12,
          source: "logs",
          targets: [{ expr: logs.agent }, { expr: logs.otlp }],
        },
      ],
    },
  ],
};
