/** The whole environment, rehearsed: the unchanged program on the real engine, in surroundings of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { merge } from "ts-deepmerge";
import { clusterName } from "../components/cluster/kind-config.ts";
import { usedAlertingSecrets } from "../components/alerts/alertmanager/check.ts";
import { settingsSchema } from "../settings/schema.ts";
import { readStackFile } from "../settings/stack-file.ts";
import { obtain } from "../toolchain/obtain.ts";
import { type Guard, guard, reap } from "./control-plane/processes.ts";
import { configText, type ConfigValue, type Environment, type EnvironmentOptions, openEnvironment } from "./engine.ts";
import { type FluxControllers, type FluxControllersArgs, startFluxControllers } from "./flux/controllers.ts";
import { CONTROLLERS } from "./flux/manifests.ts";
import type { StandInOptions } from "./providers/index.ts";
import type { ReleasedPlugins } from "./providers/released.ts";
import { type Surroundings, startSurroundings } from "./surroundings.ts";

const projectRoot = resolve(import.meta.dirname, "..");
const project = "observability";

export interface RehearsalOptions {
  /** Stack to rehearse; its file is read, its state is not touched. @default "dev" */
  readonly stack?: string;
  /** Settings over those of the stack's file, nested. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** A folder with real charts. @default stand-in charts */
  readonly charts?: string;
  /** Provider plugins to use instead of stand-ins. @default none */
  readonly plugins?: ReleasedPlugins;
  /** Another rehearsal, on whose GitHub, registry and lock of kind this one lives, too; it has to be closed after this one. */
  readonly beside?: Rehearsal;
  /** @default a new folder in the system's temporary folder */
  readonly dir?: string;
  /** Whether the state is written at each step, as who kills the engine sees. @default true */
  readonly checkpoints?: boolean;
  /** Whether the definitions of stand-in charts have the descriptions of their fields, half of what they weigh. @default false */
  readonly whole?: boolean;
  /** Sees, delays or fails calls of the provider stand-ins. */
  readonly onCall?: StandInOptions["onCall"];
  readonly onEvent?: EnvironmentOptions["onEvent"];
  /** What the engine prints. */
  readonly onOutput?: EnvironmentOptions["onOutput"];
  /** What the surroundings say. */
  readonly log?: (line: string) => void;
  /** Hears of a Flux controller that ended by itself. */
  readonly onFailure?: FluxControllersArgs["onFailure"];
  /** Ends the opening: a tool's download or build at once, the rest between two steps. */
  readonly signal?: AbortSignal;
}

export interface Rehearsal {
  readonly stack: string;
  readonly dir: string;
  /** Where the kubeconfig is while there is a cluster. */
  readonly kubeconfigPath: string;
  readonly surroundings: Surroundings;
  readonly environment: Environment;
  readonly controllers: FluxControllers;
  /** Changes settings: nested, over those in force. A value of undefined is left as it is. */
  set(settings: Readonly<Record<string, unknown>>): Promise<void>;
  /** Ends everything and removes the folder. Once is enough; more often does no harm. */
  close(): Promise<void>;
}

let programs = 0;

/**
 * The program as Pulumi runs it. Every run imports it anew, as every run of Pulumi does; what it imports has no effect at
 * import time and is shared.
 */
async function program(): Promise<Record<string, unknown>> {
  programs += 1;
  return { ...((await import(`../index.ts?run=${programs}`)) as Record<string, unknown>) };
}

/**
 * What a stack's file says, for a rehearsal: whatever cluster the stack lives in, the rehearsal makes one of its own. A stack
 * of a cluster that is kept must not be touched by trying it, and its repository is not made anew.
 */
export function ofStackFile(stack: string): Record<string, unknown> {
  const { cluster, repository, ...others } = readStackFile(projectRoot, project, stack).settings as {
    readonly cluster?: Readonly<Record<string, unknown>>;
    readonly repository?: Readonly<Record<string, unknown>>;
  };
  const without = (group: Readonly<Record<string, unknown>> | undefined, names: readonly string[]) =>
    Object.fromEntries(Object.entries(group ?? {}).filter(([name]) => !names.includes(name)));
  return {
    ...others,
    cluster: without(cluster, ["type", "existing"]),
    repository: without(repository, ["create", "seed", "branch"]),
  };
}

/** Whether settings as they are written have a registry beside the cluster for a source. */
export function sourceIsRegistry({ source }: Readonly<Record<string, unknown>>): boolean {
  return (source as { readonly type?: unknown } | undefined)?.type === "local-registry";
}

/** Whether settings as they are written have kbot for a demo. */
export function demoIsKbot({ demo }: Readonly<Record<string, unknown>>): boolean {
  return (demo as { readonly app?: unknown } | undefined)?.app === "kbot";
}

/**
 * Settings as configuration: one key a room, JSON as Pulumi stores structured values. Secrets of receivers are made up:
 * nothing of a rehearsal calls anybody.
 */
function configuration(settings: Readonly<Record<string, unknown>>): Record<string, ConfigValue> {
  const alerting = settingsSchema.shape.alerting.safeParse(settings["alerting"]);
  const receivers = alerting.success ? usedAlertingSecrets(alerting.data) : [];
  const secret = JSON.stringify(Object.fromEntries(receivers.map((name) => [name, `rehearsed-${name}`])));
  return {
    ...Object.fromEntries(Object.entries(settings).map(([key, value]) => [`${project}:${key}`, configText(value)])),
    ...(receivers.length === 0 ? {} : { [`${project}:alertingSecrets`]: { secret } }),
  };
}

/**
 * Opens a rehearsal: everything but the environment itself is running when this returns. When it throws, nothing is.
 */
export async function openRehearsal(options: RehearsalOptions = {}): Promise<Rehearsal> {
  const stack = options.stack ?? "dev";
  const { log = () => undefined, signal, checkpoints = true, whole = false } = options;
  const obtaining = { onProgress: log, ...(signal === undefined ? {} : { signal }) };
  const pulumi = await obtain(["pulumi"], obtaining);
  const controllerBinaries = await obtain(CONTROLLERS, obtaining);
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), "rehearsal-")));
  const watcher: Guard = guard(dir);
  /** How to end what has been started, first to end first. */
  const ends: (() => Promise<unknown>)[] = [
    () => reap(dir),
    () => watcher.release(),
    () => rm(dir, { recursive: true, force: true }),
  ];
  const close = async () => {
    for (const end of ends.splice(0)) await end();
  };
  try {
    const written = merge.withOptions({ mergeArrays: false }, ofStackFile(stack), options.settings ?? {});
    const surroundings = await startSurroundings({
      dir,
      log,
      whole,
      localRegistry: sourceIsRegistry(written),
      ...(options.charts === undefined ? {} : { charts: options.charts }),
      ...(options.beside === undefined ? {} : { beside: options.beside.surroundings }),
      ...(options.plugins === undefined ? {} : { releasedProviders: options.plugins.names }),
      ...(options.onCall === undefined ? {} : { onCall: options.onCall }),
      ...(signal === undefined ? {} : { signal }),
    });
    // After the processes: the commands that hold a server's connections or a pipe are gone then.
    ends.splice(1, 0, () => surroundings.close());
    const kubeconfigPath = join(dir, "kube", `${clusterName(stack)}.yaml`);
    const controllers = await startFluxControllers({
      kubeconfig: kubeconfigPath,
      binaries: controllerBinaries,
      dir: join(dir, "flux"),
      env: surroundings.controllersEnv,
      onLog: log,
      ...(options.onFailure === undefined ? {} : { onFailure: options.onFailure }),
    });
    ends.unshift(() => controllers.stop());
    signal?.throwIfAborted();
    let settings = merge.withOptions(
      { mergeArrays: false },
      ofStackFile(stack),
      surroundings.settings,
      options.settings ?? {},
    );
    const kbot = demoIsKbot(settings);
    if (kbot) settings = merge(settings, { demo: surroundings.kbot });
    const environment = await openEnvironment({
      program,
      stack,
      project,
      pulumi: pulumi.pulumi,
      workDir: join(dir, "pulumi"),
      ...(options.plugins === undefined ? {} : { plugins: options.plugins.folder }),
      env: surroundings.env,
      parallel: 32,
      checkpoints: () => checkpoints,
      config: {
        ...configuration(settings),
        ...surroundings.config,
        ...(kbot ? { [`${project}:telegramToken`]: { secret: surroundings.planted.telegramToken } } : {}),
      },
      ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
      ...(options.onOutput === undefined ? {} : { onOutput: options.onOutput }),
    });
    return {
      stack,
      dir,
      kubeconfigPath,
      surroundings,
      environment,
      controllers,
      async set(changes) {
        settings = merge.withOptions({ mergeArrays: false }, settings, changes);
        await environment.configure(configuration(settings));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
