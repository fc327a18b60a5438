/**
 * What the fake `kind`, the fake `docker` and the fake API server share: a folder of small files, named by FAKE_WORLD.
 * A cluster is a file that says how far it was made.
 */
import * as fs from "node:fs";
import * as path from "node:path";

/** The moments of `kind create cluster`, in kind's own order (pkg/cluster/internal/create). */
export const steps = [
  "image",
  "network",
  "containers",
  "config",
  "init",
  "cni",
  "storage",
  "join",
  "kubeconfig",
] as const;
export type Step = (typeof steps)[number];

/** A fake cluster. */
export interface FakeCluster {
  /** The last step that was done. */
  readonly step: Step;
  /** Whether its containers run; they are stopped else. */
  readonly running: boolean;
  /** Labels of each node as they were when it was made; the first is the control plane. */
  readonly labels: readonly Readonly<Record<string, string>>[];
  /** `/kind/kubeadm.conf` of each node, where somebody has changed it. */
  readonly kubeadm?: readonly (string | undefined)[];
  /** Ports of the host that its containers have while they run. */
  readonly ports?: readonly number[];
  /** Folders of the host that its containers have. */
  readonly mounts?: readonly string[];
}

/** Name of a node's container (kind 0.33.0, pkg/cluster/internal/providers/common/namer.go). */
export function nodeName(cluster: string, index: number): string {
  if (index === 0) return `${cluster}-control-plane`;
  return `${cluster}-worker${index === 1 ? "" : index}`;
}

/** The part of `/kind/kubeadm.conf` that has the labels; kind orders them by chance (kind 0.33.0, kubeadm/config.go). */
function kubeadmConfig(labels: Readonly<Record<string, string>>): string {
  const text = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .reverse()
    .join(",");
  const extraArgs = `nodeRegistration:\n  kubeletExtraArgs:\n    - name: "node-labels"\n      value: "${text}"\n`;
  return `kind: InitConfiguration\n${extraArgs}---\nkind: JoinConfiguration\n${extraArgs}`;
}

/** How the fakes are to behave; absent is well. */
export interface Plan {
  /** `kind create` waits after this step until the file `go` is there. */
  readonly pauseAfter?: Step;
  /** `kind create` fails after this step with this text on standard error. */
  readonly fail?: { readonly after: Step; readonly says: string };
  /** `kind delete` waits until the file `go` is there. */
  readonly pauseDelete?: boolean;
  /** What `docker` and kind say instead of working, or that docker is missing. */
  readonly engine?: { readonly says: string; readonly onlyFor?: "kubeconfig" };
  readonly kindVersion?: string;
  readonly info?: Readonly<Record<string, unknown>>;
  /** Where the engine is, as its client says. */
  readonly engineAddress?: string;
  /** Containers on the network `kind` that are no nodes. */
  readonly others?: readonly string[];
  /** `kind create` writes this instead of a kubeconfig. */
  readonly kubeconfig?: string;
  /** What the API server does instead of answering well. */
  readonly api?: {
    readonly readyz?: number;
    readonly nodesReady?: boolean;
    readonly dnsAvailable?: boolean;
    readonly storageClass?: boolean;
    /** StatefulSets that are there, as `namespace/name`. */
    readonly statefulSets?: readonly string[];
  };
}

export class World {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    for (const name of ["clusters", "nodes", "ports", "files"]) fs.mkdirSync(this.#path(name), { recursive: true });
  }

  #path(name: string): string {
    return path.join(this.folder, name);
  }

  get plan(): Plan {
    const file = this.#path("plan.json");
    return fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, "utf8")) as Plan) : {};
  }

  set plan(plan: Plan) {
    this.#write("plan.json", JSON.stringify(plan));
    // The shell's shortcuts (host.ts) know nothing of plans.
    const { engine, engineAddress, kindVersion, info, others, pauseDelete } = plan;
    if ([engine, engineAddress, kindVersion, info, others, pauseDelete].some((part) => part !== undefined))
      this.#write("unwell", "");
    else fs.rmSync(this.#path("unwell"), { force: true });
  }

  clusters(): string[] {
    return fs
      .readdirSync(this.#path("clusters"))
      .filter((name) => !name.endsWith(".new"))
      .sort();
  }

  cluster(name: string): FakeCluster | undefined {
    try {
      return JSON.parse(fs.readFileSync(this.#path(`clusters/${name}`), "utf8")) as FakeCluster;
    } catch {
      return undefined;
    }
  }

  setCluster(name: string, cluster: FakeCluster | undefined): void {
    const containers = this.cluster(name)?.labels.length ?? 0;
    if (cluster === undefined) fs.rmSync(this.#path(`clusters/${name}`), { force: true });
    else this.#write(`clusters/${name}`, JSON.stringify(cluster));
    this.#describe(name, cluster, containers);
  }

  /** What Docker says of the containers, and the files that are in them, as the shell's shortcuts (host.ts) read them. */
  #describe(name: string, cluster: FakeCluster | undefined, before: number): void {
    const nodes = (cluster?.labels ?? []).map((labels, index) => ({ labels, index, node: nodeName(name, index) }));
    const state = cluster?.running === true ? "running" : "exited";
    this.#write(`nodes/${name}`, nodes.map(({ node }) => `${node}\t${state}\n`).join(""));
    // As Docker 28 writes them; only published ones carry an address, and only running containers have them.
    const ports = cluster?.running === true ? (cluster.ports ?? []) : [];
    this.#write(`ports/${name}`, `${ports.map((port) => `127.0.0.1:${port}->30300/tcp`).join(", ")}\n`);
    for (let index = 0; index < before; index++)
      fs.rmSync(this.#path(`files/${nodeName(name, index)}`), { recursive: true, force: true });
    for (const { node, index, labels } of nodes) {
      const done = steps.indexOf(cluster?.step ?? "image");
      const put = (file: string, text: string): void => {
        fs.mkdirSync(path.dirname(this.#path(`files/${node}${file}`)), { recursive: true });
        this.#write(`files/${node}${file}`, text);
      };
      if (done >= steps.indexOf("config"))
        put("/kind/kubeadm.conf", cluster?.kubeadm?.[index] ?? kubeadmConfig(labels));
      if (index === 0 && done >= steps.indexOf("init"))
        put("/etc/kubernetes/admin.conf", "an administrator's kubeconfig");
    }
  }

  /** The containers of a cluster, one a line: name and state. */
  containers(name: string): string {
    const file = this.#path(`nodes/${name}`);
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
  }

  /** The ports that they publish, in one line. */
  ports(name: string): string {
    const file = this.#path(`ports/${name}`);
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "\n";
  }

  /** A file of a node's container, or undefined when there is none. */
  file(node: string, name: string): string | undefined {
    const file = this.#path(`files/${node}${name}`);
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : undefined;
  }

  /** The cluster that has a node of this name. */
  clusterOf(
    node: string,
  ): { readonly name: string; readonly cluster: FakeCluster; readonly index: number } | undefined {
    for (const name of this.clusters()) {
      const cluster = this.cluster(name);
      const index = cluster?.labels.findIndex((_, at) => nodeName(name, at) === node) ?? -1;
      if (cluster !== undefined && index >= 0) return { name, cluster, index };
    }
    return undefined;
  }

  /** The first of these ports of the host that another running cluster has. */
  takenPort(ports: readonly number[], except: string): number | undefined {
    return ports.find((port) =>
      this.clusters().some((name) => {
        const cluster = name === except ? undefined : this.cluster(name);
        return cluster?.running === true && cluster.ports?.includes(port) === true;
      }),
    );
  }

  /** Kubeconfig that `kind` gives out for a cluster; its fake API server writes it. */
  kubeconfig(name: string): string {
    return fs.readFileSync(this.#path(`kubeconfig-${name}`), "utf8");
  }

  setKubeconfig(name: string, text: string): void {
    this.#write(`kubeconfig-${name}`, text);
  }

  get network(): boolean {
    return fs.existsSync(this.#path("network"));
  }

  set network(there: boolean) {
    if (there) this.#write("network", "");
    else fs.rmSync(this.#path("network"), { force: true });
  }

  /** Appends to the list of what happened. */
  note(event: string): void {
    fs.appendFileSync(this.#path("events"), `${event}\n`);
  }

  events(): string[] {
    const file = this.#path("events");
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
  }

  /** Lets everything that is paused go on, now and later. */
  letGo(): void {
    this.#write("go", "");
  }

  mayGo(): boolean {
    return fs.existsSync(this.#path("go"));
  }

  #write(name: string, text: string): void {
    const file = this.#path(name);
    fs.writeFileSync(`${file}.new`, text);
    fs.renameSync(`${file}.new`, file);
  }
}

/** The world of a fake command. */
export function currentWorld(): World {
  const folder = process.env["FAKE_WORLD"];
  if (folder === undefined) throw new Error("this is a fake for tests; FAKE_WORLD is not set");
  return new World(folder);
}
