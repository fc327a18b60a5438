/**
 * The contents API, the Git database API and GraphQL's `createCommitOnBranch` over a bare repository. Only what making a
 * repository ready needs, with GitHub's rules: the Git database API answers 409 on a repository without a commit, the
 * contents API makes the first one, a branch takes a commit of whoever knows its head, and a protected one takes none.
 */
import type { Answer } from "../loopback.ts";
import { commit, git, GitError, gitLine, resolveCommit } from "../git/repository.ts";
import { answers, Refusal } from "./answers.ts";
import type { Body, Call, Routes } from "./router.ts";

/** The repository that a call is about. */
export interface Target {
  readonly directory: string;
  readonly defaultBranch: string;
  /** How branches are protected, by name. */
  readonly protection: ReadonlyMap<string, Protection>;
  /** `https://.../repos/o/r`: what the answers' own addresses begin with. */
  readonly url: string;
}

/** By a rule of the branch, or by a ruleset of the repository or the organization: GitHub's answers differ. */
export type Protection = "rule" | "ruleset";

interface TreeEntry {
  readonly path: string;
  readonly mode: string;
  readonly type: string;
  readonly sha: string;
  readonly size?: number;
}

/** The routes; `target` finds the repository of a call or throws a 404. */
export function contentRoutes(target: (call: Call) => Target): Routes {
  const data =
    (work: (repository: Target, call: Call) => Promise<Answer>): ((call: Call) => Promise<Answer>) =>
    async (call) => {
      const repository = target(call);
      const { directory, defaultBranch } = repository;
      // Most often that branch tells, and no process is needed.
      if (
        (await resolveCommit(directory, `refs/heads/${defaultBranch}`)) === undefined &&
        (await git(directory, ["rev-list", "--all", "--max-count=1"])).length === 0
      ) {
        throw new Refusal(answers.emptyRepository);
      }
      return await work(repository, call);
    };
  const base = "/repos/:owner/:repo";
  return {
    [`GET ${base}/contents/*path`]: (call) => getContents(target(call), call),
    [`GET ${base}/contents`]: (call) => getContents(target(call), call),
    [`PUT ${base}/contents/*path`]: (call) => putContents(target(call), call),
    [`GET ${base}/branches/:branch`]: async (call) => {
      const repository = target(call);
      const id = await resolveCommit(repository.directory, `refs/heads/${call.param("branch")}`);
      if (id === undefined) throw new Refusal({ status: 404, body: { message: "Branch not found" } });
      const isProtected = repository.protection.has(call.param("branch"));
      return { status: 200, body: { name: call.param("branch"), commit: { sha: id }, protected: isProtected } };
    },
    [`GET ${base}/rules/branches/:branch`]: (call) => {
      const rules = target(call).protection.get(call.param("branch")) === "ruleset" ? [{ type: "pull_request" }] : [];
      return { status: 200, body: rules };
    },
    "POST /graphql": (call) => {
      const input = createCommitInput(call.body);
      const [owner = "", repo = ""] = input.branch.repositoryNameWithOwner.split("/");
      const params: Readonly<Record<string, string>> = { owner, repo };
      return createCommitOnBranch(target({ ...call, param: (name) => params[name] ?? "" }), input);
    },
    [`GET ${base}/git/ref/*ref`]: data(async (repository, call) => reference(repository, call.param("ref"))),
    [`POST ${base}/git/refs`]: data(async (repository, call) => {
      const ref = call.body.text("ref").replace(/^refs\//, "");
      const id = await objectOf(repository, call.body.text("sha"), "commit");
      if ((await resolveCommit(repository.directory, `refs/${ref}`)) !== undefined) {
        throw new Refusal(answers.unprocessable("Reference already exists"));
      }
      await git(repository.directory, ["update-ref", `refs/${ref}`, id]);
      return { ...(await reference(repository, ref)), status: 201 };
    }),
    [`DELETE ${base}/git/refs/*ref`]: data(async (repository, call) => {
      const ref = `refs/${call.param("ref")}`;
      if ((await resolveCommit(repository.directory, ref)) === undefined) {
        throw new Refusal(answers.unprocessable("Reference does not exist"));
      }
      await git(repository.directory, ["update-ref", "-d", ref]);
      return { status: 204 };
    }),
    [`GET ${base}/git/trees/:sha`]: data(async (repository, call) => {
      const sha = await objectOf(repository, call.param("sha"), "tree", answers.notFound);
      return { status: 200, body: await treeJson(repository, sha, call.query.has("recursive")) };
    }),
  };
}

async function reference(repository: Target, ref: string): Promise<Answer> {
  const sha = await resolveCommit(repository.directory, `refs/${ref}`);
  if (sha === undefined) throw new Refusal(answers.notFound);
  return {
    status: 200,
    body: {
      ref: `refs/${ref}`,
      url: `${repository.url}/git/refs/${ref}`,
      object: { sha, type: "commit", url: `${repository.url}/git/commits/${sha}` },
    },
  };
}

/** The full id of an object of the kind that is needed. */
async function objectOf(
  { directory }: Target,
  revision: string,
  type: "blob" | "tree" | "commit",
  otherwise: Answer = answers.unprocessable("Object does not exist"),
): Promise<string> {
  try {
    return await gitLine(directory, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{${type}}`]);
  } catch (error) {
    if (error instanceof GitError) throw new Refusal(otherwise);
    throw error;
  }
}

/** What was listed, by repository, id and arguments: what an id names never changes. */
const listed = new Map<string, Promise<TreeEntry[]>>();

/** @param tree by the id of a commit or a tree, as `<id>` or `<id>:<path>` */
async function listTree(repository: Target, tree: string, args: readonly string[]): Promise<TreeEntry[]> {
  const key = [repository.directory, tree, ...args].join("\0");
  const entries = listed.get(key) ?? readTree(repository, tree, args);
  listed.set(key, entries);
  return entries;
}

async function readTree({ directory }: Target, tree: string, args: readonly string[]): Promise<TreeEntry[]> {
  const lines = (await git(directory, ["ls-tree", "-z", "--long", ...args, tree]))
    .toString()
    .split("\0")
    .filter(Boolean);
  return lines.map((line) => {
    const [facts = "", path = ""] = line.split("\t");
    const [mode = "", type = "", sha = "", size = "-"] = facts.split(/\s+/);
    return { path, mode, type, sha, ...(size !== "-" && { size: Number(size) }) };
  });
}

async function treeJson(repository: Target, sha: string, recursive: boolean): Promise<unknown> {
  const entries = await listTree(repository, sha, recursive ? ["-r", "-t"] : []);
  const tree = entries.map((entry) => ({ ...entry, url: `${repository.url}/git/${entry.type}s/${entry.sha}` }));
  return { sha, url: `${repository.url}/git/trees/${sha}`, tree, truncated: false };
}

interface CreateCommitInput {
  readonly branch: { readonly repositoryNameWithOwner: string; readonly branchName: string };
  readonly message: { readonly headline: string };
  readonly expectedHeadOid: string;
  readonly fileChanges: { readonly additions?: readonly { readonly path: string; readonly contents: string }[] };
}

/** The input of the one mutation that the stand-in knows. */
function createCommitInput(body: Body): CreateCommitInput {
  const { input } = (body.get("variables") ?? {}) as { readonly input?: CreateCommitInput };
  if (!/\bcreateCommitOnBranch\b/.test(body.text("query")) || input === undefined) {
    throw new Refusal(graphqlError("NOT_IMPLEMENTED", "the stand-in knows createCommitOnBranch only"));
  }
  return input;
}

const graphqlError = (type: string, message: string): Answer => ({
  status: 200,
  body: { data: { createCommitOnBranch: null }, errors: [{ type, path: ["createCommitOnBranch"], message }] },
});

/**
 * Its refusals are GitHub's: a stale head as in ministryofjustice/modernisation-platform#11985, a branch's rule as in
 * microsoft/vscode-remote-repositories-github#252 and Thinkmill/keystatic#1598, which says that a ruleset's has another type;
 * the type here is made up, the words are those of GitHub's answers to a push.
 */
async function createCommitOnBranch(repository: Target, input: CreateCommitInput): Promise<Answer> {
  const { branchName: branch } = input.branch;
  const head = await resolveCommit(repository.directory, `refs/heads/${branch}`);
  if (head === undefined) return graphqlError("NOT_FOUND", `Could not resolve to a Ref with the name '${branch}'.`);
  const words = `Expected branch to point to "${input.expectedHeadOid}" but it did not.  Pull and try again.`;
  const stale = graphqlError("STALE_DATA", words);
  if (head !== input.expectedHeadOid) return stale;
  const protection = repository.protection.get(branch);
  if (protection === "rule") {
    const words = "At least 1 approving review is required by reviewers with write access.";
    return graphqlError("BRANCH_PROTECTION_RULE_VIOLATION", `protected branch '${branch}' check failed:\n  ${words}`);
  }
  if (protection === "ruleset") return graphqlError("UNPROCESSABLE", answers.ruleViolation);
  const additions = (input.fileChanges.additions ?? []).map(
    ({ path, contents }) => [path, Buffer.from(contents, "base64")] as const,
  );
  const message = input.message.headline;
  try {
    const files = Object.fromEntries(additions);
    const oid = await commit(repository.directory, { branch, message, parent: head, files });
    return { status: 200, body: { data: { createCommitOnBranch: { commit: { oid } } } } };
  } catch (error) {
    // Somebody else's commit came between.
    if ((await resolveCommit(repository.directory, `refs/heads/${branch}`)) !== head) return stale;
    throw error;
  }
}

interface CommitJson {
  readonly sha: string;
  readonly url: string;
  readonly html_url: string;
  readonly message: string;
  readonly tree: { readonly sha: string };
  readonly parents: readonly { readonly sha: string }[];
  readonly author: Person;
  readonly committer: Person;
}

interface Person {
  readonly name: string;
  readonly email: string;
  readonly date: string;
}

async function commitJson({ directory, url }: Target, sha: string): Promise<CommitJson> {
  const format = ["%T", "%P", "%an", "%ae", "%aI", "%cn", "%ce", "%cI", "%B"].join("%x00");
  const fields = (await git(directory, ["show", "--no-patch", `--format=${format}`, sha])).toString().split("\0");
  const [tree = "", parents = "", an = "", ae = "", ad = "", cn = "", ce = "", cd = "", text = ""] = fields;
  return {
    sha,
    url: `${url}/git/commits/${sha}`,
    html_url: `${url}/commit/${sha}`,
    message: text.trimEnd(),
    tree: { sha: tree },
    parents: parents
      .split(" ")
      .filter(Boolean)
      .map((parent) => ({ sha: parent })),
    author: { name: an, email: ae, date: ad },
    committer: { name: cn, email: ce, date: cd },
  };
}

/** Everything in a commit, by its whole path: one list for all questions, because each takes a process. */
const allIn = (repository: Target, commit: string) => listTree(repository, commit, ["-r", "-t"]);

/** The entry of a path in a commit, or `undefined`; a folder's path without a trailing slash. */
async function entryAt(repository: Target, commit: string, path: string): Promise<TreeEntry | undefined> {
  return (await allIn(repository, commit)).find((entry) => entry.path === path);
}

function pathOf(call: Call): string {
  return call.optional("path").replace(/^\/+|\/+$/g, "");
}

async function getContents(repository: Target, call: Call): Promise<Answer> {
  const revision = call.query.get("ref") ?? repository.defaultBranch;
  const path = pathOf(call);
  const commit =
    (await resolveCommit(repository.directory, `refs/heads/${revision}`)) ??
    (await resolveCommit(repository.directory, revision));
  const entry = commit === undefined ? undefined : await entryAt(repository, commit, path);
  if (entry?.type === "blob") {
    return { status: 200, body: await fileJson(repository, path, entry) };
  }
  if (commit === undefined || (path !== "" && entry === undefined)) throw new Refusal(answers.notFound);
  const folder = path === "" ? "" : `${path}/`;
  const inside = (one: TreeEntry) => one.path.startsWith(folder) && !one.path.slice(folder.length).includes("/");
  return {
    status: 200,
    body: (await allIn(repository, commit)).filter(inside).map(({ path: whole, type, sha, size = 0 }) => ({
      type: type === "tree" ? "dir" : "file",
      name: whole.slice(folder.length),
      path: whole,
      sha,
      size,
      url: `${repository.url}/contents/${whole}`,
    })),
  };
}

async function fileJson(repository: Target, path: string, { sha, size = 0 }: TreeEntry): Promise<unknown> {
  const content = await git(repository.directory, ["cat-file", "blob", sha]);
  return {
    type: "file",
    encoding: "base64",
    name: path.slice(path.lastIndexOf("/") + 1),
    path,
    sha,
    size,
    content: content.toString("base64"),
    url: `${repository.url}/contents/${path}`,
  };
}

/** The version that a call says it saw is the one that is there. */
async function checkVersion(repository: Target, branch: string, path: string, seen: string | undefined): Promise<void> {
  const head = await resolveCommit(repository.directory, `refs/heads/${branch}`);
  const entry = head === undefined ? undefined : await entryAt(repository, head, path);
  if (entry !== undefined && seen === undefined) {
    throw new Refusal(answers.unprocessable('Invalid request.\n\n"sha" wasn\'t supplied.'));
  }
  if (seen !== undefined && entry?.sha !== seen) {
    throw new Refusal(answers.conflict(`${path} does not match ${seen}`));
  }
}

async function putContents(repository: Target, call: Call): Promise<Answer> {
  const path = pathOf(call);
  const branch = call.body.optionalText("branch") ?? repository.defaultBranch;
  const seen = call.body.optionalText("sha");
  if (repository.protection.has(branch)) throw new Refusal(answers.conflict(answers.ruleViolation));
  await checkVersion(repository, branch, path, seen);
  const content = Buffer.from(call.body.text("content"), "base64");
  const id = await commit(repository.directory, {
    branch,
    message: call.body.text("message"),
    files: { [path]: content },
  });
  const entry = await entryAt(repository, id, path);
  return {
    status: seen === undefined ? 201 : 200,
    body: { content: entry && (await fileJson(repository, path, entry)), commit: await commitJson(repository, id) },
  };
}
