import { commandStandIn } from "./command.ts";
import { githubStandIn } from "./github.ts";
import { kubernetesStandIn } from "./kubernetes.ts";
import { ApiCluster } from "./kubernetes-api.ts";
import { MemoryCluster } from "./kubernetes-memory.ts";
import { randomStandIn } from "./random.ts";
import { serveProvider, type CallHook, type RecordedCall, type StandIn } from "./server.ts";
import { tlsStandIn } from "./tls.ts";

export { MemoryCluster } from "./kubernetes-memory.ts";
export { InitializationFailed, type CallHook, type ProviderCall, type RecordedCall } from "./server.ts";

/** Versions of the providers that are stood in for; those of the SDK packages in package.json. */
export const providerVersions = {
  command: "1.2.1",
  github: "6.15.0",
  kubernetes: "4.34.2",
  random: "4.21.2",
  tls: "5.6.1",
} as const;

export type ProviderName = keyof typeof providerVersions;

export interface StandInOptions {
  /** `memory`: a map in place of a cluster. `api`: the API server that the provider's kubeconfig names. */
  readonly kubernetes: "memory" | "api";
  /** Providers that nothing stands in for: the engine runs their plugins. @default none */
  readonly except?: readonly ProviderName[];
  /** Runs before each call; it may wait or throw. */
  readonly onCall?: CallHook;
  /**
   * The environment that released plugins would see: of the commands, and of the variables that the github and
   * kubernetes providers read. It is looked at in each call, so it may be changed while the stand-ins run.
   * @default the environment of this process
   */
  readonly environment?: NodeJS.ProcessEnv;
  /** A folder where the processes of commands are recorded, so that a guard can end them. @default they are not */
  readonly processes?: string;
}

export interface StandIns {
  /** What the engine needs in its environment to use the stand-ins. */
  readonly env: { readonly PULUMI_DEBUG_PROVIDERS: string };
  /** Every call so far, in the order in which they began. */
  readonly calls: readonly RecordedCall[];
  /** The cluster of the `memory` mode; empty in the `api` mode. */
  readonly cluster: MemoryCluster;
  /** Ends the servers and aborts what still runs. */
  close(): Promise<void>;
}

/** Serves all stand-in providers from this process, on 127.0.0.1. */
export async function startStandIns(options: StandInOptions): Promise<StandIns> {
  const environment = options.environment ?? process.env;
  const cluster = new MemoryCluster();
  const standIns: Record<ProviderName, () => StandIn> = {
    command: () => commandStandIn(environment, options.processes),
    github: () => githubStandIn(environment),
    kubernetes: () =>
      kubernetesStandIn(
        (config) => (options.kubernetes === "memory" ? cluster : ApiCluster.connect(config.kubeconfig, config.context)),
        environment,
      ),
    random: randomStandIn,
    tls: tlsStandIn,
  };
  const isStandIn = (name: ProviderName) => options.except?.includes(name) !== true;
  const calls: RecordedCall[] = [];
  const servers = await Promise.all(
    (Object.keys(providerVersions) as ProviderName[]).filter(isStandIn).map(async (name) => {
      const hook = options.onCall === undefined ? {} : { onCall: options.onCall };
      const server = await serveProvider({
        name,
        version: providerVersions[name],
        open: standIns[name],
        calls,
        ...hook,
      });
      return { name, ...server };
    }),
  );
  return {
    env: { PULUMI_DEBUG_PROVIDERS: servers.map(({ name, port }) => `${name}:${port}`).join(",") },
    calls,
    cluster,
    async close() {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}
