/**
 * Writes the dashboards of `content/` as `flux-repo/dashboards/<folder>/<uid>.json`, with the kustomization of each
 * folder. `node tools/dashboards/build.ts` after a change; `--check` only says what is stale and exits with 1.
 */
import { globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { type Dashboard, folders } from "./kit.ts";

const root = fileURLToPath(new URL("../../flux-repo/dashboards/", import.meta.url));

/** Every file of `content/` is a dashboard. */
const dashboards = await Promise.all(
  globSync("content/*.ts", { cwd: import.meta.dirname })
    .sort()
    .map(async (file) => ((await import(`./${file}`)) as { readonly default: Dashboard }).default),
);

/** A demo's folder is listed by the demo itself, so that an environment without it has no empty dashboard. */
const listedElsewhere = (folder: string) => folder.startsWith("demo/");

/** Every generated file: path below `flux-repo/dashboards` and its text. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const used = [...new Set(dashboards.map((dashboard) => dashboard.folder))].sort();
  for (const dashboard of dashboards) {
    const path = `${dashboard.folder}/${dashboard.uid}.json`;
    if (files.has(path)) throw new Error(`Two dashboards have the UID "${dashboard.uid}": give one of them another.`);
    files.set(path, dashboard.text);
  }
  for (const folder of used) files.set(`${folder}/kustomization.yaml`, folderKustomization(folder));
  files.set(
    "kustomization.yaml",
    kustomization(["resources:", ...used.filter((name) => !listedElsewhere(name)).map((name) => `  - ${name}`)]),
  );
  const config = await resolveConfig(join(root, "kustomization.yaml"));
  const formatted = [...files].map(
    async ([path, text]) => [path, await format(text, { ...config, filepath: path })] as const,
  );
  return new Map(await Promise.all(formatted));
}

function kustomization(lines: readonly string[]): string {
  return [
    "# Written by tools/dashboards/build.ts.",
    "apiVersion: kustomize.config.k8s.io/v1beta1",
    "kind: Kustomization",
    ...lines,
    "",
  ].join("\n");
}

function folderKustomization(folder: keyof typeof folders): string {
  const own = dashboards.filter((dashboard) => dashboard.folder === folder).map((dashboard) => dashboard.uid);
  return kustomization([
    "namespace: monitoring",
    "configMapGenerator:",
    ...own.sort().flatMap((uid) => [`  - name: dashboard-${uid}`, "    files:", `      - ${uid}.json`]),
    "generatorOptions:",
    "  disableNameSuffixHash: true",
    "  labels:",
    "    # Grafana's sidecar loads every ConfigMap with this label.",
    '    grafana_dashboard: "1"',
    "  annotations:",
    `    grafana_folder: ${folders[folder]}`,
    "    # A dashboard's own ${variables} are Grafana's, not Flux's.",
    "    kustomize.toolkit.fluxcd.io/substitute: disabled",
  ]);
}

function existingFiles(): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length));
}

/** Files that differ from what would be written, are missing, or are left over. */
export async function staleFiles(): Promise<string[]> {
  const wanted = await generatedFiles();
  const present = existingFiles();
  const differing = [...wanted].filter(
    ([path, text]) => !present.includes(path) || readFileSync(join(root, path), "utf8") !== text,
  );
  return [...differing.map(([path]) => path), ...present.filter((path) => !wanted.has(path))];
}

async function write(): Promise<void> {
  mkdirSync(root, { recursive: true });
  const wanted = await generatedFiles();
  for (const path of existingFiles()) if (!wanted.has(path)) rmSync(join(root, path));
  for (const [path, text] of wanted) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  console.log(`Wrote ${wanted.size} files to flux-repo/dashboards.`);
}

if (import.meta.main) {
  if (process.argv.includes("--check")) {
    const stale = await staleFiles();
    for (const path of stale) console.error(`flux-repo/dashboards/${path} is stale.`);
    if (stale.length > 0) {
      console.error("Run `node tools/dashboards/build.ts` and commit what it writes.");
      process.exitCode = 1;
    }
  } else {
    await write();
  }
}
