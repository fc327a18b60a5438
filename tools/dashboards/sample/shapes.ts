/** Time and shapes of the made-up data: everything is computed, so that it is the same on every machine and every day. */

/** Seconds between two samples, as the platform scrapes. */
export const interval = 30;

/** Minutes of data before the end: an hour to be drawn, an hour for "an hour before", and what a rate looks back. */
export const minutesOfData = 130;

/** Unix seconds of the end: a Tuesday in November 2025, 03:15 UTC. In the past wherever this runs. */
export const end = Date.UTC(2025, 10, 18, 3, 15) / 1000;

/** When the new version of kbot was rolled out, in minutes (0 is the end). */
export const rollout = -22;

/** When the kernel killed its container. */
export const kills: readonly number[] = [-11, -3.5];

/** The minutes at which there are samples, oldest first. */
export const minutes: readonly number[] = Array.from(
  { length: (minutesOfData * 60) / interval + 1 },
  (_, index) => (index * interval) / 60 - minutesOfData,
);

/** A value at a minute; undefined where there is none. */
export type Shape = (minute: number) => number | undefined;

/** A number from 0 to 1 that depends on the text alone (FNV-1a). */
export function chance(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32;
}

/** How busy people keep the cluster: 1 on average, in waves, a little uneven. */
export function load(minute: number, of = ""): number {
  const phase = chance(of) * 6;
  const waves = 0.25 * Math.sin(minute / 8 + phase) + 0.12 * Math.sin(minute / 2.7 + phase);
  return Math.max(0.05, 1 + waves + 0.1 * (chance(`${of} ${minute}`) - 0.5));
}

/** 0 before the new version, then climbing to 1 within some minutes. */
export function trouble(minute: number, within = 12): number {
  return Math.min(1, Math.max(0, (minute - rollout) / within));
}
