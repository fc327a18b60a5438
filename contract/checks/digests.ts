/** What is pulled is what settings/digests.json pins: images wherever they are named, charts, and images in charts' values. */
import { fluxHome } from "../../components/gitops/names.ts";
import { manifestId } from "../../components/kubernetes/manifest.ts";
import { chartImages, digests as known, digestValues } from "../../settings/digests.ts";
import { asMap, type Finding, textAt } from "../finding.ts";
import { releases, type Rendered } from "../rendered.ts";

/** An image with its tag, and its digest where it has one. */
const image = /([\w.-]+(?::\d+)?(?:\/[\w.-]+)*:[\w.-]+)(?:@(sha256:\w+))?/g;

function texts(tree: unknown, path: readonly string[] = []): [path: string, text: string][] {
  if (typeof tree === "string") return [[path.join("/"), tree]];
  const children = Array.isArray(tree) ? Object.entries(tree as unknown[]) : Object.entries(asMap(tree) ?? {});
  return children.flatMap(([key, below]) => texts(below, [...path, key]));
}

/** Findings about what is pulled by another digest than the pinned one, or by none. */
export function checkDigests(
  { declared, machinery, settings }: Rendered,
  digests = known,
  images = chartImages,
): Finding[] {
  if (!settings.network.imagesByDigest) return [];
  const findings: Finding[] = [];
  const hold = (object: string, path: string, name: string, found: string | undefined, wanted: string | undefined) => {
    if (found === wanted) return;
    const message = `${name} has ${found ?? "no digest"} and not ${wanted ?? "none"}, as settings/digests.json says.`;
    findings.push({ check: "digests", object, path, message });
  };
  for (const object of [...declared, ...machinery])
    for (const [path, text] of texts(object))
      for (const [, name = "", digest] of text.matchAll(image))
        if (digest !== undefined || name in digests) hold(manifestId(object), path, name, digest, digests[name]);
  if (settings.charts.mirror !== undefined) return findings;
  for (const object of declared.filter(({ kind }) => kind === "OCIRepository")) {
    const name = `${textAt(object, "spec", "url")?.replace("oci://", "") ?? ""}:${textAt(object, "spec", "ref", "tag") ?? ""}`;
    hold(manifestId(object), "spec/ref/digest", name, textAt(object, "spec", "ref", "digest"), digests[name]);
  }
  for (const { name, chart, values } of releases(declared)) {
    if (chart === undefined) continue;
    for (const [path, wanted] of texts(digestValues(chart, values, images, digests)))
      hold(
        `HelmRelease ${fluxHome(settings).namespace}/${name}`,
        `spec/values/${path}`,
        chart.name,
        textAt(values, ...path.split("/")),
        wanted,
      );
  }
  return findings;
}
