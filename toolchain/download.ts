import { chmodSync, createWriteStream, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { extract } from "tar";
import { reasonOf } from "../components/unreachable.ts";
import { get, Measure, Unavailable } from "./outside.ts";
import type { Download, FileDownload } from "./pins.ts";
import { parseReference, type Platform, RegistryRepository } from "./registry-client.ts";

/**
 * The SHA-256 digest of `file` in a publisher's checksum file, which is a bare digest or lines of `digest  file`.
 *
 * @throws Error when the file is not in it
 */
function findDigest(checksums: string, file: string): string {
  const lines = checksums.split("\n").map((line) => line.trim().split(/\s+/));
  const digest =
    lines.find(([, name]) => name?.replace(/^\*/, "") === file)?.[0] ??
    (lines[0]?.length === 1 ? lines[0][0] : undefined);
  if (!digest || !/^[0-9a-f]{64}$/i.test(digest)) throw new Error(`no SHA-256 checksum of ${file} is published`);
  return digest.toLowerCase();
}

export interface Place {
  /** An empty folder. */
  readonly folder: string;
  readonly platform: Platform;
  /** Digests of images by their names with tag. */
  readonly digests: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** @throws Unavailable when the tool is not published for the platform */
export function findDownload(download: Download | undefined, { os, arch }: Platform): Download {
  if (download === undefined) throw new Unavailable("no program with a checksum is published");
  if (!download.platforms.some((published) => published === `${os}/${arch}`))
    throw new Unavailable(`no program for ${os}/${arch} is published`);
  return download;
}

/**
 * Downloads a program into `<folder>/ready`, checked against what its publisher says of it.
 *
 * @param version as in go.mod, with its `v`
 * @returns the host it came from
 * @throws Unavailable when it cannot be had now
 * @throws Error when what came is not what the publisher says
 */
export async function downloadInto(name: string, version: string, download: Download, place: Place): Promise<string> {
  mkdirSync(join(place.folder, "ready"));
  const host = await ("image" in download
    ? fromImage(`${download.image}:${version}`, download.program, place)
    : fromFile(name, version, download, place));
  if (!existsSync(join(place.folder, "ready", name))) throw new Unavailable(`what ${host} has does not hold ${name}`);
  return host;
}

async function fromImage(
  image: string,
  program: string,
  { folder, platform, digests, signal }: Place,
): Promise<string> {
  const digest = digests[image];
  if (digest === undefined) throw new Unavailable(`settings/digests.json has no digest of ${image}`);
  const repository = new RegistryRepository(image, signal);
  const { layers = [] } = await repository.platformManifest(digest, platform);
  // What a program is in comes last: the layers below it, a distribution's, are not asked for.
  for (const layer of layers.toReversed()) {
    const file = join(folder, "layer");
    await repository.saveBlob(layer, file);
    const strip = program.split("/").length - 1;
    const filter = (path: string) => path.replace(/^\.?\//, "") === program;
    await extract({ file, cwd: join(folder, "ready"), strip, filter });
    if (readdirSync(join(folder, "ready")).length > 0) break;
  }
  return parseReference(image).registry;
}

async function fromFile(tool: string, version: string, download: FileDownload, place: Place): Promise<string> {
  const { folder, platform, signal } = place;
  const arch = platform.arch === "amd64" ? (download.amd64 ?? "amd64") : platform.arch;
  const fill = (template: string) =>
    template
      .replaceAll("{version}", version.replace(/^v/, ""))
      .replaceAll("{os}", platform.os)
      .replaceAll("{arch}", arch);
  const addresses = { url: fill(download.url), checksums: fill(download.checksums) };
  const fileName = basename(new URL(addresses.url).pathname);
  const file = join(folder, `${fileName}.part`);
  const measure = new Measure();
  let expected: string;
  try {
    expected = findDigest(await (await get(addresses.checksums, { signal })).text(), fileName);
    const { body } = await get(addresses.url, { signal });
    await pipeline(body ?? [], measure, createWriteStream(file), { signal });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Unavailable) throw error;
    throw new Unavailable(`${addresses.url}: ${reasonOf(error)}`);
  }
  const actual = measure.sha256();
  if (actual !== expected) {
    throw new Error(
      `${addresses.url} is not what its publisher says: SHA-256 ${actual}, expected ${expected} (${addresses.checksums}). ` +
        `Nothing was kept. Try again; if it stays so, something between this machine and the publisher alters files.`,
    );
  }
  const ready = join(folder, "ready");
  const { only } = download;
  if (fileName.endsWith(".tar.gz"))
    await extract({ file, cwd: ready, strip: 1, filter: (path) => !only || only.includes(basename(path)) });
  else {
    renameSync(file, join(ready, tool));
    chmodSync(join(ready, tool), 0o755);
  }
  return new URL(addresses.url).host;
}
