/** Where a GitHub is, by the address of its API: github.com, a tenant of ghe.com, or an Enterprise Server. */
export interface GitHubAddresses {
  /** For people, without a slash at its end: `https://github.com`. */
  readonly web: string;
  readonly rest: string;
  readonly graphql: string;
  /** What `owner/name.git` is fetched from by SSH; undefined where GitHub gives every tenant a user of its own. */
  readonly ssh: string | undefined;
  /** Container registry: `ghcr.io`. */
  readonly registry: string;
}

/**
 * @param apiUrl with or without `api.` and `/api/v3`, as the GitHub provider takes it (terraform-provider-github 6,
 *   `getBaseURL`): the API of github.com and ghe.com has a host of its own, that of a server a path
 */
export function githubAddresses(apiUrl: string): GitHubAddresses {
  const { host, hostname, origin, pathname } = new URL(apiUrl);
  const cloud = /^(?:api\.)?(github\.com|[a-z0-9-]+\.ghe\.com)$/.exec(host)?.[1];
  if (cloud !== undefined) {
    const dotCom = cloud === "github.com";
    return {
      web: `https://${cloud}`,
      rest: `https://api.${cloud}`,
      graphql: `https://api.${cloud}/graphql`,
      ssh: dotCom ? "ssh://git@github.com" : undefined,
      registry: dotCom ? "ghcr.io" : `containers.${cloud}`,
    };
  }
  const web = `${origin}${pathname.replace(/(\/api\/v3)?\/*$/, "")}`;
  return {
    web,
    rest: `${web}/api/v3`,
    graphql: `${web}/api/graphql`,
    ssh: `ssh://git@${hostname}`,
    registry: `containers.${host}`,
  };
}
