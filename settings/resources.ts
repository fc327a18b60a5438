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

/**
 * An amount in the form in which Kubernetes gives it back (`resource.Quantity`, "canonical form"): `1024Mi` is `1Gi`, `1.5Gi` is
 * `1536Mi`. An operator's webhook writes it so into its objects, and each `up` would write the other form again.
 */
export function canonicalBytes(amount: string): string {
  const [base, units] = amount.endsWith("i") ? [1024, ["", "Ki", "Mi", "Gi", "Ti"]] : [1000, ["", "k", "M", "G", "T"]];
  let [size, unit] = [Math.ceil(byteCount(amount)), 0];
  while (size % base === 0 && unit < units.length - 1) [size, unit] = [size / base, unit + 1];
  return `${size}${units[unit] ?? ""}`;
}

/** The same of CPU: `0.5` is `500m`, `1000m` is `1`. */
export function canonicalCpu(cpu: string): string {
  const millicores = cpuMillicores(cpu);
  return millicores % 1000 === 0 ? String(millicores / 1000) : `${millicores}m`;
}

/** Requests and limits as a pod's container or a chart's `resources` wants them. */
export function containerResources({ cpu, memory, memoryLimit }: ContainerResources) {
  return {
    requests: { cpu: canonicalCpu(cpu), memory: canonicalBytes(memory) },
    limits: { memory: canonicalBytes(memoryLimit) },
  };
}
