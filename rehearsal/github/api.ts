/**
 * A stand-in for GitHub's REST API on 127.0.0.1, as far as the environment and its provider use it: the user,
 * repositories, deploy keys, contents and the Git data API. Repositories are real bare ones, written by `git`.
 * Answers have GitHub's shapes, words and status codes; an address it does not know is a 404 that says so.
 */
import { rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { commit, createRepository, git, repositoryPath } from "../git/repository.ts";
import { fingerprint, publicKeyBlob, type Access } from "../git/ssh-server.ts";
import { readBody, startLoopback, type Answer, type Loopback } from "../loopback.ts";
import { answers, Refusal } from "./answers.ts";
import { contentRoutes, type Protection, type Target } from "./content.ts";
import { Body, findRoute, isRecord, type Call, type Routes } from "./router.ts";

/** A deploy key as GitHub keeps it. */
export interface DeployKey {
  readonly id: number;
  /** Type and blob only: GitHub drops the comment and the newline. */
  readonly key: string;
  /** `SHA256:...`, as the Git server's log has it. */
  readonly fingerprint: string;
  readonly title: string;
  readonly readOnly: boolean;
  readonly createdAt: Date;
}

/** What the stand-in starts with. */
export interface GitHubOptions {
  /** The folder of the bare repositories; made by the caller, who also removes it. */
  readonly root: string;
  /** The account that owns the repositories. */
  readonly owner: string;
  /** Is the account an organization? @default false */
  readonly organization?: boolean;
  /** The default branch of repositories that are created, which an account chooses. @default "main" */
  readonly defaultBranch?: string;
  /** The only token that is accepted. */
  readonly token: string;
  /** Repositories that exist from the start: those that have a directory under `root` are taken as they are. */
  readonly repositories?: readonly InitialRepository[];
  /** @default any free port */
  readonly port?: number;
}

/** A repository that is there when the stand-in starts. */
export interface InitialRepository {
  readonly name: string;
  /** The account it belongs to. @default the stand-in's owner */
  readonly owner?: string;
  /** May anybody read it over HTTP? @default false */
  readonly public?: boolean;
  /** @default "main" */
  readonly defaultBranch?: string;
}

/** The running stand-in. It is what the Git servers ask who may read what. */
export interface GitHub extends Access, Omit<Loopback, "fail"> {
  /** `http://127.0.0.1:PORT/`: the provider's `baseUrl` (it adds `api/v3/` itself; plain paths work as well). */
  readonly baseUrl: string;
  readonly root: string;
  readonly owner: string;
  /** A repository's deploy keys, oldest first; empty when there is no such repository. */
  deployKeys(owner: string, repository: string): readonly DeployKey[];
  /** Is there such a repository, and may anybody read it? */
  isPublic(owner: string, repository: string): boolean;
  /** Make matching requests fail. The path is compared without `/api/v3`. See `answers` for GitHub's own words. */
  fail: Loopback["fail"];
  /** From now on deploy keys are switched off for all repositories, as an organization can, or on again. */
  allowDeployKeys(allowed: boolean): void;
  /** From now on a branch takes no commit but through a pull request. */
  protect(owner: string, repository: string, branch: string, by: Protection): void;
  /** From now on another token is the right one, as after a revocation. */
  setToken(token: string): void;
  /** The addresses that repositories are cloned from, for `ssh_url` and `clone_url`. */
  servedAt(addresses: { readonly ssh: string; readonly http: string }): void;
}

interface Repository {
  readonly id: number;
  readonly owner: string;
  readonly name: string;
  readonly directory: string;
  readonly keys: DeployKey[];
  readonly protection: Map<string, Protection>;
  readonly createdAt: Date;
  defaultBranch: string;
  private: boolean;
  /** What GitHub keeps and returns without acting on it here. */
  settings: Record<string, unknown>;
}

/** Settings of a repository that are stored as they come. */
const keptSettings = [
  "description",
  "homepage",
  "has_issues",
  "has_projects",
  "has_wiki",
  "has_downloads",
  "has_discussions",
  "is_template",
  "allow_squash_merge",
  "allow_merge_commit",
  "allow_rebase_merge",
  "allow_auto_merge",
  "allow_update_branch",
  "delete_branch_on_merge",
  "archived",
  "web_commit_signoff_required",
] as const;

/** GitHub's timestamps have no milliseconds. */
const timestamp = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, "Z");

/** Start the stand-in. */
export async function startGitHub(options: GitHubOptions): Promise<GitHub> {
  const { root, owner } = options;
  const repositories = new Map<string, Repository>();
  let token = options.token;
  let areDeployKeysAllowed = true;
  let lastId = 1000;
  let clone = { ssh: "ssh://git@github.invalid", http: "https://github.invalid" };

  for (const initial of options.repositories ?? []) {
    const of = initial.owner ?? owner;
    register(of, initial.name, { private: initial.public !== true, defaultBranch: initial.defaultBranch ?? "main" });
    await createRepository(root, of, initial.name, undefined, initial.defaultBranch);
  }

  function register(of: string, name: string, facts: Pick<Repository, "private" | "defaultBranch">): Repository {
    const directory = repositoryPath(root, of, name);
    const repository = {
      id: ++lastId,
      owner: of,
      name,
      directory,
      keys: [],
      protection: new Map<string, Protection>(),
      createdAt: new Date(),
      settings: {},
      ...facts,
    };
    repositories.set(`${of}/${name}`, repository);
    return repository;
  }

  function find(call: Call): Repository {
    const repository = repositories.get(`${call.param("owner")}/${call.param("repo")}`);
    if (!repository) throw new Refusal(answers.notFound);
    return repository;
  }

  function ownerJson(login: string): object {
    return { login, id: 1, node_id: "U_1", type: options.organization && login === owner ? "Organization" : "User" };
  }

  function organizationJson(login: string): object {
    return { ...ownerJson(login), deploy_keys_enabled_for_repositories: areDeployKeysAllowed };
  }

  function repositoryJson(repository: Repository): unknown {
    const { id, owner: of, name, settings } = repository;
    const visibility = repository.private ? "private" : "public";
    return {
      ...settings,
      id,
      node_id: `R_${id}`,
      name,
      full_name: `${of}/${name}`,
      owner: ownerJson(of),
      private: repository.private,
      visibility,
      default_branch: repository.defaultBranch,
      archived: settings["archived"] === true,
      topics: [],
      url: `${api()}/repos/${of}/${name}`,
      html_url: `${clone.http}/${of}/${name}`,
      clone_url: `${clone.http}/${of}/${name}.git`,
      ssh_url: `${clone.ssh}/${of}/${name}.git`,
      created_at: timestamp(repository.createdAt),
      permissions: { admin: true, maintain: true, push: true, triage: true, pull: true },
    };
  }

  function keyJson({ owner: of, name }: Repository, key: DeployKey): unknown {
    return {
      id: key.id,
      key: key.key,
      url: `${api()}/repos/${of}/${name}/keys/${key.id}`,
      title: key.title,
      verified: true,
      created_at: timestamp(key.createdAt),
      read_only: key.readOnly,
      added_by: owner,
      last_used: null,
      enabled: true,
    };
  }

  function findKey(call: Call): { repository: Repository; key: DeployKey } {
    const repository = find(call);
    const key = repository.keys.find(({ id }) => String(id) === call.param("id"));
    if (!key) throw new Refusal(answers.notFound);
    return { repository, key };
  }

  async function create(of: string, { body }: Call): Promise<Answer> {
    const name = body.text("name");
    if (!/^[\w.-]+$/.test(name) || name.startsWith(".")) {
      throw new Refusal(
        answers.invalid({ resource: "Repository", code: "custom", field: "name", message: "name is invalid" }),
      );
    }
    if (repositories.has(`${of}/${name}`)) {
      const text = "name already exists on this account";
      throw new Refusal(answers.invalid({ resource: "Repository", code: "custom", field: "name", message: text }));
    }
    const branch = options.defaultBranch ?? "main";
    const repository = register(of, name, { private: false, defaultBranch: branch });
    change(repository, body);
    await createRepository(root, of, name, undefined, branch);
    if (body.flag("auto_init")) {
      await commit(repository.directory, { branch, message: "Initial commit", files: { "README.md": `# ${name}\n` } });
    }
    return { status: 201, body: repositoryJson(repository) };
  }

  function change(repository: Repository, body: Body): void {
    for (const setting of keptSettings) {
      if (body.get(setting) !== undefined) repository.settings[setting] = body.get(setting);
    }
    const visibility = body.optionalText("visibility");
    if (visibility !== undefined) repository.private = visibility !== "public";
    else if (body.get("private") !== undefined) repository.private = body.flag("private");
  }

  const routes: Routes = {
    "GET /user": () => ({ status: 200, body: ownerJson(owner), headers: { "x-oauth-scopes": "repo" } }),
    "GET /users/:login": (call) => ({ status: 200, body: ownerJson(call.param("login")) }),
    "GET /orgs/:org": (call) => {
      if (!options.organization || call.param("org") !== owner) throw new Refusal(answers.notFound);
      return { status: 200, body: organizationJson(owner) };
    },
    "POST /user/repos": (call) => create(owner, call),
    "POST /orgs/:org/repos": (call) => {
      if (!options.organization || call.param("org") !== owner) throw new Refusal(answers.notFound);
      return create(owner, call);
    },
    "GET /repos/:owner/:repo": (call) => ({ status: 200, body: repositoryJson(find(call)) }),
    "PATCH /repos/:owner/:repo": async (call) => {
      const repository = find(call);
      if ((call.body.optionalText("name") ?? repository.name) !== repository.name) {
        throw new Refusal(answers.unprocessable("the stand-in does not rename repositories"));
      }
      const branch = call.body.optionalText("default_branch");
      if (branch !== undefined) {
        await git(repository.directory, ["symbolic-ref", "HEAD", `refs/heads/${branch}`]);
        repository.defaultBranch = branch;
      }
      change(repository, call.body);
      return { status: 200, body: repositoryJson(repository) };
    },
    "DELETE /repos/:owner/:repo": async (call) => {
      const repository = find(call);
      repositories.delete(`${repository.owner}/${repository.name}`);
      await rm(repository.directory, { recursive: true, force: true });
      return { status: 204 };
    },
    "GET /repos/:owner/:repo/keys": (call) => {
      const repository = find(call);
      const size = Math.min(Number(call.query.get("per_page") ?? 30), 100);
      const page = Number(call.query.get("page") ?? 1);
      const keys = repository.keys.slice((page - 1) * size, page * size);
      const next = `${api()}/repos/${repository.owner}/${repository.name}/keys?per_page=${size}&page=${page + 1}`;
      return {
        status: 200,
        body: keys.map((key) => keyJson(repository, key)),
        ...(page * size < repository.keys.length && { headers: { link: `<${next}>; rel="next"` } }),
      };
    },
    "POST /repos/:owner/:repo/keys": (call) => {
      const repository = find(call);
      const line = call.body.text("key");
      const blob = publicKeyBlob(line);
      if (blob === undefined) {
        const text = "key is invalid. You must supply a key in OpenSSH public key format";
        throw new Refusal(answers.invalid({ resource: "PublicKey", code: "custom", field: "key", message: text }));
      }
      if (!areDeployKeysAllowed) throw new Refusal(answers.deployKeysDisabled);
      if (registered(blob)) {
        throw new Refusal(answers.keyInUse);
      }
      const key: DeployKey = {
        id: ++lastId,
        key: `${line.trim().split(/\s+/)[0] ?? ""} ${blob}`,
        fingerprint: fingerprint(blob),
        title: call.body.optionalText("title") ?? "",
        readOnly: call.body.flag("read_only"),
        createdAt: new Date(),
      };
      repository.keys.push(key);
      return { status: 201, body: keyJson(repository, key) };
    },
    "GET /repos/:owner/:repo/keys/:id": (call) => {
      const { repository, key } = findKey(call);
      return { status: 200, body: keyJson(repository, key) };
    },
    "DELETE /repos/:owner/:repo/keys/:id": (call) => {
      const { repository, key } = findKey(call);
      repository.keys.splice(repository.keys.indexOf(key), 1);
      return { status: 204 };
    },
    ...contentRoutes((call): Target => {
      const { directory, defaultBranch, protection, owner: of, name } = find(call);
      return { directory, defaultBranch, protection, url: `${api()}/repos/${of}/${name}` };
    }),
  };

  function registered(blob: string): boolean {
    return [...repositories.values()].some(({ keys }) => keys.some(({ key }) => key.endsWith(` ${blob}`)));
  }

  /** Without a token a private repository does not exist (docs.github.com/rest, "Troubleshooting", 404). */
  function authorize(request: IncomingMessage, path: string): void {
    const [, sent] = /^(?:bearer|token) +(.+)$/i.exec(request.headers.authorization ?? "") ?? [];
    if (sent === undefined) {
      const [, of = "", name = ""] = /^\/repos\/([^/]+)\/([^/]+)/.exec(path) ?? [];
      const isHidden = repositories.get(`${of}/${name}`)?.private !== false && name !== "";
      throw new Refusal(isHidden ? answers.notFound : answers.authenticationRequired);
    }
    if (sent !== token) throw new Refusal(answers.badCredentials);
  }

  function refuseArchived(method: string, path: string): void {
    const [, of = "", name = "", rest = ""] = /^\/repos\/([^/]+)\/([^/]+)(\/.+)?$/.exec(path) ?? [];
    const archived = repositories.get(`${of}/${name}`)?.settings["archived"] === true;
    if (archived && method !== "GET" && rest !== "") throw new Refusal(answers.archived);
  }

  async function handle(request: IncomingMessage, url: URL): Promise<Answer> {
    authorize(request, url.pathname);
    const found = findRoute(routes, request.method ?? "GET", url.pathname);
    if (!found) {
      return {
        status: 404,
        body: { message: `Not Found (the stand-in has no ${request.method ?? ""} ${url.pathname})` },
      };
    }
    const { params } = found;
    refuseArchived(request.method ?? "GET", url.pathname);
    return await found.route({
      param(name) {
        const value = params[name];
        if (value === undefined) throw new Refusal(answers.notFound);
        return value;
      },
      optional: (name) => params[name] ?? "",
      query: url.searchParams,
      body: new Body(parse((await readBody(request)).toString())),
    });
  }

  const loopback = await startLoopback(
    "github",
    async (request, _response, url) => {
      try {
        return await handle(request, url);
      } catch (error) {
        if (error instanceof Refusal) return error.answer;
        throw error;
      }
    },
    // The real provider puts /api/v3 before every path when it has a baseUrl; other clients do not.
    { port: options.port ?? 0, normalize: (path) => path.replace(/^\/api\/v3(?=\/)|^\/api(?=\/graphql$)/, "") },
  );

  function api(): string {
    return `http://127.0.0.1:${loopback.port}/api/v3`;
  }

  return {
    ...loopback,
    baseUrl: `http://127.0.0.1:${loopback.port}/`,
    root,
    owner,
    deployKeys: (of, name) => repositories.get(`${of}/${name}`)?.keys ?? [],
    known: registered,
    mayRead: (key, of, name) =>
      repositories.get(`${of}/${name}`)?.keys.some(({ key: line }) => line.endsWith(` ${key}`)) ?? false,
    isPublic: (of, name) => repositories.get(`${of}/${name}`)?.private === false,
    allowDeployKeys(allowed) {
      areDeployKeysAllowed = allowed;
    },
    protect(of, name, branch, by) {
      repositories.get(`${of}/${name}`)?.protection.set(branch, by);
    },
    setToken(next) {
      token = next;
    },
    servedAt(addresses) {
      clone = addresses;
    },
  };
}

function parse(body: string): Record<string, unknown> {
  if (body === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new Refusal({ status: 400, body: { message: "Problems parsing JSON" } });
  }
  if (!isRecord(value)) throw new Refusal({ status: 400, body: { message: "Body should be a JSON object" } });
  return value;
}
