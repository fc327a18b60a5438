/**
 * A real Kubernetes API without containers: etcd, kube-apiserver, kube-controller-manager and kube-scheduler as local
 * processes on 127.0.0.1, and kwok, which plays the nodes and their pods.
 *
 * What is real: the API with its validation, defaulting, RBAC, Pod Security admission, server-side apply, garbage
 * collection, namespaces, controllers of workloads, scheduling. What is played: pods (Running and Ready at once, those of a
 * Job Succeeded), volumes (claims of the default class become Bound). What is missing: anything inside a pod, so admission
 * webhooks are switched off (no pod could answer them) and nothing enforces a NetworkPolicy.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Api, connect } from "./api.ts";
import { kubeconfig } from "./kubeconfig.ts";
import type { KindNode } from "./nodes.ts";
import { FRONT_PROXY, type Pair, type Pki, makePki } from "./pki.ts";
import { type Program, freePorts, guard, lastLines, launch, reap, reopen } from "./processes.ts";
import { STORAGE_CLASS, kwokConfiguration } from "./stages.ts";

/** Paths of the executables, and of the folder of kwok's Go module (its stages). */
export interface Binaries {
  readonly etcd: string;
  readonly "kube-apiserver": string;
  readonly "kube-controller-manager": string;
  readonly "kube-scheduler": string;
  readonly kwok: string;
  readonly kwokModule: string;
  /** For the registry beside a cluster, in a rehearsal that has one. */
  readonly registry?: string;
}

/** What to start. */
export interface ControlPlaneArgs {
  /** Name of the cluster, as in the context `kind-<name>` and the node `<name>-control-plane`. */
  readonly name: string;
  /** Folder of its own: data, keys, logs, kubeconfig. What is there from before goes on. Removed by `stop()`. */
  readonly dir: string;
  readonly binaries: Binaries;
  /** The nodes; the first is the control plane. @default that one alone, without labels */
  readonly nodes?: readonly Pick<KindNode, "name" | "labels">[];
  /** What the node says its kubelet is. @default the API server's version */
  readonly kubernetesVersion?: string;
  /** Port of the API server on 127.0.0.1. @default a free one */
  readonly apiPort?: number;
  /** File for who wrote what: one JSON event a line, for each finished request that changes something. @default none */
  readonly auditLog?: string;
  /** File with the policy of that. @default the one that is said there */
  readonly auditPolicy?: string;
  /** Hears of each step. @default nobody */
  readonly onLog?: (line: string) => void;
}

/** A control plane that answers. */
export interface ControlPlane {
  readonly name: string;
  readonly dir: string;
  /** Path of the administrator's kubeconfig, mode 0600. */
  readonly kubeconfigPath: string;
  /** Its text. */
  readonly kubeconfig: string;
  /** `https://127.0.0.1:<port>` */
  readonly server: string;
  /** Waits until the node and CoreDNS are Ready, as kind's `--wait` and a careful script do. */
  ready(timeoutMs?: number): Promise<void>;
  /** Ends the processes and removes the folder. */
  stop(): Promise<void>;
}

const SIMULATED = { "rehearsal/simulated": "played by kwok: no container runs, nothing answers" };

/**
 * Starts a control plane and waits until it is ready. It ends with this process, whatever ends it.
 *
 * @throws Error with the last lines of the program that did not start
 */
export async function startControlPlane(args: ControlPlaneArgs): Promise<ControlPlane> {
  mkdirSync(args.dir, { recursive: true, mode: 0o700 });
  const watcher = guard(args.dir);
  try {
    const plane = await launchControlPlane(args);
    await plane.ready();
    return {
      ...plane,
      stop: async () => {
        await plane.stop();
        await watcher.release();
      },
    };
  } catch (error) {
    await reap(args.dir);
    rmSync(args.dir, { recursive: true, force: true });
    await watcher.release();
    throw error;
  }
}

/**
 * Starts a control plane that outlives this process, and returns when its API answers. `kind` works like that.
 * Whoever calls this sees to {@link reap}.
 */
export async function launchControlPlane(args: ControlPlaneArgs): Promise<ControlPlane> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptToLaunch(args);
    } catch (error) {
      // Between looking for a free port and listening on it somebody else may have taken it.
      if (!/address already in use/.test(String(error)) || args.apiPort !== undefined || attempt === 3) throw error;
      await reap(args.dir);
    }
  }
}

async function attemptToLaunch(args: ControlPlaneArgs): Promise<ControlPlane> {
  const { name, dir, binaries } = args;
  const log = args.onLog ?? (() => undefined);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  reopen(dir);
  const [etcdPort = 0, etcdPeerPort = 0, freePort = 0] = await freePorts(3);
  const port = args.apiPort ?? freePort;
  const server = `https://127.0.0.1:${port}`;
  const pki = await makePki(join(dir, "pki"), [`${name}-control-plane`, "kubernetes.default.svc"]);
  const config = (file: string, user: Pair) => {
    const path = join(dir, file);
    writeFileSync(path, kubeconfig(name, server, pki.ca.certificate, user), { mode: 0o600 });
    return path;
  };

  const start = (program: Program) => {
    const child = launch(dir, program);
    const failed = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => {
        reject(
          new Error(
            `${program.name} ended (${code === null ? String(signal) : `code ${code}`}). Its last lines:\n${lastLines(dir, program.name)}`,
          ),
        );
      });
    });
    failed.catch(() => undefined);
    return { until: <T>(what: Promise<T>) => Promise.race([what, failed]) };
  };

  log("etcd");
  const etcdUrl = `https://127.0.0.1:${etcdPort}`;
  await start(etcd(dir, binaries, pki, etcdUrl, `https://127.0.0.1:${etcdPeerPort}`)).until(accepts(etcdPort));

  log("kube-apiserver");
  const admin = kubeconfig(name, server, pki.ca.certificate, pki.admin);
  const api = connect(admin);
  const gitVersion = await start(apiserver(dir, binaries, pki, etcdUrl, port, args)).until(answers(api));

  log("kube-controller-manager, kube-scheduler, kwok");
  const kubeconfigPath = config("kubeconfig", pki.admin);
  const kwokConfig = join(dir, "kwok.yaml");
  writeFileSync(kwokConfig, kwokConfiguration(binaries.kwokModule));
  const rest = [
    start(controllerManager(binaries, pki, config("controller-manager.kubeconfig", pki.controllerManager))),
    start(scheduler(binaries, config("scheduler.kubeconfig", pki.scheduler))),
    start(kwok(binaries, kubeconfigPath, kwokConfig)),
  ];
  const untilAny = <T>(what: Promise<T>) => Promise.race([what, ...rest.map(({ until }) => until(never))]);
  const never = new Promise<never>(() => undefined);
  const nodes = args.nodes ?? [{ name: `${name}-control-plane`, labels: {} }];
  await untilAny(apply(api, name, nodes, args.kubernetesVersion ?? gitVersion));
  log("API ready");

  return {
    name,
    dir,
    kubeconfigPath,
    kubeconfig: admin,
    server,
    ready: (timeoutMs = patience) => untilAny(waitUntilReady(api, nodes, timeoutMs)),
    stop: async () => {
      api.close();
      await reap(dir);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function etcd(dir: string, binaries: Binaries, pki: Pki, url: string, peer: string): Program {
  const tls = (prefix: string) => [
    `--${prefix}cert-file=${pki.server.certificate}`,
    `--${prefix}key-file=${pki.server.key}`,
    `--${prefix}client-cert-auth=true`,
    `--${prefix}trusted-ca-file=${pki.ca.certificate}`,
  ];
  return {
    name: "etcd",
    command: binaries.etcd,
    args: [
      `--data-dir=${join(dir, "etcd")}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      // The data does not outlive the machine's next start, so a write need not reach the disk.
      "--unsafe-no-fsync",
      "--log-level=warn",
      ...tls(""),
      ...tls("peer-"),
    ],
  };
}

/** What the API server writes down of requests: who, what and on which object, nothing of the content. */
const auditPolicy = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived", "ResponseStarted", "Panic"],
  rules: [{ level: "Metadata", verbs: ["create", "update", "patch", "delete", "deletecollection"] }],
};

function audit(
  dir: string,
  { auditLog: log, auditPolicy: given }: Pick<ControlPlaneArgs, "auditLog" | "auditPolicy">,
): string[] {
  if (log === undefined) return [];
  const policy = given ?? join(dir, "audit-policy.json");
  if (given === undefined) writeFileSync(policy, JSON.stringify(auditPolicy));
  return [`--audit-policy-file=${policy}`, `--audit-log-path=${log}`, "--audit-log-mode=blocking"];
}

function apiserver(
  dir: string,
  binaries: Binaries,
  pki: Pki,
  etcdUrl: string,
  port: number,
  audited: Pick<ControlPlaneArgs, "auditLog" | "auditPolicy">,
): Program {
  const issuer = "https://kubernetes.default.svc.cluster.local";
  return {
    name: "kube-apiserver",
    command: binaries["kube-apiserver"],
    args: [
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      // An endpoint on a loopback address is not allowed, and no pod would use it.
      "--endpoint-reconciler-type=none",
      `--secure-port=${port}`,
      `--cert-dir=${join(dir, "pki")}`,
      `--tls-cert-file=${pki.server.certificate}`,
      `--tls-private-key-file=${pki.server.key}`,
      `--client-ca-file=${pki.ca.certificate}`,
      `--etcd-servers=${etcdUrl}`,
      `--etcd-cafile=${pki.ca.certificate}`,
      `--etcd-certfile=${pki.server.certificate}`,
      `--etcd-keyfile=${pki.server.key}`,
      "--authorization-mode=Node,RBAC",
      "--allow-privileged=true",
      "--service-cluster-ip-range=10.96.0.0/16",
      `--service-account-issuer=${issuer}`,
      `--service-account-key-file=${pki.serviceAccounts.publicKey}`,
      `--service-account-signing-key-file=${pki.serviceAccounts.key}`,
      // Requests for APIs of other servers (APIService), as kind has them handed on.
      `--proxy-client-cert-file=${pki.frontProxy.certificate}`,
      `--proxy-client-key-file=${pki.frontProxy.key}`,
      `--requestheader-client-ca-file=${pki.ca.certificate}`,
      `--requestheader-allowed-names=${FRONT_PROXY}`,
      "--requestheader-username-headers=X-Remote-User",
      "--requestheader-group-headers=X-Remote-Group",
      "--requestheader-extra-headers-prefix=X-Remote-Extra-",
      // A webhook is served by a pod, and pods are played here: each call would fail.
      "--disable-admission-plugins=MutatingAdmissionWebhook,ValidatingAdmissionWebhook",
      "--profiling=false",
      ...audit(dir, audited),
    ],
  };
}

function controllerManager(binaries: Binaries, pki: Pki, config: string): Program {
  return {
    name: "kube-controller-manager",
    command: binaries["kube-controller-manager"],
    args: [
      `--kubeconfig=${config}`,
      "--leader-elect=false",
      "--secure-port=0",
      `--service-account-private-key-file=${pki.serviceAccounts.key}`,
      `--root-ca-file=${pki.ca.certificate}`,
      `--cluster-signing-cert-file=${pki.ca.certificate}`,
      `--cluster-signing-key-file=${pki.ca.key}`,
      "--use-service-account-credentials=true",
      "--kube-api-qps=200",
      "--kube-api-burst=400",
    ],
  };
}

function scheduler(binaries: Binaries, config: string): Program {
  return {
    name: "kube-scheduler",
    command: binaries["kube-scheduler"],
    args: [`--kubeconfig=${config}`, "--leader-elect=false", "--secure-port=0", "--kube-api-qps=200"],
  };
}

function kwok(binaries: Binaries, kubeconfigPath: string, config: string): Program {
  return {
    name: "kwok",
    command: binaries.kwok,
    args: [
      `--kubeconfig=${kubeconfigPath}`,
      `--config=${config}`,
      "--manage-all-nodes=true",
      "--node-ip=172.18.0.2",
      "--cidr=10.244.0.0/24",
      "--node-lease-duration-seconds=40",
    ],
  };
}

interface Bootstrap {
  readonly kind: keyof typeof COLLECTIONS;
  readonly metadata: { readonly name: string };
}

const COLLECTIONS = {
  Node: "/api/v1/nodes",
  StorageClass: "/apis/storage.k8s.io/v1/storageclasses",
  Namespace: "/api/v1/namespaces",
  ServiceAccount: "/api/v1/namespaces/kube-system/serviceaccounts",
  Service: "/api/v1/namespaces/kube-system/services",
  Deployment: "/apis/apps/v1/namespaces/kube-system/deployments",
};

/** What a fresh kind cluster has and something may look for. */
function objects(cluster: string, nodes: NonNullable<ControlPlaneArgs["nodes"]>): Bootstrap[] {
  const list = [
    ...nodes.map(({ name, labels }, index) => ({
      apiVersion: "v1" as const,
      kind: "Node" as const,
      metadata: {
        name,
        annotations: SIMULATED,
        labels: {
          "kubernetes.io/arch": architecture(),
          "kubernetes.io/os": "linux",
          "kubernetes.io/hostname": name,
          ...(index === 0 ? { "node-role.kubernetes.io/control-plane": "" } : {}),
          ...labels,
        },
      },
      spec: {
        podCIDR: `10.244.${index}.0/24`,
        podCIDRs: [`10.244.${index}.0/24`],
        providerID: `kind://docker/${cluster}/${name}`,
        // kind takes kubeadm's taint off a control plane that is alone (kind 0.33.0, actions/kubeadminit/init.go).
        ...(index === 0 && nodes.length > 1
          ? { taints: [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" }] }
          : {}),
      },
    })),
    {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: {
        name: STORAGE_CLASS,
        annotations: { "storageclass.kubernetes.io/is-default-class": "true", ...SIMULATED },
      },
      provisioner: "kwok.x-k8s.io/volume",
      reclaimPolicy: "Delete",
      volumeBindingMode: "Immediate",
    },
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "local-path-storage", annotations: SIMULATED } },
    {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "coredns", namespace: "kube-system", annotations: SIMULATED },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: {
        name: "kube-dns",
        namespace: "kube-system",
        annotations: SIMULATED,
        labels: { "k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS" },
      },
      spec: {
        clusterIP: "10.96.0.10",
        selector: { "k8s-app": "kube-dns" },
        ports: [
          { name: "dns", port: 53, protocol: "UDP", targetPort: 53 },
          { name: "dns-tcp", port: 53, protocol: "TCP", targetPort: 53 },
        ],
      },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: {
        name: "coredns",
        namespace: "kube-system",
        annotations: SIMULATED,
        labels: { "k8s-app": "kube-dns", "rehearsal/simulated": "true" },
      },
      spec: {
        replicas: 2,
        selector: { matchLabels: { "k8s-app": "kube-dns" } },
        template: {
          metadata: { labels: { "k8s-app": "kube-dns" }, annotations: SIMULATED },
          spec: {
            serviceAccountName: "coredns",
            priorityClassName: "system-cluster-critical",
            tolerations: [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" }],
            containers: [
              { name: "coredns", image: "registry.k8s.io/coredns/coredns:simulated", ports: [{ containerPort: 53 }] },
            ],
          },
        },
      },
    },
  ] as const;
  return [...list];
}

/** A node of the size of a laptop: a request beyond it stays Pending, as it would there. kwok's stages keep what is set. */
function nodeStatus(version: string): object {
  const size = { cpu: "16", memory: "32Gi", pods: "110", "ephemeral-storage": "200Gi" };
  return {
    allocatable: size,
    capacity: size,
    nodeInfo: {
      architecture: architecture(),
      bootID: "",
      containerRuntimeVersion: "simulated://kwok",
      kernelVersion: "",
      kubeProxyVersion: "",
      kubeletVersion: version,
      machineID: "",
      operatingSystem: "linux",
      osImage: "simulated by kwok",
      systemUUID: "",
    },
  };
}

function architecture(): string {
  return process.arch === "arm64" ? "arm64" : "amd64";
}

async function apply(
  api: Api,
  cluster: string,
  nodes: NonNullable<ControlPlaneArgs["nodes"]>,
  version: string,
): Promise<void> {
  for (const object of objects(cluster, nodes)) {
    const path = `${COLLECTIONS[object.kind]}/${object.metadata.name}`;
    const address = `${path}?fieldManager=kubeadm&force=true`;
    // kube-system appears a moment after the API server is ready, and so does what admission looks up.
    await poll(
      async () => {
        const { status, body } = await api.call("PATCH", address, object, "application/apply-patch+yaml");
        if (status < 300) return true;
        if (status === 404 || status === 403) return undefined;
        throw new Error(`The API server refused ${path}: ${JSON.stringify(body)}`);
      },
      `The API server still refuses ${path} after ${patience / 1000} s.`,
    );
  }
  for (const { name } of nodes) {
    const path = `/api/v1/nodes/${name}/status`;
    await api.call("PATCH", path, { status: nodeStatus(version) }, "application/merge-patch+json");
  }
}

async function waitUntilReady(
  api: Api,
  nodes: NonNullable<ControlPlaneArgs["nodes"]>,
  timeoutMs: number,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const { items = [] } = ((await api.get("/api/v1/nodes")) ?? {}) as {
      items?: { metadata: { name: string }; status?: { conditions?: { type: string; status: string }[] } }[];
    };
    const isReady = ({ name }: { readonly name: string }) =>
      items
        .find(({ metadata }) => metadata.name === name)
        ?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
    const { status: dns } = ((await api.get("/apis/apps/v1/namespaces/kube-system/deployments/coredns")) ?? {}) as {
      status?: { readyReplicas?: number };
    };
    const unready = nodes.find((node) => !isReady(node));
    const dnsReady = dns?.readyReplicas ?? 0;
    if (unready === undefined && dnsReady > 0) return;
    if (Date.now() > end)
      throw new Error(
        `After ${Math.round(timeoutMs / 1000)} s the node ${(unready ?? nodes[0])?.name ?? "?"} is ${unready === undefined ? "" : "not "}Ready and CoreDNS has ${dnsReady} of 2 pods Ready.`,
      );
    await sleep(100);
  }
}

function accepts(port: number): Promise<void> {
  return poll(
    () =>
      new Promise<true | undefined>((resolve) => {
        const socket = createConnection({ host: "127.0.0.1", port });
        const done = (result: true | undefined) => {
          socket.destroy();
          resolve(result);
        };
        socket.once("connect", () => {
          done(true);
        });
        socket.once("error", () => {
          done(undefined);
        });
      }),
    `etcd does not listen on 127.0.0.1:${port} after ${patience / 1000} s.`,
  ).then(() => undefined);
}

/** The version, once the API server says that it is ready. */
function answers(api: Api): Promise<string> {
  return poll(
    async () => {
      if ((await api.get("/readyz")) === undefined) return undefined;
      const version = (await api.get("/version")) as { gitVersion: string } | undefined;
      return version?.gitVersion;
    },
    `kube-apiserver is not ready after ${patience / 1000} s.`,
  );
}

/** Milliseconds, for what never comes: a busy machine with two cores needs more than a minute. */
const patience = 300_000;

async function poll<T>(attempt: () => Promise<T | undefined>, otherwise: string): Promise<T> {
  const end = Date.now() + patience;
  for (;;) {
    const result = await attempt();
    if (result !== undefined) return result;
    if (Date.now() > end) throw new Error(otherwise);
    await sleep(50);
  }
}
