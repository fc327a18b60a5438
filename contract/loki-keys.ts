/**
 * Facts about Loki's configuration: its keys with their kinds, read from the reference that each version of Loki has
 * (`docs/sources/shared/configuration.md`), of the sections that its chart writes. Names and kinds alone, no text of it.
 *
 *   node contract/loki-keys.ts VERSION configuration.md     writes contract/facts/loki-keys.json
 */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import type { DocumentedKeys, Keys, Kind } from "./documented-keys.ts";
import { writeFacts } from "./facts.ts";

export interface LokiKeys extends Required<DocumentedKeys> {
  readonly loki: string;
}

const file = path.join(import.meta.dirname, "facts/loki-keys.json");

export function lokiKeys(): LokiKeys {
  return JSON.parse(readFileSync(file, "utf8")) as LokiKeys;
}

/** Sections that the chart writes of the values (contract/loki-config.ts). */
const wanted = [
  "analytics",
  "auth_enabled",
  "chunk_store_config",
  "common",
  "compactor",
  "frontend",
  "frontend_worker",
  "index_gateway",
  "ingester",
  "limits_config",
  "memberlist",
  "pattern_ingester",
  "querier",
  "query_range",
  "ruler",
  "schema_config",
  "server",
  "storage_config",
];

/** Blocks of object stores that the environment does not offer: their keys are not kept. */
const otherStores = /alibaba|azure|bos_|cos_|gcs|swift|bigtable|cassandra|thanos_object|named_stores|grpc_store/;

/** The keys of one listing of the reference: `[key: <kind> | default = ...]` and `key:`, nested by their indentation. */
function listing(text: string): Keys {
  const root: Record<string, Kind> = {};
  const open = [{ indent: -1, keys: root }];
  for (const line of text.split("\n")) {
    const [, indent = "", key, kind, nested, block] =
      /^( *)(?:- )?(?:\[(\w[\w.-]*): <([^>]*)>|(\w[\w.-]*):$|\[<(\w+)>\])/.exec(line) ?? [];
    const name = key ?? nested ?? (block === undefined ? undefined : "...");
    if (name === undefined) continue;
    while ((open.at(-1)?.indent ?? -1) >= indent.length) open.pop();
    const keys = open.at(-1)?.keys ?? root;
    if (nested !== undefined) {
      const below: Record<string, Kind> = {};
      keys[name] = below;
      open.push({ indent: indent.length, keys: below });
    } else keys[name] = block ?? kind ?? "";
  }
  return root;
}

/** @throws Error when the file is not Loki's reference */
function readReference(version: string, text: string): LokiKeys {
  const parts = new Map(
    [...text.matchAll(/^### `?(\w+|Supported contents[^\n]*?)`?\n[^`]*(?:`[^`\n]+`[^`]*)*?```yaml\n(.*?)^```$/gms)].map(
      ([, name = "", body = ""]) => [name.startsWith("Supported") ? "" : name, listing(body)] as const,
    ),
  );
  const root = parts.get("");
  if (root === undefined) throw new Error("This is not the reference of Loki's configuration.");
  const missing = wanted.filter((name) => !(name in root));
  if (missing.length > 0) throw new Error(`The reference has no ${missing.join(", ")}.`);
  const blocks: Record<string, Keys> = {};
  const reach = (kind: Kind): Kind => {
    if (typeof kind !== "string")
      return Object.fromEntries(Object.entries(kind).map(([key, below]) => [key, reach(below)]));
    const [, block] = /^(?:list of )?(\w+?)s?$/.exec(kind) ?? [];
    const name = [kind, block].find((candidate) => candidate !== undefined && parts.has(candidate));
    if (name === undefined) return kind;
    if (otherStores.test(name)) return "map";
    if (!(name in blocks)) {
      blocks[name] = {};
      blocks[name] = reach(parts.get(name) ?? {}) as Keys;
    }
    return kind.startsWith("list of ") ? `list <${name}>` : `<${name}>`;
  };
  return {
    loki: version,
    sections: Object.fromEntries(wanted.map((name) => [name, reach(root[name] ?? {})])),
    blocks,
  };
}

if (import.meta.main) {
  const [version, reference] = process.argv.slice(2);
  if (version === undefined || reference === undefined) throw new Error("Usage: loki-keys.ts VERSION configuration.md");
  writeFacts(file, readReference(version, readFileSync(reference, "utf8")));
}
