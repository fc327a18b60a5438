/**
 * Files as an OCI artifact that Flux fetches, and how it gets into a registry. What source-controller takes and `flux push
 * artifact` writes (fluxcd/pkg/oci 0.68, `push.go`, `globals.go`): an image manifest with a configuration and one layer, the
 * files as a gzipped tar archive. The same files are the same bytes: nothing says when, where or by whom it was made.
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { Header } from "tar/header";
import { Pax } from "tar/pax";
import { reasonOf } from "../unreachable.ts";

const mediaTypes = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.cncf.flux.config.v1+json",
  layer: "application/vnd.cncf.flux.content.v1.tar+gzip",
} as const;

/** Name and tag of the artifact in its registry. */
export const artifactName = "flux-repo";
export const artifactTag = "latest";

interface Blob {
  readonly digest: string;
  readonly content: Buffer;
}

export interface Artifact extends Blob {
  /** The configuration and the layer; the artifact's own content is the manifest. */
  readonly blobs: readonly Blob[];
}

function blob(content: Buffer): Blob {
  return { digest: `sha256:${createHash("sha256").update(content).digest("hex")}`, content };
}

/** The artifact of some files, by path. */
export function artifactOf(files: ReadonlyMap<string, Buffer>): Artifact {
  const paths = [...files.keys()].sort();
  const archive = packed(paths, files);
  const zipped = gzipSync(archive);
  // The operating system that zipped it (RFC 1952, "OS"): unknown.
  zipped[9] = 255;
  const layer = blob(zipped);
  const config = blob(
    Buffer.from(
      JSON.stringify({
        architecture: "",
        os: "",
        config: {},
        rootfs: { type: "layers", diff_ids: [blob(archive).digest] },
      }),
    ),
  );
  const descriptor = (mediaType: string, { digest, content }: Blob) => ({ mediaType, digest, size: content.length });
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: descriptor(mediaTypes.config, config),
    layers: [descriptor(mediaTypes.layer, layer)],
  };
  return { ...blob(Buffer.from(JSON.stringify(manifest))), blobs: [config, layer] };
}

/** A tar archive without what differs from machine to machine. */
function packed(paths: readonly string[], files: ReadonlyMap<string, Buffer>): Buffer {
  const blocks = paths.flatMap((name) => {
    const content = files.get(name) ?? Buffer.alloc(0);
    const entry = { path: name, size: content.length, mtime: new Date(0) };
    const header = new Header({ ...entry, mode: 0o644, type: "File" });
    // A path for which a header has no room is in one of its own before it.
    const longer = header.encode() ? [new Pax(entry).encode()] : [];
    return [...longer, header.block ?? Buffer.alloc(512), content, Buffer.alloc(-content.length & 511)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** The registry did not take the artifact, or does not answer. */
export class NotPushed extends Error {
  override readonly name = "NotPushed";
}

/**
 * Puts an artifact into a registry of this host that asks for no credentials (OCI distribution specification 1.1, "Pushing").
 * @param registry `127.0.0.1:<port>`
 * @returns false when it is there already, under its tag
 * @throws NotPushed with the registry's answer
 */
export async function pushArtifact(registry: string, artifact: Artifact): Promise<boolean> {
  const base = `http://${registry}/v2/${artifactName}`;
  const manifest = `${base}/manifests/${artifactTag}`;
  const headers = { accept: mediaTypes.manifest };
  const there = await ask(manifest, { method: "HEAD", headers }, [200, 404]);
  if (there.headers.get("docker-content-digest") === artifact.digest) return false;
  for (const { digest, content } of artifact.blobs) {
    const { status } = await ask(`${base}/blobs/${digest}`, { method: "HEAD" }, [200, 404]);
    if (status === 200) continue;
    const { headers: session } = await ask(`${base}/blobs/uploads/`, { method: "POST" }, [202]);
    const upload = new URL(session.get("location") ?? "", base);
    upload.searchParams.set("digest", digest);
    const body = new Uint8Array(content);
    await ask(upload.href, { method: "PUT", body, headers: { "content-type": "application/octet-stream" } }, [201]);
  }
  const body = new Uint8Array(artifact.content);
  await ask(manifest, { method: "PUT", body, headers: { "content-type": mediaTypes.manifest } }, [201]);
  return true;
}

/** Never through a proxy: it is this host. */
async function ask(url: string, request: RequestInit, expected: readonly number[]): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { ...request, signal: AbortSignal.timeout(30_000) });
  } catch (error) {
    throw new NotPushed(`the registry at ${new URL(url).host} does not answer: ${reasonOf(error)}`);
  }
  const text = await response.text();
  if (expected.includes(response.status)) return response;
  throw new NotPushed(`${request.method ?? "GET"} ${url}: HTTP ${response.status} ${text.trim().slice(0, 300)}`);
}

/** Waits until a registry answers, which it does a moment after its container is started. @throws NotPushed */
export async function registryAnswers(registry: string, milliseconds = 30_000): Promise<void> {
  for (const late = Date.now() + milliseconds; ;) {
    try {
      await ask(`http://${registry}/v2/`, {}, [200]);
      return;
    } catch (error) {
      if (!(error instanceof NotPushed) || Date.now() > late) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
