import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { zipSync } from "fflate";
import { withLock } from "../../../toolchain/cache.ts";
import { build, buildFailure, buildFlags, buildKey, findGo } from "../../../toolchain/go.ts";
import { fetchModule } from "../../../toolchain/module-source.ts";
import { sets, tools, type Tool } from "../../../toolchain/pins.ts";
import { moduleDir, obtainFrom, pinnedVersion, type Catalogue } from "../../../toolchain/obtain.ts";
import { requiredVersion, versionFits } from "../../../toolchain/version.ts";
import { errorOf } from "../../support/failure.ts";

const project = join(import.meta.dirname, "..", "..", "..");

describe("tools: versions", () => {
  it("accepts the pinned minor version or a newer one of the same major version", () => {
    for (const installed of ["3.246.0", "v3.246.7", "3.300.1", "3.247.0-alpha.1"]) {
      expect(versionFits(installed, "v3.246.2", "newer-minor"), installed).to.equal(true);
    }
    for (const installed of ["3.245.9", "4.300.0", "2.999.0", "", "dev", "3"]) {
      expect(versionFits(installed, "v3.246.2", "newer-minor"), installed).to.equal(false);
    }
  });

  it("accepts any patch of the pinned minor version where only that is compatible", () => {
    expect(versionFits("v1.36.0", "v1.36.3", "same-minor")).to.equal(true);
    expect(versionFits("v1.37.0", "v1.36.3", "same-minor")).to.equal(false);
    expect(versionFits("v1.35.9", "v1.36.3", "same-minor")).to.equal(false);
  });

  it("reads a version from go.mod, and not that of a module with a longer or similar name", () => {
    const goMod = `module x\n\nrequire (\n\texample.org/a/b v1.0.0\n\texample.org/a v2.3.4 // indirect\n)\nrequire exampleXorg/c v9.9.9\n`;
    expect(requiredVersion(goMod, "example.org/a")).to.equal("v2.3.4");
    expect(requiredVersion(goMod, "exampleXorg/c")).to.equal("v9.9.9");
    expect(() => requiredVersion(goMod, "example.org/c")).to.throw("does not require example.org/c");
  });

  for (const [name, tool] of Object.entries<Tool>(tools)) {
    it(`finds the version of ${name} in its set, which also lists its package as a tool`, () => {
      const goMod = readFileSync(join(project, "toolchain", tool.set, "go.mod"), "utf8");
      expect(requiredVersion(goMod, tool.module)).to.match(/^v\d+\.\d+\.\d+$/);
      expect(goMod.split("\n").map((line) => line.trim().replace(/^tool /, ""))).to.include(tool.package);
    });
  }

  it("stamps Kubernetes with the version that go.mod pins", () => {
    const version = pinnedVersion("control-plane", "k8s.io/kubernetes");
    const flags = buildFlags(sets["control-plane"].stamp((module) => pinnedVersion("control-plane", module)));
    expect(flags.at(-1)).to.include(`-X k8s.io/component-base/version.gitVersion=${version} `);
    expect(flags.at(-1)).to.match(/gitMajor=1 .*gitMinor=\d+$/);
  });

  for (const [says, expected] of [
    ["v3.246.0\n", ["pulumi", "3.246.0"]],
    ["etcd Version: 3.6.8\nGit SHA: x\nGo Version: go1.24.1\n", ["etcd", "3.6.8"]],
    ["Kubernetes v1.36.3\n", ["kube-apiserver", "1.36.3"]],
    ["kwok version v0.8.0 go1.26.1 (linux/amd64)\n", ["kwok", "0.8.0"]],
  ] as const) {
    it(`understands how ${expected[0]} says its version`, () => {
      expect(tools[expected[0]].onPath.version.exec(says)?.[1]).to.equal(expected[1]);
    });
  }
});

describe("tools: cache key", () => {
  const inputs = {
    goMod: "module a",
    goSum: "sum",
    sources: [["main.go", "package main"]] as const,
    flags: ["-trimpath"],
    go: { version: "go1.26.0", os: "linux", arch: "amd64" },
  };

  it("is the same for the same inputs and another when any one of them changes", () => {
    const others = [
      { ...inputs, goMod: "module b" },
      { ...inputs, goSum: "other" },
      { ...inputs, sources: [["main.go", "package other"]] as const },
      { ...inputs, flags: [] },
      { ...inputs, go: { ...inputs.go, version: "go1.26.1" } },
      { ...inputs, go: { ...inputs.go, os: "darwin" } },
      { ...inputs, go: { ...inputs.go, arch: "arm64" } },
      // Text that moves from one input to its neighbour is another input.
      { ...inputs, goMod: "module as", goSum: "um" },
    ];
    const keys = [inputs, ...others].map(buildKey);
    expect(new Set(keys).size).to.equal(keys.length);
    expect(buildKey({ ...inputs })).to.equal(keys[0]);
  });
});

describe("tools: what a failed build says", () => {
  it("names the remedy for the network, for a checksum and for a full disk", () => {
    const network = `go: x@v1: Get "https://proxy.example/": dial tcp: lookup proxy.example: no such host\n`;
    expect(buildFailure("set", network)).to.include("no such host").and.include("go env GOPROXY");
    expect(buildFailure("set", "verifying x@v1: checksum mismatch\nSECURITY ERROR\n")).to.include("Do not switch");
    expect(buildFailure("set", "write /x: no space left on device\n")).to.include("disk is full");
    expect(buildFailure("set", "x.go:1: syntax error\n")).to.include("syntax error").and.include("in set to");
    // Packages that were compiled meanwhile are no news.
    const long = `x.go:1: syntax error\n${"github.com/some/package/v2\n".repeat(50)}`;
    expect(buildFailure("set", long)).to.include("syntax error").and.not.include("some/package");
  });
});

describe("tools: obtain", () => {
  let folder: string;
  let bin: string;
  let server: Server;
  let published: Record<string, Buffer | undefined>;
  let requests: string[];
  let progress: string[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "obtain-"));
    bin = join(folder, "bin");
    mkdirSync(bin);
    // What the fake programs need to run.
    for (const program of ["sh", "cat", "mkdir", "sleep"]) {
      const found = ["/bin", "/usr/bin"].map((place) => join(place, program)).find((file) => existsSync(file));
      if (found) symlinkSync(found, join(bin, program));
    }
    for (const set of ["near", "far"]) {
      mkdirSync(join(folder, "tools", set), { recursive: true });
      writeFileSync(join(folder, "tools", set, "go.mod"), `module ${set}\n\nrequire example.org/tool v2.5.1\n`);
    }
    published = {};
    requests = [];
    progress = [];
    server = createServer((request, response) => {
      requests.push(request.url ?? "");
      const content = published[request.url ?? ""];
      response.writeHead(content ? 200 : 404).end(content);
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  function executable(name: string, script: string): string {
    const file = join(bin, name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return file;
  }

  /** A Go that "builds" by writing the names of the packages, after the lines of `during`. Each build is logged. */
  function fakeGo(during = ""): void {
    executable(
      "go",
      `if [ "$1" = env ]; then echo go1.26.0; echo linux; echo amd64; exit 0; fi
if [ "$1" = list ]; then echo fmt; echo example.org/tool; exit 0; fi
echo "$@" >> ${folder}/go.log
while [ "$1" != -o ]; do shift; done
out=$2; shift 2
${during}
for package in "$@"; do echo "$package" >&2; echo "built $package" > "$out/\${package##*/}"; done`,
    );
  }

  const builds = () =>
    existsSync(join(folder, "go.log")) ? readFileSync(join(folder, "go.log"), "utf8").trim().split("\n") : [];

  const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  function catalogue(overrides: Partial<Tool> = {}): Catalogue {
    const tool: Tool = {
      set: "near",
      module: "example.org/tool",
      package: "example.org/tool/cmd/tool",
      onPath: { args: ["version"], version: /^v(\S+)/, fits: "newer-minor" },
      ...overrides,
    };
    return {
      tools: {
        tool,
        other: { ...tool, package: "example.org/tool/cmd/server", built: "server", onPath: undefined },
        elsewhere: { ...tool, set: "far", built: "tool", onPath: undefined, install: undefined },
      },
      sets: { near: {}, far: {} },
      folder: join(folder, "tools"),
      env: { PATH: bin, HOME: folder, XDG_CACHE_HOME: join(folder, "cache") },
    };
  }

  const download = (): Tool["download"] => ({
    platforms: ["linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"],
    url: `${origin()}/v{version}/tool`,
    checksums: `${origin()}/v{version}/sums`,
  });

  const sha256 = (content: Buffer) => createHash("sha256").update(content).digest("hex");

  const get = (from: Catalogue, ...names: string[]) =>
    obtainFrom(from, names, { onProgress: (line) => progress.push(line) });

  const cached = () => readdirSync(join(folder, "cache", "observability-environment", "tools"));

  it("takes the tool on PATH when its version fits, and builds nothing", async () => {
    const file = executable("tool", "echo v2.9.0");
    fakeGo();
    expect(await get(catalogue(), "tool")).to.deep.equal({ tool: file });
    expect(builds()).to.deep.equal([]);
  });

  it("asks a program on PATH once, one that has been replaced anew, and a script each time", async () => {
    const version = join(folder, "version");
    const says = (text: string) => {
      writeFileSync(version, text);
    };
    const from = catalogue({ onPath: { args: [version], version: /^v(\S+)/, fits: "newer-minor" } });
    fakeGo();
    const program = join(bin, "tool");
    const taken = async () => (await get(from, "tool"))["tool"] === program;
    copyFileSync(realpathSync(join(bin, "cat")), program);
    says("v2.9.0");
    expect(await taken()).to.equal(true);
    says("v1.0.0");
    expect(await taken(), "the same program").to.equal(true);
    utimesSync(program, 1, 1);
    expect(await taken(), "another one").to.equal(false);
    rmSync(program);
    for (const [text, fits] of [
      ["v2.9.0", true],
      ["v1.0.0", false],
    ] as const) {
      executable("tool", 'cat "$1"');
      says(text);
      expect(await taken(), `a script that says ${text}`).to.equal(fits);
    }
  });

  for (const [what, script] of [
    ["is too old", "echo v2.4.9"],
    ["is of another major version", "echo v3.5.1"],
    ["says nothing", "exit 1"],
  ] as const) {
    it(`builds the tool when the one on PATH ${what}, and says why`, async () => {
      const installed = executable("tool", script);
      fakeGo();
      const { tool } = await get(catalogue(), "tool");
      expect(tool).to.not.equal(installed);
      expect(readFileSync(tool ?? "", "utf8")).to.equal("built example.org/tool/cmd/tool\n");
      expect(progress.join("\n")).to.include(installed).and.include("not used");
    });
  }

  it("builds what is missing of a set in one go, with the kept flags, and the next time nothing", async () => {
    fakeGo();
    const first = await get(catalogue(), "tool", "other");
    expect(builds()).to.have.length(1);
    expect(builds()[0]).to.match(
      /^build -v .*-trimpath -ldflags -s -w -o \S+ example.org\/tool\/cmd\/tool example.org\/tool\/cmd\/server$/,
    );
    expect(readFileSync(first["other"] ?? "", "utf8")).to.equal("built example.org/tool/cmd/server\n");
    expect(await get(catalogue(), "other", "tool")).to.deep.equal(first);
    expect(builds()).to.have.length(1);
  });

  it("shows how far a build is", async () => {
    fakeGo(`echo "go: downloading example.org/x v1.0.0" >&2; echo example.org/x >&2; sleep 0.4`);
    const { tools: all, folder: setFolder, env } = catalogue();
    const tool = all["tool"];
    const go = await findGo(join(setFolder, "near"), env);
    if (!tool || !go) throw new Error("the fake Go is not found");
    await build("near", [{ name: "tool", package: tool.package, built: "tool" }], {
      ...{ go, env, moduleFolder: join(setFolder, "near"), destination: join(folder, "built"), flags: [] },
      onProgress: (line) => progress.push(line),
      every: 0.1,
    });
    expect(progress.join("\n")).to.include("1 modules downloaded, 1 of at most 2 packages compiled (example.org/x), ");
  });

  it("adds to a set what is asked for later", async () => {
    fakeGo();
    const { tool } = await get(catalogue(), "tool");
    const { other } = await get(catalogue(), "other");
    expect(dirname(other ?? "")).to.equal(dirname(tool ?? ""));
    expect(builds().map((line) => line.split(" ").at(-1))).to.deep.equal([
      "example.org/tool/cmd/tool",
      "example.org/tool/cmd/server",
    ]);
  });

  it("builds each set by itself, in its own folder", async () => {
    fakeGo();
    const { tool, elsewhere } = await get(catalogue(), "tool", "elsewhere");
    expect(dirname(tool ?? "")).to.not.equal(dirname(elsewhere ?? ""));
    expect(builds()).to.have.length(2);
  });

  for (const file of ["go.sum", "main.go", "cmd/tool/main.go"]) {
    it(`builds anew when ${file} changes`, async () => {
      fakeGo();
      const before = await get(catalogue(), "tool");
      mkdirSync(dirname(join(folder, "tools", "near", file)), { recursive: true });
      writeFileSync(join(folder, "tools", "near", file), "changed\n");
      expect(await get(catalogue(), "tool")).to.not.deep.equal(before);
      expect(builds()).to.have.length(2);
    });
  }

  it("keeps nothing of a failed build, and says what Go said", async () => {
    fakeGo(`echo half > "$out/tool"; echo "tool.go:1: broken" >&2; exit 1`);
    expect((await errorOf(get(catalogue(), "tool"))).message).to.include("tool.go:1: broken");
    expect(cached().filter((name) => !name.endsWith(".lock"))).to.deep.equal([]);
  });

  it("ends a build on request and keeps nothing of it", async () => {
    fakeGo(`echo half > "$out/tool"; exec sleep 60`);
    const abort = new AbortController();
    const going = obtainFrom(catalogue(), ["tool"], {
      signal: abort.signal,
      onProgress: () => {
        abort.abort();
      },
    });
    expect((await errorOf(going)).name).to.equal("AbortError");
    expect(cached().filter((name) => !name.endsWith(".lock"))).to.deep.equal([]);
  });

  it("removes what a killed build left and builds", async () => {
    fakeGo();
    const { tool } = await get(catalogue(), "tool");
    const destination = dirname(tool ?? "");
    rmSync(destination, { recursive: true });
    mkdirSync(`${destination}.tmp-killed`);
    writeFileSync(join(`${destination}.tmp-killed`, "tool"), "half");
    expect(readFileSync((await get(catalogue(), "tool"))["tool"] ?? "", "utf8")).to.include("built");
    expect(existsSync(`${destination}.tmp-killed`)).to.equal(false);
  });

  it("builds once when two ask at the same time", async () => {
    fakeGo("sleep 0.3");
    const [one, two] = await Promise.all([get(catalogue(), "tool"), get(catalogue(), "tool")]);
    expect(one).to.deep.equal(two);
    expect(builds()).to.have.length(1);
    expect(progress.filter((line) => line.includes("another process is building"))).to.have.length(1);
  });

  it("downloads what is published with a matching checksum, and the next time asks nobody", async () => {
    const content = Buffer.from("#!/bin/sh\necho downloaded\n");
    published["/v2.5.1/tool"] = content;
    published["/v2.5.1/sums"] = Buffer.from(`${"0".repeat(64)}  tool.sig\n${sha256(content)}  tool\n`);
    const from = catalogue({ download: download() });
    const { tool } = await get(from, "tool");
    expect(spawnSync(tool ?? "", { encoding: "utf8" }).stdout).to.equal("downloaded\n");
    expect(requests).to.deep.equal(["/v2.5.1/sums", "/v2.5.1/tool"]);
    expect(await get(from, "tool")).to.deep.equal({ tool });
    expect(requests).to.have.length(2);
  });

  it("refuses a download that is not what its publisher says, keeps nothing of it and does not go on to build", async () => {
    fakeGo();
    published["/v2.5.1/tool"] = Buffer.from("altered");
    published["/v2.5.1/sums"] = Buffer.from(`${sha256(Buffer.from("original"))}\n`);
    const { message } = await errorOf(get(catalogue({ download: download() }), "tool"));
    expect(message)
      .to.include("is not what its publisher says")
      .and.include(sha256(Buffer.from("altered")));
    expect(cached().filter((name) => !name.endsWith(".lock"))).to.deep.equal([]);
    expect(builds()).to.deep.equal([]);
  });

  it("builds when no checksum of the file is published: unchecked is not taken", async () => {
    fakeGo();
    published["/v2.5.1/tool"] = Buffer.from("content");
    published["/v2.5.1/sums"] = Buffer.from(`${"0".repeat(64)}  another-file\n`);
    await get(catalogue({ download: download() }), "tool");
    expect(builds()).to.have.length(1);
    expect(progress.join("\n")).to.include("no SHA-256 checksum of tool is published");
    expect(requests).to.not.include("/v2.5.1/tool");
  });

  it("builds when the publisher has no such file, or none for this platform", async () => {
    fakeGo();
    await get(catalogue({ download: download() }), "tool");
    expect(progress.join("\n")).to.include("HTTP 404");
    const nowhere = { ...download(), platforms: [] } as unknown as Tool["download"];
    requests.length = 0;
    await get(catalogue({ set: "far", download: nowhere }), "tool");
    expect(requests).to.deep.equal([]);
    expect(builds()).to.have.length(2);
  });

  it("waits for an unreachable host once", async () => {
    fakeGo();
    let connections = 0;
    const closing = createServer();
    closing.on("connection", (socket) => {
      connections++;
      socket.destroy();
    });
    await new Promise<void>((listening) => closing.listen(0, "127.0.0.1", listening));
    try {
      const at = `http://127.0.0.1:${(closing.address() as AddressInfo).port}`;
      const offline = catalogue({
        download: { platforms: ["linux/amd64", "linux/arm64", "darwin/arm64"], url: `${at}/t`, checksums: `${at}/s` },
      });
      await get(offline, "tool");
      await get(offline, "other", "elsewhere");
      expect(connections).to.equal(1);
      expect(builds()).to.have.length(3);
    } finally {
      closing.close();
    }
  });

  it("says in one sentence what is needed and why, before anything is built, when there is no way", async () => {
    executable("tool", "echo v2.0.0");
    const from = catalogue({ download: download(), install: "https://example.org/install" });
    const { message } = await errorOf(get(from, "tool", "elsewhere"));
    const sums = `${origin()}/v2.5.1/sums: HTTP 404`;
    expect(message).to.equal(
      "Install Go 1.26 or newer (https://go.dev/dl/), because what is needed cannot be downloaded here: tool v2.5.1 (" +
        `${join(bin, "tool")} is version 2.0.0 and is not used: v2.5.1 is needed; ${sums}), elsewhere v2.5.1 (${sums}).`,
    );
    expect((await errorOf(get(from, "tool"))).message).to.match(
      /^Install Go 1.26 or newer \(https:\/\/go.dev\/dl\/\) or tool \(https:\/\/example.org\/install\), because /,
    );
  });

  it("builds nothing when one of the tools cannot be had in any way", async () => {
    fakeGo();
    writeFileSync(join(folder, "tools", "far", "go.mod"), "module far\n\nrequire example.org/tool v2.5.1\n\ngo 9.9\n");
    const go = readFileSync(join(bin, "go"), "utf8");
    writeFileSync(
      join(bin, "go"),
      go.replace("\n", `\ncase "$PWD" in */far) echo "go.mod requires go >= 9.9" >&2; exit 1;; esac\n`),
    );
    const { message } = await errorOf(get(catalogue(), "tool", "elsewhere"));
    expect(message).to.include("elsewhere v2.5.1 (").and.include("requires go >= 9.9").and.not.include(" tool v");
    expect(builds()).to.deep.equal([]);
  });

  it("asks for an installation where a build would not do", async () => {
    fakeGo();
    const from = catalogue({ download: download(), install: "https://example.org/install" });
    const { message } = await errorOf(obtainFrom(from, ["tool"], { build: false }));
    expect(message).to.match(
      /^Install tool \(https:\/\/example.org\/install\), because .*: tool v2.5.1 \(.*HTTP 404\).$/,
    );
    expect(builds()).to.deep.equal([]);
  });

  it("says why an installed Go cannot build", async () => {
    executable("go", `echo "go: go.mod requires go >= 1.26.0 (running go 1.20)" >&2; exit 1`);
    expect((await errorOf(get(catalogue(), "tool"))).message).to.include("requires go >= 1.26.0");
  });

  it("names the tools there are when one is asked for that is not", async () => {
    expect((await errorOf(get(catalogue(), "tol"))).message)
      .to.include('"tol"')
      .and.include("tool, other, elsewhere");
  });

  it("has Go bring the source of a module, or says what it answered", async () => {
    const { env } = catalogue();
    executable("go", `echo '{"Error": "example.org/a@v1.0.0: no such host"}'; exit 1`);
    expect((await errorOf(moduleDir("example.org/a", "v1.0.0", env))).message).to.include("no such host");
    executable("go", `echo "{\\"Dir\\": \\"/modules/$4\\"}"`);
    expect(await moduleDir("example.org/a", "v1.0.0", env)).to.equal("/modules/example.org/a@v1.0.0");
  });

  it("brings the source of a module from a module proxy where Go is not installed, by its published checksum", async () => {
    const env = { ...catalogue().env, GOPROXY: `${origin()},direct` };
    const id = "example.org/Team/a@v1.0.0";
    const files = { [`${id}/go.mod`]: Buffer.from("module a\n"), [`${id}/data/b.yaml`]: Buffer.from("b: 1\n") };
    published["/example.org/!team/a/@v/v1.0.0.zip"] = Buffer.from(zipSync(files));
    const lookup = "/sumdb/sum.golang.org/lookup/example.org/!team/a@v1.0.0";
    const ask = () => errorOf(moduleDir("example.org/Team/a", "v1.0.0", env));
    published[lookup] = Buffer.from("7\nexample.org/Team/a v1.0.0 h1:other=\n");
    expect((await ask()).message).to.include("but h1:other= is published");
    // Worked out with golang.org/x/mod/sumdb/dirhash.
    published[lookup] = Buffer.from(
      "7\nexample.org/Team/a v1.0.0/go.mod h1:x=\nexample.org/Team/a v1.0.0 h1:xdyqpNtqB/zF44NY7ntwVMjSagcjc+w1iRy163OzFuQ=\n",
    );
    const folder = await moduleDir("example.org/Team/a", "v1.0.0", env);
    expect(readFileSync(join(folder, "data/b.yaml"), "utf8")).to.equal("b: 1\n");
    const asked = requests.length;
    expect(await fetchModule("example.org/Team/a", "v1.0.0", env)).to.equal(folder);
    expect(requests.length).to.equal(asked);
    published = {};
    expect((await errorOf(moduleDir("example.org/b", "v1.0.0", { ...env, GOPROXY: "off" }))).message).to.match(
      /^the Go module example.org\/b@v1.0.0 cannot be had: .*Check the network and GOPROXY/,
    );
  });

  it("locks out another process, and is free again when that one is killed", async () => {
    const lock = join(folder, "lock");
    const cache = join(project, "toolchain", "cache.ts");
    const script = `
      import { withLock } from ${JSON.stringify(cache)};
      await withLock(${JSON.stringify(lock)}, async () => {
        console.log("locked");
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      });`;
    const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    await new Promise((locked) => holder.stdout.once("data", locked));
    const events: string[] = [];
    await withLock(
      lock,
      async () => {
        events.push("working");
        return Promise.resolve();
      },
      {
        onWait: () => {
          events.push("waiting");
          holder.kill("SIGKILL");
        },
      },
    );
    expect(events).to.deep.equal(["waiting", "working"]);
  });
});
