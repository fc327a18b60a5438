/** Calls of GitHub's APIs that no provider resource offers. */
import { githubAddresses } from "../../settings/github.ts";
import { fetchOutside } from "../company-network.ts";
import { unreachable } from "../unreachable.ts";

/** An account at a GitHub API. */
export interface GitHubAccount {
  /** `https://api.github.com/`, or the address of a GitHub Enterprise server. */
  readonly apiUrl: string;
  /** Without it only what is public is answered. */
  readonly token: string | undefined;
}

/** GitHub's answer: its status and body. */
export interface Answer {
  readonly status: number;
  /** Parsed JSON; text when it is none, as a proxy's own page. */
  readonly data: unknown;
  readonly headers: Headers;
}

/** GitHub did not answer at all. The message has the reason and what to do. */
export class GitHubUnreachable extends Error {
  override readonly name = "GitHubUnreachable";
}

/**
 * Sends a request and returns whatever GitHub answers.
 * @param path below the REST API's root, for example `repos/<owner>/<name>`; or `graphql`
 * @throws GitHubUnreachable when there is no answer within a minute
 */
export async function callGitHub(account: GitHubAccount, method: string, path: string, body?: object): Promise<Answer> {
  const { rest, graphql } = githubAddresses(account.apiUrl);
  try {
    const response = await fetchOutside(path === "graphql" ? graphql : `${rest}/${path}`, {
      method,
      headers: {
        accept: "application/vnd.github+json",
        ...(account.token === undefined ? {} : { authorization: `Bearer ${account.token}` }),
        "user-agent": "observability-environment",
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    return { status: response.status, data: parsed(await response.text()), headers: response.headers };
  } catch (error) {
    throw new GitHubUnreachable(`${new URL(account.apiUrl).host} does not answer: ${unreachable(error)}`);
  }
}

function parsed(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** What GitHub says of a refusal: its message, and what is wrong with which field. */
export function saidBy({ data }: Answer): string {
  if (typeof data !== "object" || data === null) return typeof data === "string" ? data.slice(0, 200) : "";
  const { message = "", errors = [] } = data as { readonly message?: string; readonly errors?: readonly unknown[] };
  const details = errors.map((error) => {
    if (typeof error !== "object" || error === null) return String(error);
    const { field, code, message: text } = error as Readonly<Record<string, string | undefined>>;
    return text ?? [field, code].filter((part) => part !== undefined).join(" ");
  });
  return [message, ...details]
    .filter((part) => part !== "")
    .join(": ")
    .replaceAll(/\s+/g, " ")
    .trim();
}
