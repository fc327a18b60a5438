/**
 * Git over HTTP, read-only, on 127.0.0.1: the stand-in for `https://github.com/<owner>/<name>` of a public
 * repository. The protocol is spoken by git's own `git http-backend`.
 */
import { spawn } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { startLoopback, type Answer, type Loopback, type LoopbackOptions } from "../loopback.ts";
import { gitEnvironment } from "./repository.ts";

/** A running Git server over HTTP. */
export interface HttpServer extends Loopback {
  /** `http://127.0.0.1:PORT`; a repository's URL is `<address>/<owner>/<name>` (`.git` may follow). */
  readonly address: string;
}

/**
 * Start the server.
 * @param root the folder of the bare repositories, `<root>/<owner>/<name>.git`
 * @param isPublic which of them anybody may read
 */
export async function startHttpServer(
  root: string,
  isPublic: (owner: string, repository: string) => boolean,
  options: Pick<LoopbackOptions, "port" | "tls" | "credentials"> = {},
): Promise<HttpServer> {
  const loopback = await startLoopback("git-over-http", handle, options);
  return { ...loopback, address: `http${options.tls === undefined ? "" : "s"}://127.0.0.1:${loopback.port}` };

  async function handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<Answer | undefined> {
    const [, owner, name, rest] =
      /^\/([\w-][\w.-]*)\/([\w-][\w.-]*?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(
        url.pathname,
      ) ?? [];
    if (owner === undefined || name === undefined || rest === undefined || !isPublic(owner, name)) {
      return { status: 404, body: "Repository not found.\n" };
    }
    if (rest === "git-receive-pack" || url.searchParams.get("service") === "git-receive-pack") {
      return { status: 403, body: "The rehearsal serves public repositories read-only.\n" };
    }
    await runBackend(request, response, {
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: `/${owner}/${name}.git/${rest}`,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      ...(request.headers["content-length"] !== undefined && { CONTENT_LENGTH: request.headers["content-length"] }),
      ...(typeof request.headers["git-protocol"] === "string" && { GIT_PROTOCOL: request.headers["git-protocol"] }),
    });
    return undefined;
  }
}

/** Run the CGI program and turn its header lines into those of the response. */
async function runBackend(
  request: IncomingMessage,
  response: ServerResponse,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const child = spawn("git", ["http-backend"], { env: gitEnvironment(environment), stdio: ["pipe", "pipe", "pipe"] });
  let complaint = "";
  child.stderr.on("data", (text: Buffer) => {
    complaint += text.toString();
  });
  child.stdin.on("error", () => undefined);
  request.pipe(child.stdin);
  response.on("close", () => {
    child.kill();
  });

  let head = Buffer.alloc(0);
  const output = child.stdout.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  for await (const chunk of output) {
    head = Buffer.concat([head, chunk]);
    if (head.includes("\r\n\r\n")) break;
  }
  const end = head.indexOf("\r\n\r\n");
  if (end < 0) {
    throw new Error(`git http-backend gave no answer: ${complaint.trim()}`);
  }
  for (const line of head.subarray(0, end).toString().split("\r\n")) {
    const colon = line.indexOf(":");
    const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()];
    if (name.toLowerCase() === "status") response.statusCode = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.write(head.subarray(end + 4));
  await pipeline(child.stdout, response);
}
