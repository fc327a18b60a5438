/** The few calls that the bench makes of programs on loopback. */
import { setTimeout as sleep } from "node:timers/promises";

/** @throws Error with the status and the answer, unless it is 2xx */
export async function call(url: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(20_000) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${init.method ?? "GET"} ${url}: ${response.status} ${text.slice(0, 500)}`);
  return text;
}

export async function post(url: string, body: object): Promise<string> {
  return call(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

/** A GET whose answer is JSON; the caller says what it looks like. */
export async function getJson<T>(url: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
  const query = new URLSearchParams(parameters).toString();
  return JSON.parse(await call(query === "" ? url : `${url}?${query}`)) as T;
}

/**
 * Asks again and again until there is an answer.
 *
 * @param ask errors count as no answer
 * @returns undefined when there was none in time
 */
export async function eventually<T>(seconds: number, ask: () => Promise<T | undefined>): Promise<T | undefined> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    if (Date.now() > end) return undefined;
    await sleep(500);
  }
}
