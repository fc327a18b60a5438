import { createHash } from "node:crypto";
import { chmodSync, createWriteStream, mkdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract } from "tar";
import { fetchOutside } from "../components/company-network.ts";
import { reasonOf } from "../components/unreachable.ts";
import type { Download } from "./pins.ts";

/** Why a file cannot be had now (offline, refused, not published): the next way of obtaining the tool is tried. */
export class Unavailable extends Error {}

const answerSeconds = 5;
const stallSeconds = 30;

/** What is known of a host, for the life of the process: an offline machine waits for a host once. */
const unreachable = new Map<string, string>();

async function get(url: string, signal: AbortSignal | undefined): Promise<{ body: Readable; alive: () => void }> {
  const { host } = new URL(url);
  const known = unreachable.get(host);
  if (known) throw new Unavailable(known);

  const silence = new AbortController();
  let timer = setTimeout(() => {
    silence.abort(new Error(`no answer within ${answerSeconds} s`));
  }, answerSeconds * 1000);
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      silence.abort(new Error(`nothing received for ${stallSeconds} s`));
    }, stallSeconds * 1000);
    timer.unref();
  };

  let response: Response;
  try {
    response = await fetchOutside(url, { signal: signal ? AbortSignal.any([signal, silence.signal]) : silence.signal });
  } catch (error) {
    signal?.throwIfAborted();
    const reason = `${host}: ${reasonOf(error)}`;
    unreachable.set(host, reason);
    throw new Unavailable(reason);
  } finally {
    clearTimeout(timer);
  }
  if (!response.ok || !response.body) throw new Unavailable(`${url}: HTTP ${response.status}`);
  alive();
  return { body: Readable.fromWeb(response.body), alive };
}

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
  const hash = createHash("sha256");
  let expected: string;
  try {
    const checksums = await get(addresses.checksums, signal);
    expected = findDigest(Buffer.concat(await checksums.body.toArray()).toString(), fileName);
    const content = await get(addresses.url, signal);
    const measure = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        content.alive();
        hash.update(chunk);
        done(null, chunk);
      },
    });
    await pipeline(content.body, measure, createWriteStream(file), { signal });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Unavailable) throw error;
    throw new Unavailable(`${addresses.url}: ${reasonOf(error)}`);
  }
  const actual = hash.digest("hex");
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
