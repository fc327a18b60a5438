/** What Flux applies of this project, as files: the same for a repository that is seeded and for an artifact that is pushed. */
import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { LineCounter, parseAllDocuments } from "yaml";

/** Which files there have to be. */
export interface WantedContent {
  /** Folders relative to the project, whose files go to the same paths. */
  readonly folders: readonly string[];
  /** The folder in which Flux looks for this environment, and the stack's name. */
  readonly environment: { readonly folder: string; readonly stack: string };
}

/** The environment of a stack that the project has no folder for is that of `dev`, by its own name and path. */
const template = "flux-repo/clusters/dev/kustomization.yaml";

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
    const toContent = `${path.posix.relative(clean, "flux-repo")}/`;
    const kustomization = readFileSync(path.join(root, template), "utf8")
      .replace('"dev"', `"${stack}"`)
      .replaceAll("../../", toContent);
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
