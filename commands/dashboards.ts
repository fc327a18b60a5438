/**
 * Writes the dashboards of `content/` into `flux-repo/content/<component>/<capabilities>/<uid>.json`, with the kustomization of
 * each folder. `node commands/dashboards.ts` after a change; `--check` only says what is stale and exits with 1.
 */
import { globSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Dashboard, Folder } from "../dashboards/kit.ts";

const root = fileURLToPath(new URL("../flux-repo/content/", import.meta.url));

const components = join(import.meta.dirname, "../components");

/** Every file of a component's `content/` is a dashboard. */
const dashboards = await Promise.all(
  globSync("**/content/*.ts", { cwd: components })
    .sort()
    .map(async (file) => ((await import(join(components, file))) as { readonly default: Dashboard }).default),
);

/** Name of the folder below a component's for what needs these (`contentFolders` reads it). */
const folderOf = (needs: readonly string[]) => [...new Set(["dashboards", ...needs])].sort().join("+");

interface Listed {
  readonly uid: string;
  readonly folder: Folder;
  /** Whether it takes the place of the one with fewer panels. */
  readonly replaces: boolean;
}

/** Every generated file: path below `flux-repo/content` and its text. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const lists = new Map<string, Listed[]>();
  for (const { meta, variants } of dashboards) {
    for (const [index, { needs, text }] of variants.entries()) {
      const folder = `${meta.of}/${folderOf(needs)}`;
      const path = `${folder}/${meta.uid}.json`;
      if (files.has(path)) throw new Error(`Two dashboards have the UID "${meta.uid}": give one of them another.`);
      files.set(path, lined(text));
      const replaces = variants.slice(0, index).some((fewer) => fewer.needs.every((need) => needs.includes(need)));
      lists.set(folder, [...(lists.get(folder) ?? []), { uid: meta.uid, folder: meta.folder, replaces }]);
    }
  }
  for (const [folder, listed] of lists) files.set(`${folder}/kustomization.yaml`, kustomization(listed));
  return files;
}

/** JSON with a line for each panel, so that a difference says which. */
function lined(text: string): string {
  const lines = Object.entries(JSON.parse(text) as Readonly<Record<string, unknown>>).map(([key, value]) => {
    const rows = key === "panels" ? (value as readonly unknown[]).map((panel) => JSON.stringify(panel)) : undefined;
    return `${JSON.stringify(key)}: ${rows === undefined ? JSON.stringify(value) : `[\n${rows.join(",\n")}\n]`}`;
  });
  return `{\n${lines.join(",\n")}\n}\n`;
}

/** A namespace of the whole Component would be that of everything applied beside it, so each ConfigMap has its own. */
function kustomization(listed: readonly Listed[]): string {
  return [
    "# Written by commands/dashboards.ts.",
    "apiVersion: kustomize.config.k8s.io/v1alpha1",
    "kind: Component",
    "configMapGenerator:",
    ...listed.flatMap(({ uid, folder, replaces }) => [
      `  - name: dashboard-${uid}`,
      "    namespace: monitoring",
      ...(replaces ? ["    behavior: replace"] : []),
      "    files:",
      `      - ${uid}.json`,
      "    options:",
      "      annotations:",
      `        grafana_folder: ${folder}`,
    ]),
    "generatorOptions:",
    "  disableNameSuffixHash: true",
    "  labels:",
    "    # Grafana's sidecar loads every ConfigMap with this label.",
    '    grafana_dashboard: "1"',
    "  annotations:",
    "    # A dashboard's own ${variables} are Grafana's, not Flux's.",
    "    kustomize.toolkit.fluxcd.io/substitute: disabled",
    "",
  ].join("\n");
}

/** Folders for dashboards have nothing that is written by hand. */
function existingFiles(): string[] {
  return globSync("*/*/*", { cwd: root }).filter((path) => path.split("/")[1]?.split("+").includes("dashboards"));
}

/** Files that differ from what would be written, are missing, or are left over. */
export function staleFiles(): string[] {
  const wanted = generatedFiles();
  const present = existingFiles();
  const differing = [...wanted].filter(
    ([path, text]) => !present.includes(path) || readFileSync(join(root, path), "utf8") !== text,
  );
  return [...differing.map(([path]) => path), ...present.filter((path) => !wanted.has(path))];
}

function write(): void {
  mkdirSync(root, { recursive: true });
  const wanted = generatedFiles();
  for (const path of existingFiles().filter((one) => !wanted.has(one))) rmSync(join(root, path));
  for (const folder of globSync("*/*", { cwd: root }))
    if (readdirSync(join(root, folder)).length === 0) rmdirSync(join(root, folder));
  for (const [path, text] of wanted) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  console.log(`Wrote ${wanted.size} files to flux-repo/content.`);
}

if (import.meta.main) {
  if (process.argv.includes("--check")) {
    const stale = staleFiles();
    for (const path of stale) console.error(`flux-repo/content/${path} is stale.`);
    if (stale.length > 0) {
      console.error("Run `node commands/dashboards.ts` and commit what it writes.");
      process.exitCode = 1;
    }
  } else {
    write();
  }
}
