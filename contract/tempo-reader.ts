/**
 * A stand-in for Tempo's reader of its configuration: as strict about keys and kinds as Tempo is, by the keys that its manifest
 * names (facts/tempo-keys.json, tempo-3-keys.json). Tempo itself is not asked: it is under the AGPL and no part of this project.
 */
import { keyMistakes } from "./documented-keys.ts";
import { at, textAt } from "./finding.ts";
import { type Major, tempoKeys } from "./tempo-keys.ts";

/** What Tempo finds wrong of settings that belong together. */
function* disagreements(config: unknown): Generator<string> {
  const backend = textAt(config, "storage", "trace", "backend") ?? "";
  if (backend !== "local" && backend !== "s3")
    yield `storage.trace.backend: ${backend} is not what this environment has.`;
  const needed = [...(backend === "s3" ? ["s3.bucket", "s3.endpoint"] : ["local.path"]), "wal.path"];
  for (const key of needed)
    if ((textAt(config, "storage", "trace", ...key.split(".")) ?? "") === "") yield `storage.trace.${key}: is empty.`;
}

/** What Tempo 3 finds wrong of how its parts find each other (pkg/ingest/config.go, modules/blockbuilder/config.go 3.0.3). */
function* ofParts(config: unknown): Generator<string> {
  for (const key of ["address", "topic"])
    if ((textAt(config, "ingest", "kafka", key) ?? "") === "") yield `ingest.kafka.${key}: is empty.`;
  if (!(Number(at(config, "block_builder", "partitions_per_instance")) > 0))
    yield "block_builder.partitions_per_instance: is none.";
}

/** Everything that Tempo would refuse of a configuration; none for one that it would take. All its durations are Go's. */
export function tempoMistakes(config: unknown, major: Major = "2"): string[] {
  const facts = tempoKeys(major);
  return [
    ...keyMistakes(`Tempo ${facts.tempo}`, facts, () => false, config),
    ...disagreements(config),
    ...(major === "3" ? ofParts(config) : []),
  ];
}
