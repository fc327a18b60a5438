/**
 * The contents API and the Git data API over a bare repository. Only what a seeding script needs, with GitHub's
 * rules: the Git data API answers 409 on a repository without a commit, a branch moves forward only unless forced,
 * a file changes only for the one who names the version that he saw.
 */
import type { Answer } from "../loopback.ts";
import {
  commit,
  git,
  GitError,
  gitLine,
  resolveCommit,
  updateIndex,
  withIndex,
  type IndexEntry,
} from "../git/repository.ts";
import { answers, Refusal } from "./answers.ts";
import type { Body, Call, Routes } from "./router.ts";

/** The repository that a call is about. */
export interface Target {
  readonly directory: string;
  readonly defaultBranch: string;
  /** `https://.../repos/o/r`: what the answers' own addresses begin with. */
  readonly url: string;
}

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
      if ((await git(repository.directory, ["rev-list", "--all", "--max-count=1"])).length === 0) {
        throw new Refusal(answers.emptyRepository);
      }
      return await work(repository, call);
    };
  const base = "/repos/:owner/:repo";
  return {
    [`GET ${base}/contents/*path`]: (call) => getContents(target(call), call),
    [`GET ${base}/contents`]: (call) => getContents(target(call), call),
    [`PUT ${base}/contents/*path`]: (call) => putContents(target(call), call),
    [`DELETE ${base}/contents/*path`]: (call) => deleteContents(target(call), call),
    [`GET ${base}/branches/:branch`]: async (call) => {
      const repository = target(call);
      const id = await resolveCommit(repository.directory, `refs/heads/${call.param("branch")}`);
      if (id === undefined) throw new Refusal({ status: 404, body: { message: "Branch not found" } });
      return { status: 200, body: { name: call.param("branch"), commit: { sha: id }, protected: false } };
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
    [`PATCH ${base}/git/refs/*ref`]: data(async (repository, call) => {
      const ref = `refs/${call.param("ref")}`;
      const old = await resolveCommit(repository.directory, ref);
      if (old === undefined) throw new Refusal(answers.unprocessable("Reference does not exist"));
      const id = await objectOf(repository, call.body.text("sha"), "commit");
      const base = await gitLine(repository.directory, ["merge-base", old, id]).catch(() => "");
      if (base !== old && !call.body.flag("force")) {
        throw new Refusal(answers.unprocessable("Update is not a fast forward"));
      }
      await git(repository.directory, ["update-ref", ref, id, old]);
      return await reference(repository, call.param("ref"));
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
    [`POST ${base}/git/trees`]: data(createTree),
    [`GET ${base}/git/blobs/:sha`]: data(async (repository, call) => {
      const sha = await objectOf(repository, call.param("sha"), "blob", answers.notFound);
      const content = await git(repository.directory, ["cat-file", "blob", sha]);
      return {
        status: 200,
        body: {
          sha,
          size: content.length,
          encoding: "base64",
          content: content.toString("base64"),
          url: `${repository.url}/git/blobs/${sha}`,
        },
      };
    }),
    [`POST ${base}/git/blobs`]: data(async (repository, call) => {
      const encoding = call.body.optionalText("encoding") ?? "utf-8";
      if (encoding !== "utf-8" && encoding !== "base64") {
        throw new Refusal(answers.unprocessable(`Invalid request.\n\n"${encoding}" is not a valid encoding.`));
      }
      const sha = await writeBlob(repository, Buffer.from(call.body.text("content"), encoding));
      return { status: 201, body: { sha, url: `${repository.url}/git/blobs/${sha}` } };
    }),
    [`GET ${base}/git/commits/:sha`]: data(async (repository, call) => {
      const sha = await objectOf(repository, call.param("sha"), "commit", answers.notFound);
      return { status: 200, body: await commitJson(repository, sha) };
    }),
    [`GET ${base}/commits/*ref`]: data(async (repository, call) => {
      const sha = await objectOf(
        repository,
        call.param("ref"),
        "commit",
        answers.unprocessable(`No commit found for SHA: ${call.param("ref")}`),
      );
      const { message, ...json } = await commitJson(repository, sha);
      return {
        status: 200,
        body: { ...json, commit: { message, tree: json.tree, author: json.author, committer: json.committer } },
      };
    }),
    [`POST ${base}/git/commits`]: data(async (repository, call) => {
      const tree = await objectOf(repository, call.body.text("tree"), "tree");
      const parents = call.body.get("parents") ?? [];
      if (!Array.isArray(parents) || !parents.every((parent) => typeof parent === "string")) {
        throw new Refusal(answers.unprocessable('Invalid request.\n\n"parents" is not a list of SHAs.'));
      }
      const ids = await Promise.all(parents.map((parent) => objectOf(repository, parent, "commit")));
      const args = ["commit-tree", tree, ...ids.flatMap((id) => ["-p", id]), "-F", "-"];
      const sha = await gitLine(repository.directory, args, { input: call.body.text("message") });
      return { status: 201, body: await commitJson(repository, sha) };
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

async function writeBlob({ directory }: Target, content: Uint8Array): Promise<string> {
  return await gitLine(directory, ["hash-object", "-w", "--stdin"], { input: content });
}

async function listTree({ directory }: Target, tree: string, args: readonly string[]): Promise<TreeEntry[]> {
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

async function createTree(repository: Target, { body }: Call): Promise<Answer> {
  const baseTree = body.optionalText("base_tree");
  const base = baseTree === undefined ? undefined : await objectOf(repository, baseTree, "tree");
  const sha = await withIndex(repository.directory, async (run) => {
    if (base !== undefined) await run(["read-tree", base]);
    const entries: Record<string, IndexEntry | null> = {};
    const there = new Set((await run(["ls-files", "-z"])).toString().split("\0"));
    for (const entry of body.list("tree")) {
      const path = entry.text("path");
      entries[path] = await treeEntry(repository, entry);
      if (entries[path] === null && !there.has(path))
        throw new Refusal(answers.unprocessable("GitRPC::BadObjectState"));
    }
    await updateIndex(run, entries);
    return (await run(["write-tree"])).toString().trim();
  });
  return { status: 201, body: await treeJson(repository, sha, false) };
}

async function treeEntry(repository: Target, entry: Body): Promise<IndexEntry | null> {
  const content = entry.optionalText("content");
  if (content === undefined && entry.get("sha") === null) {
    return null;
  }
  const mode = entry.text("mode");
  if (!["100644", "100755", "120000"].includes(mode)) {
    throw new Refusal(
      answers.unprocessable("tree.mode must be one of 100644, 100755 or 120000 (the stand-in knows no others)"),
    );
  }
  const id =
    content === undefined
      ? await objectOf(repository, entry.text("sha"), "blob")
      : await writeBlob(repository, Buffer.from(content));
  return { mode, id };
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

/** The entry of a path at a revision, or `undefined`; a folder's path without a trailing slash. */
async function entryAt(repository: Target, revision: string, path: string): Promise<TreeEntry | undefined> {
  const commit = await resolveCommit(repository.directory, revision);
  if (commit === undefined || path === "") return undefined;
  const parent = path.includes("/") ? `${commit}:${path.slice(0, path.lastIndexOf("/"))}` : commit;
  const entries = await listTree(repository, parent, []).catch(() => []);
  return entries.find((entry) => entry.path === path.slice(path.lastIndexOf("/") + 1));
}

function pathOf(call: Call): string {
  return call.optional("path").replace(/^\/+|\/+$/g, "");
}

async function getContents(repository: Target, call: Call): Promise<Answer> {
  const revision = call.query.get("ref") ?? repository.defaultBranch;
  const path = pathOf(call);
  const entry = await entryAt(repository, revision, path);
  if (entry?.type === "blob") {
    return { status: 200, body: await fileJson(repository, path, entry) };
  }
  const commit = await resolveCommit(repository.directory, revision);
  if (commit === undefined || (path !== "" && entry === undefined)) throw new Refusal(answers.notFound);
  const entries = await listTree(repository, entry?.sha ?? commit, []);
  const folder = path === "" ? "" : `${path}/`;
  return {
    status: 200,
    body: entries.map(({ path: name, type, sha, size = 0 }) => ({
      type: type === "tree" ? "dir" : "file",
      name,
      path: `${folder}${name}`,
      sha,
      size,
      url: `${repository.url}/contents/${folder}${name}`,
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
  const entry = await entryAt(repository, `refs/heads/${branch}`, path);
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

async function deleteContents(repository: Target, call: Call): Promise<Answer> {
  const path = pathOf(call);
  const branch = call.body.optionalText("branch") ?? repository.defaultBranch;
  if ((await entryAt(repository, `refs/heads/${branch}`, path)) === undefined) throw new Refusal(answers.notFound);
  await checkVersion(repository, branch, path, call.body.text("sha"));
  const id = await commit(repository.directory, {
    branch,
    message: call.body.text("message"),
    files: { [path]: null },
  });
  return { status: 200, body: { content: null, commit: await commitJson(repository, id) } };
}
