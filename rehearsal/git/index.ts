/** The rehearsal's Git servers: SSH for the environment's own repository, HTTP for public ones. */
import { startHttpServer, type HttpServer } from "./http-server.ts";
import { startSshServer, type Access, type SshServer } from "./ssh-server.ts";

export { commit, createRepository, git, GitError, readFile, repositoryPath, type Change } from "./repository.ts";
export { fingerprint, makeSshKeyPair, type Access, type Fetch, type SshKeyPair, type SshServer } from "./ssh-server.ts";
export type { HttpServer } from "./http-server.ts";

/** Both servers over one folder of bare repositories. */
export interface GitServer {
  readonly ssh: SshServer;
  readonly http: HttpServer;
  close(): Promise<void>;
}

/** What the Git servers need to know. */
export interface GitServerOptions {
  /** The folder of the bare repositories, `<root>/<owner>/<name>.git`. */
  readonly root: string;
  /** Who may read what; the GitHub stand-in is one: `startGitServer(github)`. */
  readonly access: Access & { isPublic(owner: string, repository: string): boolean };
}

/** Start both servers on free ports of 127.0.0.1. */
export async function startGitServer({ root, access }: GitServerOptions): Promise<GitServer> {
  const ssh = await startSshServer(root, access);
  const http = await startHttpServer(root, (owner, name) => access.isPublic(owner, name));
  return {
    ssh,
    http,
    async close() {
      await Promise.all([ssh.close(), http.close()]);
    },
  };
}
