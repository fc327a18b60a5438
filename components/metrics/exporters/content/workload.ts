import {
  bars,
  choice,
  colors,
  dashboard,
  high,
  limits,
  lines,
  none,
  now,
  range,
  rows,
  stat,
  table,
} from "../../../../dashboards/kit.ts";
import { cpu, logPanel, memory, readiness, restartMarks, restarts } from "../../../../dashboards/panels.ts";

/** Pods of the chosen workloads, by the relation that kube-prometheus-stack records. */
const owners = "namespace_workload_pod:kube_pod_owner:relabel";
const pods = `* on (namespace, pod) group_left () max by (namespace, pod) (${owners}{namespace=~"$namespace", workload=~"$workload"})`;
const object = `namespace=~"$namespace", pod=~"$pod"`;
const container = `${object}, container!="", container!="POD"`;
const deployment = `namespace=~"$namespace", deployment=~"$workload"`;

/** Sum over the containers of each pod that belongs to a chosen workload. */
const byPod = (expr: string) => `sum by (namespace, pod) (${expr}) ${pods}`;
const most = (resource: string, kind: "requests" | "limits") =>
  `max(${byPod(`kube_pod_container_resource_${kind}{${object}, resource="${resource}"}`)})`;
const traffic = (direction: string) =>
  `sum(${byPod(`rate(container_network_${direction}_bytes_total{${object}}[$__rate_interval])`)})`;

const byContainer = "namespace, pod, container";

export default dashboard(
  {
    uid: "workload",
    title: "Workload",
    description:
      "What is wrong with this one Deployment, StatefulSet or DaemonSet: does it run, starve, leak, restart?",
    folder: "Kubernetes",
    of: "exporters",
    needs: ["scraping"],
    tags: ["kubernetes"],
    variables: [
      choice(
        { name: "namespace", label: "Namespace", description: "Namespace of the workload." },
        `label_values(${owners}, namespace)`,
      ),
      choice(
        { name: "workload", label: "Workload", description: "Deployment, StatefulSet, DaemonSet or Job." },
        `label_values(${owners}{namespace=~"$namespace"}, workload)`,
      ),
      choice(
        { name: "pod", label: "Pod", description: "Pods of the workload." },
        `label_values(${owners}{namespace=~"$namespace", workload=~"$workload"}, pod)`,
        // Log streams know no workload: "All" has to be its pods.
        { all: "each" },
      ),
    ],
    annotations: [restartMarks("{{pod}}/{{container}}", object)],
  },
  {
    "At a glance": [
      stat(
        { title: "Pods running", description: "Pods of the selection in phase Running.", unit: "short", width: 4 },
        now(
          `sum((max by (namespace, pod) (kube_pod_status_phase{${object}, phase="Running"} == 1)) ${pods})`,
          "running",
        ),
      ),
      stat(
        {
          title: "Pods not ready",
          description: "Running or pending pods whose Ready condition is not true.",
          unit: "short",
          width: 4,
        },
        now(
          `sum((max by (namespace, pod) (kube_pod_status_ready{${object}, condition="false"} == 1 and on (namespace, pod) kube_pod_status_phase{phase=~"Running|Pending"} == 1)) ${pods}) or vector(0)`,
          "not ready",
        ),
      ).thresholds(none()),
      restarts(`sum(${byPod(`increase(kube_pod_container_status_restarts_total{${object}}[$__range])`)})`),
      stat(
        {
          title: "Killed for memory",
          description: "Containers whose last end was OOMKilled.",
          unit: "short",
          width: 4,
        },
        now(
          `sum(${byPod(`kube_pod_container_status_last_terminated_reason{${object}, reason="OOMKilled"}`)}) or vector(0)`,
          "OOMKilled",
        ),
      ).thresholds(none()),
      stat(
        {
          title: "Memory of limit",
          description: "The container nearest to its memory limit. At 100 % it is killed.",
          unit: "percentunit",
          width: 4,
        },
        range(
          `max(max by (${byContainer}) (container_memory_working_set_bytes{${container}}) / ` +
            `on (${byContainer}) max by (${byContainer}) (kube_pod_container_resource_limits{${object}, resource="memory"}))`,
          "of limit",
        ),
      )
        .decimals(0)
        .noValue("no limit")
        .thresholds(high(0.8, 0.95)),
      stat(
        {
          title: "CPU throttled",
          description: "Share of the scheduling periods in which the CPU limit stopped a container.",
          unit: "percentunit",
          width: 4,
        },
        range(
          `max(sum by (${byContainer}) (rate(container_cpu_cfs_throttled_periods_total{${container}}[$__rate_interval])) / ` +
            `sum by (${byContainer}) (rate(container_cpu_cfs_periods_total{${container}}[$__rate_interval])))`,
          "throttled",
        ),
      )
        .decimals(0)
        .noValue("no limit")
        .thresholds(high(0.1, 0.25)),
    ],
    "CPU and memory": [
      cpu(12, {
        usage: byPod(`rate(container_cpu_usage_seconds_total{${container}}[$__rate_interval])`),
        request: most("cpu", "requests"),
        limit: most("cpu", "limits"),
      }),
      memory(12, {
        usage: byPod(`container_memory_working_set_bytes{${container}}`),
        request: most("memory", "requests"),
        limit: most("memory", "limits"),
      }),
    ],
    "Life of the pods": [
      readiness(8, `(max by (namespace, pod) (kube_pod_status_ready{${object}, condition="true"})) ${pods}`),
      lines(
        {
          title: "Replicas",
          description: "Replicas that a Deployment wants (dashed) and those that are available.",
          unit: "short",
          width: 4,
        },
        range(`sum(kube_deployment_spec_replicas{${deployment}})`, "wanted"),
        range(`sum(kube_deployment_status_replicas_available{${deployment}})`, "available"),
      )
        .min(0)
        .decimals(0)
        .noValue("no Deployment")
        .overrides([...limits({ wanted: "gray" }), ...colors({ available: "green" })]),
      bars(
        { title: "Restarts by container", description: "Restarts within 10 minutes.", unit: "short", width: 6 },
        "max",
        range(
          `round(sum by (pod, container) (increase(kube_pod_container_status_restarts_total{${object}}[10m]))) > 0`,
          "{{pod}}/{{container}}",
        ),
      )
        .decimals(0)
        .noValue("no restarts"),
      lines(
        {
          title: "Network",
          description: "Bytes received (positive) and sent (negative) by the pods of the selection.",
          unit: "Bps",
          width: 6,
        },
        range(traffic("receive"), "received"),
        range(`-${traffic("transmit")}`, "sent"),
      ),
      table(
        {
          title: "Why containers wait or ended",
          description: "Containers that wait now or ended before, with the reason that Kubernetes gives.",
          width: 24,
          height: 5,
        },
        { namespace: "Namespace", pod: "Pod", container: "Container", reason: "Reason" },
        undefined,
        rows(
          `max by (namespace, pod, container, reason) (kube_pod_container_status_waiting_reason{${object}} == 1 ` +
            `or kube_pod_container_status_last_terminated_reason{${object}} == 1)`,
        ),
      ).noValue("nothing waits, nothing ended"),
    ],
    Logs: [
      logPanel(
        "What the selected pods write and send by OTLP.",
        { width: 24, height: 12 },
        {
          namespace: "$namespace",
          pod: "$pod",
        },
      ),
    ],
  },
);
