/**
 * A stand-in for Alloy's reading of its components: their arguments and blocks as the structs of Alloy 1.18.1 have them (a file of its source
 * beside each). The syntax is read by Alloy's own parser (alloy/check); Alloy itself is not asked: its module needs Loki's, under the AGPL.
 */
import { programSaid } from "./said.ts";

export interface AlloyBlock {
  readonly name: string;
  readonly label?: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly blocks: readonly AlloyBlock[];
}

type Kind = "text" | "number" | "flag" | "duration" | "texts" | "labels" | "list";

interface Facts {
  readonly required?: readonly string[];
  readonly args: Readonly<Record<string, Kind>>;
  readonly blocks?: Readonly<Record<string, Facts>>;
  /** What it exports, and others may refer to. */
  readonly exports?: readonly string[];
}

const tls = { ca_file: "text", cert_file: "text", key_file: "text", server_name: "text", min_version: "text" } as const;

/** By the name of a component. */
const components: Readonly<Record<string, Facts>> = {
  // internal/component/local/file_match/file.go
  "local.file_match": {
    required: ["path_targets"],
    args: { path_targets: "list", sync_period: "duration", ignore_older_than: "duration" },
    exports: ["targets"],
  },
  // internal/component/discovery/relabel/relabel.go, internal/component/common/relabel/relabel.go
  "discovery.relabel": {
    required: ["targets"],
    args: { targets: "list" },
    blocks: {
      rule: {
        args: {
          ...{ source_labels: "texts", separator: "text", regex: "text", modulus: "number" },
          ...{ target_label: "text", replacement: "text", action: "text" },
        },
      },
    },
    exports: ["output", "rules"],
  },
  // internal/component/loki/source/file/file.go
  "loki.source.file": {
    required: ["targets", "forward_to"],
    args: {
      ...{ targets: "list", forward_to: "list", encoding: "text", tail_from_end: "flag" },
      ...{ legacy_positions_file: "text", on_positions_file_error: "text" },
    },
  },
  // internal/component/loki/source/journal/types.go; the image is built with it (Dockerfile, GO_TAGS)
  "loki.source.journal": {
    required: ["forward_to"],
    args: {
      ...{ forward_to: "list", path: "text", max_age: "duration", format_as_json: "flag" },
      ...{ labels: "labels", matches: "text", relabel_rules: "list" },
    },
  },
  // internal/component/loki/process/process.go, stages/pipeline.go, and a file of stages/ for each
  "loki.process": {
    required: ["forward_to"],
    args: { forward_to: "list" },
    blocks: {
      "stage.cri": {
        args: {
          max_partial_lines: "number",
          max_partial_line_size: "number",
          max_partial_line_size_truncate: "flag",
        },
      },
      "stage.label_drop": { required: ["values"], args: { values: "texts" } },
      "stage.template": { required: ["source", "template"], args: { source: "text", template: "text" } },
      "stage.output": { required: ["source"], args: { source: "text" } },
      "stage.static_labels": { required: ["values"], args: { values: "labels" } },
      "stage.json": {
        args: { expressions: "labels", regex: "text", source: "text", drop_malformed: "flag" },
      },
      "stage.timestamp": {
        required: ["source", "format"],
        args: {
          ...{ source: "text", format: "text", location: "text", fallback_formats: "texts" },
          ...{ action_on_failure: "text", action_on_duplicate_timestamp: "text" },
        },
      },
    },
    exports: ["receiver"],
  },
  // internal/component/loki/write/write.go, types.go, internal/component/common/config/types.go
  "loki.write": {
    args: { external_labels: "labels", max_streams: "number" },
    blocks: {
      endpoint: {
        required: ["url"],
        args: {
          ...{ url: "text", name: "text", tenant_id: "text", headers: "labels", bearer_token_file: "text" },
          ...{ batch_wait: "duration", batch_size: "text", remote_timeout: "duration", retry_on_http_429: "flag" },
          ...{ min_backoff_period: "duration", max_backoff_period: "duration", max_backoff_retries: "number" },
        },
        blocks: {
          basic_auth: { args: { username: "text", password_file: "text" } },
          authorization: { args: { type: "text", credentials_file: "text" } },
          tls_config: { args: tls },
        },
      },
      // `queue_config` and `wal` are experimental: the chart's stability level refuses them.
    },
    exports: ["receiver"],
  },
};

const isText = (value: unknown): value is string => typeof value === "string";
const isReference = (value: unknown): value is { readonly of: string } =>
  typeof value === "object" && value !== null && "of" in value;

/** Variables that the chart sets (1.11.1, templates/containers/_agent.yaml). */
const isVariable = (value: unknown) =>
  isReference(value) && /^sys\.env\("(HOSTNAME|K8S_NODE_NAME|ALLOY_DEPLOY_MODE)"\)$/.test(value.of);

const fits: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  text: isText,
  number: (value) => typeof value === "number" && value >= 0,
  flag: (value) => typeof value === "boolean",
  duration: (value) => isText(value) && /^(\d+(ms|[smh]))+$/.test(value),
  texts: (value) => Array.isArray(value) && value.every(isText),
  labels: (value) =>
    typeof value === "object" && value !== null && Object.values(value).every((one) => isText(one) || isVariable(one)),
  list: (value) => Array.isArray(value) || isReference(value),
};

function* ofBlock(block: AlloyBlock, facts: Facts, where: string): Generator<string> {
  for (const [name, value] of Object.entries(block.args)) {
    const kind = facts.args[name];
    if (kind === undefined) yield `${where}: ${name} is no argument of it.`;
    else if (!fits[kind](value)) yield `${where}: ${name} is no ${kind}: ${JSON.stringify(value)}.`;
  }
  for (const name of facts.required ?? []) if (!(name in block.args)) yield `${where}: ${name} is missing.`;
  for (const inner of block.blocks) {
    const known = facts.blocks?.[inner.name];
    if (known === undefined) yield `${where}: ${inner.name} is no block of it.`;
    else yield* ofBlock(inner, known, `${where} > ${inner.name}`);
  }
}

/** Names that a value refers to. */
function references(value: unknown): string[] {
  if (isReference(value)) return [value.of];
  return Array.isArray(value) ? value.flatMap(references) : [];
}

/** Everything that is wrong with a configuration, read by Alloy's parser; each begins with who says so. */
export function alloyMistakes(read: AlloyBlock): string[] {
  const exported = read.blocks.flatMap(({ name, label }) =>
    (components[name]?.exports ?? []).map((what) => `${name}.${label ?? ""}.${what}`),
  );
  const found = read.blocks.flatMap((block) => {
    const where = `${block.name} "${block.label ?? ""}"`;
    const facts = components[block.name];
    if (facts === undefined) return [`${where}: is no component that is known here.`];
    const unknown = Object.values(block.args)
      .flatMap(references)
      .filter((name) => !exported.includes(name));
    return [...ofBlock(block, facts, where), ...unknown.map((name) => `${where}: nothing exports ${name}.`)];
  });
  return found.map((mistake) => `By the stand-in for Alloy 1.18.1: ${mistake}`);
}

/**
 * A configuration as Alloy's own parser reads it.
 * @throws Error with what the parser says
 */
export function readAlloy(program: string, text: string): AlloyBlock {
  const { status, stdout, stderr } = programSaid(program, { files: { "config.alloy": text }, args: ["config.alloy"] });
  if (status !== 0) throw new Error(stderr.trim());
  return JSON.parse(stdout) as AlloyBlock;
}

/** What a template of a stage makes of lines, by the libraries that Alloy makes it with. */
export function templated(program: string, template: string, lines: readonly string[]): string[] {
  const asked = { files: { line: template }, args: ["line", "lines"], input: JSON.stringify(lines) };
  const { status, stdout, stderr } = programSaid(program, asked);
  if (status !== 0) throw new Error(stderr.trim());
  return JSON.parse(stdout) as string[];
}
