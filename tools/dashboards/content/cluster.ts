import type { Dashboard, Threshold } from "../builder.ts";
import { dashboardUrl, jobs } from "../names.ts";

const ksm = `job="${jobs.kubeStateMetrics}"`;
const exporter = `job="${jobs.nodeExporter}"`;
const api = `job="${jobs.apiServer}"`;
const node = `node=~"$node"`;
/** Puts the node's name on a series of node-exporter, which knows only its own pod. */
const onNode = `* on (namespace, pod) group_left (node) node_namespace_pod:kube_pod_info:{node=~"$node"}`;

const fewIsGood = (warn: number, bad: number): readonly Threshold[] => [
  { from: 0, color: "green" },
  { from: warn, color: "yellow" },
  { from: bad, color: "red" },
];
const muchIsGood = (bad: number, warn: number): readonly Threshold[] => [
  { from: 0, color: "red" },
  { from: bad, color: "yellow" },
  { from: warn, color: "green" },
];
const noneIsGood: readonly Threshold[] = [
  { from: 0, color: "green" },
  { from: 1, color: "red" },
];

export const cluster: Dashboard = {
  uid: "cluster",
  title: "Cluster and nodes",
  description: "Is the cluster well, and which node is about to evict pods?",
  folder: "kubernetes",
  tags: ["kubernetes"],
  sources: ["metrics"],
  variables: [
    {
      name: "node",
      label: "Node",
      description: "Nodes of the cluster.",
      query: `label_values(kube_node_info{${ksm}}, node)`,
    },
  ],
  rows: [
    {
      title: "At a glance",
      panels: [
        {
          kind: "stat",
          title: "Nodes ready",
          description: "Nodes whose Ready condition is true.",
          unit: "short",
          width: 3,
          height: 4,
          targets: [
            {
              expr: `sum(kube_node_status_condition{${ksm}, condition="Ready", status="true"})`,
              legend: "ready",
              instant: true,
            },
          ],
        },
        {
          kind: "stat",
          title: "Nodes not ready",
          description: "Nodes whose Ready condition is false or unknown.",
          unit: "short",
          width: 3,
          height: 4,
          thresholds: noneIsGood,
          targets: [
            {
              expr: `sum(kube_node_status_condition{${ksm}, condition="Ready", status!="true"})`,
              legend: "not ready",
              instant: true,
            },
          ],
        },
        {
          kind: "stat",
          title: "Alerts firing",
          description: "Alerts that fire now, without the watchdog and the inhibitors.",
          unit: "short",
          width: 3,
          height: 4,
          thresholds: noneIsGood,
          links: [{ title: "Alerts", url: "/alerting/list?state=firing" }],
          targets: [
            {
              expr: `count(ALERTS{alertstate="firing", alertname!~"Watchdog|InfoInhibitor"}) or vector(0)`,
              legend: "firing",
              instant: true,
            },
          ],
        },
        {
          kind: "stat",
          title: "Targets down",
          description: "Scrape targets that do not answer.",
          unit: "short",
          width: 3,
          height: 4,
          thresholds: noneIsGood,
          targets: [{ expr: "count(up == 0) or vector(0)", legend: "down", instant: true }],
        },
        {
          kind: "stat",
          title: "Pods not running",
          description: "Pods in phase Pending, Failed or Unknown.",
          unit: "short",
          width: 3,
          height: 4,
          thresholds: fewIsGood(1, 5),
          targets: [
            {
              expr: `sum(kube_pod_status_phase{${ksm}, phase=~"Pending|Failed|Unknown"})`,
              legend: "pods",
              instant: true,
            },
          ],
        },
        {
          kind: "stat",
          title: "CPU requested",
          description: "Requests of all pods as a share of what all nodes can give.",
          unit: "percentunit",
          width: 3,
          height: 4,
          decimals: 0,
          thresholds: fewIsGood(0.75, 0.9),
          targets: [
            {
              expr: `sum(namespace_cpu:kube_pod_container_resource_requests:sum) / sum(kube_node_status_allocatable{${ksm}, resource="cpu"})`,
              legend: "CPU",
            },
          ],
        },
        {
          kind: "stat",
          title: "Memory requested",
          description: "Requests of all pods as a share of what all nodes can give.",
          unit: "percentunit",
          width: 3,
          height: 4,
          decimals: 0,
          thresholds: fewIsGood(0.75, 0.9),
          targets: [
            {
              expr: `sum(namespace_memory:kube_pod_container_resource_requests:sum) / sum(kube_node_status_allocatable{${ksm}, resource="memory"})`,
              legend: "memory",
            },
          ],
        },
        {
          kind: "stat",
          title: "API requests failing",
          description: "Share of the API server's answers with a code of 500 or more.",
          unit: "percentunit",
          width: 3,
          height: 4,
          decimals: 2,
          thresholds: fewIsGood(0.001, 0.01),
          targets: [
            {
              expr:
                `(sum(rate(apiserver_request_total{${api}, code=~"5.."}[$__rate_interval])) or vector(0)) / ` +
                `sum(rate(apiserver_request_total{${api}}[$__rate_interval]))`,
              legend: "failing",
            },
          ],
        },
      ],
    },
    {
      title: "What fires",
      panels: [
        {
          kind: "table",
          title: "Alerts firing now",
          description: "Alerts that fire, critical ones first, with what they are about. Click one to see its rule.",
          unit: "string",
          width: 24,
          height: 5,
          columns: ["alertname", "severity", "namespace", "pod", "node", "command", "job"],
          sortBy: { column: "Severity", descending: false },
          noValue: "no alert fires",
          targets: [
            {
              expr:
                `max by (alertname, severity, namespace, pod, node, command, job) ` +
                `(ALERTS{alertstate="firing", alertname!~"Watchdog|InfoInhibitor"})`,
              instant: true,
              format: "table",
            },
          ],
          overrides: [
            {
              field: "alertname",
              rename: "Alert",
              width: 320,
              links: [{ title: "Rule", url: "/alerting/list?search=${__value.raw}" }],
            },
            { field: "severity", rename: "Severity", width: 110 },
            { field: "namespace", rename: "Namespace" },
            { field: "pod", rename: "Pod" },
            { field: "node", rename: "Node" },
            { field: "command", rename: "Command" },
            { field: "job", rename: "Job" },
          ],
        },
      ],
    },
    {
      title: "Before the kubelet evicts",
      panels: [
        {
          kind: "table",
          title: "Nodes",
          description:
            "What the kubelet watches. It evicts below 100Mi memory, 10 % of the node file system, 15 % of the image file system, 5 % of the inodes.",
          unit: "short",
          width: 24,
          height: 5,
          columns: ["node", "Value #A", "Value #B", "Value #C", "Value #D", "Value #E", "Value #F", "Value #G"],
          joinBy: "node",
          sortBy: { column: "Memory available", descending: false },
          targets: [
            { expr: `node:node_cpu_utilization:ratio_rate5m{${node}}`, instant: true, format: "table" },
            { expr: `node:node_memory_eviction_available_bytes:min{${node}}`, instant: true, format: "table" },
            { expr: `node:node_filesystem_nodefs_available:ratio{${node}}`, instant: true, format: "table" },
            { expr: `node:node_filesystem_imagefs_available:ratio{${node}}`, instant: true, format: "table" },
            { expr: `node:node_filesystem_nodefs_inodes_free:ratio{${node}}`, instant: true, format: "table" },
            {
              expr:
                `count by (node) (kube_pod_info{${ksm}, ${node}}) / ` +
                `on (node) max by (node) (kube_node_status_allocatable{${ksm}, resource="pods", ${node}})`,
              instant: true,
              format: "table",
            },
            {
              expr: `sum by (node) (kube_node_status_condition{${ksm}, ${node}, condition=~".+Pressure", status="true"})`,
              instant: true,
              format: "table",
            },
          ],
          overrides: [
            { field: "node", rename: "Node" },
            {
              field: "Value #A",
              rename: "CPU used",
              unit: "percentunit",
              thresholds: fewIsGood(0.8, 0.95),
            },
            {
              field: "Value #B",
              rename: "Memory available",
              unit: "bytes",
              thresholds: muchIsGood(250 * 2 ** 20, 500 * 2 ** 20),
            },
            {
              field: "Value #C",
              rename: "Node file system left",
              unit: "percentunit",
              thresholds: muchIsGood(0.13, 0.2),
            },
            {
              field: "Value #D",
              rename: "Image file system left",
              unit: "percentunit",
              thresholds: muchIsGood(0.18, 0.25),
            },
            { field: "Value #E", rename: "Inodes left", unit: "percentunit", thresholds: muchIsGood(0.08, 0.15) },
            { field: "Value #F", rename: "Pods of capacity", unit: "percentunit", thresholds: fewIsGood(0.8, 0.95) },
            { field: "Value #G", rename: "Pressure conditions", thresholds: noneIsGood },
          ],
        },
        {
          kind: "timeseries",
          title: "Memory available",
          leastFirst: true,
          description: "What the kubelet counts as memory.available. Red line: it evicts.",
          unit: "bytes",
          width: 8,
          min: 0,
          showThresholds: true,
          thresholds: [
            { from: 0, color: "red" },
            { from: 100 * 2 ** 20, color: "green" },
          ],
          targets: [{ expr: `node:node_memory_eviction_available_bytes:min{${node}}`, legend: "{{node}}" }],
        },
        {
          kind: "timeseries",
          title: "CPU used",
          description: "Share of each node's CPU that is busy.",
          unit: "percentunit",
          width: 8,
          min: 0,
          max: 1,
          targets: [{ expr: `node:node_cpu_utilization:ratio_rate5m{${node}}`, legend: "{{node}}" }],
        },
        {
          kind: "timeseries",
          title: "File systems left",
          leastFirst: true,
          description: "The fullest file system that holds pods and images. The kubelet evicts below 10 % and 15 %.",
          unit: "percentunit",
          width: 8,
          min: 0,
          targets: [
            { expr: `node:node_filesystem_nodefs_available:ratio{${node}}`, legend: "{{node}} pods" },
            { expr: `node:node_filesystem_imagefs_available:ratio{${node}}`, legend: "{{node}} images" },
          ],
        },
      ],
    },
    {
      title: "Requests",
      panels: [
        {
          kind: "timeseries",
          title: "Requested of allocatable, by node",
          description: "Near 100 % the next pod stays Pending although the node may be idle.",
          unit: "percentunit",
          width: 8,
          min: 0,
          showThresholds: true,
          thresholds: [
            { from: 0, color: "green" },
            { from: 0.9, color: "red" },
          ],
          targets: [
            {
              expr: `node_resource:kube_pod_container_resource_requests:ratio{${node}}`,
              legend: "{{node}} {{resource}}",
            },
          ],
        },
        {
          kind: "timeseries",
          title: "CPU by namespace",
          description: "CPU that the containers of each namespace use.",
          unit: "cores",
          decimals: 3,
          width: 8,
          stack: true,
          targets: [
            {
              expr: `sum by (namespace) (node_namespace_pod_container:container_cpu_usage_seconds_total:sum_rate5m{${node}})`,
              legend: "{{namespace}}",
            },
          ],
          links: [{ title: "Workloads", url: dashboardUrl("workload", { namespace: "${__field.labels.namespace}" }) }],
        },
        {
          kind: "timeseries",
          title: "Memory by namespace",
          description: "Working set of the containers of each namespace.",
          unit: "bytes",
          width: 8,
          stack: true,
          targets: [
            {
              expr: `sum by (namespace) (node_namespace_pod_container:container_memory_working_set_bytes{${node}, container!="", image!=""})`,
              legend: "{{namespace}}",
            },
          ],
          links: [{ title: "Workloads", url: dashboardUrl("workload", { namespace: "${__field.labels.namespace}" }) }],
        },
      ],
    },
    {
      title: "Workloads",
      panels: [
        {
          kind: "timeseries",
          title: "Restarts",
          description: "Containers that restarted within 10 minutes; click one to see its workload.",
          unit: "short",
          width: 8,
          draw: "bars",
          decimals: 0,
          noValue: "no restarts",
          targets: [
            {
              expr: `topk(10, round(sum by (namespace, pod) (increase(kube_pod_container_status_restarts_total{${ksm}}[10m]))) > 0)`,
              legend: "{{namespace}}/{{pod}}",
            },
          ],
          links: [
            {
              title: "Workload",
              url: dashboardUrl("workload", {
                namespace: "${__field.labels.namespace}",
                pod: "${__field.labels.pod}",
              }),
            },
          ],
        },
        {
          kind: "table",
          title: "Killed for memory, evicted, waiting",
          description: "Pods with a reason that needs a person.",
          unit: "string",
          width: 8,
          columns: ["namespace", "pod", "reason"],
          noValue: "none",
          targets: [
            {
              expr:
                `max by (namespace, pod, reason) (kube_pod_container_status_last_terminated_reason{${ksm}, reason="OOMKilled"} == 1 ` +
                `or kube_pod_status_reason{${ksm}, reason="Evicted"} == 1 ` +
                `or kube_pod_container_status_waiting_reason{${ksm}, reason!="ContainerCreating"} == 1)`,
              instant: true,
              format: "table",
            },
          ],
          overrides: [
            { field: "namespace", rename: "Namespace" },
            {
              field: "pod",
              rename: "Pod",
              links: [
                {
                  title: "Workload",
                  url: dashboardUrl("workload", { namespace: "${__data.fields.namespace}", pod: "${__value.raw}" }),
                },
              ],
            },
            { field: "reason", rename: "Reason" },
          ],
        },
        {
          kind: "timeseries",
          title: "Pods by phase",
          description: "Pods that are not running or done show trouble.",
          unit: "short",
          width: 8,
          stack: true,
          decimals: 0,
          targets: [{ expr: `sum by (phase) (kube_pod_status_phase{${ksm}})`, legend: "{{phase}}" }],
        },
      ],
    },
    {
      title: "Storage, network, certificates",
      panels: [
        {
          kind: "bargauge",
          title: "PersistentVolumes used",
          description:
            "Fullest volumes. Volumes of Kind's local-path provisioner send no figures: see the node file system.",
          unit: "percentunit",
          width: 8,
          min: 0,
          max: 1,
          noValue: "no volume sends figures",
          thresholds: fewIsGood(0.8, 0.95),
          targets: [
            {
              expr: `topk(10, max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_used_bytes / kubelet_volume_stats_capacity_bytes))`,
              legend: "{{persistentvolumeclaim}}",
              instant: true,
            },
          ],
        },
        {
          kind: "timeseries",
          title: "Network by node",
          description: "Bytes received (positive) and sent (negative), without the loopback.",
          unit: "Bps",
          width: 8,
          targets: [
            {
              expr: `sum by (node) (rate(node_network_receive_bytes_total{${exporter}, device!="lo"}[$__rate_interval]) ${onNode})`,
              legend: "{{node}} received",
            },
            {
              expr: `-sum by (node) (rate(node_network_transmit_bytes_total{${exporter}, device!="lo"}[$__rate_interval]) ${onNode})`,
              legend: "{{node}} sent",
            },
          ],
        },
        {
          kind: "bargauge",
          title: "Certificates, time left",
          description: "Certificates of cert-manager that expire first. CertificateExpiresSoon fires below 7 days.",
          unit: "dtdurations",
          width: 8,
          decimals: 1,
          thresholds: muchIsGood(7 * 86_400, 14 * 86_400),
          targets: [
            {
              expr: `bottomk(10, min by (exported_namespace, name) (certmanager_certificate_expiration_timestamp_seconds - time()))`,
              legend: "{{name}}",
              instant: true,
            },
          ],
        },
      ],
    },
    {
      title: "Control plane",
      panels: [
        {
          kind: "timeseries",
          title: "Parts that answer",
          description: "Targets that answer, by part, stacked. A part that is missing here is not scraped or is gone.",
          unit: "short",
          width: 8,
          stack: true,
          min: 0,
          decimals: 0,
          targets: [
            {
              expr: `sum by (job) (up{job=~"apiserver|kube-controller-manager|kube-scheduler|kube-etcd|kube-proxy|kubelet|coredns"})`,
              legend: "{{job}}",
            },
          ],
        },
        {
          kind: "timeseries",
          title: "API requests by code",
          description: "What the API server answers.",
          unit: "reqps",
          width: 8,
          stack: true,
          targets: [
            {
              expr: `sum by (code) (rate(apiserver_request_total{${api}}[$__rate_interval]))`,
              legend: "{{code}}",
            },
          ],
        },
        {
          kind: "timeseries",
          title: "API request duration, p99",
          description: "By verb, without watches, which last as long as they like.",
          unit: "s",
          width: 8,
          targets: [
            {
              expr: `histogram_quantile(0.99, sum by (verb, le) (rate(apiserver_request_duration_seconds_bucket{${api}, verb!~"WATCH|CONNECT"}[$__rate_interval])))`,
              legend: "{{verb}}",
            },
          ],
        },
      ],
    },
  ],
};
