/** Requests of the tools to servers outside: why something cannot be had now is told apart from what is wrong with it. */
import { createHash } from "node:crypto";
import { Transform } from "node:stream";
import { fetchOutside } from "../components/company-network.ts";
import { reasonOf } from "../components/unreachable.ts";

/** Why something cannot be had now (offline, refused, not published). */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}

const answerSeconds = 10;
const stallSeconds = 30;

/** What is known of a host, for the life of the process: an offline machine waits for a host once. */
const unreachable = new Map<string, string>();

export interface Request {
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks a server, through the company's network. Redirects are followed, without `Authorization` where they lead to another
 * server (fetch standard, "HTTP-redirect fetch").
 *
 * @returns the answer, whatever its status; its body ends with an error when nothing comes for 30 s
 * @throws Unavailable with host and reason when there is no answer
 */
export async function ask(url: string, { signal, ...init }: Request = {}): Promise<Response> {
  const { host } = new URL(url);
  const known = unreachable.get(host);
  if (known !== undefined) throw new Unavailable(known);

  const silence = new AbortController();
  const within = (seconds: number, said: string) =>
    setTimeout(() => {
      silence.abort(new Error(`${said} ${seconds} s`));
    }, seconds * 1000).unref();
  let timer = within(answerSeconds, "no answer within");
  let response: Response;
  try {
    const signals = [silence.signal, ...(signal ? [signal] : [])];
    response = await fetchOutside(url, { ...init, signal: AbortSignal.any(signals) });
  } catch (error) {
    signal?.throwIfAborted();
    const reason = `${host}: ${reasonOf(error)}`;
    unreachable.set(host, reason);
    throw new Unavailable(reason);
  } finally {
    clearTimeout(timer);
  }
  const { status, headers, body } = response;
  if (body === null) return response;
  const received = () => {
    clearTimeout(timer);
    timer = within(stallSeconds, "nothing received for");
  };
  const watch = new TransformStream<Uint8Array, Uint8Array>({
    start: received,
    transform(chunk, controller) {
      received();
      controller.enqueue(chunk);
    },
    flush() {
      clearTimeout(timer);
    },
  });
  return new Response(body.pipeThrough(watch), { status, headers });
}

/**
 * {@link ask}, for what has to be there.
 * @throws Unavailable with address and status when the answer is none of success
 */
export async function get(url: string, request: Request = {}): Promise<Response> {
  const response = await ask(url, request);
  if (response.ok) return response;
  await response.body?.cancel();
  throw new Unavailable(`${url}: HTTP ${response.status}`);
}

/** Passes content on and measures it: its SHA-256, in hexadecimal digits, and how many bytes it has. */
export class Measure extends Transform {
  bytes = 0;
  readonly #hash = createHash("sha256");

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: (error: null, chunk: Buffer) => void): void {
    this.bytes += chunk.length;
    this.#hash.update(chunk);
    done(null, chunk);
  }

  sha256(): string {
    return this.#hash.digest("hex");
  }
}
