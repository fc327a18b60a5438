/** Calls of GitHub's REST API that no provider resource offers. */

/** An account at a GitHub API. */
export interface GitHubAccount {
  /** `https://api.github.com/`, or the address of a GitHub Enterprise server. */
  readonly apiUrl: string;
  readonly token: string;
}

/** GitHub's answer: its status and body. */
export interface Answer {
  readonly status: number;
  readonly data: unknown;
}

/** Where the REST API is: on a server of one's own it has a path. */
function restUrl(apiUrl: string): string {
  const base = apiUrl.replace(/\/$/, "");
  return new URL(base).host === "api.github.com" ? base : `${base}/api/v3`;
}

/**
 * Sends a request and returns whatever GitHub answers.
 * @param what path below `/repos/<owner>/<name>/`
 * @throws when GitHub does not answer within a minute
 */
export async function callGitHub(
  account: GitHubAccount,
  repository: string,
  method: string,
  what: string,
  body?: object,
): Promise<Answer> {
  const response = await fetch(`${restUrl(account.apiUrl)}/repos/${repository}/${what}`, {
    method,
    headers: {
      accept: "application/vnd.github+json",
      authorization: `Bearer ${account.token}`,
      "user-agent": "observability-environment",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  return { status: response.status, data: text === "" ? undefined : (JSON.parse(text) as unknown) };
}
