/** The rehearsal's stand-in for GitHub's API. */
export { startGitHub, type DeployKey, type GitHub, type GitHubOptions, type InitialRepository } from "./api.ts";
export { answers, failing } from "./answers.ts";
