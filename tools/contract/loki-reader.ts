/**
 * A stand-in for Loki's reader of its configuration: as strict about keys and kinds as Loki is, by the keys that its
 * reference names (facts/loki-keys.json), and a few of its rules about what belongs together. Loki itself is not asked: it is
 * under the AGPL and no part of this project.
 */
import { asMap, at, textAt } from "./finding.ts";
import { type Keys, type Kind, lokiKeys } from "./loki-keys.ts";

const facts = lokiKeys();

/** Durations of Prometheus know days, weeks and years; Go's do not. Loki has the former where tenants' limits are. */
const durations = {
  prometheus: /^(?:0|(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?(?:\d+ms)?)$/,
  go: /^(?:0|(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+)$/,
} as const;

const isPrometheus = (where: string) => /^(?:limits_config|schema_config)\./.test(where);

/** What is wrong with a plain value of a kind; kinds that are not known here take everything. */
function wrongValue(where: string, kind: string, value: unknown): string | undefined {
  const fits = (() => {
    switch (kind) {
      case "boolean":
        return typeof value === "boolean";
      case "int":
        return Number.isInteger(value) || (typeof value === "string" && /^\d+(?:\.\d+)?\s*[kKMGTPE]?i?B$/.test(value));
      case "float":
        return typeof value === "number";
      case "duration": {
        const known = isPrometheus(where) ? durations.prometheus : durations.go;
        return value === 0 || (typeof value === "string" && value !== "" && known.test(value));
      }
      case "string":
      case "url":
        return typeof value === "string";
      case "daytime":
        return typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value));
      case "list of strings":
        return Array.isArray(value) && value.every((item) => typeof item === "string");
      default:
        return true;
    }
  })();
  return fits ? undefined : `${where}: ${JSON.stringify(value)} is no ${kind}.`;
}

/** The keys of a map, those of the blocks that stand among them too. */
function flat(keys: Keys): Keys {
  const { "...": among, ...own } = keys;
  return typeof among === "string" ? { ...facts.blocks[among.slice(1, -1)], ...own } : own;
}

function* mistakes(where: string, kind: Kind, value: unknown): Generator<string> {
  const [, list, block] = typeof kind === "string" ? (/^(list )?<(\w+)>$/.exec(kind) ?? []) : [];
  if (list !== undefined) {
    if (!Array.isArray(value)) yield `${where}: is no list.`;
    else for (const [index, item] of value.entries()) yield* mistakes(`${where}.${index}`, `<${block ?? ""}>`, item);
    return;
  }
  const keys = block === undefined ? kind : facts.blocks[block];
  if (typeof keys !== "object") {
    const wrong = wrongValue(where, String(keys), value);
    if (wrong !== undefined) yield wrong;
    return;
  }
  const map = asMap(value);
  if (map === undefined) {
    if (value !== null) yield `${where}: is no map.`;
    return;
  }
  const known = flat(keys);
  for (const [key, inner] of Object.entries(map)) {
    const place = where === "" ? key : `${where}.${key}`;
    const of = Object.hasOwn(known, key) ? known[key] : undefined;
    if (of === undefined) yield `${place}: Loki ${facts.loki} has no such key.`;
    else yield* mistakes(place, of, inner);
  }
}

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
  return [...mistakes("", facts.sections, config), ...disagreements(config)];
}
