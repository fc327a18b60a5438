/** Which images a chart runs, and where its values take their digests: asked of the chart itself. */
import { createHash } from "node:crypto";
import type { ChartImages } from "../settings/digests.ts";
import { mergeValues } from "../components/gitops/helm-release.ts";
import { type Chart, type ValueFacts } from "./charts.ts";

/** Paths in values that may take the digest of the image beside them. */
function places(values: ValueFacts, path: readonly string[] = []): (readonly string[])[] {
  if (typeof values === "string") return [];
  const own = values["repository"] === undefined ? [] : ["digest", "sha"].filter((key) => key in values);
  return [
    ...own.map((key) => [...path, key]),
    ...Object.entries(values).flatMap(([key, below]) => places(below, [...path, key])),
  ];
}

const tree = (path: readonly string[], value: string): object =>
  path.reduceRight<unknown>((below, key) => ({ [key]: below }), value) as object;

/**
 * Renders a chart as it is and with another made-up checksum at each place: the image that then carries it takes it there,
 * and the tag that it had before is its tag. Images of parts that the values switch off are not among them.
 *
 * @param render what `helm template` makes of values
 */
export function imagesOf(
  { version, values: facts }: Pick<Chart, "version" | "values">,
  values: object,
  render: (values: object) => string,
): ChartImages {
  const made = places(facts).map((path) => ({ path, sum: createHash("sha256").update(path.join("/")).digest("hex") }));
  const plain = render(values);
  const mark = (prefix: string) =>
    render(made.map(({ path, sum }) => tree(path, `${prefix}${sum}`)).reduce(mergeValues, values));
  let marked: string;
  let demanded = false;
  try {
    marked = mark("");
  } catch {
    // A chart may refuse a digest that does not say what it is a digest by.
    demanded = true;
    marked = mark("sha256:");
  }
  const found = { version, digests: {} as Record<string, string>, checksums: {} as Record<string, string> };
  for (const { path, sum } of made) {
    const [, name, own] = new RegExp(`([\\w./:-]+?)(?::[\\w.-]+)?@(sha256:)?${sum}`).exec(marked) ?? [];
    const tag = name === undefined ? undefined : new RegExp(`[^\\w./:-]${name}:([\\w.-]+)`).exec(plain)?.[1];
    if (name === undefined || tag === undefined) continue;
    // A chart that writes "sha256:" itself takes the rest.
    found[demanded || own === undefined ? "digests" : "checksums"][path.join("/")] = `${name}:${tag}`;
  }
  return found;
}
