import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import type { Cluster } from "./cluster.ts";

export interface ExistingClusterArgs {
  /** Path of the kubeconfig file, absolute or relative to where Pulumi runs. */
  readonly kubeconfig: string;
  /** Context in that file. */
  readonly context: string;
}

interface Kubeconfig {
  readonly contexts?: readonly { readonly name: string; readonly context?: { readonly cluster?: string } }[];
  readonly clusters?: readonly { readonly name: string; readonly cluster?: { readonly server?: string } }[];
}

/** The API server that a context of a kubeconfig names; throws with what to do when there is none. */
export function serverOf(text: string, file: string, context: string): string {
  const config = (parse(text) ?? {}) as Kubeconfig;
  const names = (config.contexts ?? []).map((c) => c.name);
  const cluster = config.contexts?.find((c) => c.name === context)?.context?.cluster;
  const server = config.clusters?.find((c) => c.name === cluster)?.cluster?.server;
  if (server !== undefined) return server;
  const known = names.length === 0 ? "It names no context at all." : `It has: ${names.join(", ")}.`;
  throw new Error(`${file} has no usable context "${context}". ${known} Set cluster.existing.context.`);
}

/** A cluster that is there already and stays when the environment goes. */
export class ExistingCluster extends pulumi.ComponentResource implements Cluster {
  readonly name: string;
  readonly kubeconfig: pulumi.Output<string>;
  readonly kubeconfigPath: string;
  readonly context: string;
  readonly identifier: string;
  readonly lifetime = undefined;
  readonly hostPorts = {};

  constructor(name: string, args: ExistingClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("observability:cluster:ExistingCluster", name, {}, opts);
    this.kubeconfigPath = path.resolve(args.kubeconfig);
    let text: string;
    try {
      text = readFileSync(this.kubeconfigPath, "utf8");
    } catch (error) {
      throw new pulumi.ResourceError(
        `Cannot read the kubeconfig ${this.kubeconfigPath}: ${String(error)}. Set cluster.existing.kubeconfig.`,
        this,
      );
    }
    this.name = args.context;
    this.context = args.context;
    const server = serverOf(text, this.kubeconfigPath, args.context);
    // The server decides which cluster it is: rotated credentials must not replace everything.
    this.identifier = createHash("sha256").update(server).digest("hex").slice(0, 12);
    this.kubeconfig = pulumi.secret(text);
    this.registerOutputs({ kubeconfigPath: this.kubeconfigPath });
  }
}
