/**
 * What has become of the cluster that the last run made. Nothing in the state tells: its resource is unchanged, so an `up`
 * would find nothing to do, whatever happened to the cluster. The container engine is asked, and only asked.
 */
import { randomBytes } from "node:crypto";
import type { Settings } from "../../settings/schema.ts";
import { type NodeContainer, nodeContainers, readIdentity } from "./containers.ts";
import type { Identity } from "./identity.ts";
import { UserError } from "./kind.ts";
import { clusterName, kindConfig } from "./kind-config.ts";

/** Which cluster is wanted: the one that is there, or a new one. */
export interface Generation {
  /**
   * Tells the wanted cluster from earlier ones of the same configuration. It is a label of the cluster, so it is kept where
   * the cluster is. Undefined when Docker cannot be asked which one is there.
   */
  readonly generation: string | undefined;
  /** Why the cluster that the state may know is not the wanted one, or not known; without a full stop. */
  readonly why?: string;
  /** The cluster that is there and wanted. */
  readonly found?: { readonly identity: Identity; readonly nodes: readonly NodeContainer[] };
}

/**
 * Asks Docker for the cluster of a stack. It is wanted as it is when it was made from these settings, whether it runs or is
 * stopped; a new one is wanted only when its containers are gone, incomplete, or made from something else.
 */
export async function clusterGeneration(
  stack: string,
  settings: Settings["cluster"]["kind"],
  ca?: string,
): Promise<Generation> {
  const name = clusterName(stack);
  const { hash } = kindConfig(settings, name, ca);
  const another = (why: string): Generation => ({ generation: randomBytes(4).toString("hex"), why });
  try {
    const nodes = await nodeContainers(name);
    const identity = await readIdentity(nodes);
    const wanted = 1 + settings.workers;
    if (nodes.length === 0) return another("Docker has no container of it any more");
    if (identity?.hash !== hash) return another("it was made from other settings");
    if (nodes.length !== wanted) return another(`it has ${nodes.length} of ${wanted} nodes`);
    // A cluster of an earlier version has none.
    return { generation: identity.generation ?? "", found: { identity, nodes } };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { generation: undefined, why: error.message };
  }
}
