/** Reads a stack's settings from the Pulumi engine and the environment: the only place that does. */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { withLines } from "./lines.ts";
import { groupFindings, parseSettings, SettingsError } from "./parse.ts";
import type { Finding } from "./finding.ts";
import { numbersAsWritten } from "./scalars.ts";
import { readStackFile } from "./stack-file.ts";
import {
  type Members,
  secretFault,
  type SecretGroup,
  secretGroups,
  type SecretName,
  secretSettings,
} from "./secrets.ts";
import type { Settings } from "./schema.ts";
import { warningsOf } from "../components/content.ts";
import { idle, plan } from "../components/plan.ts";

const projectRoot = path.resolve(import.meta.dirname, "..");

/** All that the program is told from outside. */
export interface Stack {
  /** Name of the Pulumi project. */
  readonly project: string;
  /** Name of the stack, which is the environment's name. */
  readonly name: string;
  readonly settings: Settings;
  readonly secrets: Readonly<Partial<Record<SecretName, pulumi.Output<string>>>>;
  /** Members of groups of secrets, by name. */
  readonly members: Members<Readonly<Record<string, pulumi.Output<string>>>>;
  readonly github: {
    /** Owner of the repositories: `github:owner`, else GITHUB_OWNER; may be empty where `source.type` is not github. */
    readonly owner: string;
    /** `github:token`. GITHUB_TOKEN is not read here: what needs a token looks for that by itself, and nothing keeps it. */
    readonly token: pulumi.Output<string> | undefined;
  };
}

// Exported by the SDK and marked @internal, so its declaration is stripped (@pulumi/pulumi 3.270.0, runtime/config.js).
const { isConfigSecret } = pulumi.runtime as unknown as { isConfigSecret: (key: string) => boolean };

/** Structured settings arrive as JSON text; scalars as they are, and they may look like JSON. */
function decode(text: string): unknown {
  try {
    return /^[[{]/.test(text) ? (JSON.parse(text) as unknown) : text;
  } catch {
    return text;
  }
}

/** The settings as the stack's file has them, where there is one. */
function writtenSettings(project: string, stack: string): unknown {
  try {
    return readStackFile(projectRoot, project, stack).settings;
  } catch {
    // Settings came from elsewhere (`--config-file`, the automation API).
    return undefined;
  }
}

/** The settings, or the findings as the SDK's own class for what is no defect of the program: it prints no stack. */
function validated(file: string, project: string, parse: () => Settings): Settings {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    let text = "";
    try {
      text = readFileSync(path.join(projectRoot, file), "utf8");
    } catch {
      // Settings came from elsewhere, so nothing has a line.
    }
    throw new pulumi.RunError(new SettingsError(file, withLines(error.findings, text, project)).message);
  }
}

/** Names in each group. */
function namesOf(members: Readonly<Record<SecretGroup, object>>): Members<readonly string[]> {
  return Object.fromEntries(Object.entries(members).map(([group, some]) => [group, Object.keys(some)]));
}

/**
 * Reads and validates the settings of the current stack.
 * @throws RunError with every finding, headed by the stack's file
 */
export function readStack(): Stack {
  const project = pulumi.getProject();
  const name = pulumi.getStack();
  const file = `Pulumi.${name}.yaml`;
  const config = new pulumi.Config();
  const raw: Record<string, unknown> = {};
  const secrets: Partial<Record<SecretName, pulumi.Output<string>>> = {};
  const members = Object.fromEntries(Object.keys(secretGroups).map((group) => [group, {}])) as Record<
    SecretGroup,
    Record<string, pulumi.Output<string>>
  >;
  const others: string[] = [];
  const found: Finding[] = [];
  for (const [key, text] of Object.entries(pulumi.runtime.allConfig())) {
    if (!key.startsWith(`${project}:`)) {
      others.push(key);
      continue;
    }
    const setting = key.slice(project.length + 1);
    if (setting in secretGroups && isConfigSecret(key)) {
      const group = decode(text);
      found.push(...groupFindings(setting, group, true));
      for (const [member, value] of Object.entries(typeof group === "object" ? (group ?? {}) : {})) {
        if (typeof value === "string") members[setting as SecretGroup][member] = pulumi.secret(value);
      }
    } else if (!(setting in secretSettings)) raw[setting] = decode(text);
    else if (isConfigSecret(key)) {
      const fault = secretFault(setting as SecretName, text);
      if (fault !== undefined) found.push({ path: setting, message: fault });
      secrets[setting as SecretName] = config.requireSecret(setting);
    } else {
      found.push({
        path: setting,
        message: `is stored in plain text. Run \`npm run pulumi -- <stack> config set --secret ${setting}\`.`,
      });
    }
  }
  const github = new pulumi.Config("github");
  const owner = github.get("owner") ?? process.env["GITHUB_OWNER"] ?? "";
  // A misspelt type is told by itself.
  const { type = "github" } = (raw["source"] ?? {}) as { readonly type?: unknown };
  if (owner === "" && type === "github") {
    const message =
      "is missing. Run `npm run pulumi -- <stack> config set github:owner <owner>`, or set GITHUB_OWNER; or need no GitHub (source.type: local-registry).";
    found.push({ path: "github:owner", message });
  }
  const settings = validated(file, project, () =>
    parseSettings(numbersAsWritten(raw, writtenSettings(project, name)) as typeof raw, {
      file,
      secrets: Object.keys(secrets) as SecretName[],
      members: namesOf(members),
      others,
      found,
    }),
  );
  for (const { path: where, message } of [...warningsOf(plan(settings).chosen), ...idle(settings, raw)])
    void pulumi.log.warn(`${file}: ${where}: ${message}`);

  return { project, name, settings, secrets, members, github: { owner, token: github.getSecret("token") } };
}
