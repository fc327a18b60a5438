/**
 * Servers of a list in the settings that want a secret of a group, or show a certificate of the company's: what is wrong with
 * them, and the Secrets out of which the operators of Prometheus and VictoriaMetrics read both.
 */
import { type Finding, namesakes, noCompanyCa } from "../settings/finding.ts";
import { secretCommand, type SecretGroup } from "../settings/secrets.ts";
import type { SecretRef } from "./capabilities.ts";
import type { Known, SecretObject, SecretText } from "./component.ts";
import { namespaces } from "./kubernetes/namespaces.ts";

/** One of a list. */
export interface Guarded {
  readonly name: string;
  readonly user?: string | undefined;
  /** Member of the group. */
  readonly secret?: string | undefined;
  readonly ca: "public" | "company";
}

const namespace = namespaces.monitoring.name;
const caKey = "company-ca.crt";
const userKey = (server: string) => `${server}.user`;

/**
 * @param setting the list
 * @param group its secrets
 * @param name of the Secret with them
 */
export function guardedServers(setting: string, group: SecretGroup, name: string) {
  // Users and the company's certificates: no secrets, but the operators take both out of Secrets only.
  const known = `${name}-known`;

  /** Secrets that are named and not set. */
  const missing = (all: readonly Guarded[], set: readonly string[] | undefined): Finding[] =>
    all.flatMap(({ secret }, index) => {
      if (secret === undefined || set === undefined || set.includes(secret)) return [];
      const message = `is ${secret}, which ${group} lacks. Run \`${secretCommand(group, secret)}\`.`;
      return [{ path: `${setting}.${index}.secret`, message }];
    });

  return {
    check: (all: readonly Guarded[], { members, companyCa }: Known): Finding[] => [
      ...namesakes(setting, all),
      ...missing(all, members && (members[group] ?? [])),
      ...all.flatMap(({ ca }, index) => (ca === "company" && !companyCa ? noCompanyCa(`${setting}.${index}.ca`) : [])),
    ],
    secrets: (all: readonly Guarded[], ca: string | undefined): SecretObject[] => {
      const secrets = all.flatMap(({ secret }) => secret ?? []);
      const others: (readonly [key: string, text: SecretText])[] = all.flatMap((server) =>
        server.user === undefined ? [] : [[userKey(server.name), server.user]],
      );
      if (ca !== undefined && all.some((server) => server.ca === "company")) others.push([caKey, ca]);
      const objects: readonly (readonly [name: string, data: SecretObject["data"]])[] = [
        [name, Object.fromEntries(secrets.map((member) => [member, { group, member }]))],
        [known, Object.fromEntries(others)],
      ];
      return objects.flatMap(([of, data]) => (Object.keys(data).length === 0 ? [] : [{ name: of, namespace, data }]));
    },
    /** What a server is sent; undefined where it wants nothing. */
    login: (server: Guarded): { readonly user?: SecretRef; readonly secret: SecretRef } | undefined =>
      server.secret === undefined
        ? undefined
        : {
            ...(server.user === undefined ? {} : { user: { name: known, key: userKey(server.name) } }),
            secret: { name, key: server.secret },
          },
    /** The company's certificates, where a server's is one of theirs. */
    ca: (server: Guarded): SecretRef | undefined => (server.ca === "company" ? { name: known, key: caKey } : undefined),
  };
}

type Login = NonNullable<ReturnType<ReturnType<typeof guardedServers>["login"]>>;

/** What a server is sent, in the words of the Prometheus Operator. */
export const operatorLogin = (login: Login | undefined) =>
  login === undefined
    ? {}
    : login.user === undefined
      ? { authorization: { type: "Bearer" as const, credentials: login.secret } }
      : { basicAuth: { username: login.user, password: login.secret } };

/** Whose certificates are trusted, in the same words. */
export const operatorTls = (ca: SecretRef | undefined) =>
  ca === undefined ? {} : { tlsConfig: { ca: { secret: ca } } };
