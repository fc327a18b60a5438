/** The table of values that have to be as they are (`../pinned.ts`), and rules between values. */
import { isDeepStrictEqual } from "node:util";
import { guestHome, ownHome } from "../../components/gitops/names.ts";
import { type Manifest, manifestId } from "../../components/kubernetes/manifest.ts";
import { remembered } from "../../components/remembered.ts";
import { byteCount, durationSeconds } from "../../settings/formats.ts";
import { asMap, at, type Finding, textAt } from "../finding.ts";
import { formAt } from "../mutations.ts";
import { fits, type Pin } from "../pin.ts";
import { pins } from "../pinned.ts";
import type { Rendered } from "../rendered.ts";

type Place = readonly [path: string, value: unknown];

/** Every value of an object with its path, those inside of texts that have a form, too. */
function places(tree: unknown, path: readonly string[] = []): Place[] {
  const inner = typeof tree === "string" ? formAt(path, tree)?.read(tree) : tree;
  const children = Array.isArray(inner)
    ? (inner as readonly unknown[]).map((child, index) => [String(index), child] as const)
    : Object.entries(asMap(inner) ?? {});
  return [[path.join("/"), tree], ...children.flatMap(([key, child]) => places(child, [...path, key]))];
}

/** Objects do not change: their places are read once. */
const placesOf = remembered((object: Manifest) => places(object), new WeakMap<Manifest, readonly Place[]>());

/** Plain data in which the order of lists says nothing. */
const unordered = (value: unknown) => (Array.isArray(value) ? [...(value as unknown[])].sort() : value);

const compiled = pins.map((pin) => ({ pin, object: fits(pin.object.replaceAll("*", "**")), path: fits(pin.path) }));

/** Rows about an object, which the table has where the environment's own Flux is. Those of an id are looked for once. */
const ofId = new Map<string, typeof compiled>();
function rowsOf(object: Manifest): typeof compiled {
  const id = manifestId(object).replace(` ${guestHome.namespace}/`, ` ${ownHome.namespace}/`);
  const found = ofId.get(id) ?? compiled.filter((row) => row.object(id));
  ofId.set(id, found);
  return found;
}

interface Pinned {
  readonly pin: Pin;
  readonly found: readonly Place[];
}
/** Rows about an object, with the places that they have in it. */
const pinnedIn = remembered(
  (object: Manifest) =>
    rowsOf(object).map(({ pin, path }) => ({ pin, found: placesOf(object).filter(([where]) => path(where)) })),
  new WeakMap<Manifest, readonly Pinned[]>(),
);

/** Rows of the table that a rendered result gives a place to. */
export function placesOfPins({ declared, content, machinery }: Rendered): Set<Pin> {
  const pinned = [...declared, ...content, ...machinery].flatMap(pinnedIn);
  return new Set(pinned.filter(({ found }) => found.length > 0).map(({ pin }) => pin));
}

/** Findings about values that are not what the table says. */
export function checkPins({ declared, content, machinery, settings }: Rendered): Finding[] {
  return [...declared, ...content, ...machinery].flatMap((object) => {
    const id = manifestId(object);
    return pinnedIn(object)
      .filter(({ pin }) => pin.there?.(settings) !== false)
      .flatMap(({ pin, found }) => {
        const wanted: unknown =
          typeof pin.value === "function" ? (pin.value as (of: typeof settings) => unknown)(settings) : pin.value;
        const missing: Place[] = pin.path.includes("*") || wanted === undefined ? [] : [[pin.path, undefined]];
        return (found.length === 0 ? missing : found)
          .filter(([, value]) => !isDeepStrictEqual(unordered(value), unordered(wanted)))
          .map(([where, value]) => ({
            check: "pins",
            object: id,
            path: where,
            message: `is ${shown(value, "missing")} and not ${shown(wanted, "absent")}: ${pin.why}.`,
          }));
      });
  });
}

/** Plain data for a message. */
const shown = (value: unknown, absent: string) => (value === undefined ? absent : JSON.stringify(value));

/** Rules between values: a change of one is wrong without the other. */
export function checkRelations({ declared, content, waits }: Rendered): Finding[] {
  return [...declared, ...content].flatMap((object): Finding[] => {
    const id = manifestId(object);
    const wait = waits.get(id);
    const timeout = textAt(object, "spec", "timeout");
    if (wait === undefined || timeout === undefined || durationSeconds(timeout) < durationSeconds(wait))
      return relationsIn(object);
    const message = `is ${timeout}: up waits ${wait} and would end without Flux's reason.`;
    return [{ check: "relations", object: id, path: "spec/timeout", message }, ...relationsIn(object)];
  });
}

/** Those inside of an object. */
const relationsIn = remembered((object: Manifest) => {
  const findings: Finding[] = [];
  const id = manifestId(object);
  const add = (path: string, message: string) => findings.push({ check: "relations", object: id, path, message });
  for (const [path, value] of placesOf(object)) {
    const [asked, limit] = [textAt(value, "requests", "memory"), textAt(value, "limits", "memory")];
    if (asked !== undefined && limit !== undefined && byteCount(asked) > byteCount(limit))
      add(path, `asks for ${asked} of memory and may have ${limit}.`);
    const period = at(value, "timeoutSeconds");
    if (typeof period === "number" && period > Number(at(value, "periodSeconds") ?? 10))
      add(path, "takes longer than its period.");
  }
  // Of those that read themselves nothing limits memory but Go, and what waits is on the node or a claim.
  if (object.kind === "OpenTelemetryCollector" && at(object, "spec", "mode") === "deployment") {
    const config = at(object, "spec", "config");
    const limiter = at(config, "processors", "memory_limiter");
    const hard = Number(at(limiter, "limit_percentage"));
    // memorylimiterprocessor, README: 20 % of the hard limit for a spike; the rest of the pod's memory is Go's own.
    if (!(hard >= 50 && hard <= 80)) add("memory_limiter/limit_percentage", "leaves the process too much or nothing.");
    if (Number(at(limiter, "spike_limit_percentage")) !== hard / 5)
      add("memory_limiter/spike_limit_percentage", "is not a fifth of limit_percentage.");
    const queues = Object.values(asMap(at(config, "exporters")) ?? {}).map((exporter) =>
      Number(at(exporter, "sending_queue", "queue_size") ?? 0),
    );
    const volume = textAt(object, "spec", "volumes", 0, "emptyDir", "sizeLimit") ?? "0";
    // The file's free pages and its copy while it is compacted come on top (bbolt; filestorage, "compaction").
    const needed = 4 * queues.reduce((sum, size) => sum + size, 0);
    if (needed > 0 && byteCount(volume) !== needed)
      add("spec/volumes/0/emptyDir/sizeLimit", "is not four times its queues.");
  }
  return findings;
}, new WeakMap<Manifest, Finding[]>());
