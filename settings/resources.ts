/** CPU and memory of containers, as settings say them. */
import { byteCount } from "./formats.ts";

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

/** Requests and limits as a pod's container or a chart's `resources` wants them. */
export function containerResources(resources: ContainerResources) {
  return {
    requests: { cpu: resources.cpu, memory: resources.memory },
    limits: { memory: resources.memoryLimit },
  };
}
