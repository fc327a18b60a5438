import * as dgram from "node:dgram";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";

import { parse } from "yaml";

import { cgroupRemedy, explain, inotifyRemedy, portInUse, startDocker } from "./explain.ts";
import { query } from "./kind.ts";

/** Something to know before a cluster is made. An error stops; a warning and a note are only said. */
export interface Finding {
  readonly level: "error" | "warning" | "note";
  /** What was looked at: docker, kind, ports, inotify, cgroup, cpu, memory, disk. */
  readonly check: string;
  /** What is wrong and what to do. */
  readonly message: string;
}

/** A port that Kind will open on the host. */
export interface HostPort {
  readonly port: number;
  readonly address: string;
  readonly protocol: "TCP" | "UDP" | "SCTP";
}

/** What preflight needs to know of the Kind configuration. */
export interface KindConfigFacts {
  readonly ports: readonly HostPort[];
  /** Nodes in the configuration. */
  readonly nodes: number;
  /** Nodes on which pods are scheduled: the workers, or the control plane when it is alone. */
  readonly schedulable: number;
  /** Tags of the node images, for example v1.36.1. */
  readonly imageTags: readonly string[];
  /** A patch sets `failCgroupV1: false`. */
  readonly allowsCgroupV1: boolean;
}

/** The fields of `docker info` that are looked at. */
export interface DockerInfo {
  readonly NCPU?: number;
  /** Bytes. */
  readonly MemTotal?: number;
  readonly CgroupVersion?: string;
  readonly DockerRootDir?: string;
  /** Release of the kernel that containers run on. */
  readonly KernelVersion?: string;
}

/** How the host is looked at; tests hand in their own. */
export interface Probes {
  /** What `docker info` knows, or what it said when it failed. */
  readonly docker: () => Promise<
    { readonly info: DockerInfo } | { readonly failure: string; readonly notFound: boolean }
  >;
  /** The engine's address as its client knows it (DOCKER_HOST, context), or undefined when it does not say. */
  readonly engineAddress: () => Promise<string | undefined>;
  /** The network of the container in which this runs beside the nodes; undefined when it runs in none of that engine. */
  readonly ownNetwork: () => Promise<string | undefined>;
  /** Whether the port can be opened now; true when it cannot be found out. */
  readonly portIsFree: (port: HostPort) => Promise<boolean>;
  /** Release of this host's kernel. */
  readonly kernel: () => string;
  /** A sysctl of the host, or undefined where there is none (macOS: Docker has a machine of its own). */
  readonly sysctl: (name: string) => number | undefined;
  /** Free bytes where this path lies, or undefined when it cannot be seen from here. */
  readonly freeBytes: (path: string) => number | undefined;
}

export interface PreflightRequest {
  /** Output of `kind version`; undefined when there is no kind, which is not told here. */
  readonly kindVersion: string | undefined;
  readonly config: KindConfigFacts;
  /** Sum of the CPU requests of the environment, in millicores; absent: not checked. */
  readonly requestedCpuMillicores?: number;
  /** Sum of the memory requests of the environment, in MiB; absent: not checked. */
  readonly requestedMemoryMiB?: number;
  /** Sum of the memory limits, in MiB; absent: not checked. */
  readonly memoryLimitMiB?: number;
}

const oldestKind = [0, 30] as const;
const recommendedKind = [0, 32] as const;
const GiB = 1024 ** 3;
/** Node image about 1 GB, the environment's images about 3 GB unpacked, and some room for data. */
const neededDisk = 5 * GiB;
const recommendedDisk = 15 * GiB;
/**
 * Requests of what kubeadm and kind put on a control plane: kube-apiserver 250m, kube-controller-manager 200m,
 * kube-scheduler, etcd and kindnet 100m each, two CoreDNS 100m each; memory etcd 100, kindnet 50, CoreDNS 70 each.
 */
const controlPlane = { cpuMillicores: 950, memoryMiB: 290 } as const;

/** Looks at the host before a cluster is made. Nothing is changed. */
export async function preflight(request: PreflightRequest, probes: Probes): Promise<Finding[]> {
  const { config, kindVersion } = request;
  const unsafePorts = checkAddresses(config.ports);
  if (kindVersion?.includes("stand-in") === true) {
    const note = `"kind version" says: ${kindVersion}. The checks of Docker and of the host's limits are skipped.`;
    return [
      { level: "note", check: "kind", message: note },
      ...unsafePorts,
      ...(await checkPorts(config.ports, probes)),
    ];
  }
  const findings = [...(kindVersion === undefined ? [] : checkKindVersion(kindVersion)), ...unsafePorts];
  const [docker, address] = await Promise.all([probes.docker(), probes.engineAddress()]);
  const remote = checkEngineAddress(address);
  // The rest would look at this host, and the nodes would run on another.
  if (remote.length > 0) return [...findings, ...remote];
  if ("failure" in docker) {
    // Without an engine the rest would only be noise.
    return [...findings, dockerFailure(docker)];
  }
  const { info } = docker;
  return [
    ...findings,
    ...checkOwnNetwork(await probes.ownNetwork()),
    ...(await checkPorts(config.ports, probes)),
    // Docker Desktop has a machine of its own, on Linux too: what this one allows says nothing there.
    ...(info.KernelVersion === undefined || info.KernelVersion === probes.kernel()
      ? checkInotify(probes.sysctl("fs.inotify.max_user_watches"), probes.sysctl("fs.inotify.max_user_instances"))
      : []),
    ...checkCgroup(info.CgroupVersion, config),
    ...checkCapacity(request, info),
    ...checkDisk(info.DockerRootDir, probes),
  ];
}

function checkKindVersion(output: string): Finding[] {
  const found = /v?(\d+)\.(\d+)\.\d+/.exec(output);
  const recommended = recommendedKind.join(".");
  if (found === null) {
    const message = `its version cannot be read from "${output}". Install kind ${recommended} or later if the cluster fails.`;
    return [{ level: "warning", check: "kind", message }];
  }
  const version = Number(found[1]) * 1_000 + Number(found[2]);
  const atLeast = ([major, minor]: readonly [number, number]): boolean => version >= major * 1_000 + minor;
  if (!atLeast(oldestKind)) {
    const message =
      `version ${found[0]} is too old; ${oldestKind.join(".")} is the oldest that works with these node images and ` +
      `kubeadm patches. Install ${recommended} or later: https://kind.sigs.k8s.io/docs/user/quick-start/#installation`;
    return [{ level: "error", check: "kind", message }];
  }
  if (!atLeast(recommendedKind)) {
    const message = `version ${found[0]} works, but this project is tested with ${recommended} and later. Update it when you can.`;
    return [{ level: "warning", check: "kind", message }];
  }
  return [];
}

function dockerFailure({ failure, notFound }: { failure: string; notFound: boolean }): Finding {
  const install = "is not installed or not on PATH. Install it: https://docs.docker.com/engine/install/";
  const message = notFound
    ? install
    : (explain(failure)?.message ?? `does not answer: ${failure.trim().slice(0, 400)}. ${startDocker}`);
  return { level: "error", check: "docker", message };
}

/**
 * Kind publishes the API server and the ports on 127.0.0.1 of the machine that Docker runs on. Opening them on another
 * address would put Prometheus, Alertmanager and Jaeger, which ask for no password, on the network: so it is refused.
 */
function checkEngineAddress(address: string | undefined): Finding[] {
  if (address === undefined || isLocalAddress(address)) return [];
  const message =
    `it runs on another machine (${address}), and what Kind opens is on 127.0.0.1 there, out of reach from here. ` +
    "Run this on that machine, or take the Docker of this one: unset DOCKER_HOST, docker context use default.";
  return [{ level: "error", check: "docker", message }];
}

function isLocalAddress(address: string): boolean {
  if (!URL.canParse(address)) return true; // a socket's bare path
  const { protocol, hostname } = new URL(address);
  if (["unix:", "npipe:", "fd:"].includes(protocol)) return true;
  // ssh to one's own machine is unusual, a port forwarded from it is not: only other hosts are certain to be remote.
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|)$/.test(hostname);
}

/** A container that uses its host's Docker has a 127.0.0.1 of its own, unless it shares the host's network. */
function checkOwnNetwork(network: string | undefined): Finding[] {
  if (network === undefined || network === "host") return [];
  const message =
    `this runs in a container (network ${network}) beside those that Kind makes, so the host's 127.0.0.1 is out of reach. ` +
    "Run this on the host, or give the container the host's network (docker run --network host; devcontainer.json: " +
    '"runArgs": ["--network=host"]) or a Docker of its own (the devcontainer feature docker-in-docker).';
  return [{ level: "error", check: "docker", message }];
}

/** Kind's default address is 0.0.0.0: it must never come to that by a forgotten field. */
export function checkAddresses(ports: readonly HostPort[]): Finding[] {
  return ports
    .filter(({ address }) => !/^127\.|^::1$|^localhost$/.test(address))
    .map(({ port, address }) => ({
      level: "error",
      check: "ports",
      message:
        `port ${port} would listen on ${address} and be open to the network. ` +
        `Give its mapping in the Kind configuration listenAddress: 127.0.0.1.`,
    }));
}

async function checkPorts(ports: readonly HostPort[], probes: Probes): Promise<Finding[]> {
  const free = await Promise.all(ports.map(probes.portIsFree));
  return ports
    .filter((_, index) => free[index] === false)
    .map(({ port }) => ({ level: "error", check: "ports", message: portInUse(port) }));
}

/**
 * The limits count per user over all containers. The kernel's defaults (8192 watches, 128 instances) carry one small
 * cluster and break the second or the log agents of the first, so low limits warn and do not stop; when a node really
 * cannot start for them, kind's error is explained.
 */
function checkInotify(watches: number | undefined, instances: number | undefined): Finding[] {
  const low = [
    ...(watches !== undefined && watches < 524_288 ? [`max_user_watches is ${watches}, 524288 is advised`] : []),
    ...(instances !== undefined && instances < 512 ? [`max_user_instances is ${instances}, 512 is advised`] : []),
  ];
  if (low.length === 0) return [];
  const message =
    `the limits are low (${low.join("; ")}): log agents and a second cluster may fail with "too many open files". ` +
    `Raise them: ${inotifyRemedy}`;
  return [{ level: "warning", check: "inotify", message }];
}

function checkCgroup(version: string | undefined, config: KindConfigFacts): Finding[] {
  if (version !== "1") return [];
  if (config.allowsCgroupV1) {
    const message =
      "the host uses cgroup v1, which the configuration allows (failCgroupV1: false). Kubernetes and kind will drop it: " +
      "boot the host with cgroup v2 when you can (systemd.unified_cgroup_hierarchy=1).";
    return [{ level: "warning", check: "cgroup", message }];
  }
  const refuses = config.imageTags.some((tag) => {
    const found = /^v?(\d+)\.(\d+)/.exec(tag);
    return found !== null && Number(found[1]) * 1_000 + Number(found[2]) >= 1_035;
  });
  return [{ level: refuses ? "error" : "warning", check: "cgroup", message: cgroupRemedy }];
}

function checkCapacity(request: PreflightRequest, info: DockerInfo): Finding[] {
  const findings: Finding[] = [];
  const cpu = request.requestedCpuMillicores;
  if (cpu !== undefined && info.NCPU !== undefined) {
    // Each node reports all CPUs of the host, so with workers pods are scheduled beyond what is there.
    const total = cpu + controlPlane.cpuMillicores;
    const has = info.NCPU * 1_000;
    const sums = `the environment requests ${cpu}m CPU, the control plane ${controlPlane.cpuMillicores}m; Docker has ${has}m`;
    const remedy =
      "Switch components off or lower their resources in the stack file, or give Docker more CPUs " +
      "(Docker Desktop: Settings, Resources).";
    if (total > has * request.config.schedulable) {
      findings.push({ level: "error", check: "cpu", message: `${sums}: some pods would stay Pending. ${remedy}` });
    } else if (total > has) {
      findings.push({ level: "warning", check: "cpu", message: `${sums}: everything will be slow. ${remedy}` });
    }
  }
  const memory = request.requestedMemoryMiB;
  if (memory !== undefined && info.MemTotal !== undefined) {
    const has = Math.floor(info.MemTotal / 1024 ** 2);
    if (memory + controlPlane.memoryMiB > has) {
      const message =
        `the environment requests ${memory} MiB, the control plane ${controlPlane.memoryMiB} MiB; Docker has ${has} MiB. ` +
        "Switch components off or lower their resources in the stack file, or give Docker more memory " +
        "(Docker Desktop: Settings, Resources).";
      findings.push({ level: "error", check: "memory", message });
    }
  }
  const limit = request.memoryLimitMiB;
  if (findings.every(({ check }) => check !== "memory") && limit !== undefined && info.MemTotal !== undefined) {
    const has = Math.floor(info.MemTotal / 1024 ** 2);
    if (limit + controlPlane.memoryMiB > has) {
      const message =
        `all that is requested fits, but the limits of the containers add up to ${limit} MiB and Docker has ${has} MiB: ` +
        "under load the kernel may end some of them.";
      findings.push({ level: "note", check: "memory", message });
    }
  }
  return findings;
}

function checkDisk(root: string | undefined, probes: Probes): Finding[] {
  const free = root === undefined ? undefined : probes.freeBytes(root);
  if (root === undefined || free === undefined || free >= recommendedDisk) return [];
  const enough = free >= neededDisk;
  const message =
    `${(free / GiB).toFixed(1)} GiB are free in ${root}; the images of the environment need about ` +
    `${neededDisk / GiB} GiB, ${recommendedDisk / GiB} GiB are comfortable. Free some: docker system df, then docker system prune.`;
  return [{ level: enough ? "warning" : "error", check: "disk", message }];
}

interface RawNode {
  readonly role?: string;
  readonly image?: string;
  readonly kubeadmConfigPatches?: readonly string[];
  readonly extraPortMappings?: readonly { hostPort?: number; listenAddress?: string; protocol?: string }[];
}

interface RawConfig {
  readonly networking?: { readonly apiServerAddress?: string; readonly apiServerPort?: number };
  readonly kubeadmConfigPatches?: readonly string[];
  readonly nodes?: readonly RawNode[];
}

/** Reads what preflight needs from a Kind configuration (v1alpha4 YAML). Throws what the YAML parser throws. */
export function readKindConfig(yaml: string): KindConfigFacts {
  const raw = (parse(yaml) ?? {}) as RawConfig;
  const nodes: readonly RawNode[] = raw.nodes ?? [{ role: "control-plane" }];
  const workers = nodes.filter(({ role }) => role === "worker").length;
  const patches = [...(raw.kubeadmConfigPatches ?? []), ...nodes.flatMap((node) => node.kubeadmConfigPatches ?? [])];
  const mapped = nodes
    .flatMap((node) => node.extraPortMappings ?? [])
    .flatMap(({ hostPort, listenAddress, protocol }): HostPort[] => {
      // 0 and absent mean a free port of Docker's choice.
      if (hostPort === undefined || hostPort <= 0) return [];
      const known = protocol === "UDP" || protocol === "SCTP" ? protocol : "TCP";
      return [{ port: hostPort, address: listenAddress ?? "0.0.0.0", protocol: known }];
    });
  const api = raw.networking;
  const apiPort: HostPort[] =
    api?.apiServerPort === undefined || api.apiServerPort <= 0
      ? []
      : [{ port: api.apiServerPort, address: api.apiServerAddress ?? "127.0.0.1", protocol: "TCP" }];
  return {
    ports: [...mapped, ...apiPort],
    nodes: nodes.length,
    schedulable: Math.max(1, workers),
    imageTags: nodes.flatMap(({ image }) => /:([^:@/]+)(?:@|$)/.exec(image ?? "")?.[1] ?? []),
    allowsCgroupV1: patches.some((patch) => /failCgroupV1["']?\s*:\s*false/.test(patch)),
  };
}

/** Id of the container in which this runs: Docker mounts its own files of that container into it. */
function ownContainer(): string | undefined {
  try {
    return /\/containers\/([0-9a-f]{64})\//.exec(fs.readFileSync("/proc/self/mountinfo", "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

/** The real host. */
export const hostProbes: Probes = {
  async docker() {
    const found = await query("docker", ["info", "--format", "{{json .}}"], 30_000);
    if (found.notFound) return { failure: "", notFound: true };
    if (found.timedOut) return { failure: "no answer within 30 s", notFound: false };
    try {
      // The client exits 0 with "ServerErrors" in some versions when the daemon does not answer.
      const info = JSON.parse(found.stdout) as DockerInfo & { ServerErrors?: readonly string[] };
      const errors = info.ServerErrors ?? [];
      if (found.code === 0 && errors.length === 0) return { info };
      return { failure: [...errors, found.stderr].join("\n"), notFound: false };
    } catch {
      // Docker Desktop's command without its machine (WSL2) explains itself on standard output.
      return { failure: `${found.stderr}\n${found.stdout}`, notFound: false };
    }
  },
  async engineAddress() {
    // The client's own resolution: DOCKER_CONTEXT, DOCKER_HOST, the chosen context. Podman's "docker" knows no contexts.
    const found = await query("docker", ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], 30_000);
    const address = found.stdout.trim();
    return found.code === 0 && address !== "" ? address : undefined;
  },
  async ownNetwork() {
    const id = ownContainer();
    if (id === undefined) return undefined;
    const found = await query("docker", ["inspect", "--format", "{{.HostConfig.NetworkMode}}", id], 30_000);
    const network = found.stdout.trim();
    return found.code === 0 && network !== "" ? network : undefined;
  },
  async portIsFree({ port, address, protocol }) {
    if (protocol === "SCTP") return true;
    return await new Promise((resolve) => {
      // A port below 1024 cannot be opened by this user, but by Docker: only "in use" counts.
      const failed = (error: NodeJS.ErrnoException): void => {
        resolve(error.code !== "EADDRINUSE");
      };
      if (protocol === "UDP") {
        const socket = dgram.createSocket(net.isIPv6(address) ? "udp6" : "udp4");
        socket.once("error", failed);
        socket.bind({ port, address, exclusive: true }, () => {
          socket.close(() => {
            resolve(true);
          });
        });
        return;
      }
      const server = net.createServer();
      server.once("error", failed);
      server.listen({ port, host: address, exclusive: true }, () => {
        server.close(() => {
          resolve(true);
        });
      });
    });
  },
  kernel: os.release,
  sysctl(name) {
    try {
      const value = Number(fs.readFileSync(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8"));
      return Number.isFinite(value) ? value : undefined;
    } catch {
      return undefined;
    }
  },
  freeBytes(path) {
    try {
      const found = fs.statfsSync(path);
      return found.bavail * found.bsize;
    } catch {
      return undefined;
    }
  },
};
