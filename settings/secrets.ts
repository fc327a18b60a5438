/** Secrets: the commands that set them, and their form. */

/** A command that sets a member of a group of secrets; a name with a dot in it is quoted, or Pulumi would nest it. */
export function secretCommand(group: string, name: string): string {
  const path = name.includes(".") ? `'${group}["${name}"]'` : `${group}.${name}`;
  return `npm run pulumi -- <stack> config set --secret --path ${path}`;
}

/**
 * Whether a text is a Docker config.json that has credentials itself, as Kubernetes (`kubernetes.io/dockerconfigjson`) and
 * Flux read it: `{"auths": {"<host>": {"auth": "<base64 of user:password>"}}}`, or with `username` and `password`.
 */
export function isDockerConfig(text: string): boolean {
  let auths: unknown;
  try {
    ({ auths } = JSON.parse(text) as { readonly auths?: unknown });
  } catch {
    return false;
  }
  if (typeof auths !== "object" || auths === null || Array.isArray(auths)) return false;
  const entries = Object.values(auths as Readonly<Record<string, Readonly<Record<string, unknown>> | null>>);
  const isText = (value: unknown) => typeof value === "string" && value !== "";
  return (
    entries.length > 0 &&
    entries.every(
      (entry) =>
        (typeof entry?.["auth"] === "string" && Buffer.from(entry["auth"], "base64").toString().includes(":")) ||
        (isText(entry?.["username"]) && isText(entry?.["password"])),
    )
  );
}
