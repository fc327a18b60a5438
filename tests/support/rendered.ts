/** Environments for contract tests: rendered once for all test files, and again when something has changed. */
import { createHash } from "node:crypto";
import { globSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { digestOfFiles } from "../../commands/passed.ts";
import { cacheFolder } from "../../components/cache-folder.ts";
import { type Combination, combinations, kubeconfigText } from "../../contract/combinations.ts";
import { crdFolders } from "../../contract/crds.ts";
import { describeFinding, type Finding } from "../../contract/finding.ts";
import { usualSecrets } from "../../contract/run-program.ts";
import { render, type Rendered } from "../../contract/rendered.ts";
import type { SettingsInput } from "../../settings/schema.ts";
import { keptWith, oncePerRun, shared } from "./once.ts";

const projectFolder = path.resolve(import.meta.dirname, "../..");

const made = new Map<string, Promise<Rendered>>();

/** The environment of some settings, made once for all tests of a process: it is looked at alone. */
export async function environmentOf(settings: SettingsInput): Promise<Rendered> {
  const key = JSON.stringify(settings);
  const one = made.get(key) ?? render({ settings });
  made.set(key, one);
  return one;
}

/** The environment of the default settings. */
export const defaultEnvironment = () => environmentOf({});

/** Private registries: where there is a company's network, and where several choices meet, in which every chart is. */
const secretsOf = ({ title, settings }: Combination) => [
  ...usualSecrets(settings),
  ...(settings.network === undefined && !title.includes(" + ") ? [] : ["registryCredentials"]),
];

let all: Promise<(Combination & { readonly rendered: Rendered })[]> | undefined;

async function renderAll() {
  const folder = mkdtempSync(path.join(tmpdir(), "contract-"));
  try {
    const kubeconfig = path.join(folder, "kubeconfig.yaml");
    writeFileSync(kubeconfig, kubeconfigText);
    const made: (Combination & { readonly rendered: Rendered })[] = [];
    for (const combination of combinations(kubeconfig)) {
      made.push({
        ...combination,
        rendered: await render({ settings: combination.settings, secrets: secretsOf(combination) }),
      });
    }
    return shared(made);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Of whatever an environment could be made of: the project but for its tests and texts, packages, and the day, from which silences count. */
function sourcesOfEnvironments(): string {
  const exclude = ["node_modules/**", "{commands,docs,rehearsal,tests}/**", "**/*.md"];
  const files = [
    ...globSync("{*,*/**}", { cwd: projectFolder, exclude }),
    path.relative(projectFolder, import.meta.filename),
  ];
  return `${digestOfFiles(projectFolder, files)} ${new Date().toISOString().slice(0, 10)}`;
}

async function keptEnvironments() {
  const clone = createHash("sha256").update(projectFolder).digest("hex").slice(0, 16);
  return keptWith(path.join(cacheFolder(), "rendered", clone), sourcesOfEnvironments(), renderAll);
}

/** The environments of all setting combinations (pairwise), the default one first. */
export async function allEnvironments(): Promise<(Combination & { readonly rendered: Rendered })[]> {
  const { TEST_RUN_FOLDER: folder } = process.env;
  all ??= folder === undefined ? keptEnvironments() : oncePerRun(path.join(folder, "environments"), keptEnvironments);
  return all;
}

/** Fails a test with every finding, each in a line; the same finding of several environments once. */
export function expectNone(findings: readonly Finding[]): void {
  const lines = [...new Set(findings.map(describeFinding))];
  if (lines.length > 0) throw new Error(`${lines.length} findings:\n  ${lines.join("\n  ")}`);
}

/** Skips a test, or all of a group, where the CRDs cannot be had; says why. */
export function needsCustomResources(context: Mocha.Context): void {
  try {
    crdFolders();
  } catch (error) {
    console.log(`      skipped: ${error instanceof Error ? error.message : String(error)}`);
    context.skip();
  }
}

/** What an optional reader needs, or a visible skip that says why it cannot be had. */
export async function orSkip<T>(context: Mocha.Context, what: string, get: () => Promise<T>): Promise<T> {
  try {
    return await get();
  } catch (error) {
    console.log(`      skipped: ${what} cannot be had: ${error instanceof Error ? error.message : String(error)}`);
    return context.skip();
  }
}
