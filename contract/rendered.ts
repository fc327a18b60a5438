/** An environment as plain data: what the program declares, and what Flux applies from `flux-repo/`. */
import { existsSync } from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { type Manifest, manifestId } from "../components/kubernetes/manifest.ts";
import { ownReleases } from "../components/occupancy.ts";
import { parseSettings } from "../settings/parse.ts";
import type { Settings } from "../settings/schema.ts";
import { componentVariants } from "./component-files.ts";
import { assemble, substitute, variableNames } from "./flux-repo.ts";
import { type Declared, type Program, type ProgramArgs, runProgram, usualSecrets } from "./run-program.ts";

export interface Rendered {
  readonly settings: Settings;
  /** Kubernetes objects that the program declares. */
  readonly declared: readonly Manifest[];
  /** Objects of `flux-repo/` for this environment, with Flux's variables replaced. */
  readonly content: readonly Manifest[];
  /** What the program declares beside them (providers, commands, keys), as objects of their type and name. */
  readonly machinery: readonly Manifest[];
  /** How long `up` waits for a declared object, where that is not the provider's default. */
  readonly waits: ReadonlyMap<string, string>;
  /** Names of Flux's variables that those objects use. */
  readonly variables: readonly string[];
  /** Configuration of the Kind cluster; undefined for a cluster that was there already. */
  readonly kindConfig: unknown;
}

/** A HelmRelease with what its source says of the chart. */
export interface Release {
  readonly name: string;
  readonly namespace: string;
  /** Name and version of the chart; undefined for a chart from a Git repository. */
  readonly chart: { readonly name: string; readonly version: string } | undefined;
  readonly values: Readonly<Record<string, unknown>>;
}

/** Folder of this project, where `flux-repo/` is. */
export const projectRoot = path.resolve(import.meta.dirname, "..");

/** The Kubernetes objects among resources, by kind and name: the order of registration differs from run to run. */
function kubernetesObjects(resources: readonly Declared[]): Manifest[] {
  return resources
    .filter(({ type, custom }) => custom && type.startsWith("kubernetes:"))
    .map(({ inputs }) => inputs as unknown as Manifest)
    .sort((a, b) => manifestId(a).localeCompare(manifestId(b)));
}

/** What Flux applies from Git: the Kustomization that the program declares says which folder, and the variables. */
function fluxContent(declared: readonly Manifest[]): { content: Manifest[]; variables: string[] } {
  const variables = new Set<string>();
  const content = declared
    .filter(({ kind, apiVersion }) => kind === "Kustomization" && apiVersion.startsWith("kustomize.toolkit.fluxcd.io/"))
    .flatMap((kustomization) => {
      const spec = kustomization["spec"] as {
        readonly path: string;
        readonly components?: readonly string[];
        readonly postBuild?: { readonly substitute?: Readonly<Record<string, string>> };
      };
      const folder = path.join(projectRoot, spec.path);
      if (!existsSync(folder)) return [];
      return assemble(folder, spec.components).map((object) => {
        for (const name of variableNames(object)) variables.add(name);
        return substitute(object, spec.postBuild?.substitute ?? {});
      });
    });
  return { content, variables: [...variables].sort() };
}

/** Configuration of Kind, out of the command that makes the cluster. */
export function kindConfigOf(machinery: readonly Manifest[]): unknown {
  const command = machinery.find(
    ({ kind, metadata }) => kind === "command:local:Command" && metadata.name === "cluster-kind",
  );
  const { KIND_CONFIG: kind } = (command?.["environment"] ?? {}) as Readonly<Record<string, string>>;
  return kind === undefined ? undefined : parse(kind);
}

/** The environment that a run of the program declares. */
export function fromProgram({ stack, resources }: Program): Rendered {
  const declared = kubernetesObjects(resources);
  const machinery = resources
    .filter(({ type, custom }) => custom && !type.startsWith("kubernetes:"))
    .map(({ type, name, inputs }) => ({ apiVersion: "", kind: type, metadata: { name }, ...inputs }));
  return {
    settings: stack.settings,
    declared,
    ...fluxContent(declared),
    machinery,
    waits: new Map(
      resources.flatMap(({ inputs, wait }) =>
        wait === undefined || !("metadata" in inputs)
          ? []
          : [[manifestId(inputs as unknown as Manifest), wait] as const],
      ),
    ),
    kindConfig: kindConfigOf(machinery),
  };
}

/** Runs the program for some settings and reads off its environment. */
export async function render(args: ProgramArgs = {}): Promise<Rendered> {
  return fromProgram(await runProgram(args));
}

interface HelmReleaseSpec {
  readonly releaseName?: string;
  readonly targetNamespace?: string;
  readonly chartRef?: { readonly kind: string; readonly name: string };
  readonly chart?: { readonly spec: { readonly chart: string; readonly version?: string } };
  readonly values?: Readonly<Record<string, unknown>>;
}

/** Every release of some objects. */
export function releases(objects: readonly Manifest[]): Release[] {
  return objects
    .filter(({ kind }) => kind === "HelmRelease")
    .map((object) => {
      const spec = object["spec"] as HelmReleaseSpec;
      const source = objects.find(
        ({ kind, metadata }) => kind === spec.chartRef?.kind && metadata.name === spec.chartRef.name,
      )?.["spec"] as { readonly url: string; readonly ref: { readonly tag: string } } | undefined;
      const chart =
        source !== undefined
          ? { name: source.url.split("/").at(-1) ?? "", version: source.ref.tag }
          : spec.chart?.spec.version === undefined
            ? undefined
            : { name: spec.chart.spec.chart, version: spec.chart.spec.version };
      return {
        name: spec.releaseName ?? object.metadata.name,
        namespace: spec.targetNamespace ?? object.metadata.namespace ?? "",
        chart,
        values: spec.values ?? {},
      };
    });
}

/**
 * Every release of the default settings, and of the variants of components those that are not among them. Without digests:
 * images are read off with their tags.
 */
export async function allReleases(): Promise<Release[]> {
  every ??= renderReleases();
  return every;
}

let every: Promise<Release[]> | undefined;

async function renderReleases(): Promise<Release[]> {
  const found = new Map<string, Release>();
  for (const settings of [{}, ...(await componentVariants()).flatMap(({ variants }) => Object.values(variants))]) {
    const input = { ...settings, network: { ...settings.network, imagesByDigest: false } };
    const known = parseSettings(input, { file: "variant", secrets: usualSecrets(input) });
    if (ownReleases(known).every((name) => found.has(name))) continue;
    const { resources } = await runProgram({ settings: input });
    for (const release of releases(kubernetesObjects(resources)))
      if (!found.has(release.name)) found.set(release.name, release);
  }
  return [...found.values()];
}
