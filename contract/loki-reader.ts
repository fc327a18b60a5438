/**
 * A stand-in for Loki's reader of its configuration: as strict about keys and kinds as Loki is, by the keys that its
 * reference names (facts/loki-keys.json), and a few of its rules about what belongs together. Loki itself is not asked: it is
 * under the AGPL and no part of this project.
 */
import { keyMistakes } from "./documented-keys.ts";
import { at, textAt } from "./finding.ts";
import { lokiKeys } from "./loki-keys.ts";

const facts = lokiKeys();

/** Loki has Prometheus's durations where tenants' limits are. */
const isPrometheus = (where: string) => /^(?:limits_config|schema_config)\./.test(where);

/** What Loki finds wrong of settings that belong together. */
function* disagreements(config: unknown): Generator<string> {
  const periods = (at(config, "schema_config", "configs") ?? []) as readonly unknown[];
  if (periods.length === 0) yield "schema_config.configs: there is no period.";
  const last = periods.at(-1);
  if (
    at(config, "limits_config", "allow_structured_metadata") !== false &&
    !/^v1[3-9]$/.test(textAt(last, "schema") ?? "")
  )
    yield "limits_config.allow_structured_metadata: needs schema v13.";
  for (const period of periods) {
    const store = textAt(period, "store") ?? "";
    if (!["tsdb", "boltdb-shipper"].includes(store))
      yield `schema_config: the store ${store} is neither tsdb nor boltdb-shipper.`;
    if (textAt(period, "store") === "boltdb-shipper")
      yield "limits_config.allow_structured_metadata: needs the store tsdb.";
    if (at(period, "index", "period") !== "24h") yield "schema_config: the index has a period other than 24h.";
  }
  if (
    at(config, "compactor", "retention_enabled") === true &&
    (textAt(config, "compactor", "delete_request_store") ?? "") === ""
  )
    yield "compactor.delete_request_store: is needed when retention is enabled.";
}

/** Everything that Loki would refuse of a configuration; none for one that it would take. */
export function lokiMistakes(config: unknown): string[] {
  return [...keyMistakes(`Loki ${facts.loki}`, facts, isPrometheus, config), ...disagreements(config)];
}
