/** What `destroy` says at its end of an existing cluster: the definitions that it left there. */
import { resolve } from "node:path";
import { fluxHome } from "../components/gitops/names.ts";
import { readStackFile } from "../settings/stack-file.ts";
import { settingsSchema } from "../settings/schema.ts";

/** Lines for people; none for a Kind cluster, which goes as a whole. It does not throw: `destroy` has done its work by then. */
export async function keptIn(projectFolder: string, project: string, stack: string): Promise<string[]> {
  try {
    const { settings } = readStackFile(projectFolder, project, stack);
    const { type, existing } = settingsSchema.shape.cluster.parse(settings["cluster"] ?? {});
    if (type !== "existing" || existing === undefined) return [];
    const provided = settingsSchema.shape.provided.parse(settings["provided"] ?? []);
    // They load Pulumi's SDK, which takes longer than all else that a `destroy` does of its own.
    const [{ readKubeconfig }, { keptDefinitions, keptLines }, { openApi }] = await Promise.all([
      import("../components/cluster/existing-cluster.ts"),
      import("../components/occupancy.ts"),
      import("../components/kubernetes/api.ts"),
    ]);
    const { text } = readKubeconfig({ ...existing, kubeconfig: resolve(projectFolder, existing.kubeconfig) });
    return keptLines(await keptDefinitions(await openApi(text, existing.context), fluxHome({ provided })));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [`Definitions were kept in the cluster for others; it cannot be asked which: ${reason}`];
  }
}
