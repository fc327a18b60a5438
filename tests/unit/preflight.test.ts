/** Preflight without an engine: the list, and the checks of GitHub and of an existing cluster. */
import * as http from "node:http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { checkExistingCluster } from "../../components/cluster/existing-preflight.ts";
import type { Finding } from "../../components/cluster/preflight.ts";
import { checkMirrors } from "../../components/cluster/mirror-preflight.ts";
import { checkGitHub } from "../../components/gitops/github-preflight.ts";
import { type PreflightContext, runChecks } from "../../components/preflight.ts";
import { startRegistry } from "../../rehearsal/charts/index.ts";
import { freePorts } from "../../rehearsal/control-plane/processes.ts";
import { answers, failing } from "../../rehearsal/github/answers.ts";
import { type GitHub, startGitHub } from "../../rehearsal/github/index.ts";
import { createRepository } from "../../rehearsal/git/index.ts";
import { parseSettings } from "../../settings/parse.ts";

const context = (raw: Readonly<Record<string, unknown>>, more: Partial<PreflightContext> = {}): PreflightContext => ({
  stack: "dev",
  settings: parseSettings(raw, { file: "Pulumi.dev.yaml", secrets: ["telegramToken"] }),
  owner: "acme",
  token: "right",
  registryCredentials: undefined,
  first: true,
  known: false,
  preview: true,
  unverified: "note",
  ...more,
});
const lines = (findings: readonly Finding[]) => findings.map(({ level, message }) => `${level}: ${message}`).join("\n");

describe("preflight", () => {
  it("runs all checks at once, tells errors first and what two say alike once", async () => {
    let running = 0;
    let most = 0;
    const check =
      (...findings: Finding[]) =>
      async () => {
        most = Math.max(most, (running += 1));
        await sleep(20);
        running -= 1;
        return findings;
      };
    const note: Finding = { level: "note", check: "x", message: "n" };
    const error: Finding = { level: "error", check: "x", message: "e" };
    const found = await runChecks(context({}), { one: check(note, error), other: check(error) });
    expect(found).to.deep.equal([error, note]);
    expect(most).to.equal(2);
  });

  it("tells what does not answer or fails as what cannot be verified, and goes on without it", async () => {
    const warning: Finding = { level: "warning", check: "x", message: "w" };
    const checks = {
      silent: () => sleep(60_000, [], { ref: false }),
      broken: () => Promise.reject(new Error("spawn docker EACCES")),
      well: () => Promise.resolve([warning]),
    };
    expect(lines(await runChecks(context({}), checks, 50))).to.equal(
      "warning: w\nnote: cannot be looked at: no answer within 0.05 s\nnote: cannot be looked at: spawn docker EACCES",
    );
    expect(
      (await runChecks(context({}, { unverified: "error" }), checks, 50)).filter(({ level }) => level === "error"),
    ).to.have.length(2);
  });

  describe("of mirrors", () => {
    const auths = (host: string, login: string) =>
      JSON.stringify({ auths: { [host]: { auth: Buffer.from(login).toString("base64") } } });

    /** Findings without a secret, with a wrong one, and with the right one. */
    const looks = async (address: string) => {
      const { host } = new URL(address);
      const found = [undefined, auths(host, "robot:planted"), auths(host, "robot:p@ss")].map((config) =>
        checkMirrors({ "docker.io": address }, config),
      );
      return (await Promise.all(found)).map(lines);
    };
    const saysOf = (address: string) => [
      `error: ${address} (cluster.kind.registryMirrors, docker.io) asks for a password. Add ${new URL(address).host} to the secret registryCredentials (docs/company-networks.md).`,
      `error: ${address} (cluster.kind.registryMirrors, docker.io) refuses the credentials that registryCredentials has for ${new URL(address).host}. Set it again (docs/company-networks.md).`,
      "",
    ];

    it("says which asks for a password, and which refuses the one it is given, without repeating it", async () => {
      const registry = await startRegistry([], 0, { credentials: "robot:p@ss" });
      try {
        const at = `http://127.0.0.1:${registry.port}`;
        for (const address of [at, `${at}/v2/dockerhub`]) expect(await looks(address)).to.deep.equal(saysOf(address));
      } finally {
        await registry.close();
      }
    });

    it("asks the server of tokens that a registry names, and takes one that anybody gets for no password", async () => {
      let open = false;
      const server = http.createServer(({ url = "", headers }, response) => {
        const right = headers.authorization === `Basic ${Buffer.from("robot:p@ss").toString("base64")}`;
        const realm = `Bearer realm="http://${headers.host ?? ""}/token",service="it"`;
        if (url === "/v2/") response.writeHead(401, { "www-authenticate": realm }).end();
        else response.writeHead(url === "/token?service=it" && (right || open) ? 200 : 401).end();
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      try {
        expect(await looks(address)).to.deep.equal(saysOf(address));
        open = true;
        expect((await looks(address))[0]).to.equal("");
      } finally {
        server.close();
      }
    });

    it("does not judge one that only the nodes may reach", async () => {
      expect(await checkMirrors({ "docker.io": "http://127.0.0.1:1" }, undefined)).to.deep.equal([]);
    });
  });

  describe("of GitHub", () => {
    let folder: string;
    let github: GitHub;
    // One for all: preflight only looks.
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "preflight-"));
      await createRepository(folder, "acme", "fleet", {
        folders: { "flux-repo": join(import.meta.dirname, "../../flux-repo") },
      });
    });
    after(async () => {
      await rm(folder, { recursive: true });
    });
    beforeEach(async () => {
      github = await startGitHub({
        root: folder,
        owner: "acme",
        organization: true,
        token: "right",
        repositories: [{ name: "fleet" }],
      });
    });
    afterEach(async () => {
      await github.close();
    });

    const look = async (
      repository: Readonly<Record<string, unknown>> = {},
      more: Partial<PreflightContext> & { readonly demo?: object } = {},
    ): Promise<string> => {
      const { demo = {}, ...rest } = more;
      const at = { name: "fleet", apiUrl: github.baseUrl, sshUrl: "ssh://git@github.com/acme/fleet.git" };
      const settings = { repository: { ...at, ...repository }, demo };
      return lines(await checkGitHub(context(settings, rest)));
    };
    const organization = (fields: object) => {
      const body = { login: "acme", type: "Organization", ...fields };
      return github.fail(failing("GET /orgs/acme", { status: 200, body }, 10));
    };
    const repositoryAnswer = (fields: object) => ({ status: 200, body: { owner: { type: "User" }, ...fields } });

    it("finds nothing where all is right", async () => {
      organization({ deploy_keys_enabled_for_repositories: true });
      expect(await look()).to.equal("");
      expect(github.requests.filter(({ method }) => method !== "GET")).to.deep.equal([]);
    });

    it("token, repository, branch and folder: each by its setting, with what to do", async () => {
      organization({ deploy_keys_enabled_for_repositories: true });
      expect(await look({}, { token: "wrong" })).to.match(
        /^error: the token is wrong.*"Bad credentials".*GITHUB_TOKEN/,
      );
      expect(await look({ name: "other" })).to.match(/^error: there is no repository acme\/other.*repository\.create/);
      expect(await look({ name: "other", create: true })).to.equal("");
      expect(await look({ branch: "release" })).to.match(
        /^error: acme\/fleet has no branch release.*repository\.branch/,
      );
      expect(await look({ branch: "release", seed: true }), "seeding makes it").to.equal("");
      expect(await look({ path: "clusters/dev" })).to.match(/^error: .*no folder clusters\/dev in branch main.*seed/);
      expect(await look({ path: "clusters/dev", seed: true }), "seeding makes it").to.equal("");
      expect(await look({}, { demo: { path: "demo" } })).to.match(/^error: .*no folder demo/);
      expect(await look({}, { demo: { path: "demo", enabled: false } })).to.equal("");
    });

    it("the organization's rule: forbidden stops, what its owners alone see is a note", async () => {
      const end = organization({});
      expect(await look()).to.match(/^note: whether the organization acme allows deploy keys/);
      end();
      organization({ deploy_keys_enabled_for_repositories: false });
      expect(await look()).to.match(/^error: the organization acme forbids deploy keys.*settings\/deploy_keys/);
    });

    it("rights: no administrator, a scope too small, a token that may not see the keys, an archive", async () => {
      const { demo } = { demo: { enabled: false } };
      const repository = "GET /repos/acme/fleet";
      github.fail(failing(repository, repositoryAnswer({ permissions: { admin: false } })));
      expect(await look({}, { demo })).to.match(/^error: the token's account does not administer acme\/fleet/);
      for (const create of [false, true]) {
        github.fail(failing(repository, repositoryAnswer({ archived: true })));
        expect(await look({ create }, { demo })).to.match(
          /^error: repository acme\/fleet is archived.*repository\.name/,
        );
      }
      github.fail(failing(repository, repositoryAnswer({})));
      const keys = { status: 200, body: [], headers: { "x-oauth-scopes": "gist, read:org" } };
      github.fail(failing(`${repository}/keys`, keys));
      expect(await look({}, { demo })).to.match(/^error: the token lacks the scope repo \(it has: gist, read:org\)/);
      github.fail(failing(repository, repositoryAnswer({})));
      github.fail(failing(`${repository}/keys`, answers.forbidden));
      expect(await look({}, { demo })).to.match(/^note: .*"Resource not accessible by.*Administration: read and write/);
    });

    it("a branch that is protected may refuse what is seeded", async () => {
      organization({ deploy_keys_enabled_for_repositories: true });
      const body = { name: "main", protected: true };
      github.fail(failing("GET /repos/acme/fleet/branches/main", { status: 200, body }));
      expect(await look({ seed: true })).to.match(/^warning: branch main of acme\/fleet is protected/);
    });

    it("no answer at all: the reason of the connection, and what to do", async () => {
      const [port] = await freePorts(1);
      const sshUrl = "ssh://git@github.com/acme/fleet.git";
      const repository = { apiUrl: `http://127.0.0.1:${port ?? 0}/`, sshUrl };
      const look = async (unverified: Finding["level"]) =>
        lines(await checkGitHub(context({ repository }, { unverified })));
      expect(await look("note")).to.match(/^note: 127\.0\.0\.1:\d+ does not answer: .*ECONNREFUSED.*HTTPS_PROXY/);
      expect(await look("error")).to.match(/^error: 127/);
    });
  });

  describe("of an existing cluster", () => {
    let folder: string;
    let server: http.Server;
    /** What the API server answers by path; a review is answered by the resources that are allowed. */
    let cluster: { version: object; classes: object[]; allowed: (verb: string, resource: string) => boolean };

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "preflight-"));
      const marked = {
        metadata: { name: "a", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
      };
      cluster = {
        version: { major: "1", minor: "35+", gitVersion: "v1.35.2-eks" },
        classes: [marked],
        allowed: () => true,
      };
      server = http.createServer((request, response) => {
        let body = "";
        request.on("data", (text: Buffer) => (body += text.toString()));
        request.on("end", () => {
          const answer = (value: object) =>
            response.setHeader("content-type", "application/json").end(JSON.stringify(value));
          if (request.url?.startsWith("/version") === true) return answer(cluster.version);
          if (request.url?.endsWith("/storageclasses") === true) return answer({ items: cluster.classes });
          const { spec } = JSON.parse(body) as { spec: { resourceAttributes: { verb: string; resource: string } } };
          const { verb, resource } = spec.resourceAttributes;
          return answer({ spec, status: { allowed: cluster.allowed(verb, resource) } });
        });
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      const kubeconfig = {
        contexts: [{ name: "production", context: { cluster: "c", user: "u" } }],
        clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } }],
        users: [{ name: "u", user: {} }],
      };
      await writeFile(join(folder, "kubeconfig"), JSON.stringify(kubeconfig));
    });
    afterEach(async () => {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true });
    });

    const look = async (more: Partial<PreflightContext> = {}): Promise<string> => {
      const existing = { kubeconfig: join(folder, "kubeconfig"), context: "production" };
      return lines(await checkExistingCluster(context({ cluster: { type: "existing", existing } }, more)));
    };

    it("finds nothing where all is right, nor for a Kind cluster", async () => {
      expect(await look()).to.equal("");
      expect(await checkExistingCluster(context({}))).to.deep.equal([]);
    });

    it("version, storage and rights: all at once", async () => {
      cluster = {
        version: { major: "1", minor: "30", gitVersion: "v1.30.1" },
        classes: [{ metadata: { name: "a" } }],
        allowed: (verb, resource) => verb === "create" && resource !== "clusterroles",
      };
      const found = await look({ unverified: "error" });
      expect(found).to.match(/^error: it runs Kubernetes v1\.30\.1; 1\.33 is the oldest/);
      expect(found).to.match(
        /^error: context production may not create clusterroles, clusterroles with more.*cluster-admin/m,
      );
      expect(found).to.match(/^error: it has no default StorageClass.*kubectl annotate storageclass/m);
      expect(await look(), "credentials of a preview may be weaker").to.match(/^note: context production may not/m);
    });

    it("a server that is gone, a context that is not there: by the file, with the reason", async () => {
      server.close();
      server.closeAllConnections();
      expect(await look({ unverified: "error" })).to.match(/^error: .*kubeconfig, context production: .*ECONNREFUSED/);
      expect(await look()).to.match(/^note: .*ECONNREFUSED/);
      expect(await look({ preview: false, known: true }), "an up needs to know which cluster it is").to.match(/^error/);
    });
  });
});
