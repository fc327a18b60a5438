/** Whether what an `up` pushes into the registry beside the cluster can be applied, as far as that can be told here. */
import { demoFolder } from "../demo/component.ts";
import { clusterName } from "../cluster/kind-config.ts";
import { EngineError } from "../cluster/kind.ts";
import type { Finding } from "../cluster/preflight.ts";
import { findRegistry, registryOfOther } from "../cluster/registry.ts";
import type { PreflightContext } from "../preflight.ts";
import { contentFaults, hasFolder } from "./content.ts";
import { localContent } from "./local-registry.ts";

/** Reads the files, and asks Docker for a container that has the registry's name. Finds nothing for another source. */
export async function checkLocalContent({ stack, settings, first }: PreflightContext): Promise<Finding[]> {
  if (settings.source.type !== "local-registry") return [];
  const error = (check: string, message: string): Finding => ({ level: "error", check, message });
  const { files } = localContent(stack, settings);
  const { demo } = settings;
  const folder = demo.enabled ? demoFolder(demo) : undefined;
  return [
    ...contentFaults(files).map((fault) => error("content", fault)),
    ...(folder === undefined || hasFolder(files, folder)
      ? []
      : [error("content", `there is no folder ${folder} to push. Make it in this clone, or set demo.path.`)]),
    ...(first ? await registryOfOthers(clusterName(stack)) : []),
  ];

  /** When this environment has made nothing yet, a registry of its name is another's. */
  async function registryOfOthers(cluster: string): Promise<Finding[]> {
    try {
      const found = await findRegistry(cluster);
      return found === undefined ? [] : [error("registry", registryOfOther(found))];
    } catch (caught) {
      if (caught instanceof EngineError) return []; // told by the check of Docker
      throw caught;
    }
  }
}
