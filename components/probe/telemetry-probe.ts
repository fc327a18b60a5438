import { createHash } from "node:crypto";
import * as path from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/schema.ts";
import { type Endpoint, isRemote } from "../capabilities.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { type Chosen, providers } from "../plan.ts";
import { isClusterName, remotes } from "../remote.ts";
import type { SharedSecrets } from "../shared-secrets.ts";
import { caVariable, type ProbedStore, secretVariable } from "./telemetry.ts";

const projectRoot = path.resolve(import.meta.dirname, "../..");

/** Stores of a plan that can be asked from this machine. */
export function probedStores(chosen: readonly Chosen[]): ProbedStore[] {
  return (["traces", "logs", "metrics"] as const).flatMap((signal) =>
    providers(chosen, signal).flatMap(({ offers }) => {
      const store = offers[signal];
      if (store?.lookup === undefined) return [];
      const { endpoint, lookup, title } = store;
      return isRemote(endpoint) && isClusterName(endpoint.url) ? [] : [{ signal, title, endpoint, lookup }];
    }),
  );
}

export interface TelemetryProbeArgs {
  readonly settings: Settings["probe"];
  readonly cluster: Cluster;
  /** Takes OTLP over HTTP. */
  readonly gateway: Endpoint;
  readonly stores: readonly ProbedStore[];
  readonly secrets: Readonly<Record<string, pulumi.Output<string> | undefined>>;
  readonly shared: SharedSecrets;
  /** File with the company's CA certificates. @default none */
  readonly ca: string | undefined;
  /** What the environment is made of: a change of it is a reason to probe again. */
  readonly of: unknown;
  /** Everything on the way of the telemetry. */
  readonly prerequisites: readonly pulumi.Resource[];
}

/** What stores want, as the script's variables. */
function wants({ stores, secrets, shared }: TelemetryProbeArgs): Record<string, pulumi.Output<string>> {
  const wanted: Record<string, pulumi.Output<string>> = {};
  for (const { access } of remotes(stores.map(({ endpoint }) => endpoint))) {
    const { of, secret, ca } = access;
    const text = typeof secret === "object" ? shared.password(secret.shared) : secrets[secret ?? ""];
    if (text !== undefined) wanted[secretVariable(of)] = text;
    if (typeof ca === "object") wanted[caVariable(of)] = shared.authority(ca.authority).certificate;
  }
  return wanted;
}

/**
 * `up` has ended well when a trace, a log record and a metric that were sent to the collector have been found in their
 * stores: pods that run are not yet a pipeline that works. It runs on this machine, again after each change of settings or
 * versions.
 */
export class TelemetryProbe extends pulumi.ComponentResource {
  constructor(name: string, args: TelemetryProbeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("observability:probe:TelemetryProbe", name, {}, opts);
    const { cluster, settings } = args;
    const run = "exec node components/probe/probe-script.ts";
    new command.local.Command(
      `${name}-telemetry`,
      {
        dir: projectRoot,
        create: run,
        update: run,
        environment: {
          KUBECONFIG_FILE: cluster.kubeconfigPath,
          KUBE_CONTEXT: cluster.context,
          PROBE_GATEWAY: JSON.stringify(args.gateway),
          PROBE_STORES: JSON.stringify(args.stores),
          PROBE_TIMEOUT: String(settings.timeoutSeconds),
          ...(args.ca === undefined ? {} : { PROBE_CA: args.ca }),
          ...wants(args),
          PROBE_OF: createHash("sha256")
            .update(JSON.stringify([cluster.identifier, args.of]))
            .digest("hex")
            .slice(0, 12),
        },
        logging: "stderr",
        addPreviousOutputInEnv: false,
      },
      {
        parent: this,
        dependsOn: [...args.prerequisites],
        customTimeouts: { create: `${settings.timeoutSeconds + 60}s`, update: `${settings.timeoutSeconds + 60}s` },
      },
    );
    this.registerOutputs();
  }
}
