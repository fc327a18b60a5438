import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdtemp, readFile as readDisk, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  commit,
  createRepository,
  makeSshKeyPair,
  readFile,
  startGitServer,
  type GitServer,
} from "../../rehearsal/git/index.ts";
import { startGitHub, type GitHub } from "../../rehearsal/github/index.ts";

interface Result {
  readonly code: number;
  readonly output: string;
}

/** Run a command; unlike a shell's, its failure is a result. */
async function run(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
  return await new Promise((resolve) => {
    const environment = { PATH: process.env["PATH"], GIT_CONFIG_GLOBAL: "/dev/null", GIT_TERMINAL_PROMPT: "0", ...env };
    execFile(command, args, { env: environment }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : 1, output: stdout + stderr });
    });
  });
}

describe("rehearsal: Git servers", () => {
  let folder: string;
  let github: GitHub;
  let server: GitServer;
  let knownHosts: string;
  let copies = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehearsal-git-"));
    const root = join(folder, "repositories");
    await createRepository(root, "acme", "platform", { files: { "flux-repo/a.yaml": "kind: A\n", "b.txt": "b\n" } });
    await createRepository(root, "acme", "other", { files: { secret: "s\n" } });
    await createRepository(root, "people", "kbot", { files: { "helm/Chart.yaml": "name: kbot\n" } });
    github = await startGitHub({
      root,
      owner: "acme",
      token: "good-token",
      repositories: [{ name: "platform" }, { name: "other" }, { owner: "people", name: "kbot", public: true }],
    });
    server = await startGitServer({ root, access: github });
    knownHosts = join(folder, "known_hosts");
    await writeFile(knownHosts, server.ssh.knownHosts);
  });

  after(async () => {
    await Promise.all([server.close(), github.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  async function makeKey(): Promise<{ file: string; line: string }> {
    const pair = makeSshKeyPair("ed25519");
    const file = join(folder, `key-${++copies}`);
    await writeFile(file, pair.private, { mode: 0o600 });
    return { file, line: `${pair.public} somebody@somewhere\n` };
  }

  async function register(line: string, repository = "platform"): Promise<number> {
    const response = await fetch(`${github.baseUrl}api/v3/repos/acme/${repository}/keys`, {
      method: "POST",
      headers: { authorization: "Bearer good-token" },
      body: JSON.stringify({ title: "test", key: line, read_only: true }),
    });
    expect(response.status).to.equal(201);
    return ((await response.json()) as { id: number }).id;
  }

  function overSsh(key: string, hosts = knownHosts): Record<string, string> {
    return {
      GIT_SSH_COMMAND: `ssh -F /dev/null -i ${key} -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=${hosts}`,
    };
  }

  const url = (repository: string): string => `${server.ssh.address}/acme/${repository}.git`;
  const target = (): string => join(folder, `copy-${++copies}`);

  it("serves a clone to the registered key and logs it by fingerprint", async () => {
    const key = await makeKey();
    await register(key.line);
    const copy = target();
    const result = await run("git", ["clone", "--depth=1", url("platform"), copy], overSsh(key.file));
    expect(result.code, result.output).to.equal(0);
    expect(await readDisk(join(copy, "flux-repo/a.yaml"), "utf8")).to.equal("kind: A\n");
    const [deployKey] = github.deployKeys("acme", "platform").slice(-1);
    const fetched = server.ssh.fetches.at(-1);
    expect(fetched).to.include({ repository: "acme/platform", outcome: "served", fingerprint: deployKey?.fingerprint });
    const printed = await run("ssh-keygen", ["-lf", key.file]);
    expect(printed.output).to.include(fetched?.fingerprint);
  });

  it("counts a listing of branches as served", async () => {
    const key = await makeKey();
    await register(key.line);
    for (const version of ["0", "2"]) {
      const result = await run(
        "git",
        ["-c", `protocol.version=${version}`, "ls-remote", url("platform")],
        overSsh(key.file),
      );
      expect(result.code, result.output).to.equal(0);
      expect(result.output).to.include("refs/heads/main");
      expect(server.ssh.fetches.at(-1)?.outcome).to.equal("served");
    }
  });

  it("turns an unknown key away", async () => {
    const key = await makeKey();
    const result = await run("git", ["clone", url("platform"), target()], overSsh(key.file));
    expect(result.code).not.to.equal(0);
    expect(result.output).to.include("Permission denied (publickey)");
    expect(server.ssh.fetches.at(-1)).to.include({ outcome: "refused", reason: "the key is not registered" });
  });

  it("shows a key only its own repository", async () => {
    const key = await makeKey();
    await register(key.line);
    for (const name of ["other", "absent"]) {
      const result = await run("git", ["clone", url(name), target()], overSsh(key.file));
      expect(result.code).not.to.equal(0);
      expect(result.output).to.include("Repository not found");
      expect(server.ssh.fetches.at(-1)).to.include({ outcome: "refused", repository: `acme/${name}` });
    }
  });

  it("refuses a key from the moment it is removed at GitHub", async () => {
    const key = await makeKey();
    const id = await register(key.line);
    expect((await run("git", ["ls-remote", url("platform")], overSsh(key.file))).code).to.equal(0);
    const removed = await fetch(`${github.baseUrl}repos/acme/platform/keys/${id}`, {
      method: "DELETE",
      headers: { authorization: "token good-token" },
    });
    expect(removed.status).to.equal(204);
    expect((await run("git", ["ls-remote", url("platform")], overSsh(key.file))).code).not.to.equal(0);
  });

  it("refuses a push, a shell and any other command", async () => {
    const key = await makeKey();
    await register(key.line);
    const copy = target();
    expect((await run("git", ["clone", url("platform"), copy], overSsh(key.file))).code).to.equal(0);
    const pushed = await run("git", ["-C", copy, "push", "origin", "HEAD:refs/heads/new"], overSsh(key.file));
    expect(pushed.code).not.to.equal(0);
    expect(pushed.output).to.include("read only");
    const [ssh = "", ...options] = overSsh(key.file)["GIT_SSH_COMMAND"]?.split(" ") ?? [];
    const host = ["-p", String(server.ssh.port), "git@127.0.0.1"];
    for (const command of [
      [],
      ["id"],
      ["git-upload-pack '/acme/platform.git'; id"],
      ["git-upload-pack '/../acme/platform.git'"],
    ]) {
      const result = await run(ssh, [...options, ...host, ...command]);
      expect(result.code, command.join()).not.to.equal(0);
      expect(result.output).to.include("ERROR:").and.not.to.include("uid=");
      expect(server.ssh.fetches.at(-1)?.outcome).to.equal("refused");
    }
  });

  it("tells a fetch that breaks off on the server from one that is refused", async () => {
    const directory = await createRepository(github.root, "acme", "damaged", { files: { a: "1" } });
    const made = await fetch(`${github.baseUrl}user/repos`, {
      method: "POST",
      headers: { authorization: "Bearer good-token" },
      body: JSON.stringify({ name: "damaged", private: true }),
    });
    expect(made.status).to.equal(201);
    const key = await makeKey();
    await register(key.line, "damaged");
    await rm(join(directory, "objects"), { recursive: true });
    const result = await run("git", ["clone", url("damaged"), target()], overSsh(key.file));
    expect(result.code).not.to.equal(0);
    const { outcome, reason } = server.ssh.fetches.at(-1) ?? {};
    expect(outcome).to.equal("failed");
    expect(reason).to.include("does not appear to be a git repository");
  });

  it("is recognised by either host key and by no other", async () => {
    const key = await makeKey();
    await register(key.line);
    const lines = server.ssh.knownHosts.trim().split("\n");
    expect(lines.map((line) => line.split(" ")[1])).to.deep.equal(["ecdsa-sha2-nistp256", "ssh-ed25519"]);
    for (const [index, line] of lines.entries()) {
      const hosts = join(folder, `hosts-${index}`);
      await writeFile(hosts, `${line}\n`);
      expect((await run("git", ["ls-remote", url("platform")], overSsh(key.file, hosts))).code).to.equal(0);
    }
    const wrong = makeSshKeyPair("ed25519").public;
    const hosts = join(folder, "hosts-wrong");
    await writeFile(hosts, `[127.0.0.1]:${server.ssh.port} ${wrong}\n`);
    const result = await run("git", ["ls-remote", url("platform")], overSsh(key.file, hosts));
    expect(result.code).not.to.equal(0);
    expect(result.output).to.include("Host key verification failed");
  });

  it("serves public repositories over HTTP, read-only, and no private one", async () => {
    const copy = target();
    const cloned = await run("git", ["clone", `${server.http.address}/people/kbot`, copy]);
    expect(cloned.code, cloned.output).to.equal(0);
    expect(await readDisk(join(copy, "helm/Chart.yaml"), "utf8")).to.equal("name: kbot\n");
    const refused = await run("git", ["clone", `${server.http.address}/acme/platform.git`, target()]);
    expect(refused.code).not.to.equal(0);
    expect(refused.output).to.include("not found");
    const pushed = await run("git", ["-C", copy, "push", "origin", "HEAD:refs/heads/new"]);
    expect(pushed.code).not.to.equal(0);
    expect(pushed.output).to.include("403");
  });

  it("sees a commit at the next fetch: files added, changed and removed, folders replaced", async () => {
    const directory = await createRepository(github.root, "acme", "changing", {
      files: { a: "1", b: "1", "site/old": "" },
    });
    const from = join(folder, "site");
    await createSite(from);
    await commit(directory, { message: "Second", files: { a: "2", b: null, "c/d": "3" }, folders: { site: from } });
    const { output } = await run("git", ["--git-dir", directory, "ls-tree", "-r", "--name-only", "main"]);
    expect(output.trim().split("\n")).to.deep.equal(["a", "c/d", "site/.gitignore", "site/page.txt"]);
    expect(await readFile(directory, "a")).to.equal("2");
  });

  async function createSite(at: string): Promise<void> {
    await run("mkdir", ["-p", at]);
    // An ignored file is content like any other here.
    await writeFile(join(at, ".gitignore"), "page.txt\n");
    await writeFile(join(at, "page.txt"), "hello\n");
  }
});
