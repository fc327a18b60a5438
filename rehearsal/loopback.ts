/**
 * An HTTP server on 127.0.0.1 for the rehearsal's stand-ins: it logs every request and fails on demand.
 * What it answers is the business of the stand-in that starts it.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** One request, as it is remembered: never a header, a body or a query, so never a credential. */
export interface LoggedRequest {
  /** When it arrived. */
  readonly time: Date;
  readonly method: string;
  /** The path without its query. */
  readonly path: string;
  /** The status that was answered; 0 when the connection was cut. */
  readonly status: number;
  /** True when the answer came from {@link Loopback.fail}, not from the stand-in itself. */
  readonly provoked: boolean;
}

/** A failure (or only a delay) that a test asks for. */
export interface Failure {
  /** Compared with `<METHOD> <path>`: a string must be equal to it, an expression must match it. */
  readonly match: string | RegExp;
  /** The status to answer; `0` cuts the connection; absent: the request is only delayed, then answered as usual. */
  readonly status?: number;
  /** The answer's body: text as it is, anything else as JSON. @default none */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** How many matching requests it meets. @default 1 */
  readonly times?: number;
  /** Wait before the answer, in milliseconds. @default 0 */
  readonly delay?: number;
}

/** What a handler answers; `body` is sent as it is when it is text or bytes, else as JSON. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A running stand-in. */
export interface Loopback {
  readonly port: number;
  /** Every request since the start, oldest first. */
  readonly requests: readonly LoggedRequest[];
  /** Make matching requests fail. Returns a function that ends the failure early. */
  fail(failure: Failure): () => void;
  /** Stop listening and drop open connections. */
  close(): Promise<void>;
}

/** How a stand-in answers: an {@link Answer}, or `undefined` when it has written the response itself. */
export type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<Answer | undefined>;

/** Where and how a stand-in listens. */
export interface LoopbackOptions {
  /** @default any free port */
  readonly port?: number;
  /** Brings a path to the form that handlers, failures and the log have. @default as it came */
  readonly normalize?: (path: string) => string;
  /** Key and certificate, PEM.
   * @default plain HTTP */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
  /** `user:password`, as HTTP Basic.
   * @default everybody is answered */
  readonly credentials?: string | undefined;
}

const unauthorized: Answer = {
  status: 401,
  body: { errors: [{ code: "UNAUTHORIZED", message: "authentication required" }] },
  headers: { "www-authenticate": 'Basic realm="rehearsal"' },
};

/**
 * Start a stand-in.
 * @param name what it stands for; every answer carries it in the header `x-stand-in`
 */
export async function startLoopback(name: string, handle: Handler, options: LoopbackOptions = {}): Promise<Loopback> {
  const { port = 0, normalize = (path: string) => path, tls, credentials } = options;
  const authorization = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`;
  const requests: LoggedRequest[] = [];
  const failures: { failure: Failure; left: number }[] = [];

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const time = new Date();
    const method = request.method ?? "GET";
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    url.pathname = normalize(url.pathname);
    const provoked = await provoke(`${method} ${url.pathname}`);
    requests.push({
      time,
      method,
      path: url.pathname,
      get status() {
        return provoked?.status === 0 ? 0 : response.statusCode;
      },
      provoked: provoked !== undefined,
    });
    if (provoked?.status === 0) {
      request.socket.destroy();
      return;
    }
    if (provoked) {
      request.resume();
    }
    const denied = authorization !== undefined && request.headers.authorization !== authorization;
    if (denied) request.resume();
    const answer = provoked ?? (denied ? unauthorized : await handle(request, response, url));
    if (answer) {
      send(response, answer);
    }
  }

  async function provoke(request: string): Promise<Answer | undefined> {
    const entry = failures.find(
      ({ failure: { match }, left }) =>
        left > 0 && (typeof match === "string" ? match === request : match.test(request)),
    );
    if (!entry) {
      return undefined;
    }
    entry.left -= 1;
    const { delay = 0, status, body, headers } = entry.failure;
    await sleep(delay);
    return status === undefined ? undefined : { status, body, ...(headers && { headers }) };
  }

  const listener = (request: IncomingMessage, response: ServerResponse) => {
    response.setHeader("x-stand-in", name);
    respond(request, response).catch((error: unknown) => {
      if (response.headersSent) {
        response.destroy();
        return;
      }
      send(response, {
        status: 500,
        body: { message: `${name}: ${error instanceof Error ? error.message : String(error)}` },
      });
    });
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    fail(failure) {
      const entry = { failure, left: failure.times ?? 1 };
      failures.push(entry);
      return () => {
        entry.left = 0;
      };
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve, reject) => {
        server.close((error) => {
          if (error) reject(error);
          else resolve();
        });
      });
    },
  };
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  const raw = typeof body === "string" || body instanceof Uint8Array;
  const content = body === undefined ? "" : raw ? body : JSON.stringify(body);
  response.statusCode = status;
  if (body !== undefined) {
    response.setHeader("content-type", raw ? "text/plain; charset=utf-8" : "application/json; charset=utf-8");
  }
  // A caller's own content-type wins over the default above.
  for (const [key, value] of Object.entries(headers ?? {})) {
    response.setHeader(key, value);
  }
  // 204 and 304 carry no body, and so no length.
  if (status !== 204 && status !== 304 && !response.hasHeader("content-length")) {
    response.setHeader("content-length", Buffer.byteLength(content));
  }
  response.end(response.req.method === "HEAD" ? undefined : content);
}

/** The whole body of a request. At most `limit` bytes are read (50 MB: the largest file GitHub's API takes). */
export async function readBody(request: IncomingMessage, limit = 50_000_000): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) {
      throw new Error(`the request's body is larger than ${limit} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
