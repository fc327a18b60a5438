/**
 * A client of registries of images and charts, as far as something is taken from them (OCI distribution specification 1.1):
 * without Docker and without an account; what comes is held against its digest and its size. Docker's own names are
 * understood (`kindest/node` is on docker.io). Registries on this machine are asked without TLS.
 */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createWriteStream } from "node:fs";
import { reasonOf } from "../components/unreachable.ts";
import { ask, Measure, Unavailable, type Request } from "./outside.ts";

/** What a manifest says of a part of it (OCI image specification, "descriptor"). */
export interface Descriptor {
  readonly mediaType: string;
  /** `sha256:...` */
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

/** An image, a chart, or an index of images for several platforms. */
export interface Manifest {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}

/** As Go names them. */
export interface Platform {
  readonly os: string;
  readonly arch: string;
}

/** Indexes first: a tag for several platforms is pinned as a whole. */
const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

const digestForm = /^sha256:[0-9a-f]{64}$/;

/** Content is not what its digest says. */
class Altered extends Error {}

/** The parts of `<registry>/<name>:<tag>`, or of a name of Docker Hub's. */
export interface Reference {
  readonly registry: string;
  readonly name: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** Takes an image's or a chart's reference apart; `oci://` in front is let go. */
export function parseReference(reference: string): Reference {
  const [rest = "", digest] = reference.replace(/^oci:\/\//, "").split("@");
  const [, path = "", tag] = /^(.*?)(?::([^:/]+))?$/.exec(rest) ?? [];
  const [first = "", ...others] = path.split("/");
  // As Docker tells a host from a name (distribution/reference, "splitDockerDomain").
  const host = others.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const registry = host ? first : "docker.io";
  const name = host ? others.join("/") : path;
  return { registry, name: registry === "docker.io" && !name.includes("/") ? `library/${name}` : name, tag, digest };
}

/** `key="value"` pairs of a `WWW-Authenticate: Bearer` header. */
function challenge(header: string): Map<string, string> {
  return new Map([...header.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]));
}

/** One repository of a registry. */
export class RegistryRepository {
  readonly #base: string;
  readonly #name: string;
  readonly #signal: AbortSignal | undefined;
  #token: Promise<string> | undefined;

  /** @param address `<registry>/<name>`; a tag or digest is let go */
  constructor(address: string, signal?: AbortSignal) {
    const { registry, name } = parseReference(address);
    const host = registry === "docker.io" ? "registry-1.docker.io" : registry;
    const scheme = /^(127\.0\.0\.1|localhost)(:|$)/.test(host) ? "http" : "https";
    this.#base = `${scheme}://${host}/v2/${name}`;
    this.#name = name;
    this.#signal = signal;
  }

  /**
   * The digest that a tag has now: of the index, where there are several platforms.
   * @throws Unavailable when the registry cannot be reached, refuses, or has no such tag
   */
  async digestOf(tag: string): Promise<string> {
    const response = await this.#ask(`manifests/${tag}`, { method: "HEAD", headers: { accept: manifestTypes } });
    const digest = response.headers.get("docker-content-digest") ?? "";
    // The header is optional (distribution specification, "Checking if content exists").
    return digestForm.test(digest) ? digest : (await this.#manifest(tag)).digest;
  }

  /**
   * A manifest, by digest or by tag. By digest it is what was promised.
   * @throws Unavailable when it cannot be had now; Error when it is not what the digest says
   */
  async manifest(reference: string): Promise<Manifest> {
    return (await this.#manifest(reference)).manifest;
  }

  /**
   * The manifest of an image for one platform, of an index or as it is.
   * @throws Unavailable when there is none for the platform, too
   */
  async platformManifest(reference: string, { os, arch }: Platform): Promise<Manifest> {
    const manifest = await this.manifest(reference);
    if (manifest.manifests === undefined) return manifest;
    const found = manifest.manifests.find(({ platform }) => platform?.os === os && platform.architecture === arch);
    if (found === undefined) throw new Unavailable(`${this.#base}: ${reference} has nothing for ${os}/${arch}`);
    return this.manifest(found.digest);
  }

  /**
   * Writes a blob to a file, which is to be thrown away when this fails.
   * @throws Unavailable when it cannot be had, or not all of it came; Error when it is not what the digest says
   */
  async saveBlob({ digest, size }: Descriptor, file: string): Promise<void> {
    const response = await this.#ask(`blobs/${digest}`);
    const measure = new Measure();
    const body = response.body === null ? Readable.from([]) : Readable.fromWeb(response.body);
    try {
      await pipeline(body, measure, createWriteStream(file), { signal: this.#signal });
    } catch (error) {
      this.#signal?.throwIfAborted();
      throw new Unavailable(`${this.#base}/blobs/${digest}: ${reasonOf(error)}`);
    }
    if (measure.bytes < size)
      throw new Unavailable(`${this.#base}/blobs/${digest}: ${measure.bytes} of ${size} bytes came`);
    this.#hold(`sha256:${measure.sha256()}`, digest, `blobs/${digest}`);
  }

  async #manifest(reference: string): Promise<{ digest: string; manifest: Manifest }> {
    const path = `manifests/${reference}`;
    const response = await this.#ask(path, { headers: { accept: manifestTypes } });
    try {
      const content = Buffer.from(await response.arrayBuffer());
      const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
      if (digestForm.test(reference)) this.#hold(digest, reference, path);
      return { digest, manifest: JSON.parse(content.toString()) as Manifest };
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (error instanceof Altered) throw error;
      throw new Unavailable(`${this.#base}/${path}: ${reasonOf(error)}`);
    }
  }

  #hold(actual: string, promised: string, path: string): void {
    if (actual === promised) return;
    throw new Altered(
      `${this.#base}/${path} has the digest ${actual}. Nothing of it is kept. Try again; if it stays so, something between ` +
        "this machine and the registry alters files.",
    );
  }

  /** Asks for an anonymous token where the registry wants one, and for another when that has run out. */
  async #ask(path: string, request: Request = {}): Promise<Response> {
    const url = `${this.#base}/${path}`;
    for (let attempt = 0; ; attempt++) {
      const token = this.#token;
      const authorization: Record<string, string> =
        token === undefined ? {} : { authorization: `Bearer ${await token}` };
      const response = await ask(url, {
        ...request,
        headers: { ...request.headers, ...authorization },
        signal: this.#signal,
      });
      if (response.ok) return response;
      await response.body?.cancel();
      const header = response.headers.get("www-authenticate") ?? "";
      if (response.status !== 401 || attempt > 0 || !/^bearer /i.test(header)) {
        throw new Unavailable(`${url}: HTTP ${response.status}`);
      }
      // Requests side by side share one.
      if (this.#token === token) this.#token = this.#askToken(challenge(header));
    }
  }

  /** Distribution specification, "token": the right to read this repository, whatever the challenge names. */
  async #askToken(asked: ReadonlyMap<string, string>): Promise<string> {
    const url = new URL(asked.get("realm") ?? "");
    url.searchParams.set("scope", `repository:${this.#name}:pull`);
    const service = asked.get("service");
    if (service !== undefined) url.searchParams.set("service", service);
    const response = await ask(url.href, { signal: this.#signal });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Unavailable(`${url.origin}${url.pathname}: HTTP ${response.status}`);
    }
    const { token, access_token } = (await response.json()) as { token?: string; access_token?: string };
    return token ?? access_token ?? "";
  }
}
