/**
 * Makes a GitHub repository ready for Flux: creates it if that is asked for and it is not there, gives it the branch, and
 * adds the files that the branch lacks, in one commit. What is there is never changed or removed: it may be someone's work.
 * Run again, it does nothing. When GitHub refuses, nothing is left behind.
 *
 * What is wanted is JSON on standard input (`WantedRepository`); the token is GITHUB_TOKEN.
 */
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { githubAddresses } from "../../settings/github.ts";
import { trust } from "../company-network.ts";
import { contentFiles } from "./content.ts";
import { type Answer, callGitHub, type GitHubAccount, GitHubUnreachable, saidBy } from "./github-api.ts";

export interface WantedRepository {
  readonly apiUrl: string;
  /** File with further CA certificates (`network.ca`). */
  readonly ca?: string;
  readonly owner: string;
  readonly name: string;
  readonly branch: string;
  /** Visibility of a repository that is created; absent when it has to exist. */
  readonly create?: "private" | "public";
  /** Folders relative to the current one, whose files go to the same paths of the repository. */
  readonly folders: readonly string[];
  /** The folder in which Flux looks for this environment, and the stack's name. */
  readonly environment: { readonly folder: string; readonly stack: string };
  /** Changes when the files do, so that they are looked at again. */
  readonly content: string;
}

/** How often a commit is tried when others push at the same moment, and a new repository is asked for until it is there. */
const attempts = 5;

/** An error whose message is all there is to say. */
class Refused extends Error {}

/** What to do about an answer that is not a success. */
const remedies: Readonly<Record<number, string>> = {
  401: "The token is wrong or has expired.",
  403: "The token needs Contents: read and write, and Administration: read and write for a repository that is created.",
  404: "The repository does not exist, or the token may not see it: check repository.name, or set repository.create.",
  422: "",
};

class Ensuring {
  readonly #github: GitHubAccount;
  readonly #wanted: WantedRepository;
  readonly #path: string;

  constructor(wanted: WantedRepository, token: string) {
    this.#github = { apiUrl: wanted.apiUrl, token };
    this.#wanted = wanted;
    this.#path = `repos/${wanted.owner}/${wanted.name}`;
  }

  async ensure(): Promise<string> {
    const { branch, owner, name } = this.#wanted;
    const files = contentFiles(this.#wanted);
    const repository = await this.#findOrCreate();
    let head = await this.#headOf(branch);
    let isOurs = false;
    let isNew = false;
    if (head === undefined) {
      const first = await this.#headOf(repository.default_branch);
      isNew = first === undefined;
      head = first ?? (await this.#firstCommit(files));
      if (repository.default_branch !== branch) {
        await this.#send("POST", `${this.#path}/git/refs`, { ref: `refs/heads/${branch}`, sha: head });
        isOurs = true;
      }
    }
    const added = await this.#addMissing(files, head).catch(async (error: unknown) => {
      if (isOurs) await callGitHub(this.#github, "DELETE", `${this.#path}/git/refs/heads/${branch}`);
      throw error;
    });
    const count = added + (isNew ? 1 : 0);
    return count === 0
      ? `${owner}/${name} has every file that Flux needs.`
      : `Added ${count} files to ${owner}/${name}, branch ${branch}.`;
  }

  /** Sends a request and returns the answer, if it is a success or of a status that is expected. */
  async #send(method: string, address: string, body?: object, expected: readonly number[] = []): Promise<Answer> {
    const answer = await callGitHub(this.#github, method, address, body);
    if (answer.status < 300 || expected.includes(answer.status)) return answer;
    throw this.#refusal(saidBy(answer), remedies[answer.status] ?? "Try again.");
  }

  #refusal(reason: string, remedy: string): Refused {
    const { owner, name, branch } = this.#wanted;
    const sentence = `GitHub refuses ${owner}/${name}, branch ${branch}: ${reason.replace(/\.?$/, ".")}`;
    return new Refused(`${sentence} ${remedy}`.trim());
  }

  async #findOrCreate(): Promise<{ readonly default_branch: string }> {
    const { owner, name, create } = this.#wanted;
    interface Found {
      readonly archived: boolean;
      readonly default_branch: string;
    }
    const found = await this.#send("GET", this.#path, undefined, create === undefined ? [] : [404]);
    if (found.status === 404) {
      const made = await this.#send("POST", await this.#placeFor(owner), {
        name,
        private: create === "private",
        description: "What Flux syncs into the observability environment",
      });
      return made.data as Found;
    }
    const repository = found.data as Found;
    if (repository.archived) {
      const settings = `${githubAddresses(this.#wanted.apiUrl).web}/${owner}/${name}/settings`;
      throw this.#refusal("It is archived, so it takes no commit and no deploy key", `Unarchive it: ${settings}`);
    }
    return repository;
  }

  /** Where a repository of the owner is created: for a person, only with a token of that person. */
  async #placeFor(owner: string): Promise<string> {
    const { type } = (await this.#send("GET", `users/${owner}`)).data as { readonly type: string };
    if (type === "Organization") return `orgs/${owner}/repos`;
    const { login } = (await this.#send("GET", "user")).data as { readonly login: string };
    if (login.toLowerCase() === owner.toLowerCase()) return "user/repos";
    throw this.#refusal(`The token is ${login}'s, which creates no repository of ${owner}`, "Check github:owner.");
  }

  /** The commit that a branch is at; undefined when there is no such branch, or no commit at all (409). */
  async #headOf(branch: string): Promise<string | undefined> {
    const answer = await this.#send("GET", `${this.#path}/git/ref/heads/${branch}`, undefined, [404, 409]);
    return answer.status < 300 ? (answer.data as { object: { sha: string } }).object.sha : undefined;
  }

  /**
   * The first commit of an empty repository, on its default branch: the Git database API needs one to be there, the contents
   * API does not. Both answer 409 while GitHub still makes the repository (docs.github.com/rest/git, "Git database").
   */
  async #firstCommit(files: ReadonlyMap<string, Buffer>): Promise<string> {
    const [[file, content] = ["README.md", Buffer.from("")]] = files;
    for (let attempt = 1; ; attempt += 1) {
      const body = { message: `Add ${file}`, content: content.toString("base64") };
      const more = attempt < attempts ? [404, 409] : [];
      const answer = await this.#send("PUT", `${this.#path}/contents/${file}`, body, more);
      if (answer.status < 300) return (answer.data as { commit: { sha: string } }).commit.sha;
      await sleep(1000 * attempt);
    }
  }

  /**
   * Adds what is missing and returns how many files that is. The mutation makes the commit only if the branch takes it: with
   * the Git data API a protected branch would refuse a commit that then stays for ever.
   */
  async #addMissing(files: ReadonlyMap<string, Buffer>, head: string): Promise<number> {
    const { owner, name, branch } = this.#wanted;
    for (let attempt = 1; ; attempt += 1) {
      const { tree, truncated } = (await this.#send("GET", `${this.#path}/git/trees/${head}?recursive=1`)).data as {
        readonly tree: readonly { readonly path: string }[];
        readonly truncated: boolean;
      };
      if (truncated) throw this.#refusal("It has too many files to be compared", "Add the files by hand.");
      const there = new Set(tree.map((entry) => entry.path));
      const missing = [...files].filter(([file]) => !there.has(file));
      if (missing.length === 0) return 0;
      const answer = await this.#send("POST", "graphql", {
        query:
          "mutation ($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }",
        variables: {
          input: {
            branch: { repositoryNameWithOwner: `${owner}/${name}`, branchName: branch },
            message: { headline: `Add ${missing.length} files that the observability environment needs` },
            expectedHeadOid: head,
            fileChanges: {
              additions: missing.map(([file, content]) => ({ path: file, contents: content.toString("base64") })),
            },
          },
        },
      });
      const { errors = [] } = answer.data as {
        readonly errors?: readonly { readonly type?: string; readonly message: string }[];
      };
      if (errors.length === 0) return missing.length;
      const reason = errors.map(({ message }) => message.replaceAll(/\s+/g, " ").trim()).join("; ");
      if (!errors.every(({ type }) => type === "STALE_DATA")) {
        throw this.#refusal(
          reason,
          `Add ${files.size === missing.length ? "" : "the missing files of "}${this.#wanted.folders.join(" and ")} by a pull ` +
            "request, let the token bypass the rule, or choose another repository.branch.",
        );
      }
      if (attempt === attempts) throw this.#refusal(reason, "Others keep pushing to it: run this again.");
      head = (await this.#headOf(branch)) ?? head;
    }
  }
}

/** Makes it ready. @returns what there is to say, and whether it worked */
export async function ensureRepository(
  wanted: WantedRepository,
  token = "",
): Promise<{ readonly isReady: boolean; readonly says: string }> {
  try {
    if (token === "") {
      throw new Refused(
        "There is no GitHub token. Set GITHUB_TOKEN, or run `npm run pulumi -- <stack> config set --secret github:token`.",
      );
    }
    if (wanted.ca !== undefined) trust(wanted.ca);
    return { isReady: true, says: await new Ensuring(wanted, token).ensure() };
  } catch (error) {
    const isPlain = error instanceof Refused || error instanceof GitHubUnreachable;
    return { isReady: false, says: isPlain ? error.message : inspect(error) };
  }
}

if (import.meta.main) {
  const wanted = JSON.parse(await text(process.stdin)) as WantedRepository;
  const { isReady, says } = await ensureRepository(wanted, process.env["GITHUB_TOKEN"]);
  console.error(says);
  if (!isReady) process.exitCode = 1;
}
