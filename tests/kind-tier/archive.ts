/** Images without a container engine: archives in the format of `docker save`, which Docker and containerd load. */
import { createHash } from "node:crypto";
import { createReadStream, linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "../../toolchain/run.ts";

/** What a container of the image runs, as in the `config` of the OCI image specification. */
export interface ImageConfig {
  readonly Entrypoint: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly WorkingDir?: string;
  readonly User?: string;
  readonly StopSignal?: string;
}

const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/**
 * Writes an image of one layer.
 *
 * @param file where the archive goes; it is there whole or not at all
 * @param names `registry/repository:tag`, all for the same image
 * @param layer an uncompressed tar archive of the image's files, in the same file system as `file`
 */
export async function writeImage(
  file: string,
  names: readonly string[],
  layer: string,
  config: ImageConfig,
): Promise<void> {
  const folder = mkdtempSync(join(dirname(file), "image-"));
  try {
    const layerDigest = await sha256(layer);
    const text = JSON.stringify({
      architecture: architectures[process.arch] ?? process.arch,
      os: "linux",
      created: "1970-01-01T00:00:00Z",
      config,
      rootfs: { type: "layers", diff_ids: [`sha256:${layerDigest}`] },
      history: [{ created: "1970-01-01T00:00:00Z", created_by: "tests/kind-tier/archive.ts" }],
    });
    const configFile = `${createHash("sha256").update(text).digest("hex")}.json`;
    mkdirSync(join(folder, layerDigest));
    linkSync(layer, join(folder, layerDigest, "layer.tar"));
    writeFileSync(join(folder, configFile), text);
    const manifest = [{ Config: configFile, RepoTags: names, Layers: [`${layerDigest}/layer.tar`] }];
    writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
    await pack(folder, `${file}.tmp`, ["manifest.json", configFile, layerDigest]);
    renameSync(`${file}.tmp`, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(`${file}.tmp`, { force: true });
  }
}

/** An uncompressed tar archive with the same bytes for the same files, whenever it is made. */
export async function pack(
  folder: string,
  file: string,
  entries: readonly string[],
  options: readonly string[] = [],
): Promise<void> {
  const stable = ["--sort=name", "--mtime=@0", "--numeric-owner", ...options];
  const packed = await run("tar", [...stable, "-C", folder, "-cf", file, "--", ...entries]);
  if (packed.code !== 0) throw new Error(`tar could not make ${file}:\n${packed.stderr}`);
}

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
