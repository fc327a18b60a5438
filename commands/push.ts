/** `npm run push -- <stack>`: this clone's `flux-repo/` into the registry beside the cluster, and Flux asked to apply it now. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { nodeContainers, readIdentity } from "../components/cluster/containers.ts";
import { clusterFiles, clusterName } from "../components/cluster/kind-config.ts";
import { UserError } from "../components/cluster/kind.ts";
import { findRegistry } from "../components/cluster/registry.ts";
import { NotPushed } from "../components/gitops/artifact.ts";
import { contentFaults } from "../components/gitops/content.ts";
import { localContent } from "../components/gitops/local-registry.ts";
import { sourceName } from "../components/gitops/names.ts";
import { pushTo } from "../components/gitops/push.ts";
import { reconcile } from "../components/gitops/reconcile.ts";
import { parseSettings, SettingsError } from "../settings/parse.ts";
import { type SecretName, secretSettings } from "../settings/secrets.ts";
import { readStackFile } from "../settings/stack-file.ts";

export interface PushArgs {
  readonly stack: string;
  readonly projectFolder: string;
  readonly project: string;
}

/** Pushes, and tells what of it Flux applied. @returns 1 when something was refused, by this or by Flux, else 0 */
export async function push(args: PushArgs): Promise<number> {
  try {
    return await pushed(args);
  } catch (error) {
    if (!(error instanceof UserError || error instanceof NotPushed || error instanceof SettingsError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

async function pushed({ stack, projectFolder, project }: PushArgs): Promise<number> {
  const file = `Pulumi.${stack}.yaml`;
  const { settings: raw, others } = readStackFile(projectFolder, project, stack);
  const settings = parseSettings(raw, { file, secrets: Object.keys(secretSettings) as SecretName[], others });
  if (settings.source.type !== "local-registry") {
    throw new UserError(
      `${file}: source.type is ${settings.source.type}: Flux fetches what is pushed to GitHub (git push). ` +
        "This is for a stack whose source.type is local-registry.",
    );
  }
  const { files, artifact } = localContent(stack, settings);
  const faults = contentFaults(files);
  if (faults.length > 0) throw new UserError(`Nothing was pushed:\n${faults.map((fault) => `  ${fault}`).join("\n")}`);

  const cluster = clusterName(stack);
  const kubeconfig = resolve(projectFolder, clusterFiles(settings.cluster.kind, cluster).kubeconfig);
  const registry = await findRegistry(cluster);
  const identity = await readIdentity(await nodeContainers(cluster));
  if (identity?.owner === undefined || !existsSync(kubeconfig) || registry?.identity.owner !== identity.owner) {
    throw new UserError(`The environment "${stack}" of this clone is not up. Bring it up: npm run up -- ${stack}`);
  }

  const began = Date.now();
  const { address, pushed: isNew } = await pushTo(cluster, artifact);
  const what = `${files.size} files of flux-repo/ (${artifact.digest})`;
  console.log(isNew ? `Pushed ${what}, to the registry at ${address}.` : `Nothing new to push: ${what} is there.`);
  const { applied, failed } = (await reconcile(readFileSync(kubeconfig, "utf8"), sourceName, artifact.digest)) ?? {
    applied: [],
    failed: [`the cluster has no OCIRepository ${sourceName}. Run: npm run up -- ${stack}`],
  };
  if (applied.length > 0)
    console.log(`Flux has applied it: ${applied.join(", ")} (${((Date.now() - began) / 1000).toFixed(1)} s).`);
  if (failed.length === 0) return 0;
  throw new UserError(`Flux does not apply it:\n${failed.map((line) => `  ${line}`).join("\n")}`);
}
