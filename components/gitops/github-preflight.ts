/** Whether GitHub will take what an `up` writes: the deploy key, and the repository's content. */
import { contentOf, environmentContent } from "../content.ts";
import { demoFolder } from "../demo/component.ts";
import { plan } from "../plan.ts";
import type { Finding } from "../cluster/preflight.ts";
import { query } from "../cluster/kind.ts";
import type { Settings } from "../../settings/schema.ts";
import type { PreflightContext } from "../preflight.ts";
import { githubAddresses } from "../../settings/github.ts";
import { environmentFolder } from "./names.ts";
import { type Answer, callGitHub, GitHubUnreachable, saidBy } from "./github-api.ts";

/** How to make a token that will do. */
function newToken({ repository }: Settings): string {
  const { web } = githubAddresses(repository.apiUrl);
  const contents = repository.create || repository.seed === true ? "read and write" : "read";
  return (
    `Make one at ${web}/settings/personal-access-tokens (fine-grained, this repository, Administration: read and write; ` +
    `Contents: ${contents}), then export GITHUB_TOKEN=<token>.`
  );
}

/** What is looked at of GitHub's answer about a repository. */
interface RepositoryFacts {
  readonly archived?: boolean;
  readonly owner?: { readonly type?: string };
  readonly permissions?: { readonly admin?: boolean; readonly push?: boolean };
}

/** Asks GitHub with the stack's token; reads only. */
export async function checkGitHub(context: PreflightContext): Promise<readonly Finding[]> {
  const { settings, owner } = context;
  const { repository, source } = settings;
  if (source.type !== "github") return [];
  const finding = (level: Finding["level"], message: string): Finding => ({ level, check: "GitHub", message });
  const { web } = githubAddresses(repository.apiUrl);
  const token = (context.token ?? process.env["GITHUB_TOKEN"]) || (await tokenOfCommandLine(web));
  if (token === undefined) {
    // The provider knows two more ways, which are not for us to try.
    const app = process.env["GITHUB_APP_ID"] !== undefined;
    return app
      ? [finding("note", "the credentials of a GitHub App are not looked at.")]
      : [finding("error", `there is no token. ${newToken(context.settings)}`)];
  }
  const name = `${owner}/${repository.name}`;
  const ask = (path: string) => callGitHub({ apiUrl: repository.apiUrl, token }, "GET", path);
  try {
    const found = await ask(`repos/${name}`);
    if (found.status === 401) {
      return [
        finding("error", `the token is wrong, revoked or expired ("${saidBy(found)}"). ${newToken(context.settings)}`),
      ];
    }
    if (found.status === 404) {
      if (repository.create) return await ownerFindings(owner, ask, finding);
      const remedy =
        "Set repository.name (and github:owner), give the token access to it, or set repository.create to have it made.";
      return [finding("error", `there is no repository ${name}, or the token may not see it. ${remedy}`)];
    }
    if (found.status !== 200) return [finding(context.unverified, cannotBeRead(name, found))];
    const facts = found.data as RepositoryFacts;
    if (facts.archived === true) {
      const remedy = `Unarchive it (${web}/${name}/settings) or set repository.name to another.`;
      return [finding("error", `repository ${name} is archived, so it takes no deploy key. ${remedy}`)];
    }
    return [
      ...keyFindings(context, name, facts, await ask(`repos/${name}/keys?per_page=1`), finding),
      ...(await organizationFindings(context, facts, ask, finding)),
      ...(await contentFindings(context, name, facts, ask, finding)),
    ];
  } catch (error) {
    if (!(error instanceof GitHubUnreachable)) throw error;
    return [finding(context.unverified, error.message)];
  }
}

type Ask = (path: string) => Promise<Answer>;
type Make = (level: Finding["level"], message: string) => Finding;

const cannotBeRead = (what: string, answer: Answer) =>
  `${what} cannot be looked at: GitHub answers ${answer.status}, "${saidBy(answer)}".`;

/** The token of GitHub's own command line, with which the provider works too when it is given none. */
async function tokenOfCommandLine(web: string): Promise<string | undefined> {
  const { host } = new URL(web);
  const { code, stdout } = await query("gh", ["auth", "token", "--hostname", host], 10_000);
  return code === 0 && stdout.trim() !== "" ? stdout.trim() : undefined;
}

async function ownerFindings(owner: string, ask: Ask, finding: Make): Promise<Finding[]> {
  const found = await ask(`users/${owner}`);
  if (found.status !== 404) return [];
  return [finding("error", `there is no account ${owner} to create the repository for. Set github:owner.`)];
}

/** Whether the token may register a deploy key. That it may write cannot be asked, only that it may administer. */
function keyFindings(
  { settings, unverified }: PreflightContext,
  name: string,
  { permissions }: RepositoryFacts,
  keys: Answer,
  finding: Make,
): Finding[] {
  const scopes = keys.headers.get("x-oauth-scopes");
  const names = scopes?.split(",").map((scope) => scope.trim()) ?? [];
  if (permissions?.admin === false) {
    return [finding("error", `the token's account does not administer ${name}, which registering a deploy key needs.`)];
  }
  // Only classic tokens have scopes; the header of others is empty or not there.
  if (scopes && !names.includes("repo") && !names.includes("public_repo")) {
    return [finding("error", `the token lacks the scope repo (it has: ${scopes}). ${newToken(settings)}`)];
  }
  if (keys.status === 200) return [];
  const remedy = `A deploy key needs Administration: read and write. ${newToken(settings)}`;
  return [finding(unverified, `the token may not see the deploy keys of ${name} ("${saidBy(keys)}"). ${remedy}`)];
}

async function organizationFindings(
  { owner, settings }: PreflightContext,
  facts: RepositoryFacts,
  ask: Ask,
  finding: Make,
): Promise<Finding[]> {
  if (facts.owner?.type !== "Organization") return [];
  const { data } = await ask(`orgs/${owner}`);
  // Shown to owners of the organization only.
  const allowed = (data as { readonly deploy_keys_enabled_for_repositories?: boolean } | undefined)
    ?.deploy_keys_enabled_for_repositories;
  if (allowed === true) return [];
  const where = `${githubAddresses(settings.repository.apiUrl).web}/organizations/${owner}/settings/deploy_keys`;
  return allowed === false
    ? [finding("error", `the organization ${owner} forbids deploy keys. An owner allows them at ${where}.`)]
    : [finding("note", `whether the organization ${owner} allows deploy keys is shown to its owners only (${where}).`)];
}

/** Branch and folders from which Flux takes the environment's content. */
async function contentFindings(
  { stack, settings, unverified }: PreflightContext,
  name: string,
  { permissions }: RepositoryFacts,
  ask: Ask,
  finding: Make,
): Promise<Finding[]> {
  const { branch, create, seed = create } = settings.repository;
  const pushFindings = () =>
    permissions?.push === false
      ? [finding("error", `the token's account may not push to ${name}, which repository.seed needs.`)]
      : [];
  const found = await ask(`repos/${name}/branches/${encodeURIComponent(branch)}`);
  if (found.status === 404) {
    const remedy = "Push it, set repository.branch, or set repository.seed to have it made.";
    return seed ? pushFindings() : [finding("error", `${name} has no branch ${branch}. ${remedy}`)];
  }
  if (found.status !== 200) return [finding(unverified, cannotBeRead(`branch ${branch} of ${name}`, found))];
  if (seed) {
    const { protected: guarded } = found.data as { readonly protected?: boolean };
    const message = `branch ${branch} of ${name} is protected: it may refuse the commit of repository.seed.`;
    return [...pushFindings(), ...(guarded === true ? [finding("warning", message)] : [])];
  }
  const { chosen } = plan(settings);
  const folders = [
    environmentFolder(stack, settings),
    ...environmentContent(chosen),
    ...(settings.demo.enabled ? [demoFolder(settings.demo), ...contentOf(settings.demo.app, chosen)] : []),
  ];
  const answers = await Promise.all(
    folders.map(async (folder) => {
      const encoded = folder.split("/").filter(Boolean).map(encodeURIComponent).join("/");
      return {
        folder,
        status: (await ask(`repos/${name}/contents/${encoded}?ref=${encodeURIComponent(branch)}`)).status,
      };
    }),
  );
  const missing = answers.filter(({ status }) => status === 404).map(({ folder }) => folder);
  if (missing.length === 0) return [];
  const what = missing.length === 1 ? "folder" : "folders";
  const them = missing.length === 1 ? "it" : "them";
  return [
    finding(
      "error",
      `${name} has no ${what} ${missing.join(", ")} in branch ${branch}. Push ${them}, or set repository.seed.`,
    ),
  ];
}
