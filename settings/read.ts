/** Reads a stack's settings from the Pulumi engine and the environment: the only place that does. */
import * as pulumi from "@pulumi/pulumi";
import { parseSettings, SettingsError } from "./parse.ts";
import { alertingWarnings } from "./alerting.ts";
import { type SecretName, secretSettings, type Settings } from "./schema.ts";

/** All that the program is told from outside. */
export interface Stack {
  /** Name of the Pulumi project. */
  readonly project: string;
  /** Name of the stack, which is the environment's name. */
  readonly name: string;
  readonly settings: Settings;
  readonly secrets: Readonly<Partial<Record<SecretName, pulumi.Output<string>>>>;
  /** `alertingSecrets`, by name. */
  readonly alertingSecrets: Readonly<Record<string, pulumi.Output<string>>>;
  readonly github: {
    /** Owner of the repositories: `github:owner`, else GITHUB_OWNER. */
    readonly owner: string;
    /** `github:token`, else GITHUB_TOKEN; without it the GitHub provider looks for its own. */
    readonly token: pulumi.Output<string> | undefined;
  };
}

// Exported by the SDK and marked @internal, so its declaration is stripped (@pulumi/pulumi 3.270.0, runtime/config.js).
const { isConfigSecret } = pulumi.runtime as unknown as { isConfigSecret: (key: string) => boolean };

/** Structured settings arrive as JSON text; scalars as they are. */
function decode(text: string): unknown {
  return /^[[{]/.test(text) ? (JSON.parse(text) as unknown) : text;
}

/**
 * Several secrets by name. Pulumi marks the whole as secret when one of it is.
 * @throws SettingsError when it is not names and texts
 */
function secretsByName(file: string, group: string, text: string): Record<string, pulumi.Output<string>> {
  const wrong = (path: string) => {
    const message = `is not a set of secrets by name. Run \`pulumi config set --secret --path ${group}.<name>\` for each.`;
    return new SettingsError(file, [{ path, message }]);
  };
  if (!text.startsWith("{")) throw wrong(group);
  return Object.fromEntries(
    Object.entries(JSON.parse(text) as Record<string, unknown>).map(([name, value]) => {
      if (typeof value !== "string" || value === "") throw wrong(`${group}.${name}`);
      return [name, pulumi.secret(value)];
    }),
  );
}

/**
 * Reads and validates the settings of the current stack.
 * @throws SettingsError headed by the stack's file
 */
export function readStack(): Stack {
  const project = pulumi.getProject();
  const name = pulumi.getStack();
  const file = `Pulumi.${name}.yaml`;
  const config = new pulumi.Config();
  const raw: Record<string, unknown> = {};
  const secrets: Partial<Record<SecretName, pulumi.Output<string>>> = {};
  const open: string[] = [];
  let alertingSecrets: Record<string, pulumi.Output<string>> = {};
  for (const [key, text] of Object.entries(pulumi.runtime.allConfig())) {
    if (!key.startsWith(`${project}:`)) continue;
    const setting = key.slice(project.length + 1);
    if (setting === "alertingSecrets" && isConfigSecret(key)) alertingSecrets = secretsByName(file, setting, text);
    else if (!(setting in secretSettings)) raw[setting] = decode(text);
    else if (isConfigSecret(key)) secrets[setting as SecretName] = config.requireSecret(setting);
    else open.push(setting);
  }
  if (open.length > 0) {
    const findings = open.map((path) => ({
      path,
      message: `is stored in plain text. Run \`pulumi config set --secret ${path}\`.`,
    }));
    throw new SettingsError(file, findings);
  }
  const settings = parseSettings(raw, {
    file,
    secrets: Object.keys(secrets) as SecretName[],
    alertingSecrets: Object.keys(alertingSecrets),
  });
  for (const { path, message } of alertingWarnings(settings.alerting, new Date())) {
    void pulumi.log.warn(`${file}: ${path}: ${message}`);
  }

  const github = new pulumi.Config("github");
  const owner = github.get("owner") ?? process.env["GITHUB_OWNER"];
  if (owner === undefined || owner === "") {
    const message = "is missing. Run `pulumi config set github:owner <owner>`, or set GITHUB_OWNER.";
    throw new SettingsError(file, [{ path: "github:owner", message }]);
  }
  const envToken = process.env["GITHUB_TOKEN"];
  const token = github.getSecret("token") ?? (envToken === undefined ? undefined : pulumi.secret(envToken));
  return { project, name, settings, secrets, alertingSecrets, github: { owner, token } };
}
