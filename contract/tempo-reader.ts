/**
 * A stand-in for Tempo's reader of its configuration: as strict about keys and kinds as Tempo is, by the keys that its manifest
 * names (facts/tempo-keys.json). Tempo itself is not asked: it is under the AGPL and no part of this project.
 */
import { keyMistakes } from "./documented-keys.ts";
import { textAt } from "./finding.ts";
import { tempoKeys } from "./tempo-keys.ts";

const facts = tempoKeys();

/** What Tempo finds wrong of settings that belong together. */
function* disagreements(config: unknown): Generator<string> {
  const backend = textAt(config, "storage", "trace", "backend") ?? "";
  if (backend !== "local" && backend !== "s3")
    yield `storage.trace.backend: ${backend} is not what this environment has.`;
  const needed = [...(backend === "s3" ? ["s3.bucket", "s3.endpoint"] : ["local.path"]), "wal.path"];
  for (const key of needed)
    if ((textAt(config, "storage", "trace", ...key.split(".")) ?? "") === "") yield `storage.trace.${key}: is empty.`;
}

/** Everything that Tempo would refuse of a configuration; none for one that it would take. All its durations are Go's. */
export function tempoMistakes(config: unknown): string[] {
  return [...keyMistakes(`Tempo ${facts.tempo}`, facts, () => false, config), ...disagreements(config)];
}
