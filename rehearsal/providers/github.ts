import { compare, unsupported, type ResourceRequest, type StandIn } from "./server.ts";
import { text, unknown, type Properties, type Value } from "./values.ts";

const deployKeyType = "github:index/repositoryDeployKey:RepositoryDeployKey";
interface Answer {
  readonly status: number;
  readonly body: Properties;
}

/**
 * Stand-in for the github provider: deploy keys, by GitHub's REST API. As in the released one, a `baseUrl` other than
 * api.github.com is a GitHub Enterprise Server, whose API is under `/api/v3/`.
 * @param environment Where `GITHUB_TOKEN`, `GITHUB_OWNER` and `GITHUB_BASE_URL` are read when the configuration has none.
 */
export function githubStandIn(environment: NodeJS.ProcessEnv): StandIn {
  let api: GitHubApi | undefined;

  function client(): GitHubApi {
    if (api === undefined) throw new Error("the github provider is not configured");
    return api;
  }

  return {
    configure(config) {
      const setting = (key: string, variable: string): string | undefined =>
        text(config[key]) || environment[variable] || undefined;
      api = new GitHubApi(
        setting("baseUrl", "GITHUB_BASE_URL") ?? "https://api.github.com/",
        setting("owner", "GITHUB_OWNER"),
        setting("token", "GITHUB_TOKEN"),
      );
    },
    check({ type, inputs }) {
      if (type !== deployKeyType) throw unsupported("github", type);
      return { inputs: { readOnly: true, ...inputs } };
    },
    diff(request) {
      const comparable = (inputs: Properties): Properties => ({ ...inputs, key: trimmed(inputs["key"]) });
      return { changes: compare(comparable(request.oldInputs), comparable(request.inputs), "all") };
    },
    async create(request) {
      const { inputs, preview } = request;
      if (preview) return { id: "", properties: { ...inputs, etag: unknown } };
      const repository = text(inputs["repository"]);
      const { key, title, readOnly } = inputs;
      const body = { key: trimmed(key), title: title ?? "", read_only: readOnly ?? true };
      const answer = await client().send("POST", `repos/{owner}/${repository}/keys`, body, request);
      expect(answer, [201], `register the deploy key "${text(title)}" on ${repository}`);
      const id = `${repository}:${text(answer.body["id"])}`;
      return { id, properties: deployKey(repository, answer.body, inputs["key"]) };
    },
    async read(request) {
      const [name, number] = splitId(request.id);
      const answer = await client().send("GET", `repos/{owner}/${name}/keys/${number}`, undefined, request);
      if (answer.status === 404) return undefined;
      expect(answer, [200], `read the deploy key ${request.id}`);
      const properties = deployKey(name, answer.body, request.old["key"]);
      const { key, title, readOnly } = properties;
      const inputs = {
        ...request.inputs,
        repository: name,
        key: key ?? "",
        title: title ?? "",
        readOnly: readOnly ?? true,
      };
      return { id: request.id, properties, inputs };
    },
    update() {
      throw unsupported("github", "update: every change of a deploy key replaces it");
    },
    // A key that is gone is an error, and the archived repository's is left and counts as deleted: terraform-provider-github
    // 6.8, resource_github_repository_deploy_key.go and util_repo.go.
    async delete(request) {
      const [name, number] = splitId(request.id);
      const answer = await client().send("DELETE", `repos/{owner}/${name}/keys/${number}`, undefined, request);
      if (answer.status === 403 && /archived/i.test(text(answer.body["message"]))) return;
      expect(answer, [204], `delete the deploy key ${request.id}`);
    },
  };
}

class GitHubApi {
  readonly #base: URL;
  readonly #owner: string | undefined;
  readonly #token: string | undefined;

  constructor(baseUrl: string, owner: string | undefined, token: string | undefined) {
    const url = new URL(baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`);
    const isEnterprise = url.hostname !== "api.github.com";
    this.#base = isEnterprise && !url.pathname.endsWith("/api/v3/") ? new URL("api/v3/", url) : url;
    this.#owner = owner;
    this.#token = token;
  }

  /** @param path Relative to the API's root; `{owner}` is the configured owner. */
  async send(method: string, path: string, body: Properties | undefined, request?: ResourceRequest): Promise<Answer> {
    if (path.includes("{owner}") && this.#owner === undefined) {
      throw new Error("the github provider has no owner: set github:owner or GITHUB_OWNER");
    }
    const url = new URL(path.replace("{owner}", this.#owner ?? ""), this.#base);
    const headers: Record<string, string> = { accept: "application/vnd.github+json", "user-agent": "github-stand-in" };
    if (this.#token !== undefined) headers["authorization"] = `Bearer ${this.#token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(request === undefined ? {} : { signal: request.signal }),
      });
    } catch (error) {
      const cause =
        error instanceof Error ? (error.cause instanceof Error ? error.cause : error).message : String(error);
      throw new Error(`${method} ${url.href}: GitHub cannot be reached: ${cause}`, { cause: error });
    }
    return { status: response.status, body: parse(await response.text()) };
  }
}

function parse(text: string): Properties {
  if (text === "") return {};
  try {
    return JSON.parse(text) as Properties;
  } catch {
    return { message: text.slice(0, 200) };
  }
}

/** Fails with what GitHub said and what to do about it, unless the status is one of those expected. */
function expect(answer: Answer, statuses: readonly number[], doing: string): void {
  if (statuses.includes(answer.status)) return;
  const { message, errors } = answer.body;
  const details = Array.isArray(errors)
    ? errors.map((item) => (typeof item === "object" ? JSON.stringify(item) : String(item))).join(", ")
    : "";
  const remedy =
    answer.status === 401
      ? " The token is wrong or was revoked: set github:token or GITHUB_TOKEN."
      : answer.status === 403 || answer.status === 429
        ? " The token may not do this (a deploy key needs Administration: read and write), or its rate limit is used up."
        : answer.status === 404
          ? " The repository does not exist, or the token cannot see it."
          : answer.status >= 500
            ? " GitHub failed; run it again later."
            : "";
  const said = [text(message), details].filter((part) => part !== "").join(" ");
  throw new Error(`could not ${doing}: GitHub answered ${answer.status} ${said}.${remedy}`);
}

function deployKey(repository: string, body: Properties, sent: Value | undefined): Properties {
  // GitHub keeps the key without its trailing newline; the state keeps it as it was sent.
  const isSame = trimmed(sent) === trimmed(body["key"]);
  return {
    repository,
    key: isSame && sent !== undefined ? sent : (body["key"] ?? ""),
    title: body["title"] ?? "",
    readOnly: body["read_only"] ?? true,
    etag: "",
  };
}

function trimmed(key: Value | undefined): Value {
  return typeof key === "string" ? key.trim() : (key ?? null);
}

function splitId(id: string): [repository: string, key: string] {
  const [repository, key] = id.split(":");
  if (repository === undefined || key === undefined) throw new Error(`expected <repository>:<key id>, got ${id}`);
  return [repository, key];
}
