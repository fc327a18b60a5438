/** What an environment asks of its cluster: the sum is checked before a cluster is made. */
import { cpuMillicores, memoryMiB } from "../settings/resources.ts";
import type { Settings } from "../settings/schema.ts";
import { requests } from "./plan.ts";

/** Sum of requests. */
export interface Requests {
  readonly cpuMillicores: number;
  readonly memoryMiB: number;
  /** Sum of the limits: what all containers together may come to use. */
  readonly memoryLimitMiB: number;
}

/** Everything that pods of the environment request together; the cluster's own are the cluster's to count (components/cluster/preflight.ts). */
export function requestedResources(settings: Settings): Requests {
  const sum = { cpuMillicores: 0, memoryMiB: 0, memoryLimitMiB: 0 };
  for (const { cpu, memory, memoryLimit, count } of requests(settings)) {
    sum.cpuMillicores += cpuMillicores(cpu) * count;
    sum.memoryMiB += memoryMiB(memory) * count;
    sum.memoryLimitMiB += memoryMiB(memoryLimit) * count;
  }
  return sum;
}
