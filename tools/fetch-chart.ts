/** Charts from where they are published, into the user's cache. */
import { createHash } from "node:crypto";
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { extract } from "tar";
import { parse } from "yaml";
import { fetchOutside } from "../components/company-network.ts";
import { reasonOf } from "../components/unreachable.ts";
import type { ChartPin } from "../settings/versions.ts";
import { withTemporaryFolder } from "./cache.ts";
import { cachedChart } from "./contract/charts.ts";

/** Where the cache has a chart as it is published, packed. */
export function chartArchive({ name, version }: ChartPin): string {
  return `${cachedChart(name, version)}.tgz`;
}

/** A chart cannot be had. */
export class ChartUnavailable extends Error {
  override readonly name = "ChartUnavailable";
}

const chartLayer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const timeoutSeconds = 30;

async function request(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  try {
    return await fetchOutside(url, { headers, signal: AbortSignal.timeout(timeoutSeconds * 1000) });
  } catch (error) {
    throw new ChartUnavailable(`${new URL(url).host}: ${reasonOf(error)}`);
  }
}

/** `key="value"` pairs of a `WWW-Authenticate: Bearer` header. */
function challenge(header: string): URLSearchParams {
  return new URLSearchParams(
    [...header.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]): [string, string] => [key, value]),
  );
}

/** A GET of a registry; asks for an anonymous token where the registry wants one (distribution specification, "token"). */
async function fromRegistry(url: string, accept: string): Promise<Buffer> {
  let response = await request(url, { accept });
  if (response.status === 401) {
    const asked = challenge(response.headers.get("www-authenticate") ?? "");
    const realm = asked.get("realm");
    if (realm === null) throw new ChartUnavailable(`${url}: HTTP 401, and no way to ask for a token`);
    asked.delete("realm");
    const answer = (await (await request(`${realm}?${asked.toString()}`)).json()) as {
      token?: string;
      access_token?: string;
    };
    response = await request(url, { accept, authorization: `Bearer ${answer.token ?? answer.access_token ?? ""}` });
  }
  if (!response.ok) throw new ChartUnavailable(`${url}: HTTP ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

function checkDigest(content: Buffer, digest: string, what: string): void {
  const sum = `sha256:${createHash("sha256").update(content).digest("hex")}`;
  if (sum !== digest) throw new Error(`${what} has ${sum}, but ${digest} was promised. Nothing of it is kept.`);
}

interface Manifest {
  readonly layers: readonly { readonly mediaType: string; readonly digest: string }[];
}

async function fromOci({ name, version, repository, digest }: ChartPin): Promise<Buffer> {
  const [host = "", ...rest] = repository.replace("oci://", "").split("/");
  // Registries on this machine have no certificate.
  const scheme = /^(127\.0\.0\.1|localhost)(:|$)/.test(host) ? "http" : "https";
  const base = `${scheme}://${host}/v2/${[...rest, name].join("/")}`;
  const text = await fromRegistry(`${base}/manifests/${digest ?? version.replaceAll("+", "_")}`, manifestType);
  if (digest !== undefined) checkDigest(text, digest, `The manifest of ${name} ${version}`);
  const layer = (JSON.parse(text.toString()) as Manifest).layers.find(({ mediaType }) => mediaType === chartLayer);
  if (layer === undefined) throw new ChartUnavailable(`${base}: ${version} is no Helm chart`);
  const content = await fromRegistry(`${base}/blobs/${layer.digest}`, "*/*");
  checkDigest(content, layer.digest, `${name} ${version}`);
  return content;
}

interface Index {
  readonly entries: Readonly<
    Record<string, readonly { readonly version: string; readonly urls: readonly string[]; readonly digest?: string }[]>
  >;
}

async function fromHttp({ name, version, repository }: ChartPin): Promise<Buffer> {
  const url = `${repository}/index.yaml`;
  const response = await request(url);
  if (!response.ok) throw new ChartUnavailable(`${url}: HTTP ${response.status}`);
  const entry = (parse(await response.text()) as Index).entries[name]?.find(
    (candidate) => candidate.version === version,
  );
  const [file] = entry?.urls ?? [];
  if (entry === undefined || file === undefined) throw new ChartUnavailable(`${url} has no ${name} ${version}`);
  const archive = await request(new URL(file, `${repository}/`).href);
  if (!archive.ok) throw new ChartUnavailable(`${archive.url}: HTTP ${archive.status}`);
  const content = Buffer.from(await archive.arrayBuffer());
  if (entry.digest !== undefined) checkDigest(content, `sha256:${entry.digest}`, `${name} ${version}`);
  return content;
}

/**
 * Fetches a chart, checked against the digest that its registry or index promises, and unpacks it into the cache, beside
 * its archive.
 *
 * @returns the folder with its files
 * @throws ChartUnavailable when the registry cannot be reached or has no such version
 */
export async function fetchChart(pin: ChartPin): Promise<string> {
  const content = await (pin.repository.startsWith("oci://") ? fromOci(pin) : fromHttp(pin));
  const folder = cachedChart(pin.name, pin.version);
  await withTemporaryFolder(folder, async (temporary) => {
    const archive = path.join(temporary, "chart.tgz");
    writeFileSync(archive, content);
    const unpacked = path.join(temporary, pin.name);
    await extract({ file: archive, cwd: temporary });
    if (!existsSync(path.join(unpacked, "Chart.yaml")))
      throw new Error(`${pin.name} ${pin.version} has no Chart.yaml.`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(unpacked, folder);
    renameSync(archive, chartArchive(pin));
  });
  return folder;
}
