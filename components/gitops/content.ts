/** What Flux applies of this project, as files: the same for a repository that is seeded and for an artifact that is pushed. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { LineCounter, parse, parseAllDocuments } from "yaml";
import type { ContentQuery } from "../component.ts";
import { kebab } from "../kebab.ts";

/** Which files there have to be. */
export interface WantedContent {
  /** Folders relative to the project, whose files go to the same paths. */
  readonly folders: readonly string[];
  /** The folder in which Flux looks for this environment, and the stack's name. */
  readonly environment: { readonly folder: string; readonly stack: string };
}

/** The environment of a stack that the project has no folder for is that of `dev`, by its own name. */
const template = "flux-repo/clusters/dev/kustomization.yaml";

const projectRoot = path.resolve(import.meta.dirname, "../..");

/**
 * Dashboards and rules of a component, a capability or a language: the folders of `flux-repo/content/<key in kebab case>/`, as paths
 * from the repository's root. The name of each says without which capabilities, components and languages it would show nothing or
 * fire for ever (`dashboards+logs.loki+scraping`). Those that need more come later, for they may replace what one with less has.
 *
 * @param able whether there is a capability, a component by its key, or a language
 */
export function contentFolders(key: string, able: (need: string) => boolean, root = projectRoot): string[] {
  const own = `flux-repo/content/${kebab(key)}`;
  if (!existsSync(path.join(root, own))) return [];
  return readdirSync(path.join(root, own))
    .filter((name) => existsSync(path.join(root, own, name, "kustomization.yaml")))
    .map((name) => ({ name, needs: name.split("+") }))
    .filter(({ needs }) => needs.every(able))
    .sort((a, b) => a.needs.length - b.needs.length || (a.name < b.name ? -1 : 1))
    .map(({ name }) => `${own}/${name}`);
}

/** Queries of the dashboards and rules in some folders of `flux-repo/content/`. */
export function contentQueries(folders: readonly string[], root = projectRoot): ContentQuery[] {
  /** Every text under a key, at whatever depth. */
  const texts = (tree: unknown, key: string): string[] =>
    Object.entries((tree ?? {}) as Record<string, unknown>).flatMap(([name, child]) =>
      typeof child === "object" ? texts(child, key) : name === key && typeof child === "string" ? [child] : [],
    );
  interface Rule {
    readonly alert?: string;
    readonly record?: string;
    readonly expr: string;
  }
  return folders.flatMap((folder) =>
    readdirSync(path.join(root, folder)).flatMap((file): ContentQuery[] => {
      const text = readFileSync(path.join(root, folder, file), "utf8");
      if (file.endsWith(".json")) {
        const dashboard = JSON.parse(text) as { readonly title: string };
        return texts(dashboard, "expr").map((query) => ({ where: `dashboard ${dashboard.title}`, query }));
      }
      const { kind, spec } = parse(text) as { readonly kind: string; readonly spec: unknown };
      if (kind !== "PrometheusRule") return [];
      const { groups } = spec as { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
      return groups
        .flatMap(({ rules }) => rules)
        .map(({ alert, record = "", expr }) => ({ where: `rule ${alert ?? record}`, query: expr }));
    }),
  );
}

/** Whether one of the files is in a folder. */
export function hasFolder(files: ReadonlyMap<string, unknown>, folder: string): boolean {
  const clean = path.posix.join(folder, ".");
  return [...files.keys()].some((file) => file.startsWith(`${clean}/`));
}

/** The files, by path: those of the folders, and the environment's own folder where they lack it. */
export function contentFiles({ folders, environment }: WantedContent, root = "."): Map<string, Buffer> {
  const { folder, stack } = environment;
  const files = new Map<string, Buffer>();
  for (const from of folders) {
    for (const entry of readdirSync(path.join(root, from), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath, entry.name);
      files.set(path.relative(root, file).split(path.sep).join("/"), readFileSync(file));
    }
  }
  if (!hasFolder(files, folder)) {
    const clean = path.posix.join(folder, ".");
    const kustomization = readFileSync(path.join(root, template), "utf8").replace('"dev"', `"${stack}"`);
    files.set(`${clean}/kustomization.yaml`, Buffer.from(kustomization));
  }
  return files;
}

/** What no reader of the files can read, a sentence each: file, line, and the parser's own words. */
export function contentFaults(files: ReadonlyMap<string, Buffer>): string[] {
  return [...files].flatMap(([file, content]) => {
    if (!/\.(ya?ml|json)$/.test(file)) return [];
    const lineCounter = new LineCounter();
    const text = content.toString();
    if (file.endsWith(".json")) {
      try {
        JSON.parse(text);
        return [];
      } catch (error) {
        return [`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}.`];
      }
    }
    const [fault] = parseAllDocuments(text, { lineCounter, prettyErrors: false }).flatMap(({ errors }) => errors);
    if (fault === undefined) return [];
    return [`${file}, line ${lineCounter.linePos(fault.pos[0]).line}, is not YAML: ${fault.message}.`];
  });
}
