/** Charts from where they are published, into the user's cache. */
import { createWriteStream, existsSync, renameSync, rmSync } from "node:fs";
import * as path from "node:path";
import { pipeline } from "node:stream/promises";
import { extract } from "tar";
import { parse } from "yaml";
import { chartReference, type ChartPin } from "../settings/versions.ts";
import { withTemporaryFolder } from "../toolchain/cache.ts";
import { cachedChart } from "./charts.ts";
import { get, Measure, Unavailable } from "../toolchain/outside.ts";
import { parseReference, RegistryRepository } from "../toolchain/registry-client.ts";

/** Where the cache has a chart as it is published, packed. */
export function chartArchive({ name, version }: ChartPin): string {
  return `${cachedChart(name, version)}.tgz`;
}

const chartLayer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

async function fromOci(pin: ChartPin, file: string): Promise<void> {
  const { name, version, repository, digest } = pin;
  const registry = new RegistryRepository(`${repository}/${name}`);
  const { layers = [] } = await registry.manifest(digest ?? parseReference(chartReference(pin) ?? "").tag ?? version);
  const layer = layers.find(({ mediaType }) => mediaType === chartLayer);
  if (layer === undefined) throw new Unavailable(`${repository}/${name}: ${version} is no Helm chart`);
  await registry.saveBlob(layer, file);
}

interface Index {
  readonly entries: Readonly<
    Record<string, readonly { readonly version: string; readonly urls: readonly string[]; readonly digest?: string }[]>
  >;
}

async function fromHttp({ name, version, repository }: ChartPin, file: string): Promise<void> {
  const url = `${repository}/index.yaml`;
  const { entries } = parse(await (await get(url)).text()) as Index;
  const entry = entries[name]?.find((candidate) => candidate.version === version);
  const [address] = entry?.urls ?? [];
  if (entry === undefined || address === undefined) throw new Unavailable(`${url} has no ${name} ${version}`);
  const archive = new URL(address, `${repository}/`).href;
  const measure = new Measure();
  await pipeline((await get(archive)).body ?? [], measure, createWriteStream(file));
  const sum = measure.sha256();
  if (sum === entry.digest) return;
  throw new Error(
    entry.digest === undefined
      ? `${url} has no checksum of ${name} ${version}.`
      : `${archive} has SHA-256 ${sum}, but ${url} says ${entry.digest}. Nothing of it is kept.`,
  );
}

/**
 * Fetches a chart, checked against the digest that is pinned or that its registry or index promises, and unpacks it into the
 * cache, beside its archive.
 *
 * @returns the folder with its files
 * @throws Unavailable when the registry cannot be reached or has no such version
 */
export async function fetchChart(pin: ChartPin): Promise<string> {
  const folder = cachedChart(pin.name, pin.version);
  await withTemporaryFolder(folder, async (temporary) => {
    const archive = path.join(temporary, "chart.tgz");
    await (pin.repository.startsWith("oci://") ? fromOci(pin, archive) : fromHttp(pin, archive));
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
