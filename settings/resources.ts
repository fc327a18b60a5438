/** What an environment asks of its cluster: the sum is checked before a cluster is made. */
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

const mebibytes: Readonly<Record<string, number>> = { Ki: 1 / 1024, Mi: 1, Gi: 1024, Ti: 1024 * 1024 };

/** Memory of a setting (`128Mi`, `5Gi`) in MiB. */
export function memoryMiB(amount: string): number {
  return Math.ceil(Number(amount.slice(0, -2)) * (mebibytes[amount.slice(-2)] ?? Number.NaN));
}

/** Sum of requests. */
export interface Requests {
  readonly cpuMillicores: number;
  readonly memoryMiB: number;
}

/**
 * Requests that no setting decides. Flux 2.9: four controllers of 100m/64Mi (install.yaml); Go instrumentation and kbot:
 * 100m/128Mi (flux-repo/demo). A cluster's own pods are the cluster's to count (components/cluster/preflight.ts).
 */
const flux = { cpuMillicores: 400, memoryMiB: 256 };
const demo = { cpuMillicores: 100, memoryMiB: 128 };

/** Everything that pods of the environment request together, without those of the cluster itself. */
export function requestedResources(settings: Settings): Requests {
  const { certManager, prometheus, alertmanager, grafana, loki, fluentBit, opentelemetry, jaeger, cluster } = settings;
  const nodes = cluster.type === "kind" ? 1 + cluster.kind.workers : 1;
  const counted: [ContainerResources, number][] = [
    [certManager.controller, certManager.replicas],
    [certManager.webhook, certManager.replicas],
    [certManager.cainjector, 1],
    [prometheus.resources, prometheus.replicas],
    [prometheus.operator, 1],
    [prometheus.kubeStateMetrics, 1],
    [prometheus.nodeExporter, nodes],
    [alertmanager.resources, alertmanager.replicas],
    [grafana.resources, 1],
    [loki.resources, loki.replicas],
    [fluentBit.resources, nodes],
    [opentelemetry.operator, 1],
    [opentelemetry.collector.resources, opentelemetry.collector.replicas],
    [jaeger.resources, 1],
  ];
  const parts: Requests[] = [
    flux,
    ...(settings.demo.enabled ? [demo] : []),
    ...counted.map(([one, count]) => ({
      cpuMillicores: cpuMillicores(one.cpu) * count,
      memoryMiB: memoryMiB(one.memory) * count,
    })),
  ];
  return parts.reduce((sum, part) => ({
    cpuMillicores: sum.cpuMillicores + part.cpuMillicores,
    memoryMiB: sum.memoryMiB + part.memoryMiB,
  }));
}

/** Requests and limits as a pod's container or a chart's `resources` wants them. */
export function containerResources(resources: ContainerResources) {
  return {
    requests: { cpu: resources.cpu, memory: resources.memory },
    limits: { memory: resources.memoryLimit },
  };
}
