/**
 * Digests of the images and charts that are pinned by tag: what a tag must lead to. `npm run digests` asks the registries and
 * writes the file; where it has none, the tag alone decides.
 */
import { readFileSync } from "node:fs";

/** Digest (`sha256:...`) by name with tag, as it is written where it is used: of the index, where there are several platforms. */
export const digests = JSON.parse(readFileSync(new URL("digests.json", import.meta.url), "utf8")) as Readonly<
  Record<string, string>
>;
