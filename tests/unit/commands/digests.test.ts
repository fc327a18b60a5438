import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { chartImages, digests } from "../../../settings/digests.ts";
import { charts } from "../../../components/catalogue.ts";
import { chartReference } from "../../../settings/versions.ts";
import { imagesOf } from "../../../contract/chart-images.ts";
import { checkDigests } from "../../../contract/checks/digests.ts";
import { flipped } from "../../../contract/flips.ts";
import type { Rendered } from "../../../contract/rendered.ts";
import { digestsFile, refreshDigests, type RefreshDigests } from "../../../commands/digests.ts";
import { digestOf, mediaTypes, startTestRegistry, type TestRegistry } from "../../support/registry.ts";

const other = `sha256:${"0".repeat(64)}`;

describe("settings/digests.json", () => {
  it("has digests by names with a tag, in order, as npm run digests writes them", () => {
    for (const [name, digest] of Object.entries(digests)) {
      expect(name).to.match(/^[\w.-]+(:\d+)?(\/[\w.-]+)*:[\w.-]+$/);
      expect(digest).to.match(/^sha256:[0-9a-f]{64}$/);
    }
    expect(Object.keys(digests)).to.deep.equal(Object.keys(digests).sort());
  });

  it("pins the charts that it has", () => {
    for (const pin of Object.values(charts)) expect(pin.digest).to.equal(digests[chartReference(pin) ?? ""]);
    expect(chartReference({ name: "a", version: "1.0.0+b", repository: "oci://r.io/c" })).to.equal("r.io/c/a:1.0.0_b");
    expect(chartReference({ name: "a", version: "1.0.0", repository: "https://r.io/c" })).to.equal(undefined);
  });

  it("comes with the images of the charts that are pinned", () => {
    for (const { name, version } of Object.values(charts))
      expect(chartImages[name]?.version ?? version, name).to.equal(version);
  });
});

describe("npm run digests", function () {
  let folder: string;
  let registry: TestRegistry;
  let file: string;
  const of = (name: string) => `${registry.address}/${name}`;

  /** Pushes something new under a tag: an image for several platforms, or a chart. */
  async function push(name: string, tag: string, content: string, index = false) {
    const config = await registry.pushBlob(name, Buffer.from("{}"), mediaTypes.config);
    const layers = [await registry.pushBlob(name, Buffer.from(content), mediaTypes.layer)];
    const manifest = { mediaType: mediaTypes.manifest, config, layers };
    if (!index) return (await registry.pushManifest(name, manifest, tag)).digest;
    const platform = { os: "linux", architecture: "amd64" };
    const manifests = [{ ...(await registry.pushManifest(name, manifest)), platform }];
    return (await registry.pushManifest(name, { mediaType: mediaTypes.index, manifests }, tag)).digest;
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "digests-"));
    registry = await startTestRegistry(join(folder, "registry"));
  });
  after(async () => {
    await registry.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    file = join(folder, "digests.json");
    writeFileSync(file, "{}\n");
  });

  const written = () => JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;

  async function run(args: RefreshDigests): Promise<{ ok: boolean; lines: string }> {
    const lines: string[] = [];
    const { log } = console;
    console.log = (line: string) => void lines.push(line);
    try {
      return { ok: await refreshDigests({ file, ...args }), lines: lines.join("\n") };
    } finally {
      console.log = log;
    }
  }

  it("writes what the registry says: of an image for all platforms, and of a chart", async () => {
    const image = await push("team/app", "v1", "app", true);
    const chart = await push("charts/app", "1.0.0_b", "chart");
    const names = [of("team/app:v1"), of("charts/app:1.0.0_b")];
    const { ok, lines } = await run({ names });
    expect(ok).to.equal(true);
    expect(written()).to.deep.equal({ [of("charts/app:1.0.0_b")]: chart, [of("team/app:v1")]: image });
    expect(lines)
      .to.include(`${of("team/app:v1")}: ${image} is new`)
      .and.include("2 of 2 pinned, 2 changed, 0 without");
    expect(await run({ names, check: true })).to.deep.equal({
      ok: true,
      lines: "2 of 2 pinned, 0 changed, 0 without an answer.",
    });
  });

  it("tells of a tag that was moved and of what is no longer used, and changes nothing when it only looks", async () => {
    await push("team/moved", "v1", "first");
    await run({ names: [of("team/moved:v1")] });
    const before = { ...written(), [of("team/gone:v1")]: other };
    writeFileSync(file, JSON.stringify(before));
    const now = await push("team/moved", "v1", "second");
    const looked = await run({ names: [of("team/moved:v1")], check: true });
    expect(looked.ok).to.equal(false);
    expect(looked.lines).to.include(
      `${of("team/moved:v1")}: ${now}, and ${before[of("team/moved:v1")] ?? ""} until now`,
    );
    expect(looked.lines)
      .to.include(`${of("team/gone:v1")}: no longer used`)
      .and.include("Run npm run digests");
    expect(written()).to.deep.equal(before);
    expect((await run({ names: [of("team/moved:v1")] })).ok).to.equal(true);
    expect(written()).to.deep.equal({ [of("team/moved:v1")]: now });
  });

  it("keeps what nobody answers for, pins nothing that it was not told, and says both", async () => {
    const there = await push("team/there", "v1", "there");
    writeFileSync(file, JSON.stringify({ "127.0.0.1:1/a/b:v1": other, "127.0.0.1:1/a/old:v1": other }));
    const names = ["127.0.0.1:1/a/b:v1", "127.0.0.1:1/a/c:v1", of("team/there:v1"), of("team/there:v2")];
    const problems = ["images of Flux: the network is gone"];
    const { ok, lines } = await run({ names, problems });
    expect(ok).to.equal(false);
    expect(lines).to.match(/a\/b:v1: stays as it is, 127\.0\.0\.1:1: /);
    expect(lines)
      .to.match(/a\/c:v1: not pinned, /)
      .and.match(/team\/there:v2: not pinned, .*HTTP 404/);
    expect(lines).to.include(problems[0]).and.include("2 of 4 pinned, 1 changed, 3 without an answer.");
    // What is used is not known in full: nothing is forgotten.
    expect(Object.keys(written())).to.have.members(["127.0.0.1:1/a/b:v1", "127.0.0.1:1/a/old:v1", of("team/there:v1")]);
    expect(written()[of("team/there:v1")]).to.equal(there);
    expect((await run({ names, check: true })).ok).to.equal(false);
  });

  it("is about the project's own file otherwise", () => {
    expect(JSON.parse(readFileSync(digestsFile, "utf8"))).to.deep.equal(digests);
  });
});

describe("Images of a chart", () => {
  const image = { registry: "string", repository: "string", tag: "string" };
  const facts = {
    version: "1.0.0",
    values: {
      app: { image: { ...image, digest: "string" } },
      proxy: { image: { ...image, sha: "string" } },
      side: { image: { ...image, sha: "string" }, enabled: "boolean" },
      off: { image: { ...image, digest: "string" } },
      file: { sha: "string" },
    },
  };

  /** What three charts make of their values: `@<digest>` in place of the tag, `@sha256:<sha>` after it, and `@<sha>` after it. */
  const render = (values: object) => {
    const { app, proxy, side } = values as Record<string, { image?: { digest?: string; sha?: string } } | undefined>;
    const digest = app?.image?.digest;
    const sha = proxy?.image?.sha;
    const full = side?.image?.sha;
    return `image: "quay.io/team/app${digest === undefined ? ":v1" : `@${digest}`}"
      args: [--proxy=docker.io/team/proxy:2.0${sha === undefined ? "" : `@sha256:${sha}`}]
      image: registry.k8s.io/team/side:v3${full === undefined ? "" : `@${full}`}\n`;
  };

  it("are found by a digest of its own at each place, in arguments, too, in the form that the place takes", () => {
    expect(imagesOf(facts, { app: { replicas: 2 } }, render)).to.deep.equal({
      version: "1.0.0",
      digests: { "app/image/digest": "quay.io/team/app:v1", "side/image/sha": "registry.k8s.io/team/side:v3" },
      checksums: { "proxy/image/sha": "docker.io/team/proxy:2.0" },
    });
  });
});

describe("The check of digests", () => {
  const name = "quay.io/team/app:v1";
  const chart = "r.io/charts/app:1.0.0";
  const right = digestOf("app");
  const official = "registry:3.1.2";
  const pinned = { [name]: right, [chart]: right, [official]: right };
  const images = { app: { version: "1.0.0", digests: { "image/digest": name }, checksums: {} } };
  const metadata = { name: "app", namespace: "flux-system" };
  const settings = (imagesByDigest: boolean) => ({ network: { imagesByDigest }, charts: {}, provided: [] });

  /** Findings about an image, a chart's source and a release with other digests than the pinned ones. */
  const found = (deployed: string, source: string | undefined, value: string | undefined, imagesByDigest = true) =>
    checkDigests(
      {
        settings: settings(imagesByDigest),
        machinery: [],
        declared: [
          { apiVersion: "apps/v1", kind: "Deployment", metadata, spec: { containers: [{ image: deployed }] } },
          {
            apiVersion: "source.toolkit.fluxcd.io/v1",
            kind: "OCIRepository",
            metadata,
            spec: { url: "oci://r.io/charts/app", ref: { tag: "1.0.0", digest: source } },
          },
          {
            apiVersion: "helm.toolkit.fluxcd.io/v2",
            kind: "HelmRelease",
            metadata,
            spec: { chartRef: { kind: "OCIRepository", name: "app" }, values: { image: { digest: value } } },
          },
        ],
      } as unknown as Rendered,
      pinned,
      images,
    ).map(({ object }) => object);

  it("finds an image, a chart and a chart's image without their digest, or with another", () => {
    expect(found(`${name}@${right}`, right, right)).to.deep.equal([]);
    for (const wrong of [undefined, other]) {
      expect(found(wrong === undefined ? name : `${name}@${wrong}`, right, right)).to.deep.equal([
        "Deployment flux-system/app",
      ]);
      expect(found(`${name}@${right}`, wrong, right)).to.deep.equal(["OCIRepository flux-system/app"]);
      expect(found(`${name}@${right}`, right, wrong)).to.deep.equal(["HelmRelease flux-system/app"]);
    }
    expect(found(name, undefined, undefined, false)).to.deep.equal([]);
    expect(found(`--image=${official}@${right}`, right, right)).to.deep.equal([]);
    expect(found(`--image=${official}`, right, right)).to.deep.equal(["Deployment flux-system/app"]);
  });

  it("finds what the mutation proof makes of a digest", () => {
    expect(found(String(flipped(`${name}@${right}`)), right, right)).to.deep.equal(["Deployment flux-system/app"]);
    expect(found(`${name}@${right}`, String(flipped(right)), right)).to.deep.equal(["OCIRepository flux-system/app"]);
  });
});
