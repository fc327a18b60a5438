/** What `destroy` says at its end of an existing cluster: the definitions that it left there. */
import { resolve } from "node:path";
import { readKubeconfig } from "../components/cluster/existing-cluster.ts";
import { fluxHome } from "../components/gitops/names.ts";
import { keptDefinitions, keptLines } from "../components/occupancy.ts";
import { openApi } from "../components/kubernetes/api.ts";
import { readStackFile } from "../settings/stack-file.ts";
import { settingsSchema } from "../settings/schema.ts";

/** Lines for people; none for a Kind cluster, which goes as a whole. It does not throw: `destroy` has done its work by then. */
export async function keptIn(projectFolder: string, project: string, stack: string): Promise<string[]> {
  try {
    const { settings } = readStackFile(projectFolder, project, stack);
    const { type, existing } = settingsSchema.shape.cluster.parse(settings["cluster"] ?? {});
    if (type !== "existing" || existing === undefined) return [];
    const provided = settingsSchema.shape.provided.parse(settings["provided"] ?? []);
    const { text } = readKubeconfig({ ...existing, kubeconfig: resolve(projectFolder, existing.kubeconfig) });
    return keptLines(await keptDefinitions(await openApi(text, existing.context), fluxHome({ provided })));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [`Definitions were kept in the cluster for others; it cannot be asked which: ${reason}`];
  }
}
