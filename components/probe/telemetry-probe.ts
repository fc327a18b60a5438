import { createHash } from "node:crypto";
import * as path from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/schema.ts";
import type { Endpoint, Lookup, TelemetryGateway } from "../capabilities.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Signal } from "./telemetry.ts";

const projectRoot = path.resolve(import.meta.dirname, "../..");

/** A store in which the probe looks for what it sent. */
export interface ProbedStore {
  readonly signal: Signal;
  readonly title: string;
  readonly endpoint: Endpoint;
  readonly lookup: Lookup;
}

export interface TelemetryProbeArgs {
  readonly settings: Settings["probe"];
  readonly cluster: Cluster;
  readonly gateway: TelemetryGateway;
  readonly stores: readonly ProbedStore[];
  /** What the environment is made of: a change of it is a reason to probe again. */
  readonly of: unknown;
  /** Everything on the way of the telemetry. */
  readonly prerequisites: readonly pulumi.Resource[];
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
          PROBE_GATEWAY: JSON.stringify(args.gateway.otlpHttp),
          PROBE_STORES: JSON.stringify(args.stores),
          PROBE_TIMEOUT: String(settings.timeoutSeconds),
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
