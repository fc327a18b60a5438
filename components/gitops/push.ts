/** Puts the content into the registry of an environment that is up. */
import { findRegistry, startRegistry } from "../cluster/registry.ts";
import { UserError } from "../cluster/kind.ts";
import { type Artifact, pushArtifact, registryAnswers } from "./artifact.ts";

/**
 * @returns where it is now, and whether it had to be pushed
 * @throws UserError when there is no registry; NotPushed
 */
export async function pushTo(cluster: string, artifact: Artifact): Promise<{ address: string; pushed: boolean }> {
  if ((await findRegistry(cluster))?.running === false) await startRegistry(cluster);
  const address = (await findRegistry(cluster))?.address;
  if (address === undefined) throw new UserError(`there is no registry beside the cluster "${cluster}"`);
  await registryAnswers(address);
  return { address, pushed: await pushArtifact(address, artifact) };
}
