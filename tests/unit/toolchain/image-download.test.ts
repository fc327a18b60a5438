/** Tools that are taken out of images, from a real registry on this machine. */
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { create } from "tar";
import { type Catalogue, obtainFrom } from "../../../toolchain/obtain.ts";
import { type Authority, makeAuthority } from "../../support/authority.ts";
import { errorOf } from "../../support/failure.ts";
import { startProxy } from "../../support/proxy.ts";
import { digestOf, mediaTypes, startTestRegistry, type TestRegistry } from "../../support/registry.ts";

const run = promisify(execFile);
const arch = process.arch === "x64" ? "amd64" : process.arch;

describe("Tools out of images", function () {
  const name = "team/tool";
  let folder: string;
  let cache: string;
  let registry: TestRegistry;
  let digest: string;

  /** A layer as `docker build` makes it, of files with what they hold. */
  async function layer(files: Readonly<Record<string, string>>): Promise<Buffer> {
    const root = mkdtempSync(join(folder, "layer-"));
    for (const [file, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), content);
      chmodSync(join(root, file), 0o755);
    }
    await create({ cwd: root, gzip: true, file: `${root}.tgz`, portable: true }, readdirSync(root));
    return readFileSync(`${root}.tgz`);
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "image-download-"));
    registry = await startTestRegistry(join(folder, "registry"));
    const config = await registry.pushBlob(name, Buffer.from("{}"), mediaTypes.config);
    const of = async (...contents: Buffer[]) => {
      const layers = [];
      for (const content of contents) layers.push(await registry.pushBlob(name, content, mediaTypes.layer));
      return registry.pushManifest(name, { mediaType: mediaTypes.manifest, config, layers });
    };
    const program = (says: string) => ({ "usr/local/bin/tool": `#!/bin/sh\necho ${says}\n` });
    const own = await of(
      await layer({ "bin/busybox": "the distribution", ...program("an old one below") }),
      await layer({ ...program("from the image"), "usr/local/bin/other": "not asked for" }),
      await layer({ "etc/passwd": "nobody" }),
    );
    const other = await of(await layer(program("another platform")));
    const index = {
      mediaType: mediaTypes.index,
      manifests: [
        { ...other, platform: { os: "linux", architecture: "s390x" } },
        { ...own, platform: { os: process.platform, architecture: arch } },
      ],
    };
    ({ digest } = await registry.pushManifest(name, index, "v2.5.1"));
    mkdirSync(join(folder, "tools", "set"), { recursive: true });
    writeFileSync(join(folder, "tools", "set", "go.mod"), "module set\n\nrequire example.org/tool v2.5.1\n");
  });
  after(async () => {
    await registry.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    cache = mkdtempSync(join(folder, "cache-"));
  });
  afterEach(() => {
    registry.breakWith(undefined);
    registry.redirectBlobs(false);
  });

  const catalogue = (image = `${registry.address}/${name}`, pinned: string | undefined = digest): Catalogue => ({
    tools: {
      tool: {
        set: "set",
        module: "example.org/tool",
        package: "example.org/tool",
        download: {
          platforms: ["linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"],
          image,
          program: "usr/local/bin/tool",
        },
      },
    },
    sets: { set: {} },
    folder: join(folder, "tools"),
    env: { HOME: folder, XDG_CACHE_HOME: cache },
    digests: pinned === "" ? {} : { [`${image}:v2.5.1`]: pinned },
  });

  const kept = () =>
    readdirSync(join(cache, "observability-environment", "tools")).filter((file) => !file.endsWith(".lock"));

  it("takes the program of this platform, by digest, and no layer below the one that holds it", async () => {
    const asked = registry.requests.length;
    const progress: string[] = [];
    registry.redirectBlobs(true);
    const { tool } = await obtainFrom(catalogue(), ["tool"], { onProgress: (line) => progress.push(line) });
    expect((await run(tool)).stdout).to.equal("from the image\n");
    expect(readdirSync(dirname(tool))).to.deep.equal(["tool"]);
    expect(progress).to.deep.equal([`tool v2.5.1: downloaded from ${registry.address}`]);
    const paths = registry.requests.slice(asked).filter(({ status }) => status !== 401);
    expect(paths.filter(({ path }) => path.includes("/blobs/"))).to.have.length(2);
    expect(paths.map(({ path }) => path)).to.include(`/v2/${name}/manifests/${digest}`);
    // Nobody is asked the next time.
    const before = registry.requests.length;
    expect(await obtainFrom(catalogue(), ["tool"])).to.deep.equal({ tool });
    expect(registry.requests.length).to.equal(before);
  });

  it("takes nothing whose digest is not pinned, and asks nobody", async () => {
    const asked = registry.requests.length;
    expect((await errorOf(obtainFrom(catalogue(undefined, ""), ["tool"]))).message).to.equal(
      "Install Go 1.26 or newer (https://go.dev/dl/), because what is needed cannot be downloaded here: tool v2.5.1 " +
        `(settings/digests.json has no digest of ${registry.address}/${name}:v2.5.1).`,
    );
    expect(registry.requests.length).to.equal(asked);
  });

  it("refuses what is not what a digest says, and keeps nothing of it", async () => {
    for (const part of ["/manifests/", "/blobs/"]) {
      registry.breakWith((path, answer) => (path.includes(part) ? { ...answer, body: "altered" } : undefined));
      const error = await errorOf(obtainFrom(catalogue(), ["tool"]));
      expect(error.message).to.match(part === "/manifests/" ? /alters files/ : /7 of \d+ bytes came/);
      expect(kept()).to.deep.equal([]);
    }
    registry.breakWith((path, answer) =>
      path.includes("/blobs/") ? { ...answer, body: Buffer.from(answer.body as Buffer).fill(0, 12, 20) } : undefined,
    );
    expect((await errorOf(obtainFrom(catalogue(), ["tool"]))).message).to.match(/alters files/);
    expect(kept()).to.deep.equal([]);
  });

  it("says which digest the registry does not have", async () => {
    const wrong = digestOf("never pushed");
    expect((await errorOf(obtainFrom(catalogue(undefined, wrong), ["tool"]))).message).to.include(
      `manifests/${wrong}: HTTP 404`,
    );
  });

  it("comes through a company's proxy, which opens TLS", async () => {
    const authority: Authority = makeAuthority(mkdtempSync(join(folder, "authority-")));
    // TLS in front of the registry, under a name that only the proxy knows.
    const server = https.createServer(authority, (request, response) => {
      const headers = { ...request.headers, host: registry.address };
      void fetch(`http://${registry.address}${request.url ?? ""}`, {
        method: request.method ?? "GET",
        headers: Object.entries(headers).filter(([header]) => ["accept", "authorization"].includes(header)) as [
          string,
          string,
        ][],
      }).then(async (answer) => {
        response
          .writeHead(answer.status, Object.fromEntries(answer.headers))
          .end(Buffer.from(await answer.arrayBuffer()));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const proxy = await startProxy((server.address() as AddressInfo).port);
    try {
      const script = `import { obtainFrom } from ${JSON.stringify(join(import.meta.dirname, "../../../toolchain/obtain.ts"))};
        console.log((await obtainFrom(${JSON.stringify(catalogue(`outside.example/${name}`))}, ["tool"])).tool);`;
      const clean = Object.entries(process.env).filter(([variable]) => !/proxy|SSL_CERT|^NODE_/i.test(variable));
      const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], {
        env: {
          ...Object.fromEntries(clean),
          HTTPS_PROXY: `127.0.0.1:${proxy.port}`,
          SSL_CERT_FILE: authority.ca,
        },
      });
      expect((await run(stdout.trim())).stdout).to.equal("from the image\n");
      expect(proxy.tunnels[0]).to.equal("outside.example:443 -");
    } finally {
      proxy.close();
      server.closeAllConnections();
      server.close();
    }
  });
});
