/** Secrets: the commands that set them, and their form. */

import type { SecretName } from "./schema.ts";

/** A command that sets a member of a group of secrets; a name with a dot in it is quoted, or Pulumi would nest it. */
export function secretCommand(group: string, name: string): string {
  const path = name.includes(".") ? `'${group}["${name}"]'` : `${group}.${name}`;
  return `npm run pulumi -- <stack> config set --secret --path ${path}`;
}

type Auths = Readonly<Record<string, Readonly<Record<string, unknown>> | null>>;

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

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
  const entries = Object.values(auths as Auths);
  return (
    entries.length > 0 &&
    entries.every(
      (entry) =>
        (isText(entry?.["auth"]) && Buffer.from(entry["auth"], "base64").toString().includes(":")) ||
        (isText(entry?.["username"]) && isText(entry["password"])),
    )
  );
}

/** Base64 of `user:password` that a Docker config.json has for a host (`registry.example.com:5000`); undefined for none. */
export function dockerCredentials(config: string, host: string): string | undefined {
  const { auths } = JSON.parse(config) as { readonly auths: Auths };
  // A key may be an address, as that of Docker Hub is.
  const found = Object.entries(auths).find(([key]) => key.replace(/^https?:\/\//, "").split("/", 1)[0] === host)?.[1];
  const { auth, username, password } = found ?? {};
  if (isText(username) && isText(password)) return Buffer.from(`${username}:${password}`).toString("base64");
  return isText(auth) ? auth : undefined;
}

/** What is wrong with the form of a secret; undefined when nothing is. It never repeats the secret. */
export function secretFault(name: SecretName, text: string): string | undefined {
  if (name === "registryCredentials" && !isDockerConfig(text)) {
    return (
      "is no Docker config.json with credentials: each registry under `auths` needs `auth`, or `username` and `password`. " +
      "Docker itself keeps them elsewhere where it has a credential helper (`credsStore`)."
    );
  }
  if (name === "proxyCredentials" && !/^[^:\s][^:]*:.+$/.test(text.trim())) {
    return "must be `user:password`, as they are: nothing in them is escaped.";
  }
  return undefined;
}
