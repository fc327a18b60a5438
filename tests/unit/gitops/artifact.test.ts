/** The artifact that is pushed: its form, and that the same files are the same artifact. Pushing: tests/rehearsal/local.test.ts. */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { gunzipSync } from "node:zlib";
import { expect } from "chai";
import { extract, Parser } from "tar";
import { artifactOf } from "../../../components/gitops/artifact.ts";
import { contentFaults, contentFiles, hasFolder } from "../../../components/gitops/content.ts";

const files = (texts: Readonly<Record<string, string>>) =>
  new Map(Object.entries(texts).map(([path, text]) => [path, Buffer.from(text)]));
const sha256 = (content: Buffer) => `sha256:${createHash("sha256").update(content).digest("hex")}`;

const some = {
  "flux-repo/a.yaml": "a: 1\n",
  "@team/d.yaml": "d: 1\n",
  "flux-repo/deep/b.json": "{}",
  [`flux-repo/${"long/".repeat(40)}c`]: "c",
};

describe("the artifact that Flux fetches", () => {
  it("has the form that source-controller takes (fluxcd/pkg/oci 0.68)", async () => {
    const { content, blobs, digest } = artifactOf(files(some));
    const [config, layer] = blobs;
    if (config === undefined || layer === undefined) return expect.fail("no blobs");
    expect(digest).to.equal(sha256(content));
    expect(JSON.parse(content.toString())).to.deep.equal({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: {
        mediaType: "application/vnd.cncf.flux.config.v1+json",
        digest: sha256(config.content),
        size: config.content.length,
      },
      layers: [
        {
          mediaType: "application/vnd.cncf.flux.content.v1.tar+gzip",
          digest: sha256(layer.content),
          size: layer.content.length,
        },
      ],
    });
    const archive = gunzipSync(layer.content);
    const { rootfs } = JSON.parse(config.content.toString()) as { readonly rootfs: { readonly diff_ids: string[] } };
    expect(rootfs.diff_ids).to.deep.equal([sha256(archive)]);
    const folder = mkdtempSync(join(tmpdir(), "artifact-"));
    try {
      await pipeline(Readable.from([archive]), extract({ cwd: folder }));
      const unpacked = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
      expect(unpacked.map((one) => join(one.parentPath, one.name).slice(folder.length + 1)).sort()).to.deep.equal(
        Object.keys(some).sort(),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
    const told = new Set<string>();
    const parser = new Parser({
      onReadEntry(entry) {
        told.add(JSON.stringify([entry.uid, entry.gid, entry.uname, entry.gname, entry.mode, entry.mtime?.getTime()]));
        entry.resume();
      },
    });
    await pipeline(Readable.from([archive]), parser as unknown as NodeJS.WritableStream);
    expect([...told], "nothing of who made it, where or when").to.deep.equal([
      JSON.stringify([null, null, "", "", 0o644, 0]),
    ]);
  });

  it("is the same for the same files, in whatever order, and another for any other", () => {
    const { digest } = artifactOf(files(some));
    const backwards = new Map([...files(some)].reverse());
    expect(artifactOf(backwards).digest).to.equal(digest);
    const changes: readonly Readonly<Record<string, string>>[] = [
      { ...some, "flux-repo/a.yaml": "a: 2\n" },
      { ...some, "flux-repo/d": "" },
      { "flux-repo/a.yaml": "a: 1\n" },
    ];
    const others = changes.map((texts) => artifactOf(files(texts)).digest);
    expect(new Set([digest, ...others]).size).to.equal(4);
  });

  it("is of this project's content, which everybody can read, with a folder for any stack", () => {
    for (const stack of ["local", "another"]) {
      const folder = `flux-repo/clusters/${stack}`;
      const content = contentFiles({ folders: ["flux-repo"], environment: { folder, stack } });
      expect(hasFolder(content, folder), stack).to.equal(true);
      expect(contentFaults(content)).to.deep.equal([]);
      expect([...content.keys()].filter((path) => !path.startsWith("flux-repo/"))).to.deep.equal([]);
    }
  });

  it("is not made of what nobody can read: file, line and why", () => {
    expect(
      contentFaults(
        files({ "a.yaml": "a: 1\nb: [1\nc: 2\n", "b.json": '{"a": 1,}', "c.yml": "a: 1\n---\nb: 2\n", d: "{" }),
      ),
    ).to.satisfy(([yaml, json, ...more]: string[]) => {
      expect(yaml).to.match(/^a\.yaml, line [23], is not YAML: .+\.$/);
      expect(json).to.match(/^b\.json is not JSON: .+\.$/);
      return more.length === 0;
    });
  });
});
