/** Secrets of a stack file: which there are, the commands that set them, and their form. */

/** What servers that are there already want (`external`): a password where a user is named, else a bearer token. */
const serverSecrets = {
  externalMetricsSecret: "Password of external.metrics.user, or a bearer token where no user is named.",
  externalLogsSecret:
    "Password of external.logs.user, or a bearer token where no user is named; of Elasticsearch an API key, as it is sent (base64 of id:key).",
  externalTracesSecret: "Password of external.traces.user, or a bearer token where no user is named.",
  externalAlertsSecret: "Password of external.alerts.user, or a bearer token where no user is named.",
} as const;

/** Secret settings: set with `npm run pulumi -- <stack> config set --secret <key>`; they never stand in a stack file in clear. */
export const secretSettings = {
  ...serverSecrets,
  demoRepositoryToken:
    "Password or token with which Flux reads demo.repository over https:// (kbot only). Its user is the one in the address, `git` when there is none.",
  objectStorageAccessKey:
    "Access key of the S3 that is there already (objectStorage: s3), where s3.credentialsSecret names no Secret with it.",
  objectStorageSecretKey: "Secret key that goes with objectStorageAccessKey; any character may be in it.",
  proxyCredentials:
    "User and password of network.proxy, as `user:password`. Set with `npm run pulumi -- <stack> config set --secret proxyCredentials`, which asks for it.",
  registryCredentials:
    "Credentials of private registries and of mirrors in cluster.kind.registryMirrors, for charts and images: a Docker config.json with `auths`. Set with `npm run pulumi -- <stack> config set --secret registryCredentials < config.json`.",
  telegramToken: "Token of kbot's Telegram bot (the old set-up's TELE_TOKEN). Needed while demo.app is kbot.",
} as const;

/** Secret settings that hold several secrets by name. */
export const secretGroups = {
  alertingSecrets:
    "Secrets of the receivers by name: Slack's webhook URL, the mail password, the Telegram bot's token. Set with `npm run pulumi -- <stack> config set --secret --path alertingSecrets.<name>`; a name with a dot in quotes, `alertingSecrets[\"my.bot\"]`.",
  remoteWriteSecrets:
    "Secrets of remoteWrite and of remoteWriteReceiver by name: passwords and bearer tokens. Set with `npm run pulumi -- <stack> config set --secret --path remoteWriteSecrets.<name>`.",
  scrapeSecrets:
    "Secrets of scrapeTargets by name: passwords and bearer tokens. Set with `npm run pulumi -- <stack> config set --secret --path scrapeSecrets.<name>`.",
} as const;

/** Name of a group of secrets. */
export type SecretGroup = keyof typeof secretGroups;

/** Something of each group, by the names of its members. */
export type Members<T> = Readonly<Partial<Record<SecretGroup, T>>>;

/** Name of a secret setting. */
export type SecretName = keyof typeof secretSettings;

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
  // Each of them is a line of a header: nobody could send anything else.
  if (name in serverSecrets && !/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text)) {
    return "must be one line of printable ASCII, without blanks around it.";
  }
  return undefined;
}
