/** What servers that are there already want, as a pod that asks them has it: files and variables out of one Secret of its own. */
import { type Access, asRemote, type Place, type Remote } from "./capabilities.ts";
import type { EnvironmentFacts, SecretObject, SecretText } from "./component.ts";

/** What of an environment decides how servers are asked. */
export type Known = Pick<EnvironmentFacts, "secrets" | "ca" | "name">;

/** Certificate of an authority of the environment's own. */
type Authority = Extract<SecretText, { readonly authority: string }>;

/** Loki, Mimir, Tempo and Cortex know tenants by it. */
export const tenantHeader = "X-Scope-OrgID";

/** Keys of the Secret of whoever asks. */
export const secretKey = ({ of }: Access): string => of;
export const caKey = ({ of }: Access): string => `${of}.crt`;

/** Name of the Secret of whoever asks. */
export const secretOf = (asker: string): string => `${asker}-external`;

/** Whether its secret is there, and so sent. */
export function authenticates({ secret }: Access, { secrets }: Pick<Known, "secrets">): boolean {
  return typeof secret === "string" ? secrets.includes(secret) : secret !== undefined;
}

/** The company's certificates, where a server's is one of theirs. */
export function companyCaOf({ url, access }: Remote, { ca }: Known): string | undefined {
  return access.ca === "company" && url.startsWith("https:") ? ca : undefined;
}

/** The same, or the certificate of an authority of the environment's own, where a server's is of that. */
export function caOf(remote: Remote, known: Known): string | Authority | undefined {
  const { ca } = remote.access;
  return typeof ca === "object" ? { ...ca, part: "certificate" } : companyCaOf(remote, known);
}

/** Its secret, as a Secret has it; undefined where none is sent. */
export function secretText(access: Access, known: Known): SecretText | undefined {
  const { secret } = access;
  if (secret === undefined || !authenticates(access, known)) return undefined;
  return typeof secret === "string" ? { secret } : secret;
}

/** Host and port of a server, without the brackets of an IPv6 address. */
export function hostAndPort(url: string): { readonly host: string; readonly port: number } {
  const { protocol, hostname, port } = new URL(url);
  return {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
  };
}

/** Whether only pods of the cluster know a server's name. */
export function isClusterName(url: string): boolean {
  return /\.svc(\.cluster\.local)?\.?$/.test(new URL(url).hostname);
}

/** Headers with which a program asks a server. */
export function headersOf({ user, scheme, tenant }: Access, secret: string | undefined): Record<string, string> {
  const basic = `Basic ${Buffer.from(`${user ?? ""}:${secret ?? ""}`).toString("base64")}`;
  return {
    ...(secret === undefined ? {} : { authorization: user === undefined ? `${scheme ?? "Bearer"} ${secret}` : basic }),
    ...(tenant === undefined ? {} : { [tenantHeader]: tenant }),
  };
}

/** The same as one text, as Go reads it. */
export function hostPort(url: string): string {
  const { host, port } = hostAndPort(url);
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Those of some places that want to be asked in a way of their own. */
export function remotes(places: readonly (Place | undefined)[]): Remote[] {
  return places.flatMap((place) => (place === undefined ? [] : (asRemote(place) ?? [])));
}

/** The Secret of a pod that asks servers: none where they want nothing. */
export function credentials(
  asker: string,
  namespace: string,
  places: readonly (Place | undefined)[],
  known: Known,
): SecretObject[] {
  const data: Record<string, SecretText> = {};
  for (const remote of remotes(places)) {
    const { access } = remote;
    const ca = caOf(remote, known);
    const secret = secretText(access, known);
    if (secret !== undefined) data[secretKey(access)] = secret;
    if (ca !== undefined) data[caKey(access)] = ca;
  }
  return Object.keys(data).length === 0 ? [] : [{ name: secretOf(asker), namespace, data }];
}
