/** Host keys in the form of OpenSSH's `known_hosts`, as Flux reads them (golang.org/x/crypto/ssh/knownhosts). */
import { createHmac } from "node:crypto";
import { z } from "zod";

/** Key types of servers, and which of the fields that follow the type in the key has how many bytes. */
const keyTypes: Readonly<Record<string, { readonly fields: number; readonly last: readonly number[] }>> = {
  "ssh-ed25519": { fields: 1, last: [32] },
  "ecdsa-sha2-nistp256": { fields: 2, last: [65] },
  "ecdsa-sha2-nistp384": { fields: 2, last: [97] },
  "ecdsa-sha2-nistp521": { fields: 2, last: [133] },
  "ssh-rsa": { fields: 2, last: [129, 257, 385, 513, 769, 1025] },
};

/** The fields of a key (RFC 4253: a length and so many bytes); undefined when it is cut off. */
function keyFields(key: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = [];
  for (let at = 0; at < key.length;) {
    if (at + 4 > key.length) return undefined;
    const end = at + 4 + key.readUInt32BE(at);
    if (end > key.length) return undefined;
    fields.push(key.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

interface Entry {
  readonly marker: string | undefined;
  readonly hosts: string;
}

/** An entry, what is wrong with the line, or nothing for a blank line and a comment. */
function readLine(line: string): Entry | string | undefined {
  const words = line.trim().split(/[ \t]+/);
  if (words[0] === "" || words[0]?.startsWith("#") === true) return undefined;
  const marker = words[0]?.startsWith("@") === true ? words.shift() : undefined;
  const [hosts, type = "", encoded = ""] = words;
  if (hosts === undefined || encoded === "") return "is not a host, a key type and a key";
  if (marker !== undefined && marker !== "@cert-authority" && marker !== "@revoked") return `has the marker ${marker}`;
  const known = keyTypes[type];
  if (known === undefined) return `has the key type ${type}; known are ${Object.keys(keyTypes).join(", ")}`;
  const key = Buffer.from(encoded, "base64");
  const [name, ...fields] = keyFields(key) ?? [];
  const whole =
    key.toString("base64") === encoded &&
    name?.toString() === type &&
    fields.length === known.fields &&
    known.last.includes(fields.at(-1)?.length ?? 0);
  return whole ? { marker, hosts } : `has no whole key of type ${type}`;
}

/** `known_hosts` with at least one key. */
export const hostKeys = z.string().superRefine((text, context) => {
  const lines = text.split(/\r?\n/).map(readLine);
  lines.forEach((read, index) => {
    if (typeof read === "string") context.addIssue(`${read}, in line ${index + 1}`);
  });
  if (lines.every((read) => read === undefined))
    context.addIssue("has no host key. Write lines such as ssh-keyscan prints");
});

/** The server of an ssh:// address as `known_hosts` names it: `host`, or `[host]:port` for a port other than 22. */
export function sshServer(address: string): string {
  const { hostname, port } = new URL(address);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return port === "" || port === "22" ? host : `[${host}]:${port}`;
}

/** Host and port of a name in `known_hosts`. */
function hostAndPort(name: string): [host: string, port: string] {
  const [, host = name, port = "22"] = /^\[(.*)\]:(\d+)$/.exec(name) ?? [];
  return [host, port];
}

/** Whether a name or a pattern of a line (`*.example.com`, `|1|salt|hash`) is about a server. */
function isAbout(pattern: string, server: string): boolean {
  const hashed = /^\|1\|([^|]+)\|([^|]+)$/.exec(pattern);
  if (hashed !== null) {
    const [, salt = "", hash] = hashed;
    return createHmac("sha1", Buffer.from(salt, "base64")).update(server).digest("base64") === hash;
  }
  const [hosts, port] = hostAndPort(pattern);
  const [host, itsPort] = hostAndPort(server);
  const expression = hosts
    .replaceAll(/[.+^$()|[\]{}\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return port === itsPort && new RegExp(`^${expression}$`).test(host);
}

/** Servers that host keys are for, as they are written there. */
export function namedServers(text: string): string[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const read = readLine(line);
    return typeof read === "object" && read.marker !== "@revoked" ? read.hosts.split(",") : [];
  });
}

/** Whether there is a key for a server (`sshServer`). */
export function hasKeyFor(text: string, server: string): boolean {
  return text.split(/\r?\n/).some((line) => {
    const read = readLine(line);
    if (typeof read !== "object" || read.marker === "@revoked") return false;
    const patterns = read.hosts.split(",");
    return (
      patterns.some((pattern) => !pattern.startsWith("!") && isAbout(pattern, server)) &&
      !patterns.some((pattern) => pattern.startsWith("!") && isAbout(pattern.slice(1), server))
    );
  });
}
