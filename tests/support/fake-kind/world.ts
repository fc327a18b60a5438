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
  readonly running: boolean;
  /** Labels of each node. */
  readonly labels: readonly Readonly<Record<string, string>>[];
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
  /** Ports of the host that the cluster's own containers have. */
  readonly ports?: readonly number[];
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
  };
}

export class World {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    fs.mkdirSync(this.#path("clusters"), { recursive: true });
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
    const { engine, engineAddress, kindVersion, info, others, ports } = plan;
    if ([engine, engineAddress, kindVersion, info, others, ports].some((part) => part !== undefined))
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
    if (cluster === undefined) fs.rmSync(this.#path(`clusters/${name}`), { force: true });
    else this.#write(`clusters/${name}`, JSON.stringify(cluster));
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
