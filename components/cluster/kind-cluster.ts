import { existsSync } from "node:fs";
import * as path from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Settings } from "../../settings/schema.ts";
import { dockerCredentials } from "../../settings/secrets.ts";
import { labelValue } from "../kubernetes/labels.ts";
import type { Cluster, ExposedService, HostPort } from "./cluster.ts";
import { startNodes, stoppedOf, writeIdentity } from "./containers.ts";
import type { Generation } from "./generation.ts";
import { belongsToOther, describeOwner, released } from "./identity.ts";
import { UserError } from "./kind.ts";
import { clusterFiles, clusterName, kindConfig } from "./kind-config.ts";
import { writeKubeconfig } from "./kubeconfig-file.ts";
import { ApiClient, describeUnready, readKubeconfig, waitUntilReady } from "./readiness.ts";

/** Root of the project: scripts run there, wherever Pulumi was started. */
const projectRoot = path.resolve(import.meta.dirname, "../..");

export interface KindClusterArgs {
  /** Pulumi's project. */
  readonly project: string;
  /** Name of the stack; the cluster is named after it. */
  readonly stack: string;
  readonly settings: Settings["cluster"]["kind"];
  /** The image of the settings with its digest.
   * @default without one */
  readonly nodeImage?: string;
  /** `network.ca`. */
  readonly ca?: string | undefined;
  /** Docker's config.json, for mirrors that ask for a password; secret.
   * @default none */
  readonly registryCredentials?: pulumi.Output<string> | undefined;
  /** Sum of what the environment requests, for the check of the host before a cluster is made. */
  readonly requests: { readonly cpuMillicores: number; readonly memoryMiB: number };
  /** Which cluster of this name is wanted (`clusterGeneration`).
   * @default one without a generation: nobody has looked */
  readonly generation?: Generation;
}

/** What the script is told of mirrors that ask for a password; a change rewrites files on the host, and no cluster. */
function mirrorCredentials({ settings, registryCredentials }: KindClusterArgs): Record<string, pulumi.Output<string>> {
  const hosts = Object.values(settings.registryMirrors).map((address) => new URL(address).host);
  if (registryCredentials === undefined || hosts.length === 0) return {};
  const theirs = (config: string) =>
    JSON.stringify(Object.fromEntries(hosts.map((host) => [host, dockerCredentials(config, host)])));
  return { KIND_REGISTRY_CREDENTIALS: registryCredentials.apply(theirs) };
}

/**
 * A Kind cluster on this host. The script behind it adopts the environment's own cluster, makes one where there is none, and
 * returns when API, nodes and DNS are ready (`kind-script.ts`).
 *
 * Three resources share the work. The owner is an id that the state keeps; the cluster carries it, and nothing is adopted,
 * rebuilt or deleted that carries another. The claim exists before the cluster does, makes nothing, and deletes it: so a
 * cluster that a killed run left half made goes with a later `destroy` although the state has no record of it, and whatever
 * leaves the claim in the state (`--help`, a target, an exclusion, a preview) leaves the cluster alone. The cluster itself
 * only makes.
 *
 * A change to the configuration is one replacement. The script itself deletes the old cluster before it makes the new one;
 * to the engine it is create before delete, because only then does it know, when it comes to the old objects, that they
 * went with their cluster (`deletedWith`). With `deleteBeforeReplace` engine 3.246 forgets that, and asks a cluster that is
 * gone to delete them one by one. A change to the script replaces nothing. A cluster that was removed by hand is such a
 * change, too: another generation is wanted then.
 */
export class KindCluster extends pulumi.ComponentResource implements Cluster {
  readonly name: string;
  readonly kubeconfig: pulumi.Output<string>;
  readonly kubeconfigPath: string;
  readonly context: string;
  readonly identifier: string | undefined;
  readonly lifetime: pulumi.Resource;
  readonly hostPorts: Readonly<Partial<Record<ExposedService, HostPort>>>;
  /** Id of the environment, which all that belongs to it on this host carries. */
  readonly owner: pulumi.Output<string>;
  /** What deletes the cluster. */
  readonly claim: pulumi.Resource;

  constructor(name: string, args: KindClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("observability:cluster:KindCluster", name, {}, opts);
    this.name = clusterName(args.stack);
    const wanted = args.generation ?? { generation: "" };
    const config = kindConfig(args.settings, this.name, args.ca, args.nodeImage);
    const files = clusterFiles(args.settings, this.name);
    this.kubeconfigPath = path.resolve(projectRoot, files.kubeconfig);
    this.context = `kind-${this.name}`;
    this.hostPorts = config.hostPorts;
    // From the configuration, not from what the command printed: a command that runs again makes no other cluster.
    const { generation } = wanted;
    const identity = generation === undefined || generation === "" ? config.hash : `${config.hash}-${generation}`;
    this.identifier = generation === undefined ? undefined : `${this.context}-${identity}`;

    const { result: owner } = new random.RandomUuid(`${name}-owner`, {}, { parent: this });
    this.owner = owner;
    const environment = {
      KIND_CLUSTER_NAME: this.name,
      KIND_ERRORS: "stdout",
      KIND_OWNER: owner,
      KIND_REGISTRY_FOLDER: files.registryFolder,
      KUBECONFIG_FILE: files.kubeconfig,
    };
    const script = (verb: string) => `exec node components/cluster/kind-script.ts ${verb}`;
    // Standard output is the kubeconfig: never logged, never handed to the next run (pulumi-command#260). Standard error is
    // the progress, and the script keeps key material out of it.
    const quiet = { logging: "stderr", addPreviousOutputInEnv: false } as const;
    const claim = new command.local.Command(
      `${name}-claim`,
      { dir: projectRoot, delete: script("delete"), environment, ...quiet },
      { parent: this, customTimeouts: { delete: "5m" } },
    );
    this.claim = claim;
    const cluster = new command.local.Command(
      `${name}-kind`,
      {
        dir: projectRoot,
        create: script("ensure"),
        update: script("update"),
        environment: {
          ...environment,
          KIND_PROJECT: labelValue(args.project),
          KIND_STACK: labelValue(args.stack),
          KIND_CONFIG: config.yaml,
          KIND_CONFIG_HASH: config.hash,
          KIND_GENERATION: generation ?? "",
          KIND_READY_TIMEOUT: String(args.settings.readyTimeoutSeconds),
          KIND_REGISTRY_MIRRORS: JSON.stringify(args.settings.registryMirrors),
          ...mirrorCredentials(args),
          REQUESTED_CPU_MILLICORES: String(args.requests.cpuMillicores),
          REQUESTED_MEMORY_MIB: String(args.requests.memoryMiB),
        },
        triggers: [identity],
        ...quiet,
      },
      {
        parent: this,
        dependsOn: [claim],
        additionalSecretOutputs: ["stdout"],
        customTimeouts: { create: "20m", update: "20m" },
        ...(generation === undefined ? { ignoreChanges: ["environment", "triggers"] } : {}),
      },
    );
    this.lifetime = cluster;
    if (pulumi.runtime.isDryRun() && args.generation !== undefined) {
      // Known in a preview exactly when the state has it: then there has been a cluster.
      owner.apply((id) => {
        this.tell(id, wanted);
      });
    }
    // An empty kubeconfig would make the Kubernetes provider use the person's own (pulumi-kubernetes#2357).
    this.kubeconfig = pulumi.secret(
      pulumi.all([cluster.stdout, owner]).apply(async ([text, id]) => {
        if (!text.includes("clusters:")) {
          throw new pulumi.ResourceError(
            `The cluster script of ${this.name} printed no kubeconfig. Run \`pulumi up\` again; it adopts or rebuilds.`,
            this,
            true,
          );
        }
        if (!pulumi.runtime.isDryRun()) await this.resume(args, text, id);
        return text;
      }),
    );
    this.registerOutputs({ kubeconfig: this.kubeconfig, kubeconfigPath: this.kubeconfigPath });
  }

  /** Says in a preview what the plan alone does not: why the cluster is made anew, or that `up` will refuse. */
  private tell(owner: string, { generation, found, why }: Generation): void {
    const warn = (text: string) => void pulumi.log.warn(text, this);
    const stopped = stoppedOf(found?.nodes ?? []).map((node) => node.name);
    // Why Docker cannot be asked is told by the preflight; the cluster is taken as unchanged.
    if (generation === undefined) return;
    if (why !== undefined) warn(`Cluster "${this.name}" is made anew (${why}): what was in the old one is lost.`);
    else if (found !== undefined && belongsToOther(found.identity, owner))
      warn(`A cluster "${this.name}" is there that belongs to ${describeOwner(found.identity)}: \`up\` will refuse.`);
    else if (stopped.length > 0) warn(`Cluster "${this.name}" is stopped: \`up\` starts it (${stopped.join(", ")}).`);
  }

  /**
   * What an `up` that has nothing to do for the cluster does all the same: it starts one that is stopped, takes one over
   * that was released to it, and writes the kubeconfig again where its file is missing.
   */
  private async resume(args: KindClusterArgs, kubeconfig: string, owner: string): Promise<void> {
    if (args.generation !== undefined && args.generation.generation === undefined) {
      const why = args.generation.why ?? "";
      throw new pulumi.RunError(`Whether cluster "${this.name}" is still there cannot be known: ${why}`);
    }
    const { identity, nodes } = args.generation?.found ?? { identity: {}, nodes: [] };
    try {
      if (identity.owner === released) {
        const own = { owner, project: labelValue(args.project), stack: labelValue(args.stack) };
        await writeIdentity(nodes, own);
      }
      const isOwn = identity.owner === owner || identity.owner === released;
      if (isOwn && stoppedOf(nodes).length > 0) await this.start(args, kubeconfig);
      // The command provider takes the last line's end off.
      if (!existsSync(this.kubeconfigPath)) writeKubeconfig(this.kubeconfigPath, `${kubeconfig.trimEnd()}\n`);
    } catch (error) {
      if (error instanceof UserError) throw new pulumi.RunError(error.message);
      throw error;
    }
  }

  private async start(args: KindClusterArgs, kubeconfig: string): Promise<void> {
    await startNodes(args.generation?.found?.nodes ?? []);
    const client = new ApiClient(readKubeconfig(kubeconfig));
    try {
      const timeoutMs = args.settings.readyTimeoutSeconds * 1_000;
      const missing = await waitUntilReady(client, { timeoutMs });
      if (missing !== undefined) throw new UserError(describeUnready(this.name, timeoutMs, missing));
    } finally {
      client.close();
    }
  }
}
