/** What of a rehearsal is real and what stands in. Versions are read where they are pinned, or asked of the program. */
import { readFileSync } from "node:fs";
import { flux } from "../../settings/versions.ts";
import { cacheFolder } from "../../toolchain/cache.ts";
import { tools, type Tool, type ToolName } from "../../toolchain/pins.ts";
import { run } from "../../toolchain/run.ts";
import { pinnedVersion } from "../../toolchain/obtain.ts";
import { KIND_VERSION } from "../../rehearsal/control-plane/kind-state.ts";
import { CONTROLLERS } from "../../rehearsal/flux/manifests.ts";
import { type ProviderName, providerVersions } from "../../rehearsal/providers/index.ts";
import type { Surroundings } from "../../rehearsal/surroundings.ts";

/** One part of the rehearsal. */
export interface Part {
  readonly name: string;
  readonly how: "real" | "assembled" | "stand-in" | "simulated";
  /** Versions, and what there is to know about it. */
  readonly what: string;
}

/** The programs that a rehearsal runs. */
export const programs = [
  "pulumi",
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kwok",
  ...CONTROLLERS,
] as const satisfies readonly ToolName[];

export type ProgramPaths = Readonly<Record<(typeof programs)[number], string>>;

/** @param paths where the programs were found, as `obtain` says */
export async function banner(paths: ProgramPaths, surroundings: Surroundings): Promise<Part[]> {
  const versions = Object.fromEntries(
    await Promise.all(programs.map(async (name) => [name, await versionOf(name, paths[name])] as const)),
  ) as Record<(typeof programs)[number], string>;
  const list = (names: readonly (typeof programs)[number][]) =>
    names.map((name) => `${name} ${versions[name]}`).join(", ");
  const charts = (real: boolean) =>
    surroundings.registry.pinned
      .filter((chart) => chart.real === real)
      .map(({ name, version }) => `${name} ${version}`)
      .join(", ");
  const part = (name: string, how: Part["how"], what: string): Part[] => (what === "" ? [] : [{ name, how, what }]);
  const standIns = charts(false);
  const { releasedProviders } = surroundings;
  const providers = (released: boolean) =>
    (Object.keys(providerVersions) as ProviderName[])
      .filter((name) => releasedProviders.includes(name) === released)
      .map((name) => `${name} ${providerVersions[name]}`)
      .join(", ");
  return [
    ...part("Program", "real", "index.ts of this folder, unchanged"),
    ...part("Pulumi engine", "real", versions.pulumi),
    ...part("Control plane", "real", list(["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"])),
    ...part("Flux controllers", "real", list(CONTROLLERS) + differing(surroundings.fluxManifests, versions)),
    ...part("Flux manifests", "assembled", `${flux}, from the controllers' modules; not the released install.yaml`),
    ...part("Charts", "real", charts(true)),
    ...part("Charts", "stand-in", standIns && `${standIns}; definitions without the descriptions of fields`),
    ...part("Provider plugins", "real", providers(true)),
    ...part("Provider plugins", "stand-in", providers(false)),
    ...part("kind", "stand-in", `${KIND_VERSION}, and docker for it: processes of this machine instead of containers`),
    ...(surroundings.localRegistry
      ? [
          ...part("Registry of flux-repo", "real", `registry ${pinnedVersion("registry", tools.registry.module)}`),
          ...part("Network of containers", "stand-in", "a proxy leads Flux from the registry's name to 127.0.0.1"),
        ]
      : part("GitHub, Git server", "stand-in", "on 127.0.0.1; SSH admits registered deploy keys only")),
    ...part("Nodes and pods", "simulated", `by kwok ${versions.kwok}: no image runs, so no service answers`),
  ];
}

/** The version that really runs: the pinned one, or what a program from PATH says of itself. */
async function versionOf(name: ToolName, path: string): Promise<string> {
  const tool: Tool = tools[name];
  const version = pinnedVersion(tools[name].set, tool.module);
  if (tool.onPath === undefined || path.startsWith(cacheFolder())) return version;
  const { stdout, stderr } = await run(path, tool.onPath.args);
  return `v${tool.onPath.version.exec(stdout + stderr)?.[1] ?? "?"} (${path})`;
}

/** Controllers that run in another version than this Flux ships. */
function differing(manifests: string, versions: Readonly<Record<string, string>>): string {
  const shipped = new Map(
    [...readFileSync(manifests, "utf8").matchAll(/image: ghcr\.io\/fluxcd\/([a-z-]+):(v\S+)/g)].map(
      ([, name = "", version = ""]) => [name, version],
    ),
  );
  const others = CONTROLLERS.filter((name) => shipped.has(name) && shipped.get(name) !== versions[name]);
  if (others.length === 0) return "";
  const each = others.map((name) => `${name} ${shipped.get(name) ?? ""}`).join(", ");
  return `; Flux ${flux} ships ${each}, whose module cannot be had`;
}
