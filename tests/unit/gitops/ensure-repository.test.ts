/** The repository that Flux syncs is made ready: against the GitHub stand-in, by the script that Pulumi runs. */
import { spawn } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { ensureRepository, type WantedRepository } from "../../../components/gitops/ensure-repository.ts";
import { freePorts } from "../../../rehearsal/control-plane/processes.ts";
import { commit, createRepository, git, readFile } from "../../../rehearsal/git/index.ts";
import { answers, failing, type GitHub, type GitHubOptions, startGitHub } from "../../../rehearsal/github/index.ts";

const project = resolve(import.meta.dirname, "../../..");
const token = "ghp_planted";
const folder = "flux-repo/clusters/dev";

describe("The repository that Flux syncs", function () {
  let root: string;
  let github: GitHub;

  /** A folder with a repository that has a commit, which most of the tests begin with a copy of. */
  let began: string;
  before(async () => {
    began = await mkdtemp(join(tmpdir(), "ensure-repository-"));
    await createRepository(began, "acme", "fleet", { files: { "README.md": "" } });
  });
  after(async () => {
    await rm(began, { recursive: true, force: true });
  });

  async function start(options: Partial<GitHubOptions> = {}): Promise<void> {
    github = await startGitHub({ root, owner: "acme", token, repositories: [{ name: "fleet" }], ...options });
  }
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "ensure-repository-"));
  });
  afterEach(async () => {
    await github.close();
    await rm(root, { recursive: true, force: true });
  });

  const wantedOf = (wanted: Partial<WantedRepository>): WantedRepository => ({
    apiUrl: github.baseUrl,
    owner: "acme",
    name: "fleet",
    branch: "main",
    folders: ["flux-repo"],
    environment: { folder, stack: "dev" },
    content: "",
    ...wanted,
  });
  const checked = (code: number | null, said: string): { readonly code: number | null; readonly said: string } => {
    expect(said).to.not.match(/^\s+at /m);
    expect(said).to.not.include(token);
    return { code, said };
  };

  /** Does what the script does, in this process; what it says, and whether it failed. */
  async function ensure(wanted: Partial<WantedRepository> = {}) {
    const { isReady, says } = await ensureRepository(wantedOf(wanted), token);
    return checked(isReady ? 0 : 1, says);
  }

  /** Runs the script as Pulumi does: what only a process shows. */
  async function runScript(wanted: Partial<WantedRepository> = {}, env: NodeJS.ProcessEnv = { GITHUB_TOKEN: token }) {
    const child = spawn(process.execPath, ["components/gitops/ensure-repository.ts"], {
      cwd: project,
      env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"], ...env },
      stdio: ["pipe", "ignore", "pipe"],
    });
    child.stdin.end(JSON.stringify(wantedOf(wanted)));
    const [said, code] = await Promise.all([
      text(child.stderr),
      new Promise<number | null>((done) => child.on("close", done)),
    ]);
    return checked(code, said);
  }
  const directory = (name = "fleet") => join(root, "acme", `${name}.git`);
  const lines = async (args: readonly string[], name?: string) =>
    (await git(directory(name), args)).toString().trim().split("\n").filter(Boolean);
  /** Everything that is in the object store: nothing that GitHub refused may stay there. */
  const objects = () => lines(["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"]);

  it("gets the files that it lacks in one commit; what is there stays", async () => {
    await createRepository(root, "acme", "fleet", { files: { [`${folder}/kustomization.yaml`]: "mine\n" } });
    await start();
    const { code, said } = await runScript();
    expect(said).to.match(/^Added \d+ files to acme\/fleet, branch main\.$/m);
    expect(code).to.equal(0);
    expect(await readFile(directory(), `${folder}/kustomization.yaml`)).to.equal("mine\n");
    expect(await readFile(directory(), "flux-repo/content/loki/rules/kustomization.yaml")).to.include("Component");
    expect(await lines(["rev-list", "--all"])).to.have.length(2);
    expect((await ensure()).said).to.include("has every file");
    expect(await lines(["rev-list", "--all"])).to.have.length(2);
  });

  it("gets the folder of an environment that the project has none for, wherever that is", async () => {
    await cp(began, root, { recursive: true });
    await start();
    for (const path of ["flux-repo/clusters/eu", "clusters/eu/a"]) {
      expect((await ensure({ environment: { folder: path, stack: "eu" } })).code).to.equal(0);
      expect(await readFile(directory(), `${path}/kustomization.yaml`)).to.include('"eu"');
    }
  });

  it("is created where there is none, private, for a person and for an organization", async () => {
    for (const organization of [false, true]) {
      await start({ organization, repositories: [] });
      const name = organization ? "org" : "own";
      const { code, said } = await ensure({ name, create: "private" });
      expect(said).to.include(`acme/${name}`);
      expect(code).to.equal(0);
      expect(github.isPublic("acme", name)).to.equal(false);
      expect(await readFile(directory(name), `${folder}/kustomization.yaml`)).to.include('"dev"');
      await github.close();
    }
    await start({ repositories: [] });
    const { code, said } = await ensure({ owner: "somebody", create: "private" });
    expect(code).to.equal(1);
    expect(said).to.include("The token is acme's").and.to.include("github:owner");
  });

  it("that is there is taken as it is by create: after a destroy, or made by another environment", async () => {
    await createRepository(root, "acme", "fleet", { files: { "work.yaml": "ours\n" } });
    await start();
    expect((await ensure({ create: "public" })).code).to.equal(0);
    expect(await readFile(directory(), "work.yaml")).to.equal("ours\n");
    expect(github.isPublic("acme", "fleet")).to.equal(false);
  });

  it("that has no commit yet gets one, also while GitHub still makes it", async () => {
    await start();
    github.fail(failing(/^PUT .*\/contents\//, answers.emptyRepository));
    const { code, said } = await ensure();
    expect(said).to.match(/^Added \d+ files/);
    expect(code).to.equal(0);
    expect(await readFile(directory(), "flux-repo/content/loki/rules/kustomization.yaml")).to.include("Component");
  });

  it("gets the branch, from the default branch whatever its name", async () => {
    await start({ defaultBranch: "master", repositories: [] });
    expect((await ensure({ create: "private", branch: "env/eu" })).code).to.equal(0);
    expect(await lines(["for-each-ref", "--format=%(refname)"])).to.deep.equal([
      "refs/heads/env/eu",
      "refs/heads/master",
    ]);
    expect(await readFile(directory(), `${folder}/kustomization.yaml`, "env/eu")).to.include('"dev"');
  });

  for (const by of ["rule", "ruleset"] as const) {
    it(`whose branch is protected by a ${by} is left as it is, and GitHub's reason is told`, async () => {
      await cp(began, root, { recursive: true });
      await start();
      github.protect("acme", "fleet", "main", by);
      const before = await objects();
      const { code, said } = await ensure();
      expect(code).to.equal(1);
      expect(said).to.match(/At least 1 approving review is required|Changes must be made through a pull request/);
      expect(said).to.include("acme/fleet, branch main").and.to.include("by a pull request");
      expect(await objects()).to.deep.equal(before);
      expect(github.requests.filter(({ path }) => path === "/graphql")).to.have.length(1);
    });
  }

  it("keeps no branch that was made for a commit that is refused", async () => {
    await cp(began, root, { recursive: true });
    await start();
    github.protect("acme", "fleet", "eu", "ruleset");
    expect((await ensure({ branch: "eu" })).code).to.equal(1);
    expect(await lines(["for-each-ref", "--format=%(refname)"])).to.deep.equal(["refs/heads/main"]);
  });

  it("to which others push meanwhile gets the commit on top of theirs", async () => {
    await cp(began, root, { recursive: true });
    await start();
    github.fail({ match: "POST /graphql", delay: 1500 });
    const ensuring = ensure();
    while (!github.requests.some(({ path }) => path.includes("/git/trees/")))
      await new Promise((next) => setTimeout(next, 20));
    await commit(directory(), { message: "theirs", files: { "theirs.yaml": "x\n" } });
    expect((await ensuring).code).to.equal(0);
    expect(await lines(["log", "--format=%s", "main"])).to.have.length(3);
    expect(await readFile(directory(), "theirs.yaml")).to.equal("x\n");
  });

  describe("is refused in one sentence with a remedy", () => {
    beforeEach(async () => {
      await cp(began, root, { recursive: true });
      await start();
    });
    async function refusal(...args: Parameters<typeof ensure>): Promise<string> {
      const { code, said } = await ensure(...args);
      expect(code).to.equal(1);
      expect(said.trim().split("\n")).to.have.length(1);
      return said;
    }

    it("without a token, and with a wrong one", async () => {
      const { code, said } = await runScript({}, {});
      expect(code).to.equal(1);
      expect(said).to.match(/^There is no GitHub token\. Set GITHUB_TOKEN.+\n$/);
      github.setToken("another");
      expect(await refusal())
        .to.include("Bad credentials")
        .and.to.include("wrong or has expired");
    });
    it("where there is no such repository", async () => {
      expect(await refusal({ name: "none" }))
        .to.include("Not Found")
        .and.to.include("repository.create");
    });
    it("where it is archived", async () => {
      await fetch(`${github.baseUrl}repos/acme/fleet`, {
        method: "PATCH",
        headers: { authorization: `Bearer ${token}` },
        body: '{"archived":true}',
      });
      const said = await refusal({ create: "private" });
      expect(said).to.include("archived").and.to.include(`${github.baseUrl}acme/fleet/settings`);
      expect(github.requests.filter(({ method }) => !["GET", "PATCH"].includes(method))).to.deep.equal([]);
    });
    it("where GitHub cannot be reached", async () => {
      const [port = 0] = await freePorts(1);
      const said = await refusal({ apiUrl: `http://127.0.0.1:${port}/` });
      expect(said).to.include(`127.0.0.1:${port} does not answer`).and.to.include("ECONNREFUSED");
    });
  });
});
