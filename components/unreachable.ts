/** Why a request of the program was not answered, for people. */

/** The innermost reason of a failed `fetch`, whose own message is "fetch failed" and no more. */
function reasonOf(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause !== undefined) inner = inner.cause;
  // A host with several addresses fails with one error for each.
  if (inner instanceof AggregateError && inner.errors.length > 0) inner = inner.errors[0];
  if (!(inner instanceof Error)) return String(inner);
  const { code, message } = inner as NodeJS.ErrnoException;
  return typeof code !== "string" || message.includes(code) ? message : `${message} (${code})`;
}

/** Two sentences: the reason, and what to do about it. */
export function unreachable(error: unknown): string {
  const reason = reasonOf(error);
  if (/^HTTP \d/.test(reason)) return `${reason}. Check the address.`;
  return /certificate|CERT|SELF_SIGNED|UNABLE_TO/i.test(reason)
    ? `${reason}. A company's proxy that opens TLS has a CA of its own: set NODE_EXTRA_CA_CERTS to its file (PEM).`
    : `${reason}. Check the network; behind a company's proxy set HTTPS_PROXY and NODE_USE_ENV_PROXY=1.`;
}
