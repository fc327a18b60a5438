/** The Kind configuration of an environment: pure, and the only thing that decides whether a cluster is another one. */
import { createHash } from "node:crypto";
import { stringify } from "yaml";
import type { Settings } from "../../settings/schema.ts";
import type { ExposedService, HostPort } from "./cluster.ts";

/** Node ports behind the host ports. Fixed: they are part of the Kind configuration. */
const nodePorts: Readonly<Record<ExposedService, number>> = {
  dashboards: 30300,
  metrics: 30900,
  alerts: 30903,
  traces: 30686,
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

/** Where the node has the audit policy, and where the API server writes. */
const audit = { policy: "/etc/kubernetes/audit-policy.yaml", folder: "/var/log/kubernetes/audit" } as const;

/** The audit log on the node that has the API server. */
export const kindAuditLog = `${audit.folder}/audit.log`;

/** The policy, relative to the project. */
const auditPolicy = "components/cluster/audit-policy.yaml";

/** Has the API server write who asked for what, 60 MB and a week at most. */
const auditPatch = {
  kind: "ClusterConfiguration",
  apiServer: {
    extraArgs: {
      "audit-policy-file": audit.policy,
      "audit-log-path": kindAuditLog,
      "audit-log-maxsize": "20",
      "audit-log-maxbackup": "2",
      "audit-log-maxage": "7",
    },
    extraVolumes: [
      { name: "audit-policy", hostPath: audit.policy, mountPath: audit.policy, readOnly: true, pathType: "File" },
      { name: "audit-log", hostPath: audit.folder, mountPath: audit.folder, pathType: "DirectoryOrCreate" },
    ],
  },
};

/** Kubernetes 1.35 and later refuse cgroup v1 unless told otherwise; on cgroup v2 this changes nothing. */
const cgroupPatch = { kind: "KubeletConfiguration", failCgroupV1: false };

/** A rendered Kind configuration. */
export interface KindConfig {
  /** YAML for `kind create cluster --config`, without the labels that say whose the cluster is. */
  readonly yaml: string;
  /** First 12 hexadecimal digits of the SHA-256 of what the settings say. */
  readonly hash: string;
  readonly hostPorts: Readonly<Partial<Record<ExposedService, HostPort>>>;
}

/**
 * The longest name of a cluster: the node `<name>-control-plane` is a host name and the value of a label, 63 characters at
 * most. (kind itself warns beyond 50 only, one too late.)
 */
const longestName = 63 - "-control-plane".length;

/** How a name ends that is not the stack's own. */
const hashed = /--[0-9a-f]{8}$/;

/**
 * Name of the Kind cluster of a stack: the stack's own name where that is a DNS label of at most 49 characters. Any other
 * is changed or cut and carries a hash of the stack's name, so that two stacks never have one cluster.
 * @throws Error for a stack whose name has no letter or digit
 */
export function clusterName(stack: string): string {
  const isLabel = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(stack);
  if (isLabel && stack.length <= longestName && !hashed.test(stack)) return stack;
  const digest = createHash("sha256").update(stack).digest("hex").slice(0, 8);
  const words = stack
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+/g, "")
    .slice(0, longestName - digest.length - 2)
    .replaceAll(/-+$/g, "");
  if (words === "") {
    throw new Error(
      `The stack name "${stack}" has no letter or digit that a cluster could be named after. Choose another, such as dev.`,
    );
  }
  return `${words}--${digest}`;
}

/** Files of a cluster on the host, relative to the project unless the settings say otherwise. */
export function clusterFiles(settings: Settings["cluster"]["kind"], name: string) {
  return {
    kubeconfig: `${settings.kubeconfigFolder}/${name}.yaml`,
    /** Containerd's `hosts.toml` files, for a cluster that uses mirrors. */
    registryFolder: `${settings.kubeconfigFolder}/${name}.certs.d`,
  };
}

/**
 * Where Go programs, containerd and the kubelet among them, look for certificates one by one, beside the system's bundle
 * (crypto/x509, root_linux.go).
 */
const caOnNodes = "/etc/ssl/certs/network-ca.pem";

/**
 * Renders the Kind configuration. Ports listen on 127.0.0.1: Kind's default is all interfaces.
 * @param ca file with CA certificates that the nodes trust, too; relative to the project
 * @param nodeImage the image of the settings, or the same with its digest, which makes no other cluster of it
 */
export function kindConfig(
  settings: Settings["cluster"]["kind"],
  name: string,
  ca?: string,
  nodeImage = settings.nodeImage,
): KindConfig {
  const hostPorts: Partial<Record<ExposedService, HostPort>> = {};
  for (const service of Object.keys(nodePorts) as ExposedService[]) {
    const hostPort = settings.ports[service];
    if (hostPort !== null) hostPorts[service] = { hostPort, nodePort: nodePorts[service] };
  }
  const patches = [
    ...(settings.scrapeControlPlane ? scrapeControlPlanePatches : []),
    ...(settings.auditLog ? [auditPatch] : []),
    cgroupPatch,
  ].map((patch) => stringify(patch));
  const mounts = [
    ...(Object.keys(settings.registryMirrors).length === 0
      ? []
      : [{ hostPath: clusterFiles(settings, name).registryFolder, containerPath: "/etc/containerd/certs.d" }]),
    ...(ca === undefined ? [] : [{ hostPath: ca, containerPath: caOnNodes }]),
  ];
  const readOnly = (some: typeof mounts) =>
    some.length === 0 ? {} : { extraMounts: some.map((mount) => ({ ...mount, readOnly: true })) };
  const policy = settings.auditLog ? [{ hostPath: auditPolicy, containerPath: audit.policy }] : [];
  // The script adds labels when it makes a cluster (`identity.ts`).
  const labels = {};
  const withImage = (image: string) =>
    stringify({
      kind: "Cluster",
      apiVersion: "kind.x-k8s.io/v1alpha4",
      networking: { apiServerAddress: "127.0.0.1" },
      kubeadmConfigPatches: [...patches, ...settings.kubeadmPatches],
      nodes: [
        {
          role: "control-plane",
          image,
          labels,
          extraPortMappings: Object.values(hostPorts).map(({ hostPort, nodePort }) => ({
            containerPort: nodePort,
            hostPort,
            listenAddress: "127.0.0.1",
            protocol: "TCP",
          })),
          ...readOnly([...mounts, ...policy]),
        },
        ...Array.from({ length: settings.workers }, () => ({
          role: "worker",
          image,
          labels,
          ...readOnly(mounts),
        })),
      ],
    });
  const mirrors = JSON.stringify(settings.registryMirrors);
  const hash = createHash("sha256")
    .update(withImage(settings.nodeImage) + mirrors)
    .digest("hex")
    .slice(0, 12);
  return { yaml: withImage(nodeImage), hash, hostPorts };
}
