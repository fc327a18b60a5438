/**
 * Git over SSH, read-only, on 127.0.0.1: the stand-in for `ssh://git@github.com`. Connections are made by `ssh2`,
 * fetches are served by the real `git upload-pack`. Which key may read which repository is asked at every
 * connection and again at every command, so that a key which is removed stops working at once.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import ssh2, {
  type AuthContext,
  type Connection,
  type PublicKeyAuthContext,
  type ServerChannel,
  type Session,
} from "ssh2";
import { gitEnvironment, repositoryPath } from "./repository.ts";

/** One attempt to read a repository. */
export interface Fetch {
  readonly time: Date;
  /** `SHA256:...`, as `ssh-keygen -l` prints it; empty when the client offered no key at all. */
  readonly fingerprint: string;
  /** `owner/name`; absent when the client was turned away before it could ask for one. */
  readonly repository?: string;
  /**
   * - `served`: the client got what it asked for;
   * - `refused`: the key or the command is not allowed;
   * - `failed`: the key is allowed, but `git upload-pack` ended with an error while the client was still there.
   */
  readonly outcome: "served" | "refused" | "failed";
  /** Why it was not served. */
  readonly reason?: string;
}

/** Who may read what; keys are the base64 blob of an OpenSSH public key (its second word). */
export interface Access {
  /** Is this key registered anywhere? */
  known(key: string): boolean;
  /** May this key read that repository? */
  mayRead(key: string, owner: string, repository: string): boolean;
}

/** A running Git server over SSH. */
export interface SshServer {
  /** `ssh://git@127.0.0.1:PORT`; a repository's URL is `<address>/<owner>/<name>.git`. */
  readonly address: string;
  readonly port: number;
  /** Lines for a `known_hosts` file, ecdsa first, each with its newline. */
  readonly knownHosts: string;
  /** Every attempt since the start, oldest first. An attempt is logged when it ends. */
  readonly fetches: readonly Fetch[];
  close(): Promise<void>;
}

/** The fingerprint of a public key's base64 blob, as OpenSSH prints it. */
export function fingerprint(key: string): string {
  const digest = createHash("sha256").update(Buffer.from(key, "base64")).digest("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
}

/** An SSH key pair in OpenSSH's formats; the public key is one line without a comment or a newline. */
export interface SshKeyPair {
  readonly private: string;
  readonly public: string;
}

/** Make an SSH key pair. */
export function makeSshKeyPair(type: "ecdsa" | "ed25519"): SshKeyPair {
  for (;;) {
    const { utils } = ssh2;
    const pair = type === "ecdsa" ? utils.generateKeyPairSync(type, { bits: 256 }) : utils.generateKeyPairSync(type);
    // ssh2 1.17 drops the first byte of an ed25519 public key when it is zero, one key in 256: nobody can read that.
    if (publicKeyBlob(pair.public) !== undefined) {
      return { private: pair.private, public: pair.public.trim() };
    }
  }
}

/** The base64 blob of a line of an OpenSSH public key, or `undefined` when it is none. */
export function publicKeyBlob(line: string): string | undefined {
  const [type, blob] = line.trim().split(/\s+/);
  const parsed = type === undefined || blob === undefined ? undefined : ssh2.utils.parseKey(`${type} ${blob}`);
  return parsed === undefined || parsed instanceof Error || parsed.isPrivateKey()
    ? undefined
    : parsed.getPublicSSH().toString("base64");
}

/**
 * Start the server.
 * @param root the folder of the bare repositories, `<root>/<owner>/<name>.git`
 */
export async function startSshServer(root: string, access: Access, port = 0): Promise<SshServer> {
  const fetches: Fetch[] = [];
  const connections = new Set<Connection>();
  const children = new Set<ChildProcess>();
  // GitHub offers both kinds too. Flux negotiates the kind of the first line of known_hosts: ecdsa comes first.
  const hostKeys = [makeSshKeyPair("ecdsa"), makeSshKeyPair("ed25519")];

  const server = new ssh2.Server({ hostKeys: hostKeys.map((pair) => pair.private) }, (client) => {
    connections.add(client);
    let key = "";
    client.on("authentication", (context) => {
      const offered = accept(context);
      if (offered === undefined) {
        context.reject(["publickey"]);
      } else {
        key = offered;
        context.accept();
      }
    });
    client.on("session", (acceptSession) => {
      serveSession(acceptSession(), key);
    });
    // A client that hangs up in the middle is its own business; what it had asked for is in the log.
    client.on("error", () => undefined);
    client.on("close", () => {
      connections.delete(client);
    });
  });

  /** The key's blob when the client may come in. */
  function accept(context: AuthContext): string | undefined {
    if (context.method !== "publickey") {
      // Clients ask with the method "none" first, to learn the methods.
      return undefined;
    }
    const key = context.key.data.toString("base64");
    const reason = reasonAgainst(context, key);
    if (reason === undefined) {
      return key;
    }
    fetches.push({ time: new Date(), fingerprint: fingerprint(key), outcome: "refused", reason });
    return undefined;
  }

  function reasonAgainst(context: PublicKeyAuthContext, key: string): string | undefined {
    if (context.username !== "git") {
      return `the user is "${context.username}", not "git"`;
    }
    if (!access.known(key)) {
      return "the key is not registered";
    }
    // Without a signature the client only asks whether the key would do.
    if (context.signature && context.blob) {
      const parsed = ssh2.utils.parseKey(`${context.key.algo} ${key}`);
      if (parsed instanceof Error || !parsed.verify(context.blob, context.signature, context.hashAlgo)) {
        return "the signature does not fit the key";
      }
    }
    return undefined;
  }

  function serveSession(session: Session, key: string): void {
    let protocol = "";
    session.on("env", (acceptVariable, _reject, { key: name, val }) => {
      if (name === "GIT_PROTOCOL" && /^[\w=:.-]*$/.test(val)) {
        protocol = val;
      }
      // Not every client asks for an answer; then there is no function to give one.
      (acceptVariable as typeof acceptVariable | undefined)?.();
    });
    session.on("exec", (acceptCommand, _reject, { command }) => {
      const channel = acceptCommand();
      channel.on("error", () => undefined);
      void serveCommand(channel, command, key, protocol);
    });
    session.on("shell", (acceptShell) => {
      const channel = acceptShell();
      refuse(channel, key, undefined, "a shell was asked for", "the rehearsal's Git server gives no shell");
    });
  }

  function refuse(channel: ServerChannel, key: string, repository: string | undefined, reason: string, words: string) {
    fetches.push({
      time: new Date(),
      fingerprint: fingerprint(key),
      ...(repository !== undefined && { repository }),
      outcome: "refused",
      reason,
    });
    channel.stderr.write(`ERROR: ${words}\n`);
    channel.exit(1);
    channel.end();
  }

  async function serveCommand(channel: ServerChannel, command: string, key: string, protocol: string): Promise<void> {
    const [, verb, owner, name] =
      /^git[ -]([a-z-]+) '?\/?([\w-][\w.-]*)\/([\w-][\w.-]*?)(?:\.git)?'?$/.exec(command) ?? [];
    if (verb === undefined || owner === undefined || name === undefined) {
      refuse(channel, key, undefined, `the command is not Git's: ${command}`, "only git-upload-pack is served");
      return;
    }
    const repository = `${owner}/${name}`;
    if (verb !== "upload-pack") {
      const words =
        verb === "receive-pack"
          ? "The key you are authenticating with has been marked as read only."
          : "only git-upload-pack is served";
      refuse(channel, key, repository, `git-${verb} is not allowed`, words);
      return;
    }
    const directory = repositoryPath(root, owner, name);
    const exists = await stat(directory).then(
      () => true,
      () => false,
    );
    if (!exists || !access.mayRead(key, owner, name)) {
      // As GitHub does: who may not read a repository does not learn that it exists.
      refuse(
        channel,
        key,
        repository,
        exists ? "the key is not registered there" : "no such repository",
        "Repository not found.",
      );
      return;
    }
    const time = new Date();
    const environment = gitEnvironment(protocol === "" ? {} : { GIT_PROTOCOL: protocol });
    const child = spawn("git", ["upload-pack", "--strict", directory], { env: environment });
    children.add(child);
    let gone = false;
    let complaint = "";
    channel.on("end", () => {
      gone = true;
    });
    channel.on("close", () => {
      gone = true;
      child.stdin.destroy();
    });
    child.stdin.on("error", () => undefined);
    child.stderr.on("data", (text: Buffer) => {
      complaint += text.toString();
    });
    channel.pipe(child.stdin);
    child.stdout.pipe(channel, { end: false });
    child.stderr.pipe(channel.stderr, { end: false });
    child.on("error", (error) => {
      complaint += error.message;
    });
    child.on("close", (code) => {
      children.delete(child);
      // A client that only lists the branches hangs up then, and git calls that an error.
      const served = code === 0 || gone;
      fetches.push({
        time,
        fingerprint: fingerprint(key),
        repository,
        outcome: served ? "served" : "failed",
        ...(!served && { reason: complaint.trim() || `git upload-pack ended with code ${String(code)}` }),
      });
      channel.exit(code ?? 1);
      channel.end();
    });
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const listening = (server.address() as AddressInfo).port;
  return {
    address: `ssh://git@127.0.0.1:${listening}`,
    port: listening,
    knownHosts: hostKeys.map((pair) => `[127.0.0.1]:${listening} ${pair.public}\n`).join(""),
    fetches,
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
      for (const child of children) {
        child.kill();
      }
      for (const connection of connections) {
        connection.end();
      }
      await closed;
    },
  };
}
