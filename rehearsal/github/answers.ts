/** GitHub's own words for what goes wrong, thrown by the handlers and used by tests to provoke failures. */
import type { Answer, Failure } from "../loopback.ts";

/** Thrown by a handler to answer with anything but success. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`HTTP ${answer.status}`);
    this.answer = answer;
  }
}

const message = (status: number, text: string): Answer => ({
  status,
  body: { message: text, documentation_url: "https://docs.github.com/rest", status: String(status) },
});

/** One entry of the `errors` of a 422. */
export interface ValidationError {
  readonly resource: string;
  readonly code: string;
  readonly field?: string;
  readonly message?: string;
}

/** The answers by name. */
export const answers = {
  /** No token was sent. */
  authenticationRequired: message(401, "Requires authentication"),
  /** The token is wrong, expired or revoked. */
  badCredentials: message(401, "Bad credentials"),
  /** The token may not do this. */
  forbidden: message(403, "Resource not accessible by personal access token"),
  /** A repository that was archived takes no change but its own revival or deletion. */
  archived: message(403, "Repository was archived so is read-only."),
  notFound: message(404, "Not Found"),
  /** The Git data API on a repository without a commit. */
  emptyRepository: message(409, "Git Repository is empty."),
  conflict: (text: string): Answer => message(409, text),
  unprocessable: (text: string): Answer => message(422, text),
  invalid: (...errors: readonly ValidationError[]): Answer => ({
    status: 422,
    body: { message: "Validation Failed", errors, documentation_url: "https://docs.github.com/rest", status: "422" },
  }),
  /** The same public key a second time, in whatever repository. */
  get keyInUse(): Answer {
    return answers.invalid({ resource: "PublicKey", code: "custom", field: "key", message: "key is already in use" });
  },
  /** Deploy keys are switched off, as they are in every new organization (vitodeploy/vito#949, semaphoreio/semaphore#217). */
  get deployKeysDisabled(): Answer {
    const text = "Deploy keys are disabled for this repository";
    return answers.invalid({ resource: "PublicKey", code: "custom", message: text });
  },
  /** What a ruleset says that wants pull requests (satisfactory-factories/application#67). */
  ruleViolation: "Repository rule violations found\n\nChanges must be made through a pull request.\n\n",
  /** The primary rate limit: no request is left until `reset`. */
  rateLimited: (reset: Date): Answer => ({
    ...message(403, "API rate limit exceeded for user ID 1."),
    headers: {
      "x-ratelimit-limit": "5000",
      "x-ratelimit-remaining": "0",
      "x-ratelimit-used": "5000",
      "x-ratelimit-reset": String(Math.ceil(reset.getTime() / 1000)),
      "x-ratelimit-resource": "core",
    },
  }),
  /** The secondary rate limit: too many requests at once. */
  secondaryRateLimited: (retryAfterSeconds: number): Answer => ({
    ...message(403, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."),
    headers: { "retry-after": String(retryAfterSeconds) },
  }),
  /** GitHub is having a bad day. */
  serverError: (status = 502): Answer => message(status, "Server Error"),
} as const;

/** `github.fail(failing("POST /repos/o/r/keys", answers.keyInUse))`. */
export function failing(match: Failure["match"], answer: Answer, times = 1): Failure {
  return { match, times, ...answer };
}
