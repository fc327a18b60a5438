/** Flux's released manifests: where they come from and what this environment changes in them. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parseAllDocuments } from "yaml";
import type { Settings } from "../../settings/schema.ts";
import { cacheFolder } from "../cache-folder.ts";
import { fetchOutside } from "../company-network.ts";
import { unreachable } from "../unreachable.ts";
import type { Manifest } from "../kubernetes/manifest.ts";

/** Controllers that the environment uses; the release's other ones (image automation) are left out. */
const controllers = [
  "source-controller",
  "kustomize-controller",
  "helm-controller",
  "notification-controller",
] as const;

/** Released manifests of a version never change: the first download is kept. */
function cacheFile(url: string): string {
  return path.join(cacheFolder(), "flux", `${createHash("sha256").update(url).digest("hex")}.yaml`);
}

async function download(url: string): Promise<string> {
  const file = cacheFile(url);
  const kept = await readFile(file, "utf8").catch(() => undefined);
  if (kept !== undefined) return kept;
  let text: string;
  try {
    const response = await fetchOutside(url, { signal: AbortSignal.timeout(30_000) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    text = await response.text();
  } catch (error) {
    throw new pulumi.RunError(
      `Cannot download Flux's manifests from ${url}: ${unreachable(error)} ` +
        "Or set flux.manifests to a mirror or to a file on this machine.",
    );
  }
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.${process.pid}`, text);
  await rename(`${file}.${process.pid}`, file);
  return text;
}

async function load(settings: Settings["flux"]): Promise<string> {
  const from = settings.manifests;
  const text = /^https?:\/\//.test(from)
    ? await download(from)
    : await readFile(from, "utf8").catch((error: unknown) => {
        const reason = (error as NodeJS.ErrnoException).code ?? String(error);
        throw new pulumi.RunError(`Cannot read ${from} (${reason}). Set flux.manifests to Flux's install.yaml.`);
      });
  const sum = createHash("sha256").update(text).digest("hex");
  if (settings.sha256 !== undefined && settings.sha256 !== sum) {
    throw new pulumi.RunError(
      `${from} has SHA-256 ${sum}, but flux.sha256 is ${settings.sha256}. Check where the file comes from.`,
    );
  }
  return text;
}

interface Container {
  readonly name: string;
  readonly args?: readonly string[];
}

interface DeploymentSpec {
  readonly template: { readonly spec: { readonly containers: readonly Container[] } };
}

/** Flags of each controller. They replace those of the same name in the release. */
function flags(controller: string, settings: Settings["flux"]): Record<string, string> {
  const common = { "--log-level": settings.logLevel };
  const reconciler = {
    ...common,
    "--concurrent": String(settings.concurrent),
    "--requeue-dependency": settings.requeueDependency,
  };
  // No reference across namespaces and no remote bases: what one namespace may do stays with it (Flux, "multi-tenancy").
  switch (controller) {
    case "kustomize-controller":
      return { ...reconciler, "--no-cross-namespace-refs": "true", "--no-remote-bases": "true" };
    case "helm-controller":
      return { ...reconciler, "--no-cross-namespace-refs": "true" };
    case "notification-controller":
      return { ...common, "--no-cross-namespace-refs": "true" };
    case "source-controller":
      return {
        ...common,
        "--concurrent": String(settings.concurrent),
        "--requeue-dependency": settings.requeueDependency,
      };
    default:
      return common;
  }
}

/** Command-line arguments with flags replaced in place, or added at the end. */
export function withFlags(args: readonly string[], set: Readonly<Record<string, string>>): string[] {
  const left = new Map(Object.entries(set));
  const replaced = args.map((arg) => {
    const name = arg.split("=", 1)[0] ?? arg;
    const value = left.get(name);
    left.delete(name);
    return value === undefined ? arg : `${name}=${value}`;
  });
  return [...replaced, ...[...left].map(([name, value]) => `${name}=${value}`)];
}

function tuned(manifest: Manifest, settings: Settings["flux"]): Manifest {
  if (manifest.kind !== "Deployment") return manifest;
  const spec = manifest["spec"] as DeploymentSpec;
  const containers = spec.template.spec.containers.map((container) => ({
    ...container,
    args: withFlags(container.args ?? [], flags(manifest.metadata.name, settings)),
  }));
  return {
    ...manifest,
    spec: { ...spec, template: { ...spec.template, spec: { ...spec.template.spec, containers } } },
  };
}

/** Parts of a release that are installed only when someone asks for them (as with `flux install`). */
const extras = ["image-reflector-controller", "image-automation-controller", "source-watcher"];

/** Objects that belong to a part that is not installed; definitions carry no label, but their group tells. */
function unused({ metadata: { name, labels } }: Manifest): boolean {
  return name.endsWith(".image.toolkit.fluxcd.io") || extras.includes(labels?.["app.kubernetes.io/component"] ?? name);
}

/**
 * The objects of Flux in the order in which they can be made: namespace, definitions, rights, the rest.
 * @throws RunError when the manifests cannot be had, or are not Flux's
 */
export async function fluxManifests(settings: Settings["flux"]): Promise<Manifest[]> {
  const text = await load(settings);
  const manifests = parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest): manifest is Manifest => manifest !== null && typeof manifest.kind === "string")
    .filter((manifest) => !unused(manifest))
    .map((manifest) => tuned(manifest, settings));
  const deployments = manifests.filter((m) => m.kind === "Deployment").map((m) => m.metadata.name);
  const missing = controllers.filter((controller) => !deployments.includes(controller));
  if (missing.length > 0) {
    throw new pulumi.RunError(
      `${settings.manifests} lacks ${missing.join(", ")}. Set flux.manifests to the install.yaml of a Flux release.`,
    );
  }
  return manifests;
}

/** The objects of the Flux that an environment makes: none, and nothing is downloaded, where its cluster provides one. */
export async function ownManifests({ provided, flux }: Pick<Settings, "provided" | "flux">): Promise<Manifest[]> {
  return provided.includes("flux") ? [] : await fluxManifests(flux);
}
