/** A host of its own for a test of the cluster script: fake kind and docker, a decoy home, an own lock, a fake API server. */
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { expect } from "chai";
import { stringify } from "yaml";

import { runScript } from "../../../components/cluster/kind-verbs.ts";
import { programEnvironment } from "../../../components/cluster/kind.ts";
import { processMark } from "../../../components/cluster/lock.ts";
import { readContainers } from "../../../rehearsal/control-plane/containers.ts";
import { type Pki, makePki } from "../../../rehearsal/control-plane/pki.ts";
import { reap } from "../../../rehearsal/control-plane/processes.ts";
import { until } from "../until.ts";
import { type FakeApiServer, startApiServer } from "./api-server.ts";
import { type FakeCluster, type Step, World } from "./world.ts";

const script = path.resolve(import.meta.dirname, "../../../components/cluster/kind-script.ts");

/** Owner of the environment that the script works for unless a test says another. */
export const owner = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

/** The text of the decoy `~/.kube/config`; a run that touches it is a defect. */
const decoy = "# the user's own kubeconfig\n";

/** Variables of the script; undefined is none. */
type Variables = Readonly<Record<string, string | undefined>>;

/** How a run of the script ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run of the script that is under way. */
interface Running {
  readonly ended: Promise<Ended>;
  /** Standard error so far. */
  stderr(): string;
}

/** One that is a process. */
export interface Run extends Running {
  readonly child: ChildProcess;
}

/** One in the test's own process. */
export interface Begun extends Running {
  readonly interrupt: (signal: NodeJS.Signals) => void;
}

/** `cat` for short files: a process takes longer. */
const put = `put() {
  while IFS= read -r line; do printf '%s\\n' "$line"; done <"$1"
  printf %s "$line"
  exit
}
`;

/** Frequent and simple commands are answered by the shell while the engine is well, because it starts faster than Node. */
const shortcuts = {
  kind: `
  version) echo "kind v0.33.0 go1.26.0 linux/amd64 (FAKE)"; exit ;;
  "get clusters")
    for file in "$FAKE_WORLD"/clusters/*; do
      case "$file" in *.new | *"*") ;; *) echo "\${file##*/}" ;; esac
    done
    exit ;;
  "get kubeconfig --name "*)
    file="$FAKE_WORLD/clusters/$4" cluster=""
    [ -e "$file" ] && read -r cluster <"$file"
    case "$cluster" in
      *'"running":true'*'"step":"kubeconfig"'* | *'"step":"kubeconfig"'*'"running":true'*)
        exec /bin/cat "$FAKE_WORLD/kubeconfig-$4" ;;
    esac ;;
  "delete cluster --name "*" --kubeconfig "*)
    if [ ! -e "$6.lock" ]; then
      echo "Deleting cluster \\"$4\\" ..." >&2
      echo "delete $4 $$" >>"$FAKE_WORLD/events"
      /bin/rm -rf "$FAKE_WORLD/clusters/$4" "$FAKE_WORLD/files/$4-control-plane" "$FAKE_WORLD/files/$4-worker"*
      : >"$FAKE_WORLD/nodes/$4"
      echo >"$FAKE_WORLD/ports/$4"
      exit
    fi ;;`,
  docker: `
  # A machine of its own, as with Docker Desktop: its root folder cannot be seen from here, and its kernel is another, so that
  # the disk and the limits of this machine are no matter.
  info*) echo '{"NCPU":8,"MemTotal":17179869184,"CgroupVersion":"2","DockerRootDir":"/of-the-fake","KernelVersion":"of-the-fake"}'; exit ;;
  context*) echo unix:///var/run/docker.sock; exit ;;
  "ps -a --filter label=io.x-k8s.kind.cluster="*)
    file="$FAKE_WORLD/nodes/\${4#label=io.x-k8s.kind.cluster=}"
    [ -e "$file" ] && put "$file"
    exit 0 ;;
  "ps --filter label=io.x-k8s.kind.cluster="*" --format {{.Ports}}")
    file="$FAKE_WORLD/ports/\${3#label=io.x-k8s.kind.cluster=}"
    [ -e "$file" ] && put "$file"
    echo; exit ;;
  "cp "*" -")
    file="$FAKE_WORLD/files/\${2%%:*}\${2#*:}"
    [ -e "$file" ] && put "$file"
    echo "Error response from daemon: Could not find the file \${2#*:} in container \${2%%:*}" >&2
    exit 1 ;;
  "cp "*":/"*" /"*)
    file="$FAKE_WORLD/files/\${2%%:*}\${2#*:}"
    [ -e "$file" ] && put "$file" >"$3" ;;
  "ps -aq --filter network=kind")
    for file in "$FAKE_WORLD"/clusters/*; do [ -e "$file" ] && echo "\${file##*/}"; done
    exit 0 ;;
  "network rm kind") exec /bin/rm "$FAKE_WORLD/network" ;;`,
} as const;

let pki: Promise<Pki> | undefined;

/** One set of certificates for all tests of a run. */
async function sharedPki(): Promise<Pki> {
  if (pki === undefined) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "cluster-script-pki-"));
    process.once("exit", () => {
      fs.rmSync(folder, { recursive: true, force: true });
    });
    pki = makePki(folder, []);
  }
  return await pki;
}

/** A Kind configuration as kind-config.ts renders it, small. */
export function configOf(options: { workers?: number; hostPort?: number } = {}): string {
  const ports =
    options.hostPort === undefined
      ? []
      : [{ containerPort: 30300, hostPort: options.hostPort, listenAddress: "127.0.0.1" }];
  return stringify({
    kind: "Cluster",
    apiVersion: "kind.x-k8s.io/v1alpha4",
    nodes: [
      { role: "control-plane", image: "kindest/node:v1.36.1", extraPortMappings: ports },
      ...Array.from({ length: options.workers ?? 0 }, () => ({ role: "worker" })),
    ],
  });
}

export class Host {
  readonly folder: string;
  readonly world: World;
  readonly api: FakeApiServer;
  readonly name: string;
  readonly #runs: Run[] = [];
  readonly #begun: Begun[] = [];
  readonly #more: FakeApiServer[] = [];

  private constructor(folder: string, world: World, api: FakeApiServer, name: string) {
    this.folder = folder;
    this.world = world;
    this.api = api;
    this.name = name;
  }

  static async start(name = "dev"): Promise<Host> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "cluster-script-"));
    const world = new World(path.join(folder, "world"));
    const api = await startApiServer(world, name, await sharedPki());
    fs.mkdirSync(path.join(folder, "home/.kube"), { recursive: true });
    fs.writeFileSync(path.join(folder, "home/.kube/config"), decoy);
    fs.mkdirSync(path.join(folder, "bin"));
    const host = new Host(folder, world, api, name);
    host.install("kind", "docker");
    const ps = ["/bin/ps", "/usr/bin/ps"].find((file) => fs.existsSync(file));
    if (ps !== undefined) fs.symlinkSync(ps, path.join(folder, "bin/ps"));
    return host;
  }

  /** Puts the fakes of these names on PATH. */
  install(...names: readonly ("kind" | "docker")[]): void {
    for (const name of names) {
      const fake = path.join(import.meta.dirname, `fake-${name}.ts`);
      const shortcut = `if [ ! -e "$FAKE_WORLD/unwell" ]; then\n  case "$*" in${shortcuts[name]}\n  esac\nfi\n`;
      const text = `#!/bin/sh\n# A FAKE ${name} for tests\n${put}${shortcut}exec '${process.execPath}' '${fake}' "$@"\n`;
      fs.writeFileSync(path.join(this.folder, "bin", name), text, { mode: 0o755 });
    }
  }

  uninstall(name: "kind" | "docker"): void {
    fs.rmSync(path.join(this.folder, "bin", name));
  }

  /** Kubeconfig of this host's cluster. */
  get kubeconfig(): string {
    return this.world.kubeconfig(this.name);
  }

  /** Starts the API server of a second cluster. */
  async addCluster(name: string): Promise<void> {
    this.#more.push(await startApiServer(this.world, name, await sharedPki()));
  }

  get kubeconfigFile(): string {
    return path.join(this.folder, "private/dev.yaml");
  }

  get lockFolder(): string {
    return path.join(this.folder, "lock");
  }

  /** What a command needs to run on this host. */
  get environment(): Readonly<Record<string, string>> {
    return {
      PATH: path.join(this.folder, "bin"),
      HOME: path.join(this.folder, "home"),
      FAKE_WORLD: this.world.folder,
      KIND_LOCK_DIR: this.lockFolder,
    };
  }

  /** What the script gets; `more` replaces or, with undefined, removes variables. */
  #variables(more: Variables): NodeJS.ProcessEnv {
    const all: Variables = {
      ...this.environment,
      KIND_CLUSTER_NAME: this.name,
      KIND_OWNER: owner,
      KIND_PROJECT: "observability",
      KIND_STACK: this.name,
      KIND_CONFIG: configOf(),
      KIND_CONFIG_HASH: "aaaa",
      KIND_READY_TIMEOUT: "300",
      KUBECONFIG_FILE: this.kubeconfigFile,
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
      ...more,
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  }

  /** Starts the script as a process of its own. */
  run(verb: string, env: Variables = {}): Run {
    const child = spawn(process.execPath, [script, verb], {
      stdio: ["ignore", "pipe", "pipe"],
      env: this.#variables(env),
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const ended = new Promise<Ended>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => {
        resolve({ code, signal, stdout, stderr });
      });
    });
    const run = { child, ended, stderr: () => stderr };
    this.#runs.push(run);
    return run;
  }

  /** Starts the script in this process, where nothing rests on its having one of its own: that would take most of the time. */
  begin(verb: string, env: Variables = {}): Begun {
    const interrupted = new AbortController();
    let stdout = "";
    let stderr = "";
    const ended = programEnvironment.run(this.#variables(env), async () => {
      const code = await runScript([verb], {
        signal: interrupted.signal,
        stdout(text) {
          stdout += text;
        },
        stderr(text) {
          stderr += text;
        },
      });
      return { code, signal: null, stdout, stderr };
    });
    const begun: Begun = {
      ended,
      stderr: () => stderr,
      interrupt(signal) {
        interrupted.abort(signal);
      },
    };
    this.#begun.push(begun);
    return begun;
  }

  async script(verb: string, env: Variables = {}): Promise<Ended> {
    return await this.begin(verb, env).ended;
  }

  async ensure(env: Variables = {}): Promise<Ended> {
    return await this.script("ensure", env);
  }

  /** What `ensure` leaves on a new host: made by the script once for all tests of a run, and put here. */
  async made(env: Variables = {}): Promise<void> {
    const { cluster, events } = await madeCluster(env);
    this.world.setCluster(this.name, cluster);
    this.world.network = true;
    for (const event of events) this.world.note(event);
    fs.mkdirSync(path.dirname(this.kubeconfigFile), { mode: 0o700 });
    fs.writeFileSync(this.kubeconfigFile, this.kubeconfig, { mode: 0o600 });
  }

  async delete(env: Variables = {}): Promise<Ended> {
    return await this.script("delete", env);
  }

  /** Pid of the fake kind that is paused after the step. */
  async paused(step: Step | "delete"): Promise<number> {
    const find = (): string | undefined => this.world.events().find((event) => event.startsWith(`paused ${step} `));
    await until(`kind to pause at ${step}`, () => find() !== undefined);
    return Number(find()?.split(" ")[2]);
  }

  /** Everything that a destroyed environment must not leave; empty is good. */
  leftovers(): string[] {
    const files = (folder: string): string[] =>
      fs.existsSync(path.join(this.folder, folder))
        ? fs.readdirSync(path.join(this.folder, folder)).map((name) => `${folder}/${name}`)
        : [];
    return [
      ...this.world.clusters().map((name) => `cluster ${name}`),
      ...readContainers(this.world.folder).map(({ name }) => `container ${name}`),
      ...(this.world.network ? ["network kind"] : []),
      ...files("private"),
      ...files("lock"),
    ];
  }

  decoyIsUntouched(): boolean {
    const files = fs.readdirSync(path.join(this.folder, "home/.kube"));
    return files.join() === "config" && fs.readFileSync(path.join(this.folder, "home/.kube/config"), "utf8") === decoy;
  }

  /** Ends what still runs and removes the host. */
  async stop(): Promise<void> {
    this.world.letGo();
    for (const { child, ended } of this.#runs) {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended;
    }
    for (const { interrupt, ended } of this.#begun) {
      interrupt("SIGTERM");
      await ended;
    }
    // The fakes go on without their parent; they end by themselves now that they may go on.
    const pids = this.world.events().flatMap((event) => /^(?:paused|create|delete) \S+ (\d+)$/.exec(event)?.[1] ?? []);
    await until("the fakes to end", () => pids.every((pid) => processMark(Number(pid)) === undefined));
    for (const api of [this.api, ...this.#more]) await api.close();
    await reap(this.world.folder);
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

interface Made {
  readonly cluster: FakeCluster;
  readonly events: readonly string[];
}
const allMade = new Map<string, Promise<Made>>();

function madeCluster(env: Variables): Promise<Made> {
  const key = JSON.stringify(env);
  const made = allMade.get(key) ?? makeCluster(env);
  allMade.set(key, made);
  return made;
}

async function makeCluster(env: Variables): Promise<Made> {
  const host = await Host.start();
  try {
    const { code, stderr } = await host.ensure(env);
    const cluster = host.world.cluster(host.name);
    if (code !== 0 || cluster === undefined) throw new Error(stderr);
    // Without the fake kind's pid, which is somebody else's by then.
    return { cluster, events: host.world.events().map((event) => event.replace(/ \d+$/, "")) };
  } finally {
    await host.stop();
  }
}

/** In a suite: a new host for each test, which must leave `~/.kube/config` alone. */
export function hostForEachTest(take: (host: Host) => void): void {
  let host: Host;
  beforeEach(async () => {
    host = await Host.start();
    take(host);
  });
  afterEach(async () => {
    expect(host.decoyIsUntouched(), "~/.kube/config").to.equal(true);
    await host.stop();
  });
}
