import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Unavailable } from "../../../toolchain/outside.ts";
import { parseReference, RegistryRepository, type Descriptor } from "../../../toolchain/registry-client.ts";
import { errorOf } from "../../support/failure.ts";
import { digestOf, mediaTypes, startTestRegistry, type TestRegistry } from "../../support/registry.ts";

describe("Client of registries", function () {
  const name = "team/tool";
  const amd64 = Buffer.from("the layer for amd64");
  let folder: string;
  let registry: TestRegistry;
  let index: Descriptor;
  let layer: Descriptor;
  let client: RegistryRepository;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "registry-client-"));
    registry = await startTestRegistry(join(folder, "registry"));
    const config = await registry.pushBlob(name, Buffer.from("{}"), mediaTypes.config);
    const of = async (content: Buffer) => {
      const pushed = await registry.pushBlob(name, content, mediaTypes.layer);
      const manifest = { mediaType: mediaTypes.manifest, config, layers: [pushed] };
      return { pushed, manifest: await registry.pushManifest(name, manifest) };
    };
    const first = await of(amd64);
    const second = await of(Buffer.from("the layer for arm64"));
    layer = first.pushed;
    index = await registry.pushManifest(
      name,
      {
        mediaType: mediaTypes.index,
        manifests: [
          { ...first.manifest, platform: { os: "linux", architecture: "amd64" } },
          { ...second.manifest, platform: { os: "linux", architecture: "arm64" } },
        ],
      },
      "v1",
    );
  });
  after(async () => {
    await registry.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    client = new RegistryRepository(`${registry.address}/${name}`);
  });
  afterEach(() => {
    registry.breakWith(undefined);
    registry.redirectBlobs(false);
  });

  const save = (descriptor: Descriptor) => client.saveBlob(descriptor, join(folder, "blob"));

  for (const [text, expected] of [
    ["kindest/node:v1.36.1", "docker.io kindest/node v1.36.1"],
    ["alpine", "docker.io library/alpine undefined"],
    ["oci://quay.io/jetstack/charts/cert-manager:v1.21.1", "quay.io jetstack/charts/cert-manager v1.21.1"],
    ["127.0.0.1:5000/a/b", "127.0.0.1:5000 a/b undefined"],
    ["localhost/a", "localhost a undefined"],
  ] as const) {
    it(`takes ${text} apart`, () => {
      const { registry: host, name: path, tag } = parseReference(text);
      expect(`${host} ${path} ${tag}`).to.equal(expected);
      expect(parseReference(`${text}@sha256:12`)).to.deep.equal({
        registry: host,
        name: path,
        tag,
        digest: "sha256:12",
      });
    });
  }

  it("goes from a tag to the digest of all its platforms, with one token for this repository", async () => {
    const asked = registry.scopes.length;
    expect(await client.digestOf("v1")).to.equal(index.digest);
    const { layers } = await client.platformManifest(index.digest, { os: "linux", arch: "amd64" });
    await Promise.all([save(layer), client.digestOf("v1"), client.digestOf("v1")]);
    expect(readFileSync(join(folder, "blob")).equals(amd64)).to.equal(true);
    expect(layers).to.deep.equal([layer]);
    expect(registry.scopes.slice(asked)).to.deep.equal([`repository:${name}:pull`]);
  });

  it("works the digest out where the registry does not say it", async () => {
    registry.breakWith((_, answer) => ({ ...answer, headers: { ...answer.headers, "docker-content-digest": "" } }));
    expect(await client.digestOf("v1")).to.equal(index.digest);
  });

  it("follows a redirect to where the blobs are, without the token", async () => {
    registry.redirectBlobs(true);
    await save(layer);
    expect(readFileSync(join(folder, "blob")).equals(amd64)).to.equal(true);
  });

  it("refuses a manifest and a blob that are not what their digests say", async () => {
    registry.breakWith((_, answer) => ({ ...answer, body: `${String(answer.body)} ` }));
    for (const what of [() => client.manifest(index.digest), () => save(layer)]) {
      const error = await errorOf(what());
      expect(error).to.not.be.instanceOf(Unavailable);
      expect(error.message).to.match(/has the digest sha256:\w{64}. Nothing of it is kept/);
    }
  });

  it("says of a blob that ends early how much of it came, also where the connection breaks", async () => {
    registry.breakWith((path, answer) =>
      path.includes("/blobs/") ? { ...answer, body: (answer.body as Buffer).subarray(0, 5) } : undefined,
    );
    expect(await errorOf(save(layer)))
      .to.be.instanceOf(Unavailable)
      .with.property("message")
      .that.includes(`5 of ${layer.size} bytes came`);
    registry.breakWith((path, answer) =>
      path.includes("/blobs/") ? { ...answer, headers: { "content-length": "4" } } : undefined,
    );
    expect(await errorOf(save(layer))).to.be.instanceOf(Unavailable);
  });

  it("says what a registry has not, refuses or cannot say", async () => {
    const missing = { ...layer, digest: digestOf("nobody pushed this") };
    for (const [what, said] of [
      [() => client.digestOf("v2"), "manifests/v2: HTTP 404"],
      [() => save(missing), "HTTP 404"],
      [() => client.platformManifest("v1", { os: "linux", arch: "riscv64" }), "nothing for linux/riscv64"],
      [() => new RegistryRepository("127.0.0.1:1/a/b").digestOf("v1"), "127.0.0.1:1: "],
    ] as const) {
      expect(await errorOf(what()))
        .to.be.instanceOf(Unavailable)
        .with.property("message")
        .that.includes(said);
    }
    registry.breakWith((_, answer) => ({ ...answer, body: "<html>Please sign in to the guest network</html>" }));
    expect(await errorOf(client.manifest("v1"))).to.be.instanceOf(Unavailable);
  });
});
