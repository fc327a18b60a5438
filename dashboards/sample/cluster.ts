/**
 * A made-up cluster as Prometheus would see it: three nodes, the platform, the demo. Nobody measured it. Names of metrics and
 * labels are those of the exporters and charts that are deployed; series that kube-prometheus-stack records (they have a
 * colon) stand here as they come out of its rules, those that our rules record are computed by them.
 *
 * What happens in the last hour: at -22 minutes a new version of kbot is rolled out. It answers slowly, fails for one
 * command, counts messages by chat and leaks memory, for which the kernel kills it twice (at -11 and -3.5).
 *
 * The data are the files `content/*.series` of components, a series a line:
 *
 *     name{label="value"} 12                      a gauge
 *     name{label="a|b"} 12                        two gauges
 *     name{} rate 3 -22:3 -14:9 0:9               a counter by its rate a second: 3, and from minute -22 to -14 it climbs to 9
 *     name{} - -22:1                              not there before minute -22; `-22:-` would end it
 *     ... ~0.3(key)                               moves by about 0.3 in waves; those of a key, by default the labels, move together
 *     ... round                                   whole numbers
 *     ... reset:-11,-3.5                          a counter that starts again at these minutes
 *     ... x620 over:22                            620 such series, told apart by a label `instance`, which come over 22 minutes
 */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { remembered } from "../../components/remembered.ts";

const components = join(import.meta.dirname, "../../components");

/** Seconds between two samples, as the platform scrapes. */
export const interval = 30;

/** Minutes of data before the end: an hour to be drawn, an hour for "an hour before", and what a rate looks back. */
export const minutesOfData = 130;

/** Unix seconds of the end: a Tuesday in November 2025, 03:15 UTC. In the past wherever this runs. */
export const end = Date.UTC(2025, 10, 18, 3, 15) / 1000;

/** The minutes at which there are samples, oldest first; 0 is the end. */
export const minutes: readonly number[] = Array.from(
  { length: (minutesOfData * 60) / interval + 1 },
  (_, index) => (index * interval) / 60 - minutesOfData,
);

export type Labels = Readonly<Record<string, string>>;

export interface Series {
  readonly name: string;
  readonly labels: Labels;
  /** One for each of {@link minutes}; undefined where the series is not there. */
  readonly values: readonly (number | undefined)[];
}

type Shape = (minute: number) => number | undefined;

/** The hash of a text (FNV-1a), or of one that goes on after a text of this hash. */
function hashed(text: string, hash = 0x811c9dc5): number {
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return hash;
}

/** A number from 0 to 1 that depends on a hash alone. */
function chance(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((mixed ^ (mixed >>> 12)) >>> 0) / 2 ** 32;
}

/** How busy people keep the cluster at each of the minutes: 0 on average, in waves, a little uneven. */
const wavesOf = remembered((key: string): readonly number[] => {
  const hash = hashed(key);
  const phase = chance(hash) * 6;
  return minutes.map((minute) => {
    const waves = 0.25 * Math.sin(minute / 8 + phase) + 0.12 * Math.sin(minute / 2.7 + phase);
    return waves + 0.1 * (chance(hashed(` ${minute}`, hash)) - 0.5);
  });
});

/** Points joined by lines; a missing one holds until the next, and so does the one before it. */
function shapeOf(points: readonly string[]): Shape {
  const known = points.map((point) => {
    const [minute, value] = point.includes(":") ? point.split(":") : [String(-minutesOfData), point];
    return { minute: Number(minute), value: value === "-" ? undefined : Number(value) };
  });
  return (minute) => {
    const next = known.findIndex((point) => point.minute > minute);
    const [from, to] = [known.at(next === -1 ? -1 : next - 1), next === -1 ? undefined : known[next]];
    if (from?.value === undefined || to?.value === undefined) return from?.value;
    return from.value + ((to.value - from.value) * (minute - from.minute)) / (to.minute - from.minute);
  };
}

/** Nine digits are more than anybody measures; more would only make texts long. */
const rounded = (value: number) =>
  Number.isInteger(value) && Math.abs(value) < 1e9 ? value : Number(value.toPrecision(9));

/** @throws Error for a line that is not understood */
export function seriesOf(line: string): Series[] {
  const [, name, labelText = "", rate, rest = ""] = /^([\w:]+)\{([^}]*)\} (rate )?(.*)$/.exec(line) ?? [];
  const parts =
    /^((?:[-\d.:e+]+ ?)+)(?: ?~([\d.]+)(?:\(([^)]*)\))?)?( round)?(?: ?reset:([-\d.,]+))?(?: ?x(\d+))?(?: over:(\d+))?$/;
  const [, points, amplitude = "0", key = labelText, whole, resets = "", count = "1", over = "0"] =
    parts.exec(rest) ?? [];
  if (name === undefined || points === undefined) throw new Error(`dashboards/sample: what is "${line}"?`);
  let labels: Record<string, string>[] = [{}];
  for (const [, label = "", values = ""] of labelText.matchAll(/(\w+)="([^"]*)"/g))
    labels = labels.flatMap((known) => values.split("|").map((value) => ({ ...known, [label]: value })));
  const shape = shapeOf(points.trim().split(" "));
  const restarts = resets.split(",").map(Number);
  // Those of a line differ in nothing but when they come.
  const valuesOf = remembered((behind: number) => {
    const waves = amplitude === "0" ? [] : wavesOf(key);
    let total: number | undefined;
    return minutes.map((minute, place) => {
      const base = shape(minute - behind);
      const value = base && base * Math.max(0.05, 1 + Number(amplitude) * (waves[place] ?? 0));
      const now = whole === undefined ? value : value && Math.round(value);
      if (rate === undefined || now === undefined) total = now;
      else if (total === undefined || (resets !== "" && restarts.includes(minute))) total = 0;
      else total += now * interval;
      return total === undefined ? undefined : rounded(total);
    });
  });
  return labels.flatMap((own) =>
    Array.from({ length: Number(count) }, (_, index): Series => ({
      name,
      labels: count === "1" ? own : { ...own, instance: String(index) },
      // Most who read a series ask for its labels alone.
      get values() {
        return valuesOf((index / Number(count)) * Number(over));
      },
    })),
  );
}

function read(file: string): Series[] {
  return readFileSync(join(components, file), "utf8").split("\n").filter(Boolean).flatMap(seriesOf);
}

const files = globSync("**/content/*.series", { cwd: components }).sort((a, b) => (basename(a) < basename(b) ? -1 : 1));

/** The name of files with the series that only show how many there are: buckets, and one for each chat. */
const crowd = /\bcrowd\.series$/;

let shaped: readonly Series[] | undefined;

/** Series with a shape of their own: enough for every query of every panel. */
export function shapedSeries(): readonly Series[] {
  return (shaped ??= files.filter((file) => !crowd.test(file)).flatMap(read));
}

/** The whole cluster. */
export function wholeCluster(): Series[] {
  return [...shapedSeries(), ...files.filter((file) => crowd.test(file)).flatMap(read)];
}
