/**
 * Bare Git repositories, made and changed with the real `git` and without a work tree: what the rehearsal's Git
 * servers serve and what its GitHub stand-in writes through its API.
 */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile as readText, rm } from "node:fs/promises";
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
  if (!existsSync(join(directory, "HEAD"))) {
    await mkdir(directory, { recursive: true });
    await git(directory, ["init", "--quiet", "--bare", "--template=", `--initial-branch=${branch}`]);
  }
  if (first) {
    await commit(directory, { message: "First commit", ...first });
  }
  return directory;
}

/** The last commit to each repository: Git does not write the same pack twice at once. */
const underWay = new Map<string, Promise<unknown>>();

/**
 * Commit a change to a branch of a bare repository.
 * @returns the new commit's id
 * @throws GitError when the branch moved meanwhile
 */
export async function commit(directory: string, change: Change): Promise<string> {
  const branch = `refs/heads/${change.branch ?? "main"}`;
  const parent = change.parent ?? (await resolveCommit(directory, branch));
  const made = (underWay.get(directory) ?? Promise.resolve()).then(() => commitOn(directory, branch, parent, change));
  underWay.set(
    directory,
    made.catch(() => undefined),
  );
  return await made;
}

async function commitOn(
  directory: string,
  branch: string,
  parent: string | undefined,
  change: Change,
): Promise<string> {
  // By one `git` for all: a process for each step takes longer than all else, and a pack is written sooner than many files.
  // On a branch of its own that is gone at the end: two that make the same commit at once must not both find that the branch has it.
  const passing = `refs/rehearsal/${randomUUID()}`;
  const message = `${change.message}\n`;
  const stream: (string | Uint8Array)[] = [
    `commit ${passing}\nmark :1\ncommitter rehearsal <rehearsal@localhost> now\n`,
    `data ${Buffer.byteLength(message)}\n${message}\n`,
    ...(parent === undefined ? [] : [`from ${parent}\n`]),
  ];
  for (const [into, folder] of Object.entries(change.folders ?? {})) {
    const path = into.replace(/^\/+|\/+$/g, "");
    stream.push(`M 040000 ${await treeOfFolder(directory, folder)} ${JSON.stringify(path)}\n`);
  }
  for (const [path, content] of Object.entries(change.files ?? {})) {
    if (content === null) {
      stream.push(`D ${path}\n`);
    } else {
      const bytes = Buffer.from(content as Uint8Array);
      stream.push(`M 100644 inline ${path}\ndata ${bytes.length}\n`, bytes, "\n");
    }
  }
  stream.push(`\nget-mark :1\nreset ${passing}\nfrom ${noCommit}\n`);
  const id = await gitLine(
    directory,
    ["-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", "--date-format=now"],
    {
      input: Buffer.concat(stream.map((part) => Buffer.from(part as Uint8Array))),
    },
  );
  await git(directory, ["update-ref", branch, id, parent ?? noCommit]);
  return id;
}

/** The id of the commit that a revision names, or `undefined` when there is none. */
export async function resolveCommit(directory: string, revision: string): Promise<string | undefined> {
  // A branch's file says it, unless Git has packed it: starting a process costs a hundred times as much.
  if (/^refs\/heads\/(?!.*\.\.)/.test(revision)) {
    const [id] = /^[0-9a-f]{40}$/m.exec(await readText(join(directory, revision), "utf8").catch(() => "")) ?? [];
    if (id !== undefined) return id;
    if (!existsSync(join(directory, "packed-refs"))) return undefined;
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
