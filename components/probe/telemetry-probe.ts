import { createHash } from "node:crypto";
import * as path from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/schema.ts";
import type { Endpoint, LogStore, MetricsStore, Prerequisite, TelemetryGateway, TraceStore } from "../capabilities.ts";
import type { Cluster } from "../cluster/cluster.ts";

const projectRoot = path.resolve(import.meta.dirname, "../..");

export interface TelemetryProbeArgs {
  readonly settings: Settings["probe"];
  readonly cluster: Cluster;
  readonly gateway: TelemetryGateway;
  readonly metrics: MetricsStore;
  readonly logs: LogStore;
  readonly traces: TraceStore;
  /** What the environment is made of: a change of it is a reason to probe again. */
  readonly of: unknown;
  /** Everything on the way of the telemetry. */
  readonly prerequisites: readonly Prerequisite[];
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
    const endpoints: Readonly<Record<string, Endpoint>> = {
      otlpHttp: args.gateway.otlpHttp,
      traces: args.traces.endpoint,
      logs: args.logs.endpoint,
      metrics: args.metrics.endpoint,
    };
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
          PROBE_ENDPOINTS: JSON.stringify(endpoints),
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
