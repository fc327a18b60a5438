/**
 * Bare Git repositories, made and changed with the real `git` and without a work tree: what the rehearsal's Git
 * servers serve and what its GitHub stand-in writes through its API.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile as readText, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The commit that a push to an absent branch starts from. */
const noCommit = "0".repeat(40);

/** A failed `git` command. */
export class GitError extends Error {
  override readonly name = "GitError";
}

/**
 * The environment of every `git` the rehearsal starts: nothing of the user's or the machine's configuration, no
 * question on the terminal, and an author, because a commit needs one.
 */
export function gitEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_AUTHOR_NAME: "rehearsal",
    GIT_AUTHOR_EMAIL: "rehearsal@localhost",
    GIT_COMMITTER_NAME: "rehearsal",
    GIT_COMMITTER_EMAIL: "rehearsal@localhost",
    ...extra,
  };
}

/**
 * Run `git` on a bare repository.
 * @returns what it printed, as bytes
 * @throws GitError with git's own words
 */
export async function git(
  directory: string,
  args: readonly string[],
  options: { readonly input?: string | Uint8Array; readonly environment?: Readonly<Record<string, string>> } = {},
): Promise<Buffer> {
  return await new Promise((done, reject) => {
    const child = execFile(
      "git",
      ["--git-dir", resolve(directory), ...args],
      { env: gitEnvironment(options.environment), encoding: "buffer", maxBuffer: 256 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error) {
          const reason = stderr.toString().trim() || error.message;
          reject(new GitError(`git ${args.join(" ")} in ${directory}: ${reason}`));
        } else {
          done(stdout);
        }
      },
    );
    // A command that does not read its input closes it early; the exit code says what matters.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(options.input);
  });
}

/** As {@link git}, for commands that print one line. */
export async function gitLine(...parameters: Parameters<typeof git>): Promise<string> {
  return (await git(...parameters)).toString().trim();
}

/** Where the repository `<owner>/<name>` lies under the servers' root folder. */
export function repositoryPath(root: string, owner: string, name: string): string {
  return join(root, owner, `${name}.git`);
}

/** A change to make in one commit. */
export interface Change {
  readonly message: string;
  /** The branch it goes to; it is made when it is absent. @default "main" */
  readonly branch?: string;
  /** The commit that it goes on, which has to be the branch's. @default the branch's */
  readonly parent?: string;
  /** Files by their path in the repository; `null` removes one. */
  readonly files?: Readonly<Record<string, string | Uint8Array | null>>;
  /** Folders of this machine to add, by the folder in the repository that they become (`""`: its root). */
  readonly folders?: Readonly<Record<string, string>>;
}

/**
 * Make an empty bare repository `<root>/<owner>/<name>.git`, with a first commit when there is something to commit.
 * One that is there already stays as it is.
 * @param branch the default branch
 * @returns the repository's directory
 */
export async function createRepository(
  root: string,
  owner: string,
  name: string,
  first?: Omit<Change, "message"> & { readonly message?: string },
  branch = first?.branch ?? "main",
): Promise<string> {
  const directory = repositoryPath(root, owner, name);
  await mkdir(directory, { recursive: true });
  await git(directory, ["init", "--quiet", "--bare", `--initial-branch=${branch}`]);
  if (first) {
    await commit(directory, { message: "First commit", ...first });
  }
  return directory;
}

/**
 * Commit a change to a branch of a bare repository.
 * @returns the new commit's id
 * @throws GitError when the branch moved meanwhile
 */
export async function commit(directory: string, change: Change): Promise<string> {
  const branch = `refs/heads/${change.branch ?? "main"}`;
  const parent = change.parent ?? (await resolveCommit(directory, branch));
  const tree = await withIndex(directory, async (run) => {
    if (parent !== undefined) {
      await run(["read-tree", parent]);
    }
    for (const [into, folder] of Object.entries(change.folders ?? {})) {
      const added = await treeOfFolder(directory, folder);
      const prefix = into.replace(/^\/+|\/+$/g, "");
      if (prefix === "") {
        await run(["read-tree", added]);
      } else {
        const old = (await run(["ls-files", "-z", "--", prefix])).toString().split("\0");
        await updateIndex(run, Object.fromEntries(old.filter(Boolean).map((path) => [path, null])));
        await run(["read-tree", `--prefix=${prefix}/`, added]);
      }
    }
    await updateIndex(run, await addBlobs(directory, change.files ?? {}));
    return (await run(["write-tree"])).toString().trim();
  });
  const parents = parent === undefined ? [] : ["-p", parent];
  const id = await gitLine(directory, ["commit-tree", tree, ...parents, "-m", change.message]);
  await git(directory, ["update-ref", branch, id, parent ?? noCommit]);
  return id;
}

/** The id of the commit that a revision names, or `undefined` when there is none. */
export async function resolveCommit(directory: string, revision: string): Promise<string | undefined> {
  // A branch's file says it, unless Git has packed it: starting a process costs a hundred times as much.
  if (/^refs\/heads\/(?!.*\.\.)/.test(revision)) {
    const [id] = /^[0-9a-f]{40}$/m.exec(await readText(join(directory, revision), "utf8").catch(() => "")) ?? [];
    if (id !== undefined) return id;
  }
  try {
    return await gitLine(directory, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`]);
  } catch (error) {
    if (error instanceof GitError) {
      return undefined;
    }
    throw error;
  }
}

/** A file's content on a branch. @throws GitError when there is no such file */
export async function readFile(directory: string, path: string, revision = "main"): Promise<string> {
  return (await git(directory, ["cat-file", "blob", `${revision}:${path}`])).toString();
}

/** A file of an index: its mode (`100644`, `100755`, `120000`, `160000`) and its object's id. */
export interface IndexEntry {
  readonly mode: string;
  readonly id: string;
}

/** Add, replace and (`null`) remove files of an index. */
async function updateIndex(run: IndexCommand, entries: Readonly<Record<string, IndexEntry | null>>): Promise<void> {
  const lines = Object.entries(entries).map(
    ([path, entry]) => `${entry?.mode ?? "0"} ${entry?.id ?? noCommit}\t${path}\0`,
  );
  await run(["update-index", "-z", "--index-info"], lines.join(""));
}

/** Adds the contents of files as objects, by one `git` for all: a process for each takes longer than all else. */
async function addBlobs(
  directory: string,
  files: NonNullable<Change["files"]>,
): Promise<Record<string, IndexEntry | null>> {
  const folder = await mkdtemp(join(tmpdir(), "rehearsal-blobs-"));
  try {
    const written: { readonly path: string; readonly file: string }[] = [];
    for (const [path, content] of Object.entries(files)) {
      if (content === null) continue;
      const file = join(folder, String(written.length));
      await writeFile(file, content);
      written.push({ path, file });
    }
    const paths = written.map(({ file }) => `${file}\n`).join("");
    const args = ["hash-object", "-w", "--no-filters", "--stdin-paths"];
    const ids = written.length === 0 ? [] : (await gitLine(directory, args, { input: paths })).split("\n");
    const entries = new Map(written.map(({ path }, index) => [path, { mode: "100644", id: ids[index] ?? noCommit }]));
    return Object.fromEntries(Object.keys(files).map((path) => [path, entries.get(path) ?? null]));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Run `git` with an index of its own. */
export type IndexCommand = (args: readonly string[], input?: string) => Promise<Buffer>;

/** Do something with an index of its own, so that parallel changes do not meet in one file. */
async function withIndex<T>(directory: string, work: (run: IndexCommand) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "rehearsal-index-"));
  try {
    // An empty work tree: some commands on the index ask for one, none of them reads it.
    const environment = { GIT_INDEX_FILE: join(folder, "index"), GIT_WORK_TREE: folder };
    return await work((args, input) => git(directory, args, { environment, ...(input !== undefined && { input }) }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function treeOfFolder(directory: string, folder: string): Promise<string> {
  return await withIndex(directory, async (run) => {
    // --force: a .gitignore inside the folder is content here, not an instruction.
    const from = resolve(folder);
    await run(["-C", from, "--work-tree", from, "add", "--all", "--force", "--", "."]);
    return (await run(["write-tree"])).toString().trim();
  });
}
