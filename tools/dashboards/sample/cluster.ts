/**
 * A made-up cluster as Prometheus would see it: three nodes, the platform, the demo. Nobody measured it. Names of metrics and
 * labels are those of the exporters and charts that are deployed; series that kube-prometheus-stack records (they have a
 * colon) stand here as they come out of its rules, those that our rules record are computed by them.
 *
 * What happens in the last hour: at -22 minutes a new version of kbot is rolled out. It answers slowly, fails for one
 * command, counts messages by chat and leaks memory, for which the kernel kills it twice.
 */
import { jobs } from "../names.ts";
import { chance, end, interval, kills, load, minutes, minutesOfData, rollout, type Shape, trouble } from "./shapes.ts";

export type Labels = Readonly<Record<string, string>>;

export interface Series {
  readonly name: string;
  readonly labels: Labels;
  /** One for each of {@link minutes}; undefined where the series is not there. */
  readonly values: readonly (number | undefined)[];
}

/** Nine digits are more than anybody measures; more would only make texts long. */
const round = (value: number) => Number(value.toPrecision(9));

function gauge(name: string, labels: Labels, shape: Shape | number): Series {
  const at = typeof shape === "number" ? () => shape : shape;
  const values = minutes.map((minute) => at(minute)).map((value) => (value === undefined ? value : round(value)));
  return { name, labels, values };
}

/** A counter from its rate a second; it starts again where the rate was missing, and at each minute of `resets`. */
function counter(name: string, labels: Labels, rate: Shape | number, resets: readonly number[] = []): Series {
  const at = typeof rate === "number" ? () => rate : rate;
  let total: number | undefined;
  const values = minutes.map((minute) => {
    const now = at(minute);
    if (now === undefined) total = undefined;
    else if (total === undefined || resets.includes(minute)) total = 0;
    else total += now * interval;
    return total === undefined ? undefined : round(total);
  });
  return { name, labels, values };
}

const before =
  (shape: Shape): Shape =>
  (minute) =>
    minute < rollout ? shape(minute) : undefined;
const since =
  (shape: Shape): Shape =>
  (minute) =>
    minute >= rollout ? shape(minute) : undefined;

const mebi = 2 ** 20;
const gibi = 2 ** 30;

interface Node {
  readonly name: string;
  readonly exporter: string;
  readonly address: string;
}

const nodes: readonly Node[] = ["control-plane", "worker", "worker2"].map((name, index) => ({
  name: `dev-${name}`,
  exporter: `kube-prometheus-stack-prometheus-node-exporter-${["4kq7z", "9xw2b", "v6t8m"][index] ?? ""}`,
  address: `172.18.0.${index + 2}`,
}));

export interface Pod {
  readonly namespace: string;
  readonly workload: string;
  readonly type: "deployment" | "statefulset" | "daemonset" | "staticpod";
  readonly pod: string;
  readonly container: string;
  readonly node: string;
  /** Cores that it uses, on average. */
  readonly cpu: number;
  /** Bytes that it uses, on average. */
  readonly memory: number;
  /** Requested cores and bytes, and the limit of bytes. */
  readonly request?: { readonly cpu: number; readonly memory: number; readonly memoryLimit: number };
  /** When it is there. @default always */
  readonly there?: (shape: Shape) => Shape;
}

const request = (cpu: number, memory: number, memoryLimit = memory * 2) => ({
  cpu,
  memory: memory * mebi,
  memoryLimit: memoryLimit * mebi,
});

const kbotRequest = request(0.02, 48, 128);
export const oldKbot = "kbot-5d9f8c7b6-x2x7k";
export const newKbot = "kbot-7c6b5d4f9-q8w2z";
/** The other demo, which nothing happens to: who is asked, on which path, and with which status it answers. */
export const podinfos = [
  { job: "podinfo-frontend", pod: "podinfo-frontend-7d9f8b6c5-lm4xs", path: "api_echo", status: "200" },
  { job: "podinfo-backend", pod: "podinfo-backend-6b8c9d7f4-zq7wv", path: "echo", status: "202" },
] as const;

export const pods: readonly Pod[] = [
  ...[oldKbot, newKbot].map((pod, index): Pod => ({
    namespace: "demo",
    workload: "kbot",
    type: "deployment",
    pod,
    container: "kbot",
    node: "dev-worker",
    cpu: index === 0 ? 0.012 : 0.05,
    memory: 41 * mebi,
    request: kbotRequest,
    there: index === 0 ? before : since,
  })),
  ...podinfos.map(({ job, pod }, index): Pod => ({
    namespace: "demo",
    workload: job,
    type: "deployment",
    pod,
    container: "podinfo",
    node: index === 0 ? "dev-worker" : "dev-worker2",
    cpu: 0.006 - 0.002 * index,
    memory: (24 - index) * mebi,
    request: request(0.01, 32, 128),
  })),
  ...(
    [
      ["monitoring", "loki", "statefulset", "loki-0", "loki", 1, 0.09, 310, request(0.1, 256, 1024)],
      ["monitoring", "jaeger", "deployment", "jaeger-6b9c7d5f8-4tq2n", "jaeger", 2, 0.03, 140, request(0.05, 128, 512)],
      [
        "monitoring",
        "otel-collector",
        "deployment",
        "otel-collector-59d7c6b4f-7hk5s",
        "otc-container",
        2,
        0.05,
        120,
        request(0.05, 128, 384),
      ],
      [
        "monitoring",
        "prometheus-kube-prometheus-stack-prometheus",
        "statefulset",
        "prometheus-kube-prometheus-stack-prometheus-0",
        "prometheus",
        1,
        0.16,
        720,
        request(0.2, 512, 2048),
      ],
      [
        "monitoring",
        "alertmanager-kube-prometheus-stack-alertmanager",
        "statefulset",
        "alertmanager-kube-prometheus-stack-alertmanager-0",
        "alertmanager",
        2,
        0.004,
        36,
        request(0.01, 64),
      ],
      [
        "monitoring",
        "kube-prometheus-stack-grafana",
        "deployment",
        "kube-prometheus-stack-grafana-7f8d9c6b5-w4z9x",
        "grafana",
        2,
        0.02,
        190,
        request(0.05, 192, 512),
      ],
      [
        "monitoring",
        "kube-prometheus-stack-kube-state-metrics",
        "deployment",
        "kube-prometheus-stack-kube-state-metrics-6d5b-kp2xt",
        "kube-state-metrics",
        1,
        0.006,
        42,
        request(0.01, 64),
      ],
      ["node-agents", "fluent-bit", "daemonset", "fluent-bit-2lq8d", "fluent-bit", 0, 0.015, 38, request(0.02, 48)],
      ["node-agents", "fluent-bit", "daemonset", "fluent-bit-h5v7r", "fluent-bit", 1, 0.022, 44, request(0.02, 48)],
      ["node-agents", "fluent-bit", "daemonset", "fluent-bit-t9m3c", "fluent-bit", 2, 0.018, 41, request(0.02, 48)],
      [
        "cert-manager",
        "cert-manager",
        "deployment",
        "cert-manager-5c8f7d9b6-rw6mj",
        "cert-manager-controller",
        2,
        0.003,
        34,
        request(0.01, 48),
      ],
      [
        "flux-system",
        "source-controller",
        "deployment",
        "source-controller-78c9f6d5b-8nvtq",
        "manager",
        1,
        0.02,
        88,
        request(0.05, 64, 1024),
      ],
      [
        "flux-system",
        "kustomize-controller",
        "deployment",
        "kustomize-controller-6f7b8c9d4-zj5lp",
        "manager",
        1,
        0.03,
        76,
        request(0.05, 64, 1024),
      ],
      [
        "flux-system",
        "helm-controller",
        "deployment",
        "helm-controller-5b6c7d8f9-m2x4k",
        "manager",
        2,
        0.02,
        110,
        request(0.05, 64, 1024),
      ],
      [
        "flux-system",
        "notification-controller",
        "deployment",
        "notification-controller-84d5f6c7b-c7h9w",
        "manager",
        2,
        0.004,
        46,
        request(0.05, 64, 1024),
      ],
      [
        "kube-system",
        "coredns",
        "deployment",
        "coredns-66bc5c9577-d4k2v",
        "coredns",
        0,
        0.008,
        24,
        request(0.1, 70, 170),
      ],
      [
        "kube-system",
        "coredns",
        "deployment",
        "coredns-66bc5c9577-n8s6p",
        "coredns",
        0,
        0.008,
        25,
        request(0.1, 70, 170),
      ],
      [
        "kube-system",
        "kube-apiserver",
        "staticpod",
        "kube-apiserver-dev-control-plane",
        "kube-apiserver",
        0,
        0.14,
        420,
        request(0.25, 0, 0),
      ],
      ["kube-system", "etcd", "staticpod", "etcd-dev-control-plane", "etcd", 0, 0.06, 95, request(0.1, 100, 0)],
    ] as const
  ).map(([namespace, workload, type, pod, container, node, cpu, memory, requested]): Pod => ({
    namespace,
    workload,
    type,
    pod,
    container,
    node: nodes[node]?.name ?? "",
    cpu,
    memory: memory * mebi,
    request: requested,
  })),
];

const ksm: Labels = { job: jobs.kubeStateMetrics };
const phases = ["Pending", "Running", "Succeeded", "Failed", "Unknown"];

/** When kbot's container last started. */
const lastStart = (minute: number) => Math.max(rollout, ...kills.filter((kill) => kill <= minute));

/** Memory of the new kbot: it leaks until it is killed, the faster the more chats it remembers. */
function leak(minute: number): number {
  const start = lastStart(minute);
  const until = kills.find((kill) => kill > minute) ?? start + 8;
  const share = (minute - start) / (until - start);
  return (38 + 88 * share ** 1.6 + chance(`leak ${minute}`)) * mebi;
}

function ofPod(of: Pod): Series[] {
  const { namespace, pod, container, node } = of;
  const there = of.there ?? ((shape: Shape) => shape);
  const object = { namespace, pod };
  const uid = `uid-${pod}`;
  const bad = pod === newKbot;
  const cadvisor: Labels = { job: jobs.kubelet, metrics_path: "/metrics/cadvisor", ...object };
  const inContainer = { ...cadvisor, container, image: `registry.example/${container}` };
  const cpu = there((minute) => of.cpu * load(minute, pod) * (bad ? 0.5 + trouble(minute) : 1));
  const memory = there((minute) => (bad ? leak(minute) : of.memory * (0.97 + 0.03 * load(minute, `memory ${pod}`))));
  const resets = bad ? kills : [];
  const restartedLately = (minute: number) => bad && kills.some((kill) => minute >= kill && minute < kill + 1);
  const result = [
    gauge(
      "namespace_workload_pod:kube_pod_owner:relabel",
      { ...object, workload: of.workload, workload_type: of.type },
      there(() => 1),
    ),
    gauge(
      "node_namespace_pod:kube_pod_info:",
      { ...object, node },
      there(() => 1),
    ),
    gauge(
      "kube_pod_info",
      { ...ksm, ...object, node, uid },
      there(() => 1),
    ),
    ...phases.map((phase) =>
      gauge(
        "kube_pod_status_phase",
        { ...ksm, ...object, uid, phase },
        there((minute) => {
          const now = bad && minute < rollout + 1 ? "Pending" : "Running";
          return phase === now ? 1 : 0;
        }),
      ),
    ),
    ...["true", "false", "unknown"].map((condition) =>
      gauge(
        "kube_pod_status_ready",
        { ...ksm, ...object, uid, condition },
        there((minute) => {
          const ready = !(restartedLately(minute) || (bad && minute < rollout + 1.5));
          return condition === String(ready) ? 1 : 0;
        }),
      ),
    ),
    counter("container_cpu_usage_seconds_total", { ...inContainer, cpu: "total" }, cpu, resets),
    counter("container_cpu_usage_seconds_total", { ...cadvisor, cpu: "total" }, cpu, resets),
    gauge("container_memory_working_set_bytes", inContainer, memory),
    gauge("container_memory_working_set_bytes", cadvisor, memory),
    counter(
      "container_network_receive_bytes_total",
      { ...cadvisor, interface: "eth0" },
      there((minute) => 2.4e5 * of.cpu * load(minute, `in ${pod}`)),
    ),
    counter(
      "container_network_transmit_bytes_total",
      { ...cadvisor, interface: "eth0" },
      there((minute) => 3.1e5 * of.cpu * load(minute, `out ${pod}`)),
    ),
    gauge(
      "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_rate5m",
      { ...object, container, node },
      cpu,
    ),
    gauge(
      "node_namespace_pod_container:container_memory_working_set_bytes",
      { ...object, container, node, image: `registry.example/${container}` },
      memory,
    ),
    gauge(
      "kube_pod_container_status_restarts_total",
      { ...ksm, ...object, container, uid },
      there((minute) => (bad ? kills.filter((kill) => kill <= minute).length : 0)),
    ),
    gauge(
      "kube_pod_status_reason",
      { ...ksm, ...object, uid, reason: "Evicted" },
      there(() => 0),
    ),
    gauge(
      "kube_pod_container_status_waiting_reason",
      { ...ksm, ...object, container, uid, reason: "CrashLoopBackOff" },
      there((minute) => (restartedLately(minute) ? 1 : undefined)),
    ),
    gauge(
      "kube_pod_container_status_last_terminated_reason",
      { ...ksm, ...object, container, uid, reason: "OOMKilled" },
      there((minute) => (bad && minute >= (kills[0] ?? 0) ? 1 : undefined)),
    ),
  ];
  if (of.request === undefined) return result;
  const requested = { ...ksm, ...object, container, uid, node };
  const cores = { ...requested, resource: "cpu", unit: "core" };
  const bytes = { ...requested, resource: "memory", unit: "byte" };
  const { request: wants } = of;
  result.push(
    gauge(
      "kube_pod_container_resource_requests",
      cores,
      there(() => wants.cpu),
    ),
  );
  if (wants.memory > 0)
    result.push(
      gauge(
        "kube_pod_container_resource_requests",
        bytes,
        there(() => wants.memory),
      ),
    );
  if (wants.memoryLimit > 0)
    result.push(
      gauge(
        "kube_pod_container_resource_limits",
        bytes,
        there(() => wants.memoryLimit),
      ),
    );
  if (container === "kbot") {
    const throttled: Shape = (minute) => 10 * (bad ? 0.02 + 0.22 * trouble(minute) * load(minute, "throttle") : 0.01);
    result.push(
      gauge(
        "kube_pod_container_resource_limits",
        cores,
        there(() => 0.1),
      ),
      counter(
        "container_cpu_cfs_periods_total",
        inContainer,
        there(() => 10),
        resets,
      ),
      counter("container_cpu_cfs_throttled_periods_total", inContainer, there(throttled), resets),
    );
  }
  return result;
}

function deployments(): Series[] {
  const labels = { ...ksm, namespace: "demo", deployment: "kbot" };
  const ready: Shape = (minute) => (kills.some((kill) => minute >= kill && minute < kill + 1) ? 0 : 1);
  return [
    gauge("kube_deployment_spec_replicas", labels, 1),
    gauge("kube_deployment_status_replicas_available", labels, ready),
    gauge("kube_deployment_status_replicas_ready", labels, ready),
    ...podinfos.flatMap(({ job }) =>
      ["spec_replicas", "status_replicas_available", "status_replicas_ready"].map((what) =>
        gauge(`kube_deployment_${what}`, { ...labels, deployment: job }, 1),
      ),
    ),
  ];
}

function ofNode({ name: node, exporter, address }: Node, index: number): Series[] {
  const own: Labels = { job: jobs.nodeExporter, namespace: "node-agents", pod: exporter, instance: `${address}:9100` };
  const disk = { ...own, device: "/dev/vda1", fstype: "ext4", mountpoint: "/var" };
  const cpu: Shape = (minute) => 0.06 * (3 - index) + 0.12 * load(minute, node);
  const conditions = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"].flatMap((condition) =>
    ["true", "false", "unknown"].map((status) =>
      gauge(
        "kube_node_status_condition",
        { ...ksm, node, condition, status },
        status === (condition === "Ready" ? "true" : "false") ? 1 : 0,
      ),
    ),
  );
  // The disk of the last node fills with images.
  const left: Shape = (minute) =>
    (index === 2 ? 0.1765 - minute * 0.0006 : 0.48 + index * 0.11 - minute * 0.0001) * 60e9;
  return [
    gauge("node_namespace_pod:kube_pod_info:", { namespace: "node-agents", pod: exporter, node }, 1),
    gauge("kube_pod_info", { ...ksm, namespace: "node-agents", pod: exporter, node, uid: `uid-${exporter}` }, 1),
    gauge("kube_node_info", { ...ksm, node }, 1),
    gauge("kube_node_status_allocatable", { ...ksm, node, resource: "cpu", unit: "core" }, 2),
    gauge("kube_node_status_allocatable", { ...ksm, node, resource: "memory", unit: "byte" }, 3.8 * gibi),
    gauge("kube_node_status_allocatable", { ...ksm, node, resource: "pods", unit: "integer" }, 110),
    ...conditions,
    gauge("node:node_cpu_utilization:ratio_rate5m", { node }, cpu),
    gauge("node_memory_MemFree_bytes", own, (minute) => (900 - 190 * index + 70 * load(minute, `free ${node}`)) * mebi),
    gauge(
      "node_memory_Inactive_file_bytes",
      own,
      (minute) => (420 - 60 * index + 25 * load(minute, `file ${node}`)) * mebi,
    ),
    gauge("node_filesystem_size_bytes", disk, 60e9),
    gauge("node_filesystem_avail_bytes", disk, left),
    gauge("node_filesystem_files", disk, 3.9e6),
    gauge("node_filesystem_files_free", disk, (minute) => 3.1e6 - 2e5 * index - 40 * minute),
    ...["eth0", "lo"].flatMap((device) => [
      counter(
        "node_network_receive_bytes_total",
        { ...own, device },
        (minute) => 9e4 * (3 - index) * load(minute, `in ${node}`),
      ),
      counter(
        "node_network_transmit_bytes_total",
        { ...own, device },
        (minute) => 7e4 * (3 - index) * load(minute, `out ${node}`),
      ),
    ]),
  ];
}

/** Share of durations below a limit, for durations around a median that scatter (log-normal). */
function below(limit: number, median: number, scatter: number): number {
  return 1 / (1 + Math.exp((-1.702 * Math.log(limit / median)) / scatter));
}

const commands = ["hello", "help", "start", "traffic"];
const bounds = ["0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"];
/** Those that Prometheus's client for Go has by default. */
const defaultBounds = ["0.005", "0.01", "0.025", ...bounds];

function kbot(): Series[] {
  return [oldKbot, newKbot].flatMap((pod, index) => {
    const there = index === 0 ? before : since;
    const resets = index === 0 ? [] : kills;
    const own: Labels = { job: jobs.kbot, namespace: "demo", pod, instance: `10.244.1.${index + 17}:8080` };
    return [
      ...commands.flatMap((command, place) => {
        const rate: Shape = (minute) => (1.4 - 0.3 * place) * load(minute, command);
        const failing: Shape = (minute) =>
          0.004 * load(minute, `errors ${command}`) + (command === "traffic" ? 0.34 : 0.02) * trouble(minute, 6);
        const all = (minute: number) => rate(minute) ?? 0;
        const failed = (minute: number) => failing(minute) ?? 0;
        // A third of the messages, and nearly all of the failing command, waits for a store that answers slowly.
        const slow = (minute: number) => (command === "traffic" ? 0.8 : 0.3) * trouble(minute, 8);
        return [
          counter(
            "kbot_messages_processed_total",
            { ...own, command, status: "success" },
            there((minute) => all(minute) * (1 - failed(minute))),
            resets,
          ),
          counter(
            "kbot_messages_processed_total",
            { ...own, command, status: "error" },
            there((minute) => all(minute) * failed(minute)),
            resets,
          ),
          ...bounds.map((le) => {
            const limit = le === "+Inf" ? Infinity : Number(le);
            const share = (minute: number) =>
              (1 - slow(minute)) * below(limit, 0.11, 0.5) + slow(minute) * below(limit, 2.6, 0.35);
            return counter(
              "kbot_message_duration_seconds_bucket",
              { ...own, command, le },
              there((minute) => all(minute) * share(minute)),
              resets,
            );
          }),
        ];
      }),
      gauge(
        "kbot_active_connections",
        own,
        there((minute) => Math.round(14 * load(minute, "connections") + 22 * trouble(minute))),
      ),
    ];
  });
}

function podinfo(): Series[] {
  return podinfos.flatMap(({ job, pod, path, status }, index) => {
    const own: Labels = { job, namespace: "demo", pod, instance: `10.244.2.${index + 41}:9898`, method: "POST", path };
    const rate: Shape = (minute) => 1.2 * load(minute, "podinfo");
    const median = 0.004 - 0.002 * index;
    return [
      { status, share: 0.996 },
      { status: "500", share: 0.004 },
    ].flatMap(({ status: answered, share }) => {
      const of: Shape = (minute) => share * (rate(minute) ?? 0);
      const labels = { ...own, status: answered };
      return [
        counter("http_request_duration_seconds_count", labels, of),
        ...defaultBounds.map((le) => {
          const within = below(le === "+Inf" ? Infinity : Number(le), median, 0.8);
          return counter(
            "http_request_duration_seconds_bucket",
            { ...labels, le },
            (minute) => within * (of(minute) ?? 0),
          );
        }),
      ];
    });
  });
}

/** What scrapes tell of themselves. The limit of a sample is 0 where there is none. */
function scrapes(): Series[] {
  const targets: readonly (readonly [
    job: string,
    namespace: string,
    samples: number,
    dropped: number,
    limit: number,
  ])[] = [
    [jobs.kbot, "demo", 96, 0, 5000],
    ...podinfos.map(({ job }) => [job, "demo", 74, 0, 0] as const),
    [jobs.nodeExporter, "node-agents", 1210, 0, 0],
    [jobs.kubeStateMetrics, "monitoring", 2350, 0, 0],
    [jobs.prometheus, "monitoring", 1480, 0, 0],
    ["kube-prometheus-stack-alertmanager", "monitoring", 610, 0, 0],
    ["kube-prometheus-stack-grafana", "monitoring", 940, 0, 0],
    ["kube-prometheus-stack-operator", "monitoring", 310, 0, 0],
    [jobs.loki, "monitoring", 2260, 0, 0],
    [jobs.fluentBit, "node-agents", 118, 0, 0],
    [jobs.collector, "monitoring", 205, 0, 0],
    [jobs.jaeger, "monitoring", 480, 0, 0],
    ["cert-manager", "cert-manager", 260, 0, 0],
    [jobs.flux, "flux-system", 1120, 0, 5000],
    [jobs.apiServer, "default", 21_400, 9_800, 0],
    [jobs.kubelet, "kube-system", 5_900, 1_700, 0],
    ["coredns", "kube-system", 390, 0, 0],
  ];
  return targets.flatMap(([job, namespace, samples, dropped, limit]) => {
    const own = { job, namespace, instance: job };
    const chats: Shape = (minute) => (job === jobs.kbot ? 3900 * trouble(minute, -rollout) : 0);
    const kept = (minute: number) => Math.round(samples - dropped + (chats(minute) ?? 0));
    return [
      gauge("up", own, 1),
      gauge("scrape_samples_scraped", own, (minute) => kept(minute) + dropped),
      gauge("scrape_samples_post_metric_relabeling", own, kept),
      gauge("scrape_series_added", own, (minute) =>
        job === jobs.kbot && minute >= rollout
          ? Math.round(88 * load(minute, "chats"))
          : Math.floor(3 * chance(`${job} ${minute}`)),
      ),
      gauge("scrape_sample_limit", own, limit),
    ];
  });
}

function controlPlane(): Series[] {
  const own: Labels = { job: jobs.apiServer, instance: "172.18.0.2:6443" };
  const requests: readonly (readonly [verb: string, code: string, rate: number])[] = [
    ["GET", "200", 22],
    ["LIST", "200", 3],
    ["PUT", "200", 6],
    ["PATCH", "200", 2.5],
    ["POST", "201", 2],
    ["GET", "404", 0.6],
    ["PUT", "409", 0.15],
    ["GET", "500", 0.004],
  ];
  const durations: readonly (readonly [verb: string, rate: number, median: number])[] = [
    ["GET", 22, 0.006],
    ["LIST", 3, 0.03],
    ["PUT", 6, 0.012],
    ["PATCH", 2.5, 0.014],
    ["POST", 2, 0.011],
  ];
  return [
    ...requests.map(([verb, code, rate]) =>
      counter(
        "apiserver_request_total",
        { ...own, verb, code, resource: "pods" },
        (minute) => rate * load(minute, verb + code),
      ),
    ),
    ...durations.flatMap(([verb, rate, median]) =>
      ["0.005", "0.025", "0.05", "0.1", "0.5", "1.0", "5.0", "10.0", "+Inf"].map((le) => {
        const limit = le === "+Inf" ? Infinity : Number(le);
        return counter(
          "apiserver_request_duration_seconds_bucket",
          { ...own, verb, resource: "pods", le },
          (minute) => rate * below(limit, median * (0.7 + 0.3 * load(minute, `slow ${verb}`)), 0.6),
        );
      }),
    ),
    gauge(
      "certmanager_certificate_expiration_timestamp_seconds",
      { job: "cert-manager", exported_namespace: "monitoring", name: "opentelemetry-operator-serving-cert" },
      end + 71 * 86_400,
    ),
    gauge(
      "certmanager_certificate_expiration_timestamp_seconds",
      { job: "cert-manager", exported_namespace: "demo", name: "kbot-tls" },
      end + 11.5 * 86_400,
    ),
    ...(
      [
        ["storage-loki-0", 0.41],
        ["prometheus-kube-prometheus-stack-prometheus-db", 0.63],
      ] as const
    ).flatMap(([persistentvolumeclaim, share]) => {
      const labels = { job: jobs.kubelet, namespace: "monitoring", persistentvolumeclaim };
      return [
        gauge("kubelet_volume_stats_used_bytes", labels, (minute) => (share + minute * 0.0001) * 10 * gibi),
        gauge("kubelet_volume_stats_capacity_bytes", labels, 10 * gibi),
      ];
    }),
    ...(
      [
        ["KbotErrorRatioHigh", "warning", -9, { namespace: "demo", command: "traffic" }],
        ["KbotLatencyHigh", "warning", -7, { namespace: "demo", command: "traffic" }],
        ["ContainerOOMKilled", "warning", -10.5, { namespace: "demo", pod: newKbot, container: "kbot" }],
        ["ImageFilesystemNearEviction", "warning", -1, { node: "dev-worker2" }],
        ["Watchdog", "none", -minutesOfData, {}],
      ] as const
    ).map(([alertname, severity, from, about]) =>
      gauge("ALERTS", { alertname, alertstate: "firing", severity, ...about }, (minute) =>
        minute >= from ? 1 : undefined,
      ),
    ),
  ];
}

function flux(): Series[] {
  const objects: readonly (readonly [
    group: string,
    kind: string,
    namespace: string,
    name: string,
    revision: string,
  ])[] = [
    ["source.toolkit.fluxcd.io", "GitRepository", "flux-system", "flux-system", "main@sha1:6fd1a0b4"],
    ["source.toolkit.fluxcd.io", "GitRepository", "demo", "kbot", "main@sha1:c41d7e09"],
    ["kustomize.toolkit.fluxcd.io", "Kustomization", "flux-system", "content", "main@sha1:6fd1a0b4"],
    ["kustomize.toolkit.fluxcd.io", "Kustomization", "flux-system", "demo", "main@sha1:6fd1a0b4"],
    ...["cert-manager", "fluent-bit", "jaeger", "kube-prometheus-stack", "loki", "opentelemetry-operator"].map(
      (name, index) =>
        ["helm.toolkit.fluxcd.io", "HelmRelease", "flux-system", name, `${index + 1}.${index * 3}.1`] as const,
    ),
    ["helm.toolkit.fluxcd.io", "HelmRelease", "demo", "kbot", "0.4.0"],
  ];
  const states = objects.flatMap(([group, kind, exported_namespace, name, revision]) => {
    const labels = {
      ...ksm,
      customresource_group: group,
      customresource_version: "v1",
      customresource_kind: kind,
      exported_namespace,
      name,
      revision,
    };
    const state = (minute: number) =>
      name !== "kbot" || kind !== "HelmRelease" || minute < rollout
        ? "True"
        : minute < rollout + 10
          ? "Unknown"
          : "False";
    return ["True", "Unknown", "False"]
      .map((ready) =>
        gauge("gotk_resource_info", { ...labels, ready, suspended: name === "jaeger" ? "true" : "false" }, (minute) =>
          state(minute) === ready ? 1 : undefined,
        ),
      )
      .filter(({ values }) => values.some((value) => value !== undefined));
  });
  const controllers: readonly (readonly [app: string, controller: string, kind: string, memory: number])[] = [
    ["source-controller", "gitrepository", "GitRepository", 88],
    ["kustomize-controller", "kustomization", "Kustomization", 76],
    ["helm-controller", "helmrelease", "HelmRelease", 110],
    ["notification-controller", "alert", "Alert", 46],
  ];
  const work = controllers.flatMap(([app, controller, kind, memory]) => {
    const pod = pods.find(({ workload }) => workload === app)?.pod ?? app;
    const own: Labels = { job: jobs.flux, namespace: "flux-system", pod, app };
    const busy = (minute: number) => (kind === "HelmRelease" ? trouble(minute, 2) : 0);
    return [
      counter(
        "controller_runtime_reconcile_total",
        { ...own, controller, result: "success" },
        (minute) => 0.06 * load(minute, app),
      ),
      counter(
        "controller_runtime_reconcile_errors_total",
        { ...own, controller },
        (minute) => 0.03 * busy(minute) * load(minute, `errors ${app}`),
      ),
      gauge("workqueue_depth", { ...own, name: controller, controller }, (minute) =>
        Math.floor(
          2 * chance(`${app} ${minute}`) * chance(`queue ${minute}`) * 1.6 +
            2 * busy(minute) * chance(`deep ${minute}`),
        ),
      ),
      gauge(
        "process_resident_memory_bytes",
        own,
        (minute) => memory * mebi * (0.95 + 0.05 * load(minute, `memory ${app}`)),
      ),
      ...objects
        .filter(([, objectKind]) => objectKind === kind)
        .flatMap(([, , exported_namespace, name], place) =>
          ["0.5", "1", "5", "10", "30", "60", "300", "+Inf"].map((le) => {
            const limit = le === "+Inf" ? Infinity : Number(le);
            const slow = (minute: number) => (kind === "HelmRelease" && name === "kbot" ? trouble(minute, 2) : 0);
            return counter(
              "gotk_reconcile_duration_seconds_bucket",
              { ...own, kind, exported_namespace, name, le },
              (minute) =>
                0.02 *
                load(minute, name) *
                below(limit, (kind === "HelmRelease" ? 1.2 + 0.8 * place : 0.7) + 40 * slow(minute), 0.5),
            );
          }),
        ),
    ];
  });
  return [...states, ...work];
}

function openTelemetry(): Series[] {
  const pods2: readonly (readonly [job: string, pod: string])[] = [
    [jobs.collector, pods.find(({ workload }) => workload === "otel-collector")?.pod ?? ""],
    [jobs.jaeger, pods.find(({ workload }) => workload === "jaeger")?.pod ?? ""],
  ];
  return pods2.flatMap(([job, pod]) => {
    const own: Labels = { job, namespace: "monitoring", pod };
    const signals: readonly (readonly [items: string, exporter: string, rate: number])[] =
      job === jobs.jaeger
        ? [["spans", "jaeger_storage_exporter", 38]]
        : [
            ["spans", "otlp_grpc/traces", 38],
            ["log_records", "otlp_http/logs", 12],
            ["metric_points", "prometheus", 210],
          ];
    return [
      ...signals.flatMap(([items, exporter, rate]) => {
        const receiver = { ...own, receiver: "otlp", transport: "grpc" };
        const sender = { ...own, exporter };
        const flow: Shape = (minute) => rate * load(minute, items) * (1 + 0.8 * trouble(minute, 5));
        return [
          counter(`otelcol_receiver_accepted_${items}`, receiver, flow),
          counter(`otelcol_receiver_refused_${items}`, receiver, 0),
          counter(`otelcol_exporter_sent_${items}`, sender, flow),
          counter(`otelcol_exporter_send_failed_${items}`, sender, 0),
          counter(`otelcol_exporter_enqueue_failed_${items}`, sender, 0),
          gauge("otelcol_exporter_queue_size", { ...sender, data_type: items }, (minute) =>
            Math.round(9 * load(minute, exporter) + 160 * trouble(minute, 14) * chance(`${exporter} ${minute}`)),
          ),
          gauge("otelcol_exporter_queue_capacity", { ...sender, data_type: items }, 1000),
        ];
      }),
      gauge(
        "otelcol_process_memory_rss",
        own,
        (minute) => (96 + 14 * load(minute, `rss ${job}`) + 30 * trouble(minute)) * mebi,
      ),
    ];
  });
}

function logPipeline(): Series[] {
  const agents = pods.filter(({ workload }) => workload === "fluent-bit");
  const loki: Labels = { job: jobs.loki, namespace: "monitoring", pod: "loki-0" };
  const lines: Shape = (minute) => 24 * load(minute, "lines") * (1 + 1.4 * trouble(minute, 3));
  const routes: readonly (readonly [method: string, route: string, status: string, rate: number, median: number])[] = [
    ["POST", "loki_api_v1_push", "204", 3, 0.008],
    ["POST", "otlp_v1_logs", "204", 0.6, 0.009],
    ["GET", "loki_api_v1_query_range", "200", 0.35, 0.12],
  ];
  return [
    ...agents.flatMap(({ pod, node }, index) => {
      const own: Labels = { job: jobs.fluentBit, namespace: "node-agents", pod };
      const output = { ...own, name: "loki.0" };
      // The rollout's lines come from one node; there the store is asked again now and then.
      const share = (minute: number) => (lines(minute) ?? 0) * ([0.2, 0.5, 0.3][index] ?? 0);
      const retries = (minute: number) => (index === 1 && chance(`retry ${minute}`) > 0.8 ? 0.05 : 0);
      return [
        gauge("fluentbit_uptime", { ...own, hostname: node }, (minute) => (minutesOfData + minute) * 60 + 86_400),
        counter("fluentbit_input_records_total", { ...own, name: "tail.0" }, share),
        counter("fluentbit_output_proc_records_total", output, share),
        counter("fluentbit_output_dropped_records_total", output, 0),
        counter("fluentbit_output_retries_total", output, retries),
        counter("fluentbit_output_errors_total", output, (minute) => retries(minute) / 2),
        counter("fluentbit_output_retries_failed_total", output, 0),
        gauge("fluentbit_storage_mem_chunks", own, (minute) => Math.round(2 * load(minute, pod) + trouble(minute))),
        gauge("fluentbit_storage_fs_chunks", own, (minute) =>
          Math.round(3 * load(minute, `disk ${pod}`) + 2 * trouble(minute)),
        ),
      ];
    }),
    counter(
      "loki_distributor_lines_received_total",
      { ...loki, tenant: "fake", is_internal_stream: "false", policy: "", format: "json" },
      lines,
    ),
    counter("loki_discarded_samples_total", { ...loki, reason: "rate_limited", tenant: "fake" }, 0),
    ...routes.flatMap(([method, route, status_code, rate, median]) => {
      const labels = { ...loki, method, route, status_code, ws: "false" };
      const flow = (minute: number) => rate * load(minute, route);
      return [
        counter("loki_request_duration_seconds_count", labels, flow),
        ...["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf"].map((le) =>
          counter(
            "loki_request_duration_seconds_bucket",
            { ...labels, le },
            (minute) =>
              flow(minute) *
              below(le === "+Inf" ? Infinity : Number(le), median * (0.8 + 0.2 * load(minute, `slow ${route}`)), 0.5),
          ),
        ),
      ];
    }),
  ];
}

/** Series that only show how many there are: the buckets that fill every Prometheus, and one for each chat. */
function crowd(): Series[] {
  const metrics: readonly (readonly [name: string, job: string, namespace: string, count: number])[] = [
    ["apiserver_request_sli_duration_seconds_bucket", jobs.apiServer, "default", 620],
    ["apiserver_flowcontrol_request_wait_duration_seconds_bucket", jobs.apiServer, "default", 540],
    ["workqueue_queue_duration_seconds_bucket", jobs.apiServer, "default", 410],
    ["kubelet_runtime_operations_duration_seconds_bucket", jobs.kubelet, "kube-system", 340],
    ["loki_ingester_chunk_size_bytes_bucket", jobs.loki, "monitoring", 260],
    ["prometheus_http_request_duration_seconds_bucket", jobs.prometheus, "monitoring", 230],
    ["rest_client_request_duration_seconds_bucket", jobs.flux, "flux-system", 210],
    ["grafana_http_request_duration_seconds_bucket", "kube-prometheus-stack-grafana", "monitoring", 190],
    ["node_cpu_seconds_total", jobs.nodeExporter, "node-agents", 96],
  ];
  return [
    ...metrics.flatMap(([name, job, namespace, count]) =>
      Array.from({ length: count }, (_, index) => gauge(name, { job, namespace, instance: String(index) }, index)),
    ),
    ...Array.from({ length: 1300 }, (_, index) => {
      const seen = rollout + (index / 1300) * -rollout;
      const labels = { job: jobs.kbot, namespace: "demo", pod: newKbot, chat: String(4_100_000 + index * 37) };
      return counter("kbot_chat_messages_total", labels, (minute) => (minute >= seen ? 0.02 : undefined));
    }),
  ];
}

function prometheus(series: readonly Series[]): Series[] {
  const own: Labels = {
    job: jobs.prometheus,
    namespace: "monitoring",
    pod: "prometheus-kube-prometheus-stack-prometheus-0",
  };
  const alive = minutes.map((_, index) => series.filter(({ values }) => values[index] !== undefined).length);
  const count = (minute: number) => alive[minutes.indexOf(minute)] ?? 0;
  return [
    gauge("prometheus_tsdb_head_series", own, (minute) => count(minute)),
    counter(
      "prometheus_tsdb_head_samples_appended_total",
      { ...own, type: "float" },
      (minute) => count(minute) / interval,
    ),
    counter(
      "prometheus_tsdb_head_series_created_total",
      own,
      (minute) => 0.15 * chance(`new ${minute}`) + (minute >= rollout ? 1 : 0),
    ),
    gauge(
      "process_resident_memory_bytes",
      own,
      (minute) => (690 + 20 * load(minute, "prometheus") + 60 * trouble(minute)) * mebi,
    ),
  ];
}

/** What the pods of each namespace request, as kube-prometheus-stack records it. */
function requests(): Series[] {
  return [...new Set(pods.map(({ namespace }) => namespace))].flatMap((namespace) => {
    // Of kbot's two pods one is there at a time.
    const own = pods.filter((pod) => pod.namespace === namespace && pod.pod !== oldKbot);
    const sum = (of: "cpu" | "memory") => own.reduce((total, { request: wants }) => total + (wants?.[of] ?? 0), 0);
    return [
      gauge("namespace_cpu:kube_pod_container_resource_requests:sum", { namespace }, sum("cpu")),
      gauge("namespace_memory:kube_pod_container_resource_requests:sum", { namespace }, sum("memory")),
    ];
  });
}

/** Series with a shape of their own: enough for every query of every panel. */
export function shapedSeries(): Series[] {
  const series = [
    ...pods.flatMap(ofPod),
    ...deployments(),
    ...nodes.flatMap(ofNode),
    ...kbot(),
    ...podinfo(),
    ...scrapes(),
    ...controlPlane(),
    ...flux(),
    ...openTelemetry(),
    ...logPipeline(),
    ...requests(),
  ];
  return [...series, ...prometheus(series)];
}

/** The whole cluster, with the series that only count. */
export function wholeCluster(): Series[] {
  const own = shapedSeries().filter(({ name }) => !name.startsWith("prometheus_tsdb_head"));
  const all = [...own, ...crowd()];
  return [...all, ...prometheus(all).filter(({ name }) => name.startsWith("prometheus_tsdb_head"))];
}
