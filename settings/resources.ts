/** What an environment asks of its cluster: the sum is checked before a cluster is made. */
import { byteCount } from "./formats.ts";
import type { Settings } from "./schema.ts";

/** Requests and limit of one container, as settings say them. */
export interface ContainerResources {
  readonly cpu: string;
  readonly memory: string;
  readonly memoryLimit: string;
}

/** CPU of a setting (`50m`, `0.5`) in thousandths of a core. */
export function cpuMillicores(cpu: string): number {
  return cpu.endsWith("m") ? Number(cpu.slice(0, -1)) : Math.round(Number(cpu) * 1000);
}

/** Memory of a setting (`128Mi`, `5Gi`) in MiB. */
export function memoryMiB(amount: string): number {
  return Math.ceil(byteCount(amount) / 1024 ** 2);
}

/** Sum of requests. */
export interface Requests {
  readonly cpuMillicores: number;
  readonly memoryMiB: number;
  /** Sum of the limits: what all containers together may come to use. */
  readonly memoryLimitMiB: number;
}

/**
 * Requests and limits that no setting decides. Flux 2.9: four controllers of 100m/64Mi, limit 1Gi (install.yaml); podinfo: two and a client of
 * 10m/32Mi (components/demo/podinfo.ts, flux-repo/demo/podinfo); Go instrumentation and kbot: 100m/128Mi (flux-repo/demo/kbot).
 * A cluster's own pods are the cluster's to count (components/cluster/preflight.ts).
 */
const flux = { cpuMillicores: 400, memoryMiB: 256, memoryLimitMiB: 4096 };
const demos = {
  podinfo: { cpuMillicores: 30, memoryMiB: 96, memoryLimitMiB: 320 },
  kbot: { cpuMillicores: 100, memoryMiB: 128, memoryLimitMiB: 256 },
} as const;

/** Every container whose resources are settings: the path of its setting, what it says, and how many there are. */
export function containers(settings: Settings): [path: string, resources: ContainerResources, count: number][] {
  const { certManager, prometheus, alertmanager, grafana, loki, fluentBit, opentelemetry, jaeger, cluster } = settings;
  const nodes = cluster.type === "kind" ? 1 + cluster.kind.workers : 1;
  return [
    ["certManager.controller", certManager.controller, certManager.replicas],
    ["certManager.webhook", certManager.webhook, certManager.replicas],
    ["certManager.cainjector", certManager.cainjector, 1],
    ["prometheus.resources", prometheus.resources, prometheus.replicas],
    ["prometheus.operator", prometheus.operator, 1],
    ["prometheus.kubeStateMetrics", prometheus.kubeStateMetrics, 1],
    ["prometheus.nodeExporter", prometheus.nodeExporter, nodes],
    ["alertmanager.resources", alertmanager.resources, alertmanager.replicas],
    ["grafana.resources", grafana.resources, 1],
    ["loki.resources", loki.resources, loki.replicas],
    ["fluentBit.resources", fluentBit.resources, nodes],
    ["opentelemetry.operator", opentelemetry.operator, 1],
    ["opentelemetry.collector.resources", opentelemetry.collector.resources, opentelemetry.collector.replicas],
    ["jaeger.resources", jaeger.resources, 1],
  ];
}

/** Everything that pods of the environment request together, without those of the cluster itself. */
export function requestedResources(settings: Settings): Requests {
  const parts: Requests[] = [
    flux,
    ...(settings.demo.enabled ? [demos[settings.demo.app]] : []),
    ...containers(settings).map(([, one, count]) => ({
      cpuMillicores: cpuMillicores(one.cpu) * count,
      memoryMiB: memoryMiB(one.memory) * count,
      memoryLimitMiB: memoryMiB(one.memoryLimit) * count,
    })),
  ];
  return parts.reduce((sum, part) => ({
    cpuMillicores: sum.cpuMillicores + part.cpuMillicores,
    memoryMiB: sum.memoryMiB + part.memoryMiB,
    memoryLimitMiB: sum.memoryLimitMiB + part.memoryLimitMiB,
  }));
}

/** Requests and limits as a pod's container or a chart's `resources` wants them. */
export function containerResources(resources: ContainerResources) {
  return {
    requests: { cpu: resources.cpu, memory: resources.memory },
    limits: { memory: resources.memoryLimit },
  };
}
