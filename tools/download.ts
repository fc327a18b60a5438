import { chmodSync, createWriteStream, mkdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { extract } from "tar";
import { reasonOf } from "../components/unreachable.ts";
import { get, Measure, Unavailable } from "./outside.ts";
import type { Download } from "./pins.ts";

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

/** The addresses of a tool's download for one platform, or undefined when none is published for it. */
export function downloadAddresses(
  download: Download,
  version: string,
  platform: { readonly os: string; readonly arch: string },
): { readonly url: string; readonly checksums: string } | undefined {
  if (!download.platforms.some((published) => published === `${platform.os}/${platform.arch}`)) return undefined;
  const arch = platform.arch === "amd64" ? (download.amd64 ?? "amd64") : platform.arch;
  const fill = (template: string) =>
    template
      .replaceAll("{version}", version.replace(/^v/, ""))
      .replaceAll("{os}", platform.os)
      .replaceAll("{arch}", arch);
  return { url: fill(download.url), checksums: fill(download.checksums) };
}

/**
 * Downloads a program, or an archive of programs, into `folder`, and checks it against the publisher's checksum.
 *
 * @throws Unavailable when it cannot be had now
 * @throws Error when what came is not what the publisher's checksum says
 */
export async function downloadInto(
  folder: string,
  tool: string,
  download: Download,
  addresses: { readonly url: string; readonly checksums: string },
  signal?: AbortSignal,
): Promise<void> {
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
  if (fileName.endsWith(".tar.gz")) {
    const unpacked = join(folder, "unpacked");
    mkdirSync(unpacked);
    const { only } = download;
    await extract({ file, cwd: unpacked, strip: 1, filter: (path) => !only || only.includes(basename(path)) });
    renameSync(unpacked, join(folder, "ready"));
  } else {
    mkdirSync(join(folder, "ready"));
    renameSync(file, join(folder, "ready", tool));
    chmodSync(join(folder, "ready", tool), 0o755);
  }
}
