/**
 * What the tags of images and charts must lead to. `npm run digests` asks the registries and writes digests.json;
 * `npm run charts:refresh` reads off a chart which images it runs and where its values take their digests, and writes
 * chart-images.json. What is not in them is pulled by its tag alone.
 */
import { readFileSync } from "node:fs";

const read = (file: string) => JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8")) as unknown;

/** Digest (`sha256:...`) by name with tag, as it is written where it is used: of the index, where there are several platforms. */
export const digests = read("digests.json") as Readonly<Record<string, string>>;

/** Images of one version of a chart, by the path in its values (`a/b/digest`) that takes the digest. */
export interface ChartImages {
  readonly version: string;
  /** The values take `sha256:...`. */
  readonly digests: Readonly<Record<string, string>>;
  /** The values take what follows `sha256:`. */
  readonly checksums: Readonly<Record<string, string>>;
}

/** By name of the chart. */
export const chartImages = read("chart-images.json") as Readonly<Record<string, ChartImages>>;

/** An image with the digest that is pinned for it; any other as it is. */
export function byDigest(image: string, pinned = digests): string {
  const digest = pinned[image];
  return digest === undefined ? image : `${image}@${digest}`;
}

/** Keys beside a digest that say which image it is of. */
const whichImage = ["registry", "repository", "name", "tag"];

type Values = Readonly<Record<string, unknown>>;

const under = (values: unknown, path: readonly string[]) =>
  path.reduce<unknown>((tree, key) => (tree as Values | null | undefined)?.[key], values);

/**
 * Values that give a chart its images by digest: none for a version whose images are not known, and not for an image
 * that the override names itself.
 */
export function digestValues(
  { name, version }: { readonly name: string; readonly version: string },
  override: object = {},
  known: Readonly<Record<string, ChartImages>> = chartImages,
  pinned = digests,
): object {
  const values: Record<string, unknown> = {};
  const chart = known[name];
  if (chart?.version !== version) return values;
  for (const [place, image] of Object.entries({ ...chart.digests, ...chart.checksums })) {
    const path = place.split("/");
    const last = path.pop() ?? "";
    const theirs: unknown = under(override, path);
    const digest = pinned[image];
    if (digest === undefined || whichImage.some((key) => under(theirs, [key]) !== undefined)) continue;
    let tree = values;
    for (const key of path) tree = (tree[key] ??= {}) as Record<string, unknown>;
    tree[last] = place in chart.digests ? digest : digest.replace("sha256:", "");
  }
  return values;
}

/** By what images are pulled: by digest, too, where one is pinned and that is wanted (`network.imagesByDigest`). */
export function imageNames(wanted: boolean): (name: string) => string {
  return (name) => (wanted ? byDigest(name) : name);
}
