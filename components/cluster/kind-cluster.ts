import * as path from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/schema.ts";
import type { Cluster, ExposedService, HostPort } from "./cluster.ts";
import type { Generation } from "./generation.ts";
import { clusterFiles, clusterName, kindConfig } from "./kind-config.ts";

/** Root of the project: scripts run there, wherever Pulumi was started. */
const projectRoot = path.resolve(import.meta.dirname, "../..");

export interface KindClusterArgs {
  /** Name of the stack; the cluster is named after it. */
  readonly stack: string;
  readonly settings: Settings["cluster"]["kind"];
  /** Sum of what the environment requests, for the check of the host before a cluster is made. */
  readonly requests: { readonly cpuMillicores: number; readonly memoryMiB: number };
  /** Which cluster of this name is wanted (`clusterGeneration`).
   * @default the first */
  readonly generation?: Generation;
}

/**
 * A Kind cluster on this host. The script behind it adopts a healthy cluster of the same configuration, rebuilds any
 * other, and returns when API, nodes and DNS are ready (`kind-script.ts`).
 *
 * A change to the configuration is one replacement. The script itself deletes the old cluster before it makes the new one;
 * to the engine it is create before delete, because only then does it know, when it comes to the old objects, that they
 * went with their cluster (`deletedWith`). With `deleteBeforeReplace` engine 3.246 forgets that, and asks a cluster that is
 * gone to delete them one by one. A change to the script replaces nothing. A cluster that was removed by hand is such a
 * change, too: its next generation is wanted then.
 */
export class KindCluster extends pulumi.ComponentResource implements Cluster {
  readonly name: string;
  readonly kubeconfig: pulumi.Output<string>;
  readonly kubeconfigPath: string;
  readonly context: string;
  readonly identifier: string;
  readonly lifetime: pulumi.Resource;
  readonly hostPorts: Readonly<Partial<Record<ExposedService, HostPort>>>;

  constructor(name: string, args: KindClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("observability:cluster:KindCluster", name, {}, opts);
    this.name = clusterName(args.stack);
    const { generation, message } = args.generation ?? { generation: 0 };
    if (message !== undefined) void pulumi.log.warn(message, this);
    const config = kindConfig(args.settings, this.name, generation);
    const files = clusterFiles(args.settings, this.name);
    this.kubeconfigPath = path.resolve(projectRoot, files.kubeconfig);
    this.context = `kind-${this.name}`;
    // From the configuration, not from what the command printed: a command that runs again makes no other cluster.
    this.identifier = `${this.context}-${config.hash}`;
    this.hostPorts = config.hostPorts;

    const script = (verb: string) => `exec node components/cluster/kind-script.ts ${verb}`;
    const cluster = new command.local.Command(
      `${name}-kind`,
      {
        dir: projectRoot,
        create: script("ensure"),
        update: script("ensure"),
        delete: script("delete"),
        environment: {
          KIND_CLUSTER_NAME: this.name,
          KIND_CONFIG: config.yaml,
          KIND_CONFIG_HASH: config.hash,
          KIND_READY_TIMEOUT: String(args.settings.readyTimeoutSeconds),
          KIND_REGISTRY_MIRRORS: JSON.stringify(args.settings.registryMirrors),
          KIND_REGISTRY_FOLDER: files.registryFolder,
          KUBECONFIG_FILE: files.kubeconfig,
          KIND_ERRORS: "stdout",
          ...(generation === 0 ? {} : { KIND_GENERATION: String(generation) }),
          REQUESTED_CPU_MILLICORES: String(args.requests.cpuMillicores),
          REQUESTED_MEMORY_MIB: String(args.requests.memoryMiB),
        },
        triggers: [config.hash],
        // Standard output is the kubeconfig: never logged, never handed to the next run (pulumi-command#260). Standard
        // error is the progress, and the script keeps key material out of it.
        logging: "stderr",
        addPreviousOutputInEnv: false,
      },
      {
        parent: this,
        additionalSecretOutputs: ["stdout"],
        customTimeouts: { create: "20m", update: "20m", delete: "5m" },
      },
    );
    this.lifetime = cluster;
    // An empty kubeconfig would make the Kubernetes provider use the person's own (pulumi-kubernetes#2357).
    this.kubeconfig = pulumi.secret(
      cluster.stdout.apply((text) => {
        if (text.includes("clusters:")) return text;
        throw new pulumi.ResourceError(
          `The cluster script of ${this.name} printed no kubeconfig. Run \`pulumi up\` again; it adopts or rebuilds.`,
          this,
          true,
        );
      }),
    );
    this.registerOutputs({ kubeconfig: this.kubeconfig, kubeconfigPath: this.kubeconfigPath });
  }
}
