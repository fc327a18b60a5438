/**
 * A real registry on this machine, the distribution project's: it hands out nothing without a token that it has checked.
 * Who gives the tokens is a stand-in, and so is the front through which a test breaks what the registry answers.
 */
import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { freePorts, guard, launch, reap } from "../../rehearsal/control-plane/processes.ts";
import { type Answer, type Loopback, startLoopback } from "../../rehearsal/loopback.ts";
import type { Descriptor, Manifest } from "../../toolchain/registry-client.ts";
import { obtain } from "../../toolchain/obtain.ts";
import { until } from "./until.ts";

export const digestOf = (content: string | Buffer) => `sha256:${createHash("sha256").update(content).digest("hex")}`;

export const mediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
} as const;

/** Changes an answer of the registry before it goes out; `undefined` leaves it as it is. */
export type Break = (path: string, answer: Answer) => Answer | undefined;

export interface TestRegistry {
  /** `127.0.0.1:<port>`, of the front. */
  readonly address: string;
  /** What the front was asked. */
  readonly requests: Loopback["requests"];
  /** Scopes that tokens were asked for. */
  readonly scopes: readonly string[];
  /** How answers are broken from now on. @default not at all */
  breakWith(how: Break | undefined): void;
  /** Has blobs answered with a redirect to another server, which refuses who sends it the registry's token. */
  redirectBlobs(on: boolean): void;
  pushBlob(name: string, content: Buffer, mediaType: string): Promise<Descriptor>;
  /** @param tag absent: by digest */
  pushManifest(name: string, manifest: Manifest & { mediaType: string }, tag?: string): Promise<Descriptor>;
  close(): Promise<void>;
}

/** @param dir an empty folder, removed at the end */
export async function startTestRegistry(dir: string): Promise<TestRegistry> {
  const { registry } = await obtain(["registry"]);
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = "token-stand-in";
  const service = "registry";
  const kid = "test";
  const issue = (access: readonly { type: string; name: string; actions: string[] }[]) => {
    const now = Math.floor(Date.now() / 1000);
    const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
    const claims = { iss: issuer, aud: service, sub: "", jti: randomUUID(), nbf: now - 60, exp: now + 300, access };
    const signed = `${encoded({ typ: "JWT", alg: "ES256", kid })}.${encoded(claims)}`;
    const signature = sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" });
    return `${signed}.${signature.toString("base64url")}`;
  };

  const scopes: string[] = [];
  const tokens = await startLoopback(issuer, (request, _response, url) => {
    request.resume();
    const scope = url.searchParams.get("scope") ?? "";
    scopes.push(scope);
    const [type = "", name = "", actions = ""] = scope.split(":");
    if (url.searchParams.get("service") !== service || actions !== "pull") return Promise.resolve({ status: 400 });
    return Promise.resolve({ status: 200, body: { token: issue([{ type, name, actions: ["pull"] }]) } });
  });

  mkdirSync(dir, { recursive: true });
  const [port = 0] = await freePorts(1);
  writeFileSync(join(dir, "jwks.json"), JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid }] }));
  const realm = `http://127.0.0.1:${tokens.port}/token`;
  writeFileSync(
    join(dir, "config.yml"),
    stringify({
      version: 0.1,
      log: { level: "error" },
      storage: { filesystem: { rootdirectory: join(dir, "storage") } },
      http: { addr: `127.0.0.1:${port}`, secret: randomUUID() },
      auth: { token: { realm, service, issuer, jwks: join(dir, "jwks.json") } },
    }),
  );
  const watcher = guard(dir);
  launch(dir, { name: "registry", command: registry, args: ["serve", join(dir, "config.yml")] });
  const origin = `http://127.0.0.1:${port}`;
  await until(
    "the registry answers",
    async () => (await fetch(`${origin}/v2/`).catch(() => undefined))?.status === 401,
  );

  /** Asks the registry itself, with every right. */
  const owned = async (method: string, address: string, name: string, body?: Buffer, contentType?: string) => {
    const token = issue([{ type: "repository", name, actions: ["pull", "push"] }]);
    const response = await fetch(address, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": contentType ?? "application/octet-stream" },
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${address}: HTTP ${response.status} ${await response.text()}`);
    return response;
  };

  // Where ghcr.io has its blobs, a request with two authorizations is refused.
  const store = await startLoopback("blob-store", async (request, _response, url) => {
    request.resume();
    if (request.headers.authorization !== undefined) return { status: 400 };
    const [, name = ""] = /^\/v2\/(.+)\/blobs\//.exec(url.pathname) ?? [];
    return { status: 200, body: Buffer.from(await (await owned("GET", origin + url.pathname, name)).arrayBuffer()) };
  });

  let broken: Break | undefined;
  let redirects = false;
  const front = await startLoopback("registry-front", async (request, _response, url) => {
    request.resume();
    const { authorization } = request.headers;
    const response = await fetch(origin + url.pathname, {
      method: request.method ?? "GET",
      headers: { accept: request.headers.accept ?? "*/*", ...(authorization === undefined ? {} : { authorization }) },
    });
    if (redirects && response.ok && url.pathname.includes("/blobs/"))
      return { status: 307, headers: { location: `http://127.0.0.1:${store.port}${url.pathname}` } };
    const passed = ["content-type", "docker-content-digest", "www-authenticate"].flatMap((header) => {
      const value = response.headers.get(header);
      return value === null ? [] : [[header, value]];
    });
    const answer: Answer = {
      status: response.status,
      body: Buffer.from(await response.arrayBuffer()),
      headers: Object.fromEntries(passed) as Record<string, string>,
    };
    return (response.ok ? broken?.(url.pathname, answer) : undefined) ?? answer;
  });

  return {
    address: `127.0.0.1:${front.port}`,
    requests: front.requests,
    scopes,
    breakWith(how) {
      broken = how;
    },
    redirectBlobs(on) {
      redirects = on;
    },
    async pushBlob(name, content, mediaType) {
      const digest = digestOf(content);
      const start = await owned("POST", `${origin}/v2/${name}/blobs/uploads/`, name);
      const location = new URL(start.headers.get("location") ?? "", origin);
      location.searchParams.set("digest", digest);
      await owned("PUT", location.href, name, content);
      return { mediaType, digest, size: content.length };
    },
    async pushManifest(name, manifest, tag) {
      const content = Buffer.from(JSON.stringify({ schemaVersion: 2, ...manifest }));
      const digest = digestOf(content);
      await owned("PUT", `${origin}/v2/${name}/manifests/${tag ?? digest}`, name, content, manifest.mediaType);
      return { mediaType: manifest.mediaType, digest, size: content.length };
    },
    async close() {
      await Promise.all([front.close(), store.close(), tokens.close()]);
      await reap(dir);
      await watcher.release();
    },
  };
}
