/**
 * `npm run render -- <stack>`: writes every Kubernetes object of an environment as YAML into `rendered/<stack>/`, one file
 * per object, secrets masked; and the values of each HelmRelease once more, for `helm template -f`. No engine, no cluster
 * and no passphrase are needed: a secret of the stack file counts as set and is never decrypted.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import { ownManifests } from "../components/gitops/flux-manifests.ts";
import type { Manifest } from "../components/kubernetes/manifest.ts";
import { parseSettings } from "../settings/parse.ts";
import { secretSettings } from "../settings/secrets.ts";
import { readStackFile } from "../settings/stack-file.ts";
import { masked, runProgram } from "../contract/run-program.ts";
import { fromProgram, projectRoot, releases } from "../contract/rendered.ts";

/** A file of the rendered environment. */
export interface RenderedFile {
  /** Relative to the folder of the environment. */
  readonly path: string;
  readonly text: string;
}

/** What a person gets to see of an object: nothing of a Secret but its keys and what is public in it. */
function withoutSecrets(object: Manifest): Manifest {
  if (object.kind !== "Secret") return object;
  const mask = (data: unknown) =>
    Object.fromEntries(
      Object.entries((data ?? {}) as Record<string, string>).map(([key, value]) => [
        key,
        key === "known_hosts" || key.endsWith(".pub") ? value : masked(key),
      ]),
    );
  return {
    ...object,
    ...("data" in object ? { data: mask(object["data"]) } : {}),
    ...("stringData" in object ? { stringData: mask(object["stringData"]) } : {}),
  };
}

const yaml = (value: unknown) => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });

/**
 * The files of an environment: `<namespace>/<kind>-<name>.yaml` for what the program declares, `flux-repo/...` for what
 * Flux adds from Git, `values/<release>.yaml` for each release. Objects without a namespace are under `cluster/`.
 */
export function renderedFiles(declared: readonly Manifest[], content: readonly Manifest[]): RenderedFile[] {
  const file = (prefix: string) => (object: Manifest) => ({
    path: path.join(
      prefix,
      object.metadata.namespace ?? "cluster",
      `${object.kind.toLowerCase()}-${object.metadata.name}.yaml`,
    ),
    text: yaml(withoutSecrets(object)),
  });
  return [
    ...declared.map(file("")),
    ...content.map(file("flux-repo")),
    ...releases([...declared, ...content]).map(({ name, chart, namespace, values }) => ({
      path: path.join("values", `${name}.yaml`),
      text: `# ${chart === undefined ? "chart from Git" : `${chart.name} ${chart.version}`}, namespace ${namespace}\n${yaml(values)}`,
    })),
  ];
}

/** `github:owner` of a stack file, which is not a setting of ours; else GITHUB_OWNER. */
function owner(folder: string, stack: string): string | undefined {
  const text = readFileSync(path.join(folder, `Pulumi.${stack}.yaml`), "utf8");
  const { config } = parse(text) as { readonly config?: Readonly<Record<string, unknown>> | null };
  const value = config?.["github:owner"] ?? process.env["GITHUB_OWNER"];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** @returns the exit code */
export async function main(args: readonly string[], folder: string): Promise<number> {
  const [stack] = args;
  if (stack === undefined || args.length > 1) {
    console.error("Usage: npm run render -- <stack>");
    return 2;
  }
  try {
    if (!existsSync(path.join(folder, `Pulumi.${stack}.yaml`))) {
      throw new Error(`There is no Pulumi.${stack}.yaml. Name a stack of this project, e.g. npm run render -- dev.`);
    }
    const { settings, secrets, others } = readStackFile(folder, "observability", stack);
    const assumed = Object.keys(secretSettings).filter((secret) => !secrets.includes(secret));
    const account = owner(folder, stack);
    const parsed = parseSettings(settings, {
      file: `Pulumi.${stack}.yaml`,
      secrets: [...secrets, ...assumed] as (keyof typeof secretSettings)[],
      others,
    });
    if (account === undefined && parsed.source.type === "github") {
      console.error(`github:owner is not set in Pulumi.${stack}.yaml, nor is GITHUB_OWNER; rendered with "owner".`);
    }
    // The only one there is; what nothing needs is not worth a word.
    if (assumed.includes("telegramToken") && parsed.demo.enabled && parsed.demo.app === "kbot") {
      console.error(`telegramToken is not set in Pulumi.${stack}.yaml; rendered as if it were.`);
    }
    const program = await runProgram({
      settings,
      secrets: ["telegramToken", ...secrets],
      stack,
      owner: account ?? "owner",
      fluxManifests: await ownManifests(parsed),
    });
    const { declared, content } = fromProgram(program);
    const files = renderedFiles(declared, content);
    const target = path.join(folder, "rendered", stack);
    rmSync(target, { recursive: true, force: true });
    for (const { path: file, text } of files) {
      mkdirSync(path.dirname(path.join(target, file)), { recursive: true });
      writeFileSync(path.join(target, file), text);
    }
    for (const { kind, apiVersion, spec } of declared) {
      if (kind !== "Kustomization" || !apiVersion.startsWith("kustomize.toolkit")) continue;
      const { path: synced } = spec as { readonly path: string };
      if (!existsSync(path.join(projectRoot, synced))) {
        console.error(`${synced} is not in this project: what Flux would apply from there is not rendered.`);
      }
    }
    console.log(
      `${path.relative(process.cwd(), target)}: ${declared.length} objects of the program, ${content.length} of flux-repo.`,
    );
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2), path.join(import.meta.dirname, ".."));
