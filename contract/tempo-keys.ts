/**
 * Facts about Tempo's configuration: its keys with their kinds, read from the manifest that each version of Tempo has
 * (`docs/sources/tempo/configuration/manifest.md`: every option with its default), of the sections that its chart writes. Names
 * and kinds alone, no text of it.
 *
 *   node contract/tempo-keys.ts VERSION manifest.md     writes contract/facts/tempo-keys.json, of version 3 tempo-3-keys.json
 */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import type { DocumentedKeys, Kind } from "./documented-keys.ts";
import { writeFacts } from "./facts.ts";
import { asMap } from "./finding.ts";

export interface TempoKeys extends DocumentedKeys {
  readonly tempo: string;
}

export type Major = "2" | "3";

const fileOf = (major: Major) =>
  path.join(import.meta.dirname, "facts", major === "3" ? "tempo-3-keys.json" : "tempo-keys.json");

/** @param major version: mode: monolithic deploys 2, mode: distributed 3 */
export function tempoKeys(major: Major): TempoKeys {
  return JSON.parse(readFileSync(fileOf(major), "utf8")) as TempoKeys;
}

/** Sections that the chart writes of the values (contract/tempo-config.ts). */
const wanted: Readonly<Record<Major, readonly string[]>> = {
  2: [
    ...["compactor", "distributor", "ingester", "memberlist", "overrides", "querier", "query_frontend", "server"],
    ...["storage", "usage_report"],
  ],
  3: [
    ...["backend_scheduler", "backend_worker", "block_builder", "cache", "distributor", "ingest", "live_store"],
    ...["memberlist", "overrides", "querier", "query_frontend", "server", "storage", "usage_report"],
  ],
};

/** The manifest leaves out what is false by default and need not be written (cmd/tempo/app/config.go, `omitempty`). */
const unwritten = { multitenancy_enabled: "boolean", stream_over_http_enabled: "boolean" };

/** Maps of others' options, or of stores that the environment does not offer: their keys are not kept. */
const others =
  /^(gcs|azure|consul|etcd|multi|.*tls_config|grpc_client_config|receivers|forwarders|user_configurable_.*)$/;

/** The kind of a default. */
function kindOf(key: string, value: unknown): Kind {
  if (others.test(key)) return "map";
  const map = asMap(value);
  if (map !== undefined) {
    const below = Object.entries(map).map(([inner, one]): [string, Kind] => [inner, kindOf(inner, one)]);
    return below.length === 0 ? "map" : Object.fromEntries(below);
  }
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  if (typeof value !== "string") return "any";
  return /^(\d+(\.\d+)?(h|m|s|ms|µs|ns))+$/.test(value) ? "duration" : "string";
}

const majorOf = (version: string): Major => (version.startsWith("3.") ? "3" : "2");

/** @throws Error when the file is not Tempo's manifest */
function readManifest(tempo: string, text: string): TempoKeys {
  const major = majorOf(tempo);
  const all = asMap(parse(/^```yaml\n(.*?)^```$/ms.exec(text)?.[1] ?? "")) ?? {};
  const missing = wanted[major].filter((name) => !(name in all));
  if (missing.length > 0) throw new Error(`This is not Tempo's manifest: it has no ${missing.join(", ")}.`);
  const sections = wanted[major].map((name): [string, Kind] => [name, kindOf(name, all[name])]);
  return { tempo, sections: { ...unwritten, ...Object.fromEntries(sections) } };
}

if (import.meta.main) {
  const [version, manifest] = process.argv.slice(2);
  if (version === undefined || manifest === undefined) throw new Error("Usage: tempo-keys.ts VERSION manifest.md");
  writeFacts(fileOf(majorOf(version)), readManifest(version, readFileSync(manifest, "utf8")));
}
