import {
  barGauge,
  bars,
  choice,
  colors,
  cores,
  dashboard,
  high,
  line,
  lines,
  link,
  low,
  none,
  now,
  range,
  redAbove,
  redBelow,
  remaining,
  rows,
  stack,
  stat,
  states,
  steps,
  table,
} from "../../../../dashboards/kit.ts";
import { toWorkload } from "../../../../dashboards/panels.ts";

const ksm = 'job="kube-state-metrics"';
const exporter = 'job="node-exporter"';
const api = 'job="apiserver"';
const node = `node=~"$node"`;
const alerts = 'ALERTS{alertstate="firing", alertname!~"Watchdog|InfoInhibitor"}';
/** Puts the node's name on a series of node-exporter, which knows only its own pod. */
const onNode = `* on (namespace, pod) group_left (node) node_namespace_pod:kube_pod_info:{node=~"$node"}`;
const traffic = (direction: string) =>
  `sum by (node) (rate(node_network_${direction}_bytes_total{${exporter}, device!="lo"}[$__rate_interval]) ${onNode})`;
const condition = (of: string) => `sum(kube_node_status_condition{${ksm}, condition="Ready", status${of}"true"})`;
const requested = (resource: "cpu" | "memory") =>
  `sum(namespace_${resource}:kube_pod_container_resource_requests:sum) / ` +
  `sum(kube_node_status_allocatable{${ksm}, resource="${resource}"})`;
const parts = 'up{job=~"apiserver|kube-controller-manager|kube-scheduler|kube-etcd|kube-proxy|kubelet|coredns"}';
const containerSeries = "node_namespace_pod_container:container";
const mebi = 2 ** 20;

const toWorkloads = link("Workloads", "workload", { namespace: "${__field.labels.namespace}" });

export default dashboard(
  {
    uid: "cluster",
    title: "Cluster and nodes",
    description: "Is the cluster well, and which node is about to evict pods?",
    folder: "Kubernetes",
    of: "exporters",
    needs: ["scraping"],
    tags: ["kubernetes"],
    variables: [
      choice(
        { name: "node", label: "Node", description: "Nodes of the cluster." },
        `label_values(kube_node_info{${ksm}}, node)`,
      ),
    ],
  },
  {
    "At a glance": [
      stat(
        { title: "Nodes ready", description: "Nodes whose Ready condition is true.", unit: "short", width: 3 },
        now(condition("="), "ready"),
      ),
      stat(
        {
          title: "Nodes not ready",
          description: "Nodes whose Ready condition is false or unknown.",
          unit: "short",
          width: 3,
        },
        now(condition("!="), "not ready"),
      ).thresholds(none()),
      stat(
        {
          title: "Alerts firing",
          description: "Alerts that fire now, without the watchdog and the inhibitors.",
          unit: "short",
          width: 3,
        },
        now(`count(${alerts}) or vector(0)`, "firing"),
      )
        .thresholds(none())
        .dataLinks([link("Alerts", "/alerting/list?state=firing")]),
      stat(
        { title: "Targets down", description: "Scrape targets that do not answer.", unit: "short", width: 3 },
        now("count(up == 0) or vector(0)", "down"),
      ).thresholds(none()),
      stat(
        {
          title: "Pods not running",
          description: "Pods in phase Pending, Failed or Unknown.",
          unit: "short",
          width: 3,
        },
        now(`sum(kube_pod_status_phase{${ksm}, phase=~"Pending|Failed|Unknown"})`, "pods"),
      ).thresholds(high(1, 5)),
      stat(
        {
          title: "CPU requested",
          description: "Requests of all pods as a share of what all nodes can give.",
          unit: "percentunit",
          width: 3,
        },
        range(requested("cpu"), "CPU"),
      )
        .decimals(0)
        .thresholds(high(0.75, 0.9)),
      stat(
        {
          title: "Memory requested",
          description: "Requests of all pods as a share of what all nodes can give.",
          unit: "percentunit",
          width: 3,
        },
        range(requested("memory"), "memory"),
      )
        .decimals(0)
        .thresholds(high(0.75, 0.9)),
      stat(
        {
          title: "API requests failing",
          description: "Share of the API server's answers with a code of 500 or more.",
          unit: "percentunit",
          width: 3,
        },
        range(
          `(sum(rate(apiserver_request_total{${api}, code=~"5.."}[$__rate_interval])) or vector(0)) / ` +
            `sum(rate(apiserver_request_total{${api}}[$__rate_interval]))`,
          "failing",
        ),
      )
        .decimals(2)
        .thresholds(high(0.001, 0.01)),
    ],
    "What fires": [
      table(
        {
          title: "Alerts firing now",
          description: "Alerts that fire, critical ones first, with what they are about. Click one to see its rule.",
          width: 24,
          height: 5,
        },
        {
          alertname: {
            title: "Alert",
            width: 320,
            links: [link("Rule", "/alerting/list?search=${__value.raw}")],
          },
          severity: {
            title: "Severity",
            width: 110,
            words: { critical: ["critical", "red"], warning: ["warning", "orange"], info: ["info", "blue"] },
          },
          namespace: "Namespace",
          pod: "Pod",
          node: "Node",
          command: "Command",
          job: "Job",
        },
        "Severity",
        rows(`max by (alertname, severity, namespace, pod, node, command, job) (${alerts})`),
      ).noValue("no alert fires"),
    ],
    "Before the kubelet evicts": [
      table(
        {
          title: "Nodes",
          description:
            "What the kubelet watches. It evicts below 100Mi memory, 10 % of the node file system, 15 % of the image file system, 5 % of the inodes.",
          unit: "short",
          width: 24,
          height: 5,
        },
        {
          node: "Node",
          "Value #A": { title: "CPU used", unit: "percentunit", thresholds: high(0.8, 0.95) },
          "Value #B": { title: "Memory available", unit: "bytes", thresholds: low(250 * mebi, 500 * mebi) },
          "Value #C": { title: "Node file system left", unit: "percentunit", thresholds: low(0.13, 0.2) },
          "Value #D": { title: "Image file system left", unit: "percentunit", thresholds: low(0.18, 0.25) },
          "Value #E": { title: "Inodes left", unit: "percentunit", thresholds: low(0.08, 0.15) },
          "Value #F": { title: "Pods of capacity", unit: "percentunit", thresholds: high(0.8, 0.95) },
          "Value #G": { title: "Pressure conditions", thresholds: none() },
        },
        "Memory available",
        rows(`node:node_cpu_utilization:ratio_rate5m{${node}}`),
        rows(`node:node_memory_eviction_available_bytes:min{${node}}`),
        rows(`node:node_filesystem_nodefs_available:ratio{${node}}`),
        rows(`node:node_filesystem_imagefs_available:ratio{${node}}`),
        rows(`node:node_filesystem_nodefs_inodes_free:ratio{${node}}`),
        rows(
          `count by (node) (kube_pod_info{${ksm}, ${node}}) / ` +
            `on (node) max by (node) (kube_node_status_allocatable{${ksm}, resource="pods", ${node}})`,
        ),
        rows(`sum by (node) (kube_node_status_condition{${ksm}, ${node}, condition=~".+Pressure", status="true"})`),
      ),
      line(
        remaining(
          {
            title: "Memory available",
            description: "What the kubelet counts as memory.available. Below the dashed line it evicts.",
            unit: "bytes",
            width: 8,
          },
          range(`node:node_memory_eviction_available_bytes:min{${node}}`, "{{node}}"),
        ).min(0),
        redBelow(100 * mebi),
      ),
      lines(
        { title: "CPU used", description: "Share of each node's CPU that is busy.", unit: "percentunit", width: 8 },
        range(`node:node_cpu_utilization:ratio_rate5m{${node}}`, "{{node}}"),
      )
        .min(0)
        .max(1),
      line(
        remaining(
          {
            title: "File systems left",
            description:
              "The fullest file system that holds pods and images. Dashed: the kubelet evicts below 10 % (pods) and 15 % (images).",
            unit: "percentunit",
            width: 8,
          },
          range(`node:node_filesystem_nodefs_available:ratio{${node}}`, "{{node}} pods"),
          range(`node:node_filesystem_imagefs_available:ratio{${node}}`, "{{node}} images"),
        ).min(0),
        steps("red", [0.1, "orange"], [0.15, "transparent"]),
      ),
    ],
    Requests: [
      line(
        lines(
          {
            title: "Requested of allocatable, by node",
            description: "Near 100 % the next pod stays Pending although the node may be idle.",
            unit: "percentunit",
            width: 8,
          },
          range(`node_resource:kube_pod_container_resource_requests:ratio{${node}}`, "{{node}} {{resource}}"),
        ).min(0),
        redAbove(0.9),
      ),
      stack(
        {
          title: "CPU by namespace",
          description: "CPU that the containers of each namespace use.",
          unit: cores,
          width: 8,
        },
        range(`sum by (namespace) (${containerSeries}_cpu_usage_seconds_total:sum_rate5m{${node}})`, "{{namespace}}"),
      )
        .decimals(3)
        .dataLinks([toWorkloads]),
      stack(
        {
          title: "Memory by namespace",
          description: "Working set of the containers of each namespace.",
          unit: "bytes",
          width: 8,
        },
        range(
          `sum by (namespace) (${containerSeries}_memory_working_set_bytes{${node}, container!="", image!=""})`,
          "{{namespace}}",
        ),
      ).dataLinks([toWorkloads]),
    ],
    Workloads: [
      bars(
        {
          title: "Restarts",
          description: "Containers that restarted within 10 minutes; click one to see its workload.",
          unit: "short",
          width: 8,
        },
        "max",
        range(
          `topk(10, round(sum by (namespace, pod) (increase(kube_pod_container_status_restarts_total{${ksm}}[10m]))) > 0)`,
          "{{namespace}}/{{pod}}",
        ),
      )
        .decimals(0)
        .noValue("no restarts")
        .dataLinks([toWorkload]),
      table(
        {
          title: "Killed for memory, evicted, waiting",
          description: "Pods with a reason that needs a person.",
          width: 8,
        },
        {
          namespace: "Namespace",
          pod: {
            title: "Pod",
            links: [link("Workload", "workload", { namespace: "${__data.fields.namespace}", pod: "${__value.raw}" })],
          },
          reason: "Reason",
        },
        undefined,
        rows(
          `max by (namespace, pod, reason) (kube_pod_container_status_last_terminated_reason{${ksm}, reason="OOMKilled"} == 1 ` +
            `or kube_pod_status_reason{${ksm}, reason="Evicted"} == 1 ` +
            `or kube_pod_container_status_waiting_reason{${ksm}, reason!="ContainerCreating"} == 1)`,
        ),
      ).noValue("none"),
      stack(
        {
          title: "Pods by phase",
          description: "Pods that are not running or done show trouble.",
          unit: "short",
          width: 8,
        },
        range(`sum by (phase) (kube_pod_status_phase{${ksm}}) > 0`, "{{phase}}"),
      )
        .decimals(0)
        .overrides(
          colors({ Running: "green", Succeeded: "blue", Pending: "yellow", Unknown: "purple", Failed: "red" }),
        ),
    ],
    "Storage and network": [
      barGauge(
        {
          title: "PersistentVolumes used",
          description:
            "Fullest volumes. Volumes of Kind's local-path provisioner send no figures: see the node file system.",
          unit: "percentunit",
          width: 8,
        },
        now(
          `topk(10, max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_used_bytes / kubelet_volume_stats_capacity_bytes))`,
          "{{persistentvolumeclaim}}",
        ),
      )
        .min(0)
        .max(1)
        .noValue("no volume sends figures")
        .thresholds(high(0.8, 0.95)),
      lines(
        {
          title: "Network by node",
          description: "Bytes received (positive) and sent (negative), without the loopback.",
          unit: "Bps",
          width: 8,
        },
        range(traffic("receive"), "{{node}} received"),
        range(`-${traffic("transmit")}`, "{{node}} sent"),
      ),
    ],
    "Control plane": [
      states(
        {
          title: "Parts that answer",
          description:
            "Whether the targets of each part answer. A part that is missing here is not scraped or is gone.",
          unit: "short",
          width: 8,
        },
        { 2: ["all answer", "green"], 1: ["some answer", "orange"], 0: ["none answers", "red"] },
        range(`min by (job) (${parts}) + max by (job) (${parts})`, "{{job}}"),
      ),
      stack(
        {
          title: "API requests by code",
          description: "What the API server answers.",
          unit: "reqps",
          width: 8,
        },
        range(`sum by (code) (rate(apiserver_request_total{${api}}[$__rate_interval]))`, "{{code}}"),
      ),
      lines(
        {
          title: "API request duration, p99",
          description: "By verb, without watches, which last as long as they like.",
          unit: "s",
          width: 8,
        },
        range(
          `histogram_quantile(0.99, sum by (verb, le) (rate(apiserver_request_duration_seconds_bucket{${api}, verb!~"WATCH|CONNECT"}[$__rate_interval])))`,
          "{{verb}}",
        ),
      ),
    ],
  },
);
