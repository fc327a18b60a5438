/**
 * Flux's `install.yaml`, assembled from Go modules, for where the released file cannot be had.
 *
 * The release is `kustomize build manifests/install` of the module flux2 (its .github/workflows/release.yaml). The bases in
 * there name, by URL, two files of each controller's release, which are `kustomize build config/crd` and
 * `kustomize build config/manager` of that controller's module. This follows the same files with the few of kustomize's
 * features that they use, and refuses any other. Left out: the controllers for image updates and source-watcher.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parse, parseAllDocuments, stringify } from "yaml";
import { cacheFolder } from "../../toolchain/cache.ts";
import { moduleDir } from "../../toolchain/obtain.ts";

/** The controllers that Flux installs unless asked for more. */
export const CONTROLLERS = [
  "source-controller",
  "kustomize-controller",
  "helm-controller",
  "notification-controller",
] as const;

/** The name of one of {@link CONTROLLERS}. */
export type Controller = (typeof CONTROLLERS)[number];

/** Finds the folder of a Go module. */
export type FindModule = (module: string, version: string) => Promise<string>;

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A Kubernetes object, as far as the transformations look into it. */
interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  [field: string]: unknown;
}

interface Kustomization {
  apiVersion?: string;
  kind?: string;
  namespace?: string;
  resources?: string[];
  transformers?: string[];
  images?: { name: string; newName?: string; newTag?: string }[];
  patches?: { target: { group?: string; version?: string; kind: string; name: string }; path: string }[];
}

const UNDERSTOOD = ["apiVersion", "kind", "namespace", "resources", "transformers", "images", "patches"];

const RELEASED =
  /^https:\/\/github\.com\/fluxcd\/([a-z-]+)\/releases\/download\/(v[^/]+)\/[a-z-]+\.(crds|deployment)\.yaml$/;

/** kustomize's order of kinds: what others need comes first. */
const ORDER = [
  "Namespace",
  "ResourceQuota",
  "CustomResourceDefinition",
  "ServiceAccount",
  "ClusterRole",
  "ClusterRoleBinding",
  "Service",
  "Deployment",
  "NetworkPolicy",
];

const CLUSTER_WIDE = ["Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"];

/**
 * Writes the objects of a Flux version to a file in the user's cache folder.
 *
 * @param version of Flux, as released (`v2.9.4`)
 * @returns the path of the file; its first lines say what it is
 * @throws Error when a module cannot be had, or uses something of kustomize that is not understood here
 */
export async function fluxManifests(version: string, find: FindModule = moduleDir): Promise<string> {
  const objects = await assemble(version, find);
  const path = join(cacheFolder(), "flux", version, "install-assembled.yaml");
  mkdirSync(dirname(path), { recursive: true });
  // Written aside and moved, so that a reader never sees half of it.
  const aside = `${path}.${process.pid}`;
  writeFileSync(aside, header(version, objects) + objects.map((object) => `---\n${stringify(object)}`).join(""));
  renameSync(aside, path);
  return path;
}

/** The objects, in the order in which they can be applied. */
export async function assemble(version: string, find: FindModule = moduleDir): Promise<Manifest[]> {
  const flux = await find("github.com/fluxcd/flux2/v2", version);
  const objects = await build(join(flux, "manifests", "install"), find);
  const place = ({ kind }: Manifest) => ORDER.indexOf(kind);
  return objects.sort((a, b) => place(a) - place(b) || a.metadata.name.localeCompare(b.metadata.name));
}

function header(version: string, objects: readonly Manifest[]): string {
  const images = objects
    .filter(({ kind }) => kind === "Deployment")
    .map((object) => containers(object)[0]?.image ?? "")
    .sort();
  const kinds = ORDER.map((kind) => `${objects.filter((object) => object.kind === kind).length} ${kind}`);
  return [
    `# Flux ${version}: assembled from modules, not the released file.`,
    "# From manifests/install of the Go module github.com/fluxcd/flux2/v2 and config/{crd,manager} of each controller's module,",
    "# by rehearsal/flux/manifests.ts. The released install.yaml has, besides these objects, those of image-reflector-controller,",
    "# image-automation-controller and source-watcher; the object lists are compared in tests/rehearsal.",
    `# ${kinds.join(", ")}`,
    ...images.map((image) => `# ${image}`),
    "",
  ].join("\n");
}

async function build(folder: string, find: FindModule): Promise<Manifest[]> {
  const file = join(folder, "kustomization.yaml");
  const kustomization = parse(readFileSync(file, "utf8")) as Kustomization;
  const strange = Object.keys(kustomization).filter((key) => !UNDERSTOOD.includes(key));
  if (strange.length > 0)
    throw new Error(
      `${file} uses ${strange.join(", ")} of kustomize, which rehearsal/flux/manifests.ts does not know.`,
    );
  const objects: Manifest[] = [];
  for (const resource of kustomization.resources ?? []) objects.push(...(await load(folder, resource, find)));
  for (const patch of kustomization.patches ?? []) {
    const { kind, name } = patch.target;
    const target = objects.find((object) => object.kind === kind && object.metadata.name === name);
    if (target === undefined) throw new Error(`${file} patches ${kind} ${name}, which is not there.`);
    for (const step of parse(readFileSync(join(folder, patch.path), "utf8")) as JsonPatch[]) add(target, step);
  }
  for (const object of objects) {
    if (kustomization.namespace !== undefined && !CLUSTER_WIDE.includes(object.kind))
      object.metadata.namespace = kustomization.namespace;
    for (const container of containers(object)) {
      for (const image of kustomization.images ?? []) rename(container, image);
    }
  }
  for (const transformer of kustomization.transformers ?? []) label(objects, join(folder, transformer));
  return objects;
}

async function load(folder: string, resource: string, find: FindModule): Promise<Manifest[]> {
  const released = RELEASED.exec(resource);
  if (released !== null) {
    const [, controller = "", version = "", part] = released;
    const module = await find(`github.com/fluxcd/${controller}`, version);
    return build(join(module, "config", part === "crds" ? "crd" : "manager"), find);
  }
  const path = join(folder, resource);
  if (existsSync(join(path, "kustomization.yaml"))) {
    const optional = basename(dirname(path)) === "bases" && !CONTROLLERS.some((name) => name === basename(path));
    return optional ? [] : build(path, find);
  }
  return parseAllDocuments(readFileSync(path, "utf8"))
    .map((document) => document.toJS() as Manifest | null)
    .filter((object) => object !== null);
}

interface JsonPatch {
  readonly op: string;
  readonly path: string;
  readonly value: Json;
}

/** One `add` of a JSON patch (RFC 6902): the only operation that Flux's bases use. */
function add(object: Manifest, { op, path, value }: JsonPatch): void {
  const keys = path.split("/").slice(1);
  const last = keys.pop();
  let at: unknown = object;
  for (const key of keys) at = (at as Record<string, unknown> | undefined)?.[key];
  if (op !== "add" || last === undefined || typeof at !== "object" || at === null)
    throw new Error(`Cannot apply the patch "${op} ${path}" to ${object.kind} ${object.metadata.name}.`);
  if (Array.isArray(at)) at.splice(last === "-" ? at.length : Number(last), 0, value);
  else (at as Record<string, unknown>)[last] = value;
}

interface Container {
  image: string;
}

function containers(object: Manifest): Container[] {
  if (object.kind !== "Deployment") return [];
  return (object as unknown as { spec: { template: { spec: { containers: Container[] } } } }).spec.template.spec
    .containers;
}

function rename(container: Container, { name, newName, newTag }: NonNullable<Kustomization["images"]>[number]): void {
  const [repository = "", tag] = container.image.split(":");
  if (repository !== name) return;
  const newest = newTag ?? tag;
  container.image = (newName ?? repository) + (newest === undefined ? "" : `:${newest}`);
}

interface LabelTransformer {
  kind: string;
  labels: Record<string, string>;
  fieldSpecs: { kind?: string; path: string; create?: boolean }[];
}

function label(objects: readonly Manifest[], file: string): void {
  const { kind, labels, fieldSpecs } = parse(readFileSync(file, "utf8")) as LabelTransformer;
  if (kind !== "LabelTransformer")
    throw new Error(`${file} is a ${kind}, which rehearsal/flux/manifests.ts does not know.`);
  for (const object of objects) {
    for (const spec of fieldSpecs) {
      if (spec.kind !== undefined && spec.kind !== object.kind) continue;
      let at: Record<string, unknown> = object;
      for (const key of spec.path.split("/")) at = (at[key] ??= {}) as Record<string, unknown>;
      Object.assign(at, labels);
    }
  }
}
