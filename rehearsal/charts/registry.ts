/**
 * An OCI registry on 127.0.0.1, read-only, that serves Helm charts under one prefix: the stand-in for the charts'
 * own registries. It speaks what pulling needs of the OCI distribution specification, over plain HTTP and for everybody, or
 * as a company's registry over TLS and with a password (HTTP Basic, without the token service that others have).
 */
import { createHash } from "node:crypto";
import { startLoopback, type Answer, type Loopback, type LoopbackOptions } from "../loopback.ts";
import type { ChartArchive } from "./archive.ts";

/** Media types of a Helm chart as an OCI artifact. */
const mediaTypes = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.cncf.helm.config.v1+json",
  chart: "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
} as const;

/** A chart that the registry serves. */
export interface ServedChart {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** Digest of the manifest, `sha256:...`. */
  readonly digest: string;
}

/** The running registry. */
export interface ChartRegistry extends Loopback {
  /** `oci://127.0.0.1:PORT/charts`: a chart is `<address>/<name>`. Plain HTTP: Flux needs `insecure: true`. */
  readonly address: string;
  readonly charts: readonly ServedChart[];
  /** Serve one more chart; one of the same name and version is replaced. */
  add(chart: ChartArchive): ServedChart;
}

interface Repository {
  readonly tags: Map<string, string>;
  readonly manifests: Map<string, Buffer>;
  readonly blobs: Map<string, Buffer>;
}

const digestOf = (content: Uint8Array): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;

/** The tag of a version: a tag cannot hold the `+` of build metadata, and Helm writes `_` for it. */
function tagOf(version: string): string {
  return version.replaceAll("+", "_");
}

/** Start the registry. */
export async function startRegistry(
  charts: readonly ChartArchive[],
  port = 0,
  access: Pick<LoopbackOptions, "tls" | "credentials"> = {},
): Promise<ChartRegistry> {
  const repositories = new Map<string, Repository>();
  const served: ServedChart[] = [];

  function add(chart: ChartArchive): ServedChart {
    const repository = repositories.get(chart.name) ?? { tags: new Map(), manifests: new Map(), blobs: new Map() };
    repositories.set(chart.name, repository);
    const blob = (content: Buffer, mediaType: string): unknown => {
      const digest = digestOf(content);
      repository.blobs.set(digest, content);
      return { mediaType, digest, size: content.length };
    };
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        config: blob(Buffer.from(JSON.stringify(chart.metadata)), mediaTypes.config),
        layers: [blob(chart.content, mediaTypes.chart)],
        annotations: {
          "org.opencontainers.image.title": chart.name,
          "org.opencontainers.image.version": chart.version,
          "org.opencontainers.image.description": chart.description,
        },
      }),
    );
    const digest = digestOf(manifest);
    repository.manifests.set(digest, manifest);
    repository.tags.set(tagOf(chart.version), digest);
    const entry = { name: chart.name, version: chart.version, description: chart.description, digest };
    const old = served.findIndex(({ name, version }) => name === chart.name && version === chart.version);
    served.splice(old < 0 ? served.length : old, old < 0 ? 0 : 1, entry);
    return entry;
  }

  function answer(path: string): Answer {
    if (path === "/v2/" || path === "/v2") {
      return { status: 200, body: {}, headers: { "docker-distribution-api-version": "registry/2.0" } };
    }
    const [, name = "", kind = "", reference = ""] =
      /^\/v2\/charts\/([^/]+)\/(manifests|blobs|tags)\/(.+)$/.exec(path) ?? [];
    const repository = repositories.get(name);
    if (!repository) {
      return failure(404, "NAME_UNKNOWN", `the registry has no chart for ${path}`);
    }
    if (kind === "tags") {
      return reference === "list"
        ? { status: 200, body: { name: `charts/${name}`, tags: [...repository.tags.keys()].sort() } }
        : failure(404, "NAME_UNKNOWN", path);
    }
    const digest = kind === "manifests" ? (repository.tags.get(reference) ?? reference) : reference;
    const content = repository[kind === "manifests" ? "manifests" : "blobs"].get(digest);
    if (!content) {
      return kind === "manifests"
        ? failure(
            404,
            "MANIFEST_UNKNOWN",
            `${name} has no ${reference}, only ${[...repository.tags.keys()].join(", ")}`,
          )
        : failure(404, "BLOB_UNKNOWN", `${name} has no blob ${reference}`);
    }
    const type = kind === "manifests" ? mediaTypes.manifest : "application/octet-stream";
    return { status: 200, body: content, headers: { "content-type": type, "docker-content-digest": digest } };
  }

  charts.forEach(add);
  const loopback = await startLoopback(
    "oci-registry",
    (request, _response, url) => {
      request.resume();
      const reading = request.method === "GET" || request.method === "HEAD";
      return Promise.resolve(reading ? answer(url.pathname) : failure(405, "UNSUPPORTED", "the registry is read-only"));
    },
    { ...access, port },
  );
  return { ...loopback, address: `oci://127.0.0.1:${loopback.port}/charts`, charts: served, add };
}

function failure(status: number, code: string, message: string): Answer {
  return { status, body: { errors: [{ code, message }] } };
}
