/**
 * The real Flux controllers as local processes.
 *
 * The cluster's pods are played, so a Deployment in flux-system says that Flux is there and does nothing. For each of Flux's
 * Deployments this runs the controller with the flags and variables that the Deployment declares, and changes only those
 * that name an address or a folder (a list is in {@link localFlags}). A flag that the controller refuses therefore fails
 * here, and shows where one would look for it: the pods of the Deployment are put into CrashLoopBackOff with the
 * controller's last lines.
 *
 * It acts as the Deployment's ServiceAccount, so a right that is missing fails here too. What differs from a pod: the executable is the one that
 * toolchain/ pins, whatever the image's tag says; and kwok calls the pod Ready a moment before the process is.
 */
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse, stringify } from "yaml";
import { type Api, connect } from "../control-plane/api.ts";
import { freePorts, guard, lastLines, launch, logFile, reap } from "../control-plane/processes.ts";
import { MISSING_IMAGE } from "../control-plane/containers.ts";
import { CONTROLLERS, type Controller } from "./manifests.ts";

const NAMESPACE = "flux-system";
const DEPLOYMENTS = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;

/** A controller that ended by itself. */
export interface Failure {
  readonly controller: Controller;
  /** `code 2`, or the signal's name. */
  readonly how: string;
  /** The end of its output. */
  readonly lastLines: string;
}

/** What to run. */
export interface FluxControllersArgs {
  /** Path of a kubeconfig. It may appear later, vanish (the controllers stop) and change (they start again). */
  readonly kubeconfig: string;
  /** Paths of the executables; a Deployment whose executable is missing here is left to kwok. */
  readonly binaries: Partial<Readonly<Record<Controller, string>>>;
  /** A folder of its own: output, artifacts, temporary files. Removed by `stop()`. */
  readonly dir: string;
  /** Which Deployments to run. @default all of Flux's that have an executable */
  readonly deployments?: readonly Controller[];
  /** Variables over those of the Deployments, for what a pod would find and a process does not. @default none */
  readonly env?: Readonly<Record<string, string>>;
  /** Hears when a controller is started, stopped, and answers. @default nobody */
  readonly onLog?: (line: string) => void;
  /** Hears of a controller that ended by itself; it is started again after a pause, as in a pod. @default nobody */
  readonly onFailure?: (failure: Failure) => void;
}

/** Controllers that come and go with their Deployments. */
export interface FluxControllers {
  /** Those that run and say that they are healthy. */
  healthy(): Controller[];
  /** Where the output of one goes. */
  logFile(controller: Controller): string;
  /** Ends them and removes the folder. */
  stop(): Promise<void>;
}

/** As much of a Deployment as matters here. */
interface Deployment {
  metadata: { name: string; uid: string };
  spec: {
    replicas?: number;
    selector: { matchLabels?: Record<string, string> };
    template: { spec: { serviceAccountName?: string; containers: Container[] } };
  };
}

interface Container {
  name: string;
  image: string;
  args?: string[];
  env?: {
    name: string;
    value?: string;
    valueFrom?: {
      fieldRef?: { fieldPath: string };
      resourceFieldRef?: { resource: string };
      secretKeyRef?: { name: string; key: string };
    };
  }[];
  resources?: { limits?: Record<string, string> };
}

interface Ports {
  readonly metrics: number;
  readonly health: number;
}

interface Addresses {
  readonly of: Readonly<Record<Controller, Ports>>;
  readonly storage: number;
  readonly events: number;
  readonly receiver: number;
}

interface Running {
  readonly controller: Controller;
  /** What it was started from; another means that it has to start again. */
  readonly declared: string;
  child: ChildProcess;
  startedAt: number;
  healthy: boolean;
  /** Set while it is down by itself. */
  failure: Failure | undefined;
  failures: number;
  retryAt: number;
}

/** Runs the controllers until `stop()`, or until this process ends in whatever way. */
export async function startFluxControllers(args: FluxControllersArgs): Promise<FluxControllers> {
  mkdirSync(args.dir, { recursive: true, mode: 0o700 });
  const watcher = guard(args.dir);
  const wanted = (args.deployments ?? CONTROLLERS).filter((name) => args.binaries[name] !== undefined);
  const session = new Session(args, wanted, await addresses());
  const stopped = new AbortController();
  const finished = (async () => {
    while (!stopped.signal.aborted) {
      try {
        await session.step();
      } catch (error) {
        // A cluster that is just being made or removed; the next step sees what became of it.
        args.onLog?.(`Flux controllers: ${String(error)}`);
      }
      await sleep(300, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  })();
  return {
    healthy: () => session.healthy(),
    logFile: (controller) => logFile(join(args.dir, controller), controller),
    stop: async () => {
      stopped.abort();
      await finished;
      await session.end();
      await watcher.release();
    },
  };
}

async function addresses(): Promise<Addresses> {
  const ports = await freePorts(CONTROLLERS.length * 2 + 3);
  const next = () => ports.pop() ?? 0;
  const of = Object.fromEntries(CONTROLLERS.map((name) => [name, { metrics: next(), health: next() }]));
  return { of: of as Record<Controller, Ports>, storage: next(), events: next(), receiver: next() };
}

/**
 * The flags that a local process cannot have as declared. A flag that is not named here is passed on as it is.
 *
 * - addresses to listen on become ports of 127.0.0.1, different for each controller;
 * - events go to the local notification-controller, or nowhere when none is run;
 * - artifacts are kept in, and fetched from, the local source-controller;
 * - leader election is left out: there is one of each, and a lease outlives a process that was killed.
 */
export function localFlags(
  controller: Controller,
  declared: readonly string[],
  where: Addresses,
  dir: string,
  notifications: boolean,
): string[] {
  const listen = (port: number) => `127.0.0.1:${port}`;
  const { metrics, health } = where.of[controller];
  const changes: Record<string, string | undefined> = {
    "metrics-addr": listen(metrics),
    "health-addr": listen(health),
    "enable-leader-election": undefined,
  };
  if (controller === "notification-controller") {
    changes["events-addr"] = listen(where.events);
    changes.receiverAddr = listen(where.receiver);
  } else {
    changes["events-addr"] = notifications ? `http://${listen(where.events)}/` : "";
  }
  if (controller === "source-controller") {
    changes["storage-path"] = join(dir, "data");
    changes["storage-addr"] = listen(where.storage);
    changes["storage-adv-addr"] = listen(where.storage);
  }
  const kept: string[] = [];
  for (let i = 0; i < declared.length; i++) {
    const flag = declared[i] ?? "";
    const [name = ""] = flag.replace(/^--?/, "").split("=");
    if (!(name in changes)) kept.push(flag);
    // A value may be an argument of its own; that of the only boolean flag here may not.
    else if (!flag.includes("=") && changes[name] !== undefined) i++;
  }
  return [
    ...kept,
    ...Object.entries(changes).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
  ];
}

/** Passed on from the rehearsal's own environment, so that registries can be reached as the user reaches them. */
const NETWORK = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/** Of a container; undefined while a Secret that it names is not there: a pod's container waits for it. */
async function environment(
  api: Api,
  container: Container,
  kubeconfig: string,
  dir: string,
): Promise<Record<string, string> | undefined> {
  const env: Record<string, string> = {};
  for (const name of NETWORK.flatMap((upper) => [upper, upper.toLowerCase()])) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (value !== undefined) env[name] = value.replace(/^\/tmp(?=\/|$)/, join(dir, "tmp"));
    else if (valueFrom?.fieldRef?.fieldPath === "metadata.namespace") env[name] = NAMESPACE;
    else if (valueFrom?.resourceFieldRef?.resource === "limits.memory")
      // Kubernetes writes 1Gi, Go's runtime reads 1GiB.
      env[name] = (container.resources?.limits?.memory ?? "").replace(/i$/, "iB");
    else if (valueFrom?.secretKeyRef !== undefined) {
      const { name: secret, key } = valueFrom.secretKeyRef;
      const { body } = await api.call("GET", `/api/v1/namespaces/${NAMESPACE}/secrets/${secret}`);
      const found = (body as { data?: Record<string, string> }).data?.[key];
      if (found === undefined) return undefined;
      env[name] = Buffer.from(found, "base64").toString();
    }
  }
  return {
    ...env,
    RUNTIME_NAMESPACE: NAMESPACE,
    KUBECONFIG: kubeconfig,
    HOME: join(dir, "home"),
    TMPDIR: join(dir, "tmp"),
    GNUPGHOME: join(dir, "home", "gnupg"),
  };
}

/** $(NAME) in an argument is the variable's value, as the kubelet has it. */
function expand(argument: string, env: Readonly<Record<string, string>>): string {
  return argument.replaceAll(/\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g, (whole, name: string) => env[name] ?? whole);
}

class Session {
  readonly #args: FluxControllersArgs;
  readonly #wanted: readonly Controller[];
  #addresses: Addresses;
  #kubeconfig: string | undefined;
  #api: Api | undefined;
  readonly #running = new Map<Controller, Running>();
  readonly #ending = new Set<ChildProcess>();

  constructor(args: FluxControllersArgs, wanted: readonly Controller[], where: Addresses) {
    this.#args = args;
    this.#wanted = wanted;
    this.#addresses = where;
  }

  healthy(): Controller[] {
    return [...this.#running.values()].filter(({ healthy }) => healthy).map(({ controller }) => controller);
  }

  /** Brings the processes in line with the Deployments once. */
  async step(): Promise<void> {
    const { kubeconfig } = this.#args;
    const text = existsSync(kubeconfig) ? readFileSync(kubeconfig, "utf8") : undefined;
    if (text !== this.#kubeconfig) {
      for (const controller of [...this.#running.keys()]) await this.#stop(controller, "the cluster is gone");
      this.#api?.close();
      this.#api = text === undefined ? undefined : connect(text);
      this.#kubeconfig = text;
    }
    if (this.#api === undefined) return;
    const list = (await this.#api.get(DEPLOYMENTS)) as { items: Deployment[] } | undefined;
    // No answer says nothing about what is wanted.
    if (list === undefined) return;
    for (const controller of this.#wanted)
      await this.#reconcile(
        this.#api,
        controller,
        list.items.find(({ metadata }) => metadata.name === controller),
      );
  }

  async #reconcile(api: Api, controller: Controller, deployment: Deployment | undefined): Promise<void> {
    const container = deployment?.spec.template.spec.containers[0];
    const present = (deployment?.spec.replicas ?? 1) > 0 && container?.image.includes(MISSING_IMAGE) === false;
    const before = this.#running.get(controller);
    if (deployment === undefined || container === undefined || !present) {
      if (before !== undefined) await this.#stop(controller, "its Deployment is gone, scaled to 0 or has no image");
      return;
    }
    const { args = [], env = [], image } = container;
    const declared = JSON.stringify([deployment.metadata.uid, image, args, env]);
    if (before?.declared !== declared) {
      if (before !== undefined) await this.#stop(controller, "its Deployment changed");
      await this.#start(api, deployment, controller, declared, container);
      return;
    }
    if (before.failure !== undefined) {
      await this.#show(api, deployment, before.failure);
      if (Date.now() >= before.retryAt) {
        if (/address already in use/.test(before.failure.lastLines)) this.#addresses = await addresses();
        await this.#start(api, deployment, controller, declared, container, before.failures);
      }
    } else if (!before.healthy && (await answers(this.#addresses.of[controller].health))) {
      before.healthy = true;
      this.#log(`${controller} is healthy`);
      if (before.failures > 0) await this.#show(api, deployment, undefined);
    }
  }

  async #start(
    api: Api,
    deployment: Deployment,
    controller: Controller,
    declared: string,
    container: Container,
    failures = 0,
  ): Promise<void> {
    const dir = join(this.#args.dir, controller);
    const account = deployment.spec.template.spec.serviceAccountName ?? "default";
    const token = await accountToken(api, account);
    // As a pod would wait for it.
    if (token === undefined) return;
    for (const folder of ["data", "home/gnupg", "tmp"]) mkdirSync(join(dir, folder), { recursive: true, mode: 0o700 });
    const kubeconfig = join(dir, "kubeconfig.yaml");
    writeFileSync(kubeconfig, withToken(this.#kubeconfig ?? "", token), { mode: 0o600 });
    const declaredEnv = await environment(api, container, kubeconfig, dir);
    if (declaredEnv === undefined) return;
    const env = { ...declaredEnv, ...this.#args.env };
    const notifications = this.#wanted.includes("notification-controller");
    const flags = localFlags(
      controller,
      (container.args ?? []).map((argument) => expand(argument, env)),
      this.#addresses,
      dir,
      notifications,
    );
    const child = launch(dir, { name: controller, command: this.#args.binaries[controller] ?? "", args: flags, env });
    const running: Running = {
      controller,
      declared,
      child,
      startedAt: Date.now(),
      healthy: false,
      failure: undefined,
      failures,
      retryAt: 0,
    };
    this.#running.set(controller, running);
    const ended = (how: string) => {
      if (this.#ending.delete(child) || running.failure !== undefined) return;
      // A minute of work is a recovery: the next failure is the first one again.
      running.failures = Date.now() - running.startedAt > 60_000 ? 1 : running.failures + 1;
      running.healthy = false;
      running.failure = { controller, how, lastLines: lastLines(dir, controller) };
      running.retryAt = Date.now() + Math.min(30_000, 1000 * 2 ** (running.failures - 1));
      this.#log(`${controller} ended (${how})`);
      this.#args.onFailure?.(running.failure);
    };
    child.once("exit", (code, signal) => {
      ended(code === null ? String(signal) : `code ${code}`);
    });
    child.once("error", (error) => {
      ended(error.message);
    });
    this.#log(`${controller} started: ${flags.join(" ")}`);
  }

  async #stop(controller: Controller, why: string): Promise<void> {
    const running = this.#running.get(controller);
    if (running === undefined) return;
    this.#running.delete(controller);
    if (running.failure === undefined) {
      this.#ending.add(running.child);
      // It may finish what it is at, as a pod may; a lost cluster leaves nothing to finish.
      if (this.#api !== undefined && this.#kubeconfig !== undefined && existsSync(this.#args.kubeconfig)) {
        const gone = new Promise((resolve) => running.child.once("exit", resolve));
        running.child.kill("SIGTERM");
        await Promise.race([gone, sleep(5000)]);
      }
    }
    const dir = join(this.#args.dir, controller);
    await reap(dir, { only: [controller] });
    // The pod's volumes are emptyDirs: they go with it.
    for (const volume of ["data", "tmp"]) rmSync(join(dir, volume), { recursive: true, force: true });
    this.#log(`${controller} stopped: ${why}`);
  }

  async end(): Promise<void> {
    for (const { child } of this.#running.values()) this.#ending.add(child);
    this.#running.clear();
    this.#api?.close();
    await reap(this.#args.dir);
    rmSync(this.#args.dir, { recursive: true, force: true });
  }

  /** Lets the played pods tell what became of the local process. */
  async #show(api: Api, deployment: Deployment, failure: Failure | undefined): Promise<void> {
    const selector = Object.entries(deployment.spec.selector.matchLabels ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join(",");
    const list = (await api.get(`${PODS}?labelSelector=${encodeURIComponent(selector)}`)) as PodList | undefined;
    const now = new Date().toISOString().replace(/\.\d+/, "");
    const ready = failure === undefined ? "True" : "False";
    for (const { metadata, status } of list?.items ?? []) {
      const [container] = status?.containerStatuses ?? [];
      // A Pending pod is kwok's to start first; one that says so already is left alone.
      if (status?.phase !== "Running" || container === undefined || container.ready === (failure === undefined))
        continue;
      const reason = failure === undefined ? {} : { reason: "ContainersNotReady" };
      await api.call(
        "PATCH",
        `${PODS}/${metadata.name}/status`,
        {
          status: {
            conditions: ["Ready", "ContainersReady"].map((type) => ({
              type,
              status: ready,
              lastTransitionTime: now,
              ...reason,
            })),
            containerStatuses: [
              {
                ...container,
                ready: failure === undefined,
                restartCount: container.restartCount + 1,
                state:
                  failure === undefined
                    ? { running: { startedAt: now } }
                    : { waiting: { reason: "CrashLoopBackOff", message: `${failure.how}: ${failure.lastLines}` } },
              },
            ],
          },
        },
        "application/strategic-merge-patch+json",
      );
    }
  }

  #log(line: string): void {
    this.#args.onLog?.(line);
  }
}

/** A token of a ServiceAccount of Flux; undefined while there is no such account. */
async function accountToken(api: Api, account: string): Promise<string | undefined> {
  const { status, body } = await api.call("POST", `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/${account}/token`, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: 24 * 3600 },
  });
  return status === 201 ? (body as { status: { token: string } }).status.token : undefined;
}

/** A kubeconfig with another user: the one that the token says. */
function withToken(kubeconfig: string, token: string): string {
  const config = parse(kubeconfig) as { users: { name: string; user: object }[] };
  return stringify({ ...config, users: config.users.map(({ name }) => ({ name, user: { token } })) });
}

interface PodList {
  items: {
    metadata: { name: string };
    status?: { phase?: string; containerStatuses?: { name: string; ready: boolean; restartCount: number }[] };
  }[];
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}
