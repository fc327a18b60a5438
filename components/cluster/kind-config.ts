/** The Kind configuration of an environment: pure, and the only thing that decides whether a cluster is another one. */
import { createHash } from "node:crypto";
import { stringify } from "yaml";
import type { Settings } from "../../settings/schema.ts";
import type { ExposedService, HostPort } from "./cluster.ts";

/** Node label that carries the hash of the configuration a cluster was made from. */
export const configHashLabel = "observability.dev/config-hash";

/** Node ports behind the host ports. Fixed: they are part of the Kind configuration. */
const nodePorts: Readonly<Record<ExposedService, number>> = {
  grafana: 30300,
  prometheus: 30900,
  alertmanager: 30903,
  jaeger: 30686,
};

/**
 * Lets Prometheus reach the control plane's metrics. No apiVersion: Kind fits unversioned patches to the kubeadm
 * version of the node image (kind PR 4173).
 */
const scrapeControlPlanePatches = [
  {
    kind: "ClusterConfiguration",
    controllerManager: { extraArgs: { "bind-address": "0.0.0.0" } },
    scheduler: { extraArgs: { "bind-address": "0.0.0.0" } },
    etcd: { local: { extraArgs: { "listen-metrics-urls": "http://0.0.0.0:2381" } } },
  },
  { kind: "KubeProxyConfiguration", metricsBindAddress: "0.0.0.0:10249" },
];

/** Kubernetes 1.35 and later refuse cgroup v1 unless told otherwise; on cgroup v2 this changes nothing. */
const cgroupPatch = { kind: "KubeletConfiguration", failCgroupV1: false };

/** A rendered Kind configuration. */
export interface KindConfig {
  /** YAML for `kind create cluster --config`. */
  readonly yaml: string;
  /** First 12 hexadecimal digits of the SHA-256 of what the settings say, and of the generation. */
  readonly hash: string;
  readonly hostPorts: Readonly<Partial<Record<ExposedService, HostPort>>>;
}

/** Name of the Kind cluster of a stack: the stack's name as a DNS label. */
export function clusterName(stack: string): string {
  return stack
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 50);
}

/** Files of a cluster on the host, relative to the project unless the settings say otherwise. */
export function clusterFiles(settings: Settings["cluster"]["kind"], name: string) {
  return {
    kubeconfig: `${settings.kubeconfigFolder}/${name}.yaml`,
    /** Containerd's `hosts.toml` files, for a cluster that uses mirrors. */
    registryFolder: `${settings.kubeconfigFolder}/${name}.certs.d`,
  };
}

/** Where the cluster script notes the generation of the cluster that it made (`generation.ts`). */
export function generationFile(kubeconfigFile: string): string {
  return `${kubeconfigFile}.generation`;
}

/**
 * Renders the Kind configuration. Ports listen on 127.0.0.1: Kind's default is all interfaces.
 *
 * @param generation How many clusters of this name vanished before: it makes this one another
 */
export function kindConfig(settings: Settings["cluster"]["kind"], name: string, generation = 0): KindConfig {
  const hostPorts: Partial<Record<ExposedService, HostPort>> = {};
  for (const service of Object.keys(nodePorts) as ExposedService[]) {
    const hostPort = settings.ports[service];
    if (hostPort !== null) hostPorts[service] = { hostPort, nodePort: nodePorts[service] };
  }
  const patches = [...(settings.scrapeControlPlane ? scrapeControlPlanePatches : []), cgroupPatch].map((patch) =>
    stringify(patch),
  );
  const extraMounts =
    Object.keys(settings.registryMirrors).length === 0
      ? {}
      : {
          extraMounts: [
            {
              hostPath: clusterFiles(settings, name).registryFolder,
              containerPath: "/etc/containerd/certs.d",
              readOnly: true,
            },
          ],
        };
  const config = (labels: Record<string, string>) => ({
    kind: "Cluster",
    apiVersion: "kind.x-k8s.io/v1alpha4",
    networking: { apiServerAddress: "127.0.0.1" },
    kubeadmConfigPatches: [...patches, ...settings.kubeadmPatches],
    nodes: [
      {
        role: "control-plane",
        image: settings.nodeImage,
        labels,
        extraPortMappings: Object.values(hostPorts).map(({ hostPort, nodePort }) => ({
          containerPort: nodePort,
          hostPort,
          listenAddress: "127.0.0.1",
          protocol: "TCP",
        })),
        ...extraMounts,
      },
      ...Array.from({ length: settings.workers }, () => ({
        role: "worker",
        image: settings.nodeImage,
        labels,
        ...extraMounts,
      })),
    ],
  });
  const mirrors = JSON.stringify(settings.registryMirrors);
  const hash = createHash("sha256")
    .update(stringify(config({})) + mirrors + (generation === 0 ? "" : `#${generation}`))
    .digest("hex")
    .slice(0, 12);
  return { yaml: stringify(config({ [configHashLabel]: hash })), hash, hostPorts };
}
