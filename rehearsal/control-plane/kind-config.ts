/** kind's configuration file, version v1alpha4, as far as it can be judged without containers. */
import { z } from "zod";

// Every field that kind knows, so that a misspelt one is refused here as it is there.
const patches = z.array(z.string());
const json6902 = z.array(
  z.strictObject({ group: z.string(), version: z.string(), kind: z.string(), patch: z.string() }),
);

const node = z.strictObject({
  role: z.enum(["control-plane", "worker"]).optional(),
  image: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  extraMounts: z
    .array(
      z.strictObject({
        hostPath: z.string(),
        containerPath: z.string(),
        readOnly: z.boolean().optional(),
        selinuxRelabel: z.boolean().optional(),
        propagation: z.enum(["None", "HostToContainer", "Bidirectional"]).optional(),
      }),
    )
    .optional(),
  extraPortMappings: z
    .array(
      z.strictObject({
        containerPort: z.int(),
        hostPort: z.int().optional(),
        listenAddress: z.string().optional(),
        protocol: z.enum(["TCP", "UDP", "SCTP"]).optional(),
      }),
    )
    .optional(),
  kubeadmConfigPatches: patches.optional(),
  kubeadmConfigPatchesJSON6902: json6902.optional(),
});

const cluster = z.strictObject({
  kind: z.literal("Cluster"),
  apiVersion: z.literal("kind.x-k8s.io/v1alpha4"),
  name: z.string().optional(),
  nodes: z.array(node).optional(),
  networking: z
    .strictObject({
      ipFamily: z.enum(["ipv4", "ipv6", "dual"]).optional(),
      apiServerPort: z.int().positive().optional(),
      apiServerAddress: z.string().optional(),
      podSubnet: z.string().optional(),
      serviceSubnet: z.string().optional(),
      disableDefaultCNI: z.boolean().optional(),
      kubeProxyMode: z.string().optional(),
      dnsSearch: z.array(z.string()).optional(),
    })
    .optional(),
  featureGates: z.record(z.string(), z.boolean()).optional(),
  runtimeConfig: z.record(z.string(), z.string()).optional(),
  kubeadmConfigPatches: patches.optional(),
  kubeadmConfigPatchesJSON6902: json6902.optional(),
  containerdConfigPatches: patches.optional(),
  containerdConfigPatchesJSON6902: patches.optional(),
});

/** A kind configuration; empty for none. */
export type KindConfig = Partial<z.infer<typeof cluster>>;

/** @throws Error that names each field that is wrong */
export function parseConfig(value: unknown): KindConfig {
  const result = cluster.safeParse(value);
  if (!result.success) throw new Error(`unable to decode config: ${z.prettifyError(result.error)}`);
  const roles = (result.data.nodes ?? [{}]).map(({ role = "control-plane" }) => role);
  if (roles[0] !== "control-plane" || roles.slice(1).includes("control-plane"))
    throw new Error(
      "the rehearsal's kind plays one control-plane, which comes first, and workers; the configuration has others",
    );
  return result.data;
}

/** Milliseconds of a duration as Go writes it (`90s`, `1m30s`). */
export function duration(value: string): number {
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  if (value === "0") return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(value))
    throw new Error(`invalid argument "${value}" for "--wait" flag: time: invalid duration "${value}"`);
  return [...value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
    .map(([, amount, unit]) => Number(amount) * (units[unit ?? ""] ?? 0))
    .reduce((sum, part) => sum + part, 0);
}
