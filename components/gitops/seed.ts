/**
 * Adds the files of some folders that a GitHub repository lacks, in one commit. A file that is there is never changed or
 * removed: it may be someone's work. Run again, it does nothing.
 *
 * Told by its environment: SEED_API_URL, SEED_REPOSITORY (`owner/name`), SEED_BRANCH, SEED_FOLDERS (separated by spaces,
 * relative to the current folder; the same paths are used in the repository) and GITHUB_TOKEN.
 */
import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { type Answer, callGitHub, type GitHubAccount } from "./github-api.ts";

/** Attempts when someone else pushes at the same moment. */
const attempts = 5;

interface Told extends GitHubAccount {
  readonly repository: string;
  readonly branch: string;
  readonly folders: readonly string[];
}

class SeedError extends Error {}

function told(): Told {
  const get = (name: string) => {
    const value = process.env[name];
    if (value === undefined || value === "") throw new SeedError(`${name} is not set.`);
    return value;
  };
  const token = process.env["GITHUB_TOKEN"];
  if (token === undefined || token === "") {
    throw new SeedError(
      "There is no GitHub token. Run `pulumi config set --secret github:token`, or set GITHUB_TOKEN.",
    );
  }
  return {
    apiUrl: get("SEED_API_URL"),
    repository: get("SEED_REPOSITORY"),
    branch: get("SEED_BRANCH"),
    folders: get("SEED_FOLDERS").split(" "),
    token,
  };
}

/** What to do about an answer that is not a success. */
const remedies: Readonly<Record<number, string>> = {
  401: "The token is wrong or has expired.",
  403: "The token may not do this, or GitHub's rate limit is reached. It needs Contents: read and write.",
  404: "The repository or branch does not exist, or the token may not see it.",
  409: "The repository is empty. Give it a first commit, or set repository.create.",
};

async function call(to: Told, method: string, what: string, body?: object): Promise<Answer> {
  const answer = await callGitHub(to, method, `repos/${to.repository}/${what}`, body);
  if (answer.status < 300 || answer.status === 422) return answer;
  const remedy = remedies[answer.status] ?? "Try again.";
  throw new SeedError(`GitHub answered ${answer.status} to ${method} ${what} of ${to.repository}. ${remedy}`);
}

/** Files below a folder, relative to the current one, with `/`. */
function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name).split(path.sep).join("/"))
    .sort();
}

/** One attempt; false when the branch moved meanwhile. */
async function seed(to: Told): Promise<boolean> {
  const ref = (await call(to, "GET", `git/ref/heads/${to.branch}`)).data as { object: { sha: string } };
  const parent = ref.object.sha;
  const head = (await call(to, "GET", `git/commits/${parent}`)).data as { tree: { sha: string } };
  const tree = (await call(to, "GET", `git/trees/${head.tree.sha}?recursive=1`)).data as {
    tree: { path: string }[];
    truncated: boolean;
  };
  if (tree.truncated) throw new SeedError(`${to.repository} has too many files to be compared. Add the files by hand.`);
  const there = new Set(tree.tree.map((entry) => entry.path));
  const missing = to.folders.flatMap(files).filter((file) => !there.has(file));
  if (missing.length === 0) {
    console.error(`${to.repository} has every file of ${to.folders.join(" and ")}.`);
    return true;
  }
  const entries = missing.map((file) => ({
    path: file,
    mode: "100644",
    type: "blob",
    content: readFileSync(file, "utf8"),
  }));
  const made = (await call(to, "POST", "git/trees", { base_tree: head.tree.sha, tree: entries })).data as {
    sha: string;
  };
  const commit = (
    await call(to, "POST", "git/commits", {
      message: `Add ${missing.length} files of ${to.folders.join(" and ")} that were missing`,
      tree: made.sha,
      parents: [parent],
    })
  ).data as { sha: string };
  const { status } = await call(to, "PATCH", `git/refs/heads/${to.branch}`, { sha: commit.sha, force: false });
  if (status === 422) return false;
  console.error(`Added ${missing.length} files to ${to.repository}, branch ${to.branch}, in commit ${commit.sha}.`);
  return true;
}

try {
  const to = told();
  let done = false;
  for (let attempt = 1; attempt <= attempts && !done; attempt += 1) done = await seed(to);
  if (!done) throw new SeedError(`${to.branch} of ${to.repository} kept moving. Run \`pulumi up\` again.`);
} catch (error) {
  console.error(error instanceof SeedError ? error.message : error);
  process.exitCode = 1;
}
