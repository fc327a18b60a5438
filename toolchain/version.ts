import type { OnPath } from "./pins.ts";

/** Major and minor of `1.36.3`, `v1.36.3` or `3.247.0-alpha.1`; undefined when it is no version. */
function parse(version: string): { major: number; minor: number } | undefined {
  const match = /^v?(\d+)\.(\d+)(?:[.+-]|$)/.exec(version);
  return match ? { major: Number(match[1]), minor: Number(match[2]) } : undefined;
}

/** Whether an installed version will do instead of the pinned one. */
export function versionFits(installed: string, pinned: string, rule: OnPath["fits"]): boolean {
  const [have, want] = [parse(installed), parse(pinned)];
  if (!have || !want || have.major !== want.major) return false;
  return rule === "newer-minor" ? have.minor >= want.minor : have.minor === want.minor;
}

/**
 * The version that a go.mod requires or replaces a module with.
 *
 * @throws Error when the module is not in it
 */
export function requiredVersion(goMod: string, module: string): string {
  const escaped = module.replaceAll(/[.+]/g, "\\$&");
  const match = new RegExp(`^(?:require)?\\s+${escaped} (v\\S+)`, "m").exec(goMod);
  if (!match?.[1]) throw new Error(`go.mod does not require ${module}: run "go get ${module}@<version>" there.`);
  return match[1];
}
