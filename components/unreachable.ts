/** Why a request of the program was not answered, for people. */
import { nodeHttp } from "./node-http.ts";

/** The innermost reason of a failed request: `fetch` itself says "fetch failed" and no more. */
export function reasonOf(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause !== undefined) inner = inner.cause;
  // A host with several addresses fails with one error for each.
  if (inner instanceof AggregateError && inner.errors.length > 0) inner = inner.errors[0];
  if (!(inner instanceof Error)) return String(inner);
  const { code, message } = inner as NodeJS.ErrnoException;
  return typeof code !== "string" || message.includes(code) ? message : `${message} (${code})`;
}

/** Plain `pulumi` runs the program with the Node.js that it finds; ours, under npm, can. */
const tooOld = () => ("setGlobalProxyFromEnv" in nodeHttp() ? "" : " and use Node.js 24.14 or later");

/** Two sentences: the reason, and what to do about it. */
export function unreachable(error: unknown): string {
  const reason = reasonOf(error);
  if (/^HTTP \d/.test(reason)) return `${reason}. Check the address.`;
  return /certificate|CERT|SELF_SIGNED|UNABLE_TO/i.test(reason)
    ? `${reason}. A company's proxy that opens TLS has a CA of its own: set network.ca to its file (PEM).`
    : `${reason}. Check the network; behind a company's proxy set HTTPS_PROXY${tooOld()}.`;
}
