/**
 * Writes what is generated from the settings' declarations: `schemas/stack.schema.json` for editors, `docs/settings.md` for
 * people, the groups of settings in `Pulumi.yaml`, and `docs/components.md`, the catalogue for people. `--check` writes nothing and fails when a file is stale.
 */
import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { format } from "prettier";
import { stringify } from "yaml";
import { z } from "zod";
import { settingsSchema } from "../settings/schema.ts";
import { componentsPage } from "./components-page.ts";
import { elasticsearchPage } from "./elasticsearch-page.ts";
import { logsPage } from "./log-matrix.ts";
import { lokiPage } from "./loki-page.ts";
import { secretGroups, secretSettings } from "../settings/secrets.ts";

const root = path.resolve(import.meta.dirname, "..");

interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Node[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
}

function settingsNode(): Node {
  return z.toJSONSchema(settingsSchema, { io: "input", reused: "inline" }) as Node;
}

/** A text may be written as a number (`cpu: 0.5`, a tag of digits): settings read it as the text that it is. */
function withNumbers(node: Node): Node {
  const inner = (children: Readonly<Record<string, Node>>) =>
    Object.fromEntries(Object.entries(children).map(([key, child]) => [key, withNumbers(child)]));
  return {
    ...node,
    ...(node.type === "string" && node.enum === undefined ? { type: ["string", "number"] as unknown as string } : {}),
    ...(node.properties === undefined ? {} : { properties: inner(node.properties) }),
    ...(typeof node.additionalProperties === "object"
      ? { additionalProperties: withNumbers(node.additionalProperties) }
      : {}),
    ...(node.items === undefined ? {} : { items: withNumbers(node.items) }),
  };
}

/** JSON Schema of a whole stack file: settings carry the project's name, other packages' keys are let through. */
function stackSchema(): object {
  const { properties = {} } = settingsNode();
  const secure = { type: "object", properties: { secure: { type: "string" } }, required: ["secure"] };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Stack file of an observability environment",
    type: "object",
    properties: {
      config: {
        type: "object",
        properties: {
          ...Object.fromEntries(
            Object.entries(properties).map(([key, node]) => [`observability:${key}`, withNumbers(node)]),
          ),
          ...Object.fromEntries(
            Object.entries(secretSettings).map(([key, description]) => [
              `observability:${key}`,
              { ...secure, description },
            ]),
          ),
          ...Object.fromEntries(
            Object.entries(secretGroups).map(([key, description]) => [
              `observability:${key}`,
              { type: "object", additionalProperties: secure, description },
            ]),
          ),
        },
        patternProperties: { "^(?!observability:)": true },
        additionalProperties: false,
      },
    },
  };
}

function kind(node: Node): string {
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(" or ");
  if (node.anyOf !== undefined) return node.anyOf.map(kind).join(" or ");
  const { minimum, maximum } = node;
  const bounded = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  const open = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER;
  const range = open ? "" : bounded ? ` ${minimum} to ${maximum}` : ` from ${minimum}`;
  return `${node.type ?? "any"}${range}`;
}

/** One row for each setting that takes a value; `parent` describes a group whose members say nothing themselves. */
function rows(node: Node, at: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const name = at === "" ? key : `${at}.${key}`;
    if (child.properties !== undefined) return rows(child, name);
    const value = child.default === undefined ? "" : `\`${JSON.stringify(child.default)}\``;
    const row = `| \`${name}\` | ${kind(child)} | ${value} | ${child.description ?? ""} |`;
    return [row, ...rows(child.items ?? {}, `${name}[]`)];
  });
}

/** The list of settings for people. */
function settingsPage(): string {
  const { properties = {} } = settingsNode();
  const groups = Object.entries(properties).map(([key, node]) =>
    [
      `## ${key}`,
      "",
      node.description ?? "",
      "",
      "| setting | type | default | what |",
      "| --- | --- | --- | --- |",
      ...rows(node, key),
      ...rows(node.items ?? {}, `${key}[]`),
    ].join("\n"),
  );
  return [
    "# Settings",
    "",
    "<!-- Generated by `npm run schema` from settings/schema.ts. -->",
    "",
    "A stack file (`Pulumi.<stack>.yaml`) holds only what differs from these defaults. A nested setting is written by",
    "its path: `npm run pulumi -- <stack> config set --path loki.retention 48h`.",
    "",
    ...groups.flatMap((group) => [group, ""]),
    "## Secrets",
    "",
    "Set with `npm run pulumi -- <stack> config set --secret <name>`; refused in plain text.",
    "",
    "| secret | what |",
    "| --- | --- |",
    ...Object.entries({ ...secretSettings, ...secretGroups }).map(
      ([name, description]) => `| \`${name}\` | ${description} |`,
    ),
    "",
    "## Of the GitHub provider",
    "",
    "| key | environment variable | what |",
    "| --- | --- | --- |",
    "| `github:owner` | `GITHUB_OWNER` | Owner of the repositories. |",
    "| `github:token` (secret) | `GITHUB_TOKEN` | Fine-grained token of that repository: Administration read and write. |",
    "",
  ].join("\n");
}

/**
 * `Pulumi.yaml` with the groups of settings that are maps. A key that may be a text or a list has no place there, and needs none:
 * Pulumi lets a stack file have keys that the project does not declare.
 */
function projectFile(): string {
  const mark = "  # From here on generated by `npm run schema`.\n";
  const [own = ""] = readFileSync(path.join(root, "Pulumi.yaml"), "utf8").split(mark);
  const groups = Object.entries(settingsNode().properties ?? {})
    .filter(([, { properties }]) => properties !== undefined)
    .map(([key, { description }]) => [key, { type: "object", default: {}, description }]);
  return `${own}${mark}${stringify(Object.fromEntries(groups), { lineWidth: 0 }).replaceAll(/^(?=.)/gm, "  ")}`;
}

/** The generated files and what belongs in them. */
export async function generatedFiles(): Promise<Readonly<Record<string, string>>> {
  const options = { printWidth: 120 };
  return {
    "schemas/stack.schema.json": await format(JSON.stringify(stackSchema()), { ...options, parser: "json" }),
    "Pulumi.yaml": await format(projectFile(), { ...options, parser: "yaml" }),
    "docs/components.md": await format(componentsPage(), { ...options, parser: "markdown" }),
    "docs/external-elasticsearch.md": await format(elasticsearchPage(), { ...options, parser: "markdown" }),
    "docs/external-loki.md": await format(lokiPage(), { ...options, parser: "markdown" }),
    "docs/logs.md": await format(logsPage(path.join(root, "docs/logs.md")), { ...options, parser: "markdown" }),
    "docs/settings.md": await format(settingsPage(), { ...options, parser: "markdown" }),
  };
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(await generatedFiles())) {
    const file = path.join(root, name);
    if (!process.argv.includes("--check")) {
      writeFileSync(file, text);
      console.log(`wrote ${name}`);
    } else if (readFileSync(file, "utf8") !== text) {
      console.error(`${name} is stale. Run \`npm run schema\`.`);
      process.exitCode = 1;
    }
  }
}
