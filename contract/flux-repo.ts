/**
 * What Flux applies from a folder of `flux-repo/`: `kustomize build`, then Flux's substitution of `${NAME}`.
 *
 * Only the features that the folder uses are known; any other is refused with its name, never skipped.
 */
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import * as path from "node:path";
import { parse, parseAllDocuments, stringify } from "yaml";
import { type Manifest, manifestId } from "../components/kubernetes/manifest.ts";
import { remembered } from "../components/remembered.ts";

interface Generated {
  readonly name: string;
  readonly namespace?: string;
  readonly behavior?: string;
  readonly files?: readonly string[];
  readonly options?: Options;
}

interface Options {
  readonly disableNameSuffixHash?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Kustomization {
  readonly kind?: string;
  readonly namespace?: string;
  readonly resources?: readonly string[];
  readonly configMapGenerator?: readonly Generated[];
  readonly generatorOptions?: Options;
}

const understood: Readonly<Record<string, readonly string[]>> = {
  kustomization: ["apiVersion", "kind", "namespace", "resources", "configMapGenerator", "generatorOptions"],
  generator: ["name", "namespace", "behavior", "files", "options"],
  options: ["disableNameSuffixHash", "labels", "annotations"],
};

function onlyUnderstood(what: string, file: string, value: object): void {
  const strange = Object.keys(value).filter((key) => understood[what]?.includes(key) !== true);
  if (strange.length > 0) {
    throw new Error(`${file} uses ${strange.join(", ")}, which contract/flux-repo.ts does not know.`);
  }
}

const clusterWide = ["Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "PriorityClass"];

/**
 * The objects of a folder with a `kustomization.yaml`, as `kustomize build` gives them, without its order; and of components
 * that Flux adds (`spec.components`), relative to the folder.
 * @throws when a file is missing, or uses a feature that is not known here
 */
export function assemble(folder: string, components: readonly string[] = []): Manifest[] {
  const objects = new Map<string, Manifest>();
  const add = (file: string, object: Manifest, replaces: boolean) => {
    const id = manifestId(object);
    if (objects.has(id) !== replaces) throw new Error(`${file}: ${id} is there ${replaces ? "not yet" : "already"}.`);
    objects.set(id, object);
  };
  for (const object of built(folder)) add(folder, object, false);
  for (const component of components) {
    const target = path.join(folder, component);
    const file = path.join(target, "kustomization.yaml");
    if (!existsSync(file)) throw new Error(`${folder} has the component ${component}, which is not there.`);
    const { kind, namespace, configMapGenerator = [] } = kustomizationOf(file);
    if (kind !== "Component") throw new Error(`${file} is no Component.`);
    // It would be the namespace of everything beside it, too.
    if (namespace !== undefined) throw new Error(`${file} has a namespace.`);
    const replacing = configMapGenerator.filter(({ behavior }) => behavior === "replace").map(({ name }) => name);
    for (const object of built(target))
      add(file, object, object.kind === "ConfigMap" && replacing.includes(object.metadata.name));
  }
  return [...objects.values()];
}

const kustomizationOf = remembered((file: string) => parse(readFileSync(file, "utf8")) as Kustomization);

/** Objects of a folder: most settings take the same. */
const built = remembered(build);

function build(folder: string): readonly Manifest[] {
  const file = path.join(folder, "kustomization.yaml");
  const kustomization = kustomizationOf(file);
  onlyUnderstood("kustomization", file, kustomization);
  const objects = (kustomization.resources ?? []).flatMap((resource) => {
    const target = path.join(folder, resource);
    if (!existsSync(target)) throw new Error(`${file} names ${resource}, which is not there.`);
    if (statSync(target).isDirectory()) return built(target);
    return parseAllDocuments(readFileSync(target, "utf8"))
      .map((document) => document.toJS() as Manifest | null)
      .filter((object) => object !== null);
  });
  const options = kustomization.generatorOptions ?? {};
  onlyUnderstood("options", file, options);
  for (const generator of kustomization.configMapGenerator ?? []) {
    onlyUnderstood("generator", file, generator);
    const own = generator.options ?? {};
    onlyUnderstood("options", file, own);
    if (options.disableNameSuffixHash !== true) {
      throw new Error(`${file}: ${generator.name} gets a hash at its name. Set disableNameSuffixHash: true.`);
    }
    objects.push({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        name: generator.name,
        ...(generator.namespace === undefined ? {} : { namespace: generator.namespace }),
        ...(options.labels === undefined ? {} : { labels: { ...options.labels, ...own.labels } }),
        ...(options.annotations === undefined ? {} : { annotations: { ...options.annotations, ...own.annotations } }),
      },
      data: Object.fromEntries(
        (generator.files ?? []).map((name) => [path.basename(name), readFileSync(path.join(folder, name), "utf8")]),
      ),
    });
  }
  const { namespace } = kustomization;
  if (namespace === undefined) return objects;
  return objects.map((object) =>
    clusterWide.includes(object.kind) ? object : { ...object, metadata: { ...object.metadata, namespace } },
  );
}

/** `${NAME}` and `${NAME:=default}`, the forms of drone/envsubst that `flux-repo/` uses. */
const variable = /\$\{([A-Za-z_][A-Za-z0-9_]*)([^}]*)\}/g;

/**
 * A text with its variables replaced as Flux's `postBuild` does it.
 * @throws when a variable has neither a value nor a default, or a form that is not known here
 */
export function substituteText(text: string, values: Readonly<Record<string, string>>, where: string): string {
  return text.replaceAll(variable, (whole, name: string, rest: string) => {
    const value = values[name];
    if (rest === "") {
      if (value === undefined) throw new Error(`${where}: ${name} has no value. Add it in components/environment.ts.`);
      return value;
    }
    if (rest.startsWith(":=")) return value === undefined || value === "" ? rest.slice(2) : value;
    throw new Error(`${where}: ${whole} is of a form that contract/flux-repo.ts does not know.`);
  });
}

/** Whether Flux leaves the variables of an object alone. */
function untouched(object: Manifest): boolean {
  return object.metadata.annotations?.["kustomize.toolkit.fluxcd.io/substitute"] === "disabled";
}

/** Names of the variables that Flux replaces in an object. */
export const variableNames = remembered((object: Manifest): readonly string[] => {
  if (untouched(object)) return [];
  return [...new Set([...JSON.stringify(object).matchAll(variable)].map(([, name = ""]) => name))];
}, new WeakMap());

/** What objects became with the values of their variables: most settings give the same. */
const substituted = new WeakMap<Manifest, Map<string, Manifest>>();

/** An object after Flux's substitution, which works on its YAML text. One without variables is the same object. */
export function substitute(object: Manifest, values: Readonly<Record<string, string>>): Manifest {
  const names = variableNames(object);
  if (names.length === 0) return object;
  const results = substituted.get(object) ?? new Map<string, Manifest>();
  substituted.set(object, results);
  const key = JSON.stringify(names.map((name) => values[name] ?? null));
  const where = `${object.kind} ${object.metadata.name}`;
  const result =
    results.get(key) ?? (parse(substituteText(stringify(object, { lineWidth: 0 }), values, where)) as Manifest);
  results.set(key, result);
  return result;
}

/**
 * Languages of stores that can be asked here: a stand-in for Loki's engine, and Jaeger itself. Whose queues send what is scraped is no
 * matter of language.
 */
const answered = ["logs.loki", "traces.jaeger", "scraping.prometheus", "scraping.vmagent"];

/** Every form of every dashboard in `flux-repo/content`, those with more panels last. */
export function dashboardForms(root: string): string[] {
  const needs = (file: string) => path.basename(path.dirname(file)).split("+").length;
  return globSync("flux-repo/content/*/*/*.json", { cwd: root }).sort(
    (a, b) => needs(a) - needs(b) || a.localeCompare(b),
  );
}

/** The dashboards in `flux-repo/content`, by UID: of several forms the one with every panel, in a language that is answered here. */
export function dashboardPaths(root: string): ReadonlyMap<string, string> {
  const languages = (file: string) =>
    path
      .dirname(file)
      .split(path.sep)
      .slice(-2)
      .flatMap((folder) => folder.split("+"))
      .filter((need) => need.includes("."));
  return new Map(
    dashboardForms(root)
      .filter((file) => languages(file).every((language) => answered.includes(language)))
      .map((file) => [path.basename(file, ".json"), file]),
  );
}

/** Files with rules in `flux-repo/content`. */
export function ruleFiles(root: string): string[] {
  return globSync("flux-repo/content/*/*/*.yaml", { cwd: root })
    .sort()
    .filter((file) => /^kind: PrometheusRule$/m.test(readFileSync(path.join(root, file), "utf8")));
}
