import { expect } from "chai";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRepository, git, makeSshKeyPair, readFile } from "../../rehearsal/git/index.ts";
import { answers, failing, startGitHub, type GitHub } from "../../rehearsal/github/index.ts";

type Json = Record<string, unknown>;

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
  readonly list: Json[];
}

const token = "ghp_planted-secret";
const newKey = (): string => `${makeSshKeyPair("ed25519").public} me@here`;

describe("rehearsal: GitHub API stand-in", () => {
  let root: string;
  let github: GitHub;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "rehearsal-github-"));
    await createRepository(root, "acme", "platform", {
      files: { "README.md": "hello\n", "flux-repo/a.yaml": "a: 1\n" },
    });
    github = await startGitHub({ root, owner: "acme", token, repositories: [{ name: "platform" }, { name: "empty" }] });
  });

  afterEach(async () => {
    await github.close();
    await rm(root, { recursive: true, force: true });
  });

  async function call(method: string, path: string, body?: unknown, authorization = `Bearer ${token}`): Promise<Reply> {
    const response = await fetch(`${github.baseUrl}${path}`, {
      method,
      headers: { authorization },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = (text === "" ? {} : JSON.parse(text)) as Json & Json[];
    return { status: response.status, headers: response.headers, body: json, list: json };
  }

  const keys = "repos/acme/platform/keys";
  const object = (reply: Reply, name: string): Json => reply.body[name] as Json;

  describe("access", () => {
    it("is refused without the token, with a wrong one, and with one that was revoked", async () => {
      const anonymous = async (path: string) => (await fetch(`${github.baseUrl}${path}`)).status;
      expect(await anonymous("user")).to.equal(401);
      // Whoever may not see a private repository is told that there is none.
      expect(await anonymous("repos/acme/platform")).to.equal(404);
      expect((await call("GET", "user", undefined, "Bearer wrong")).body).to.include({ message: "Bad credentials" });
      expect((await call("GET", "user")).body).to.include({ login: "acme", type: "User" });
      expect((await call("GET", "user", undefined, `token ${token}`)).status).to.equal(200);
      github.setToken("another");
      expect((await call("GET", "user")).status).to.equal(401);
    });

    it("answers with and without the provider's prefix, and says that it is a stand-in", async () => {
      const reply = await call("GET", "api/v3/repos/acme/platform");
      expect(reply.status).to.equal(200);
      expect(reply.headers.get("x-stand-in")).to.equal("github");
      expect((await call("GET", "api/v3/nothing/here")).body["message"]).to.include(
        "stand-in has no GET /nothing/here",
      );
    });

    it("logs requests without credentials, bodies and queries", async () => {
      await call("POST", `api/v3/${keys}?secret=query-secret`, { title: "t", key: newKey(), read_only: true });
      expect(github.requests.at(-1)).to.include({ method: "POST", path: `/${keys}`, status: 201, provoked: false });
      expect(JSON.stringify(github.requests)).not.to.match(/planted-secret|ssh-ed25519|query-secret/);
    });
  });

  describe("deploy keys", () => {
    it("keeps type and blob of a key, without comment and newline", async () => {
      const key = newKey();
      const made = await call("POST", keys, { title: "one", key: `${key}\n`, read_only: true });
      expect(made.status).to.equal(201);
      expect(made.body).to.include({ title: "one", read_only: true, verified: true });
      expect(made.body["key"]).to.equal(key.split(" ").slice(0, 2).join(" "));
      expect(made.body["created_at"]).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      const { id } = made.body as { id: number };
      expect((await call("GET", `${keys}/${id}`)).body).to.deep.equal(made.body);
      expect((await call("GET", keys)).list).to.deep.equal([made.body]);
      expect(github.deployKeys("acme", "platform")[0]?.fingerprint).to.match(/^SHA256:[\w+/]{43}$/);
    });

    it("is writable unless read_only is asked for, as GitHub's", async () => {
      expect((await call("POST", keys, { title: "rw", key: newKey() })).body).to.include({ read_only: false });
    });

    it("refuses the same key twice, in any repository, until it is deleted", async () => {
      const key = newKey();
      const made = await call("POST", keys, { title: "one", key, read_only: true });
      for (const repository of ["platform", "empty"]) {
        const again = await call("POST", `repos/acme/${repository}/keys`, {
          title: "two",
          key: `${key} other comment`,
        });
        expect(again.status).to.equal(422);
        expect((again.body["errors"] as Json[])[0]).to.include({ field: "key", message: "key is already in use" });
      }
      const { id } = made.body as { id: number };
      expect((await call("DELETE", `${keys}/${id}`)).status).to.equal(204);
      expect((await call("DELETE", `${keys}/${id}`)).status).to.equal(404);
      expect((await call("GET", `${keys}/${id}`)).status).to.equal(404);
      expect((await call("POST", keys, { title: "two", key, read_only: true })).status).to.equal(201);
    });

    it("refuses what is not an OpenSSH public key, a private one included", async () => {
      for (const key of ["", "ssh-ed25519 AAAA", "nonsense", makeSshKeyPair("ed25519").private]) {
        const reply = await call("POST", keys, { title: "t", key });
        expect(reply.status, key.slice(0, 30)).to.equal(422);
      }
      expect((await call("POST", keys, { title: "t" })).body["message"]).to.include('"key" wasn\'t supplied');
      expect(github.deployKeys("acme", "platform")).to.deep.equal([]);
    });

    it("are refused where the organization has switched them off", async () => {
      github.allowDeployKeys(false);
      const refused = await call("POST", keys, { title: "t", key: newKey() });
      expect(refused.status).to.equal(422);
      expect((refused.body["errors"] as Json[])[0]).to.include({
        message: "Deploy keys are disabled for this repository",
      });
      github.allowDeployKeys(true);
      expect((await call("POST", keys, { title: "t", key: newKey() })).status).to.equal(201);
    });

    it("lists in pages", async () => {
      for (const title of ["a", "b", "c"]) await call("POST", keys, { title, key: newKey() });
      const first = await call("GET", `${keys}?per_page=2`);
      expect(first.list.map(({ title }) => title)).to.deep.equal(["a", "b"]);
      const [, next = ""] = /<(.*)>; rel="next"/.exec(first.headers.get("link") ?? "") ?? [];
      const second = await call("GET", next.replace(github.baseUrl, ""));
      expect(second.list.map(({ title }) => title)).to.deep.equal(["c"]);
      expect(second.headers.get("link")).to.equal(null);
    });
  });

  describe("repositories", () => {
    it("are created, changed and deleted, on disk as well", async () => {
      expect((await call("GET", "repos/acme/new")).status).to.equal(404);
      const made = await call("POST", "user/repos", { name: "new", private: true, description: "d", auto_init: true });
      expect(made.status).to.equal(201);
      expect(made.body).to.include({
        full_name: "acme/new",
        private: true,
        visibility: "private",
        default_branch: "main",
      });
      const directory = join(root, "acme", "new.git");
      expect(await readFile(directory, "README.md")).to.equal("# new\n");
      expect((await call("POST", "user/repos", { name: "new" })).status).to.equal(422);
      const changed = await call("PATCH", "repos/acme/new", { private: false, description: "e" });
      expect(changed.body).to.include({ visibility: "public", description: "e" });
      expect(github.isPublic("acme", "new")).to.equal(true);
      expect((await call("DELETE", "repos/acme/new")).status).to.equal(204);
      expect((await call("GET", "repos/acme/new")).status).to.equal(404);
      const gone = await stat(directory).then(
        () => "there",
        () => "gone",
      );
      expect(gone).to.equal("gone");
    });

    it("take no change once they are archived, but can be revived", async () => {
      const made = await call("POST", keys, { title: "t", key: newKey() });
      const { id } = made.body as { id: number };
      expect((await call("PATCH", "repos/acme/platform", { archived: true })).body).to.include({ archived: true });
      expect((await call("DELETE", `${keys}/${id}`)).status).to.equal(403);
      expect((await call("GET", `${keys}/${id}`)).status).to.equal(200);
      expect((await call("PATCH", "repos/acme/platform", { archived: false })).status).to.equal(200);
      expect((await call("DELETE", `${keys}/${id}`)).status).to.equal(204);
    });

    it("keep their name while they are archived, and have the default branch that the account chose", async () => {
      await call("PATCH", "repos/acme/empty", { archived: true });
      const again = await call("POST", "user/repos", { name: "empty" });
      expect(again.status).to.equal(422);
      expect((again.body["errors"] as Json[])[0]).to.include({ message: "name already exists on this account" });
      const other = await startGitHub({ root, owner: "old", token, defaultBranch: "master" });
      try {
        const made = await fetch(`${other.baseUrl}user/repos`, {
          method: "POST",
          headers: { authorization: `Bearer ${token}` },
          body: '{"name":"x","auto_init":true}',
        });
        expect(((await made.json()) as Json)["default_branch"]).to.equal("master");
        expect(await readFile(join(root, "old", "x.git"), "README.md", "master")).to.equal("# x\n");
      } finally {
        await other.close();
      }
    });

    it("take their deploy keys with them", async () => {
      const key = newKey();
      await call("POST", "repos/acme/empty/keys", { title: "t", key });
      await call("DELETE", "repos/acme/empty");
      expect((await call("POST", keys, { title: "t", key })).status).to.equal(201);
    });

    it("belong to an organization when the owner is one", async () => {
      expect((await call("GET", "orgs/acme")).status).to.equal(404);
      expect((await call("POST", "orgs/acme/repos", { name: "x" })).status).to.equal(404);
      const org = await startGitHub({ root, owner: "corp", organization: true, token });
      try {
        const headers = { authorization: `Bearer ${token}` };
        expect((await fetch(`${org.baseUrl}orgs/corp`, { headers })).status).to.equal(200);
        const made = await fetch(`${org.baseUrl}orgs/corp/repos`, { method: "POST", headers, body: '{"name":"x"}' });
        expect(made.status).to.equal(201);
      } finally {
        await org.close();
      }
    });
  });

  describe("content", () => {
    const api = "repos/acme/platform";

    const directory = () => join(root, "acme", "platform.git");
    const head = async () => (await git(directory(), ["rev-parse", "main"])).toString().trim();
    const commits = async () => (await git(directory(), ["rev-list", "--count", "main"])).toString().trim();
    const commitOnBranch = async (expectedHeadOid: string, branchName = "main") => {
      const contents = Buffer.from("ü\n").toString("base64");
      const input = {
        branch: { repositoryNameWithOwner: "acme/platform", branchName },
        message: { headline: "Seed" },
        expectedHeadOid,
        fileChanges: { additions: [{ path: "flux-repo/clusters/dev/b.yaml", contents }] },
      };
      const reply = await call("POST", "api/graphql", {
        query:
          "mutation ($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }",
        variables: { input },
      });
      expect(reply.status).to.equal(200);
      return reply.body as { data: { createCommitOnBranch: { commit: { oid: string } } | null }; errors?: Json[] };
    };

    it("takes a commit on a branch of whoever knows its head", async () => {
      const before = await head();
      const made = await commitOnBranch(before);
      expect(made.data.createCommitOnBranch?.commit.oid).to.equal(await head());
      expect(await readFile(directory(), "flux-repo/clusters/dev/b.yaml")).to.equal("ü\n");
      expect(await readFile(directory(), "README.md")).to.equal("hello\n");
      expect((await commitOnBranch(before)).errors?.[0]).to.include({ type: "STALE_DATA" });
      const now = await head();
      const both = await Promise.all([commitOnBranch(now), commitOnBranch(now)]);
      expect(both.flatMap(({ errors = [] }) => errors.map(({ type }) => type))).to.deep.equal(["STALE_DATA"]);
      expect((await commitOnBranch(before, "none")).errors?.[0]).to.include({ type: "NOT_FOUND" });
      expect(await commits()).to.equal("3");
      const tree = await call("GET", `${api}/git/trees/${await head()}?recursive=1`);
      expect((tree.body["tree"] as Json[]).map(({ path }) => path)).to.include("flux-repo/clusters/dev/b.yaml");
    });

    it("takes none on a protected branch, and says why", async () => {
      for (const [by, words] of [
        ["rule", "At least 1 approving review is required"],
        ["ruleset", "Changes must be made through a pull request."],
      ] as const) {
        github.protect("acme", "platform", "main", by);
        const refused = await commitOnBranch(await head());
        expect(refused.data.createCommitOnBranch).to.equal(null);
        expect(refused.errors?.[0]?.["message"]).to.include(words);
        expect((await call("GET", `${api}/branches/main`)).body).to.include({ protected: true });
        expect((await call("GET", `${api}/rules/branches/main`)).list).to.have.length(by === "ruleset" ? 1 : 0);
      }
      expect(await commits()).to.equal("1");
    });

    it("makes and removes branches", async () => {
      const sha = await head();
      const branch = { ref: "refs/heads/new", sha };
      expect((await call("POST", `${api}/git/refs`, branch)).status).to.equal(201);
      expect((await call("POST", `${api}/git/refs`, branch)).status).to.equal(422);
      expect((await call("POST", `${api}/git/refs`, { ref: "refs/heads/x", sha: "f".repeat(40) })).status).to.equal(
        422,
      );
      expect(object(await call("GET", `${api}/git/ref/heads/new`), "object")["sha"]).to.equal(sha);
      expect((await call("DELETE", `${api}/git/refs/heads/new`)).status).to.equal(204);
      expect((await call("GET", `${api}/git/ref/heads/new`)).status).to.equal(404);
    });

    it("has no Git database API before the first commit, but takes a file", async () => {
      const reply = await call("GET", "repos/acme/empty/git/ref/heads/main");
      expect(reply.status).to.equal(409);
      expect(reply.body["message"]).to.equal("Git Repository is empty.");
      const content = Buffer.from("first\n").toString("base64");
      const made = await call("PUT", "repos/acme/empty/contents/docs/a.md", { message: "First", content });
      expect(made.status).to.equal(201);
      expect((await call("GET", "repos/acme/empty/git/ref/heads/main")).status).to.equal(200);
    });

    it("changes a file only for the one who names the version that is there", async () => {
      const path = `${api}/contents/flux-repo/a.yaml`;
      const seen = await call("GET", path);
      expect(Buffer.from(String(seen.body["content"]), "base64").toString()).to.equal("a: 1\n");
      const content = Buffer.from("a: 2\n").toString("base64");
      expect((await call("PUT", path, { message: "m", content })).status).to.equal(422);
      expect((await call("PUT", path, { message: "m", content, sha: "0".repeat(40) })).status).to.equal(409);
      const changed = await call("PUT", path, { message: "m", content, sha: seen.body["sha"] });
      expect(changed.status).to.equal(200);
      expect((await call("GET", `${api}/contents/`)).list.map(({ path: name }) => name)).to.deep.equal([
        "README.md",
        "flux-repo",
      ]);
    });
  });

  describe("failures on demand", () => {
    it("answers in GitHub's words as often as asked, then as usual", async () => {
      const reset = new Date(Date.now() + 60_000);
      github.fail(failing(`GET /${keys}`, answers.rateLimited(reset), 2));
      for (let attempt = 1; attempt <= 2; attempt += 1) {
        const reply = await call("GET", `api/v3/${keys}`);
        expect(reply.status).to.equal(403);
        expect(reply.headers.get("x-ratelimit-remaining")).to.equal("0");
        expect(reply.headers.get("x-ratelimit-reset")).to.equal(String(Math.ceil(reset.getTime() / 1000)));
      }
      expect((await call("GET", keys)).status).to.equal(200);
      expect(github.requests.map(({ provoked }) => provoked)).to.deep.equal([true, true, false]);
    });

    it("knows 401, 404, 422, 5xx, the secondary limit and a cut connection", async () => {
      const cases = [answers.badCredentials, answers.notFound, answers.keyInUse, answers.serverError(503)];
      for (const answer of cases) {
        github.fail(failing(/^POST .*\/keys$/, answer));
        expect((await call("POST", keys, { title: "t", key: newKey() })).status).to.equal(answer.status);
      }
      expect(github.deployKeys("acme", "platform")).to.deep.equal([]);
      github.fail(failing("GET /user", answers.secondaryRateLimited(7)));
      expect((await call("GET", "user")).headers.get("retry-after")).to.equal("7");
      github.fail({ match: "GET /user", status: 0 });
      const cut = await call("GET", "user").then(
        () => "answered",
        () => "cut",
      );
      expect(cut).to.equal("cut");
      expect(github.requests.at(-1)?.status).to.equal(0);
    });

    it("delays without failing, until it is called off", async () => {
      const callOff = github.fail({ match: /^GET \/user$/, delay: 300, times: Infinity });
      const slow = call("GET", "user");
      const quick = await call("GET", "repos/acme/platform");
      expect(quick.status).to.equal(200);
      // The undelayed request was answered first: the order, not a clock, shows the delay.
      expect(github.requests.map(({ path }) => path)).to.deep.equal(["/repos/acme/platform"]);
      expect((await slow).status).to.equal(200);
      callOff();
      expect((await call("GET", "user")).status).to.equal(200);
    });
  });
});
