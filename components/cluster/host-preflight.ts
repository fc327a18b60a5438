/** Whether this host can run the Kind cluster of a stack. */
import { requestedResources } from "../requests.ts";
import type { PreflightContext } from "../preflight.ts";
import { nodeContainers, readIdentity } from "./containers.ts";
import { installKind } from "./explain.ts";
import { otherSettings, refusal, released } from "./identity.ts";
import { EngineError, query } from "./kind.ts";
import { clusterName, kindConfig } from "./kind-config.ts";
import { checkMirrors } from "./mirror-preflight.ts";
import { type Finding, hostProbes, preflight, type Probes, readKindConfig } from "./preflight.ts";

/** Looks at Docker, kind, ports and what the host has. Finds nothing for an existing cluster. */
export async function checkHost(
  { stack, settings, first, registryCredentials }: PreflightContext,
  probes: Probes = hostProbes,
): Promise<Finding[]> {
  if (settings.cluster.type !== "kind") return [];
  const name = clusterName(stack);
  const version = await query("kind", ["version"], 10_000);
  const kindVersion = version.notFound ? undefined : (version.stdout || version.stderr).trim();
  const requests = requestedResources(settings);
  const held = await heldPorts(name, kindVersion);
  return [
    ...(first ? await clusterOfOthers(name, kindConfig(settings.cluster.kind, name).hash) : []),
    ...(await checkMirrors(settings.cluster.kind.registryMirrors, registryCredentials)),
    ...(kindVersion === undefined ? [{ level: "error", check: "kind", message: installKind } as const] : []),
    ...(await preflight(
      {
        kindVersion,
        config: readKindConfig(kindConfig(settings.cluster.kind, name, settings.network.ca).yaml),
        requestedCpuMillicores: requests.cpuMillicores,
        requestedMemoryMiB: requests.memoryMiB,
        memoryLimitMiB: requests.memoryLimitMiB,
      },
      {
        ...probes,
        portIsFree: async (port) => held === "all" || held.has(port.port) || (await probes.portIsFree(port)),
      },
    )),
  ];
}

/** A cluster of that name when this environment has made nothing yet: it is another's, unless it was released to it. */
async function clusterOfOthers(name: string, hash: string): Promise<Finding[]> {
  try {
    const nodes = await nodeContainers(name);
    if (nodes.length === 0) return [];
    const found = await readIdentity(nodes);
    if (found?.hash === undefined || found.owner !== released)
      return [{ level: "error", check: "cluster", message: refusal(name, found) }];
    if (found.hash === hash) return [];
    return [{ level: "error", check: "cluster", message: otherSettings(name, found.hash, hash) }];
  } catch (error) {
    if (error instanceof EngineError) return []; // told by the check of Docker
    throw error;
  }
}

/** Ports of the host that the cluster of this name has itself; a change replaces it, and they are free then. */
async function heldPorts(name: string, kindVersion: string | undefined): Promise<ReadonlySet<number> | "all"> {
  if (kindVersion?.includes("stand-in") === true) {
    const { stdout } = await query("kind", ["get", "clusters"], 10_000);
    return stdout.split("\n").includes(name) ? "all" : new Set();
  }
  const filter = `label=io.x-k8s.kind.cluster=${name}`;
  const { stdout } = await query("docker", ["ps", "--filter", filter, "--format", "{{.Ports}}"], 10_000);
  return new Set([...stdout.matchAll(/:(\d+)->/g)].map(([, port]) => Number(port)));
}
