/** `npm run doctor -- <stack>`: what an `up` needs, looked at on demand. Nothing is changed. */
import "../components/quick-start.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { trust } from "../components/company-network.ts";
import { findingLines, type PreflightInputs, runChecks } from "../components/preflight.ts";
import { withLines } from "../settings/lines.ts";
import { parseSettings, SettingsError } from "../settings/parse.ts";
import { type Settings } from "../settings/schema.ts";
import { type SecretName, secretSettings } from "../settings/secrets.ts";
import { readStackFile } from "../settings/stack-file.ts";
import { run, type Environment } from "../toolchain/run.ts";

export interface DoctorArgs {
  readonly stack: string;
  readonly projectFolder: string;
  readonly project: string;
  /** Path of the CLI. */
  readonly pulumi: string;
  readonly env: Environment;
}

/** What `pulumi stack export` prints, as far as it is read. */
interface Exported {
  readonly deployment: {
    readonly resources?: readonly { readonly type: string; readonly inputs?: Partial<PreflightInputs> }[];
  };
}

/** Prints the findings. @returns 1 when there is an error among them, else 0 */
export async function doctor({ stack, projectFolder, project, pulumi, env }: DoctorArgs): Promise<number> {
  const file = `Pulumi.${stack}.yaml`;
  const text = readFileSync(join(projectFolder, file), "utf8");
  const { settings: raw, others } = readStackFile(projectFolder, project, stack);
  let settings: Settings;
  try {
    // Secrets count as set: an `up` asks for them.
    settings = parseSettings(raw, { file, secrets: Object.keys(secretSettings) as SecretName[], others });
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    console.log(new SettingsError(file, withLines(error.findings, text, project)).message);
    return 1;
  }
  if (settings.network.ca !== undefined) {
    try {
      trust(settings.network.ca);
    } catch (error) {
      console.log(`${file}: network.ca: ${error instanceof Error ? error.message : String(error)}.`);
      return 1;
    }
  }
  const config = (parse(text) as { readonly config?: Readonly<Record<string, unknown>> } | null)?.config;
  const owner = config?.["github:owner"] ?? env["GITHUB_OWNER"] ?? "";
  if (settings.source.type === "github" && (typeof owner !== "string" || owner === "")) {
    console.log(`${file}: github:owner is missing. Set it, or export GITHUB_OWNER=<owner>.`);
    return 1;
  }
  const state = await environmentInputs();
  const secret = async (key: string) => (config !== undefined && key in config ? await decrypted(key) : undefined);
  const findings = await runChecks({
    stack,
    settings,
    owner: typeof owner === "string" ? owner : "",
    token: (await secret("github:token")) ?? env["GITHUB_TOKEN"],
    registryCredentials: await secret(`${project}:registryCredentials`),
    first: state === undefined,
    known: state !== undefined,
    preview: true,
    unverified: "warning",
    kept: state?.keeps,
  });
  const errors = findings.filter(({ level }) => level === "error").length;
  console.log(findings.length === 0 ? `Nothing stands in the way of: npm run up -- ${stack}` : findingLines(findings));
  return errors === 0 ? 0 : 1;

  /** What the state has of the environment's resource; undefined where nothing has been made. */
  async function environmentInputs(): Promise<Partial<PreflightInputs> | undefined> {
    const { code, stdout } = await run(pulumi, ["stack", "export", "--stack", stack], { cwd: projectFolder, env });
    if (code !== 0) return undefined;
    const { deployment } = JSON.parse(stdout) as Exported;
    const found = deployment.resources?.find(({ type }) => type === "observability:index:Environment");
    return found && (found.inputs ?? {});
  }

  async function decrypted(key: string): Promise<string | undefined> {
    const { code, stdout } = await run(pulumi, ["config", "get", key, "--stack", stack], { cwd: projectFolder, env });
    return code === 0 ? stdout.trim() : undefined;
  }
}
