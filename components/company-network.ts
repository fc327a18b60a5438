/**
 * The way out of a company's network for the requests of the program and of its tools: its proxy and its CA, as Go has them
 * and so Pulumi's CLI and plugins, Docker and curl. Nobody has to know Node's own switches.
 *
 * - `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY` (or in small letters); this machine is never asked through a proxy.
 * - Certificates of the system's store (`SSL_CERT_FILE` and `SSL_CERT_DIR` name another), of `NODE_EXTRA_CA_CERTS`, and of
 *   `network.ca`, beside those that Node brings.
 */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { nodeHttp } from "./node-http.ts";

const thisMachine = ["localhost", ".localhost", "127.0.0.1", "[::1]", "::1"];
const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * The certificates in a PEM file.
 * @throws Error that says what is wrong with the file
 */
export function certificatesOf(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
  const found = text.match(certificate) ?? [];
  if (found.length === 0) throw new Error(`${file} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)`);
  for (const [index, one] of found.entries()) {
    try {
      new X509Certificate(one);
    } catch {
      throw new Error(`${file}: certificate ${index + 1} of ${found.length} is damaged`);
    }
  }
  return found;
}

/** The variables as Node reads them: with a scheme, which others do without, and without this machine. */
export function proxyEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const of = (name: string) => env[name.toLowerCase()] || env[name];
  const address = (name: string) => {
    const value = of(name);
    return value === undefined || value.includes("://") ? value : `http://${value}`;
  };
  const given = { http_proxy: address("HTTP_PROXY"), https_proxy: address("HTTPS_PROXY") };
  const set = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(set), no_proxy: [of("NO_PROXY"), ...thisMachine].filter(Boolean).join(",") };
}

const own = new Set<string>();
let used = false;

/**
 * Trusts the CA certificates of a file, too, for the life of the process.
 * @returns the certificates, PEM
 * @throws Error that says what is wrong with the file
 */
export function trust(file: string): string {
  const certificates = certificatesOf(file);
  for (const one of certificates) own.add(one);
  used = false;
  return `${certificates.join("\n")}\n`;
}

function useCompanyNetwork(): void {
  if (used) return;
  const [http, tls] = [nodeHttp(), process.getBuiltinModule("node:tls")];
  // Node 24.14 and later, as are the two below from 22.19; `unreachable` says so where that is what is missing.
  try {
    if ("setGlobalProxyFromEnv" in http) http.setGlobalProxyFromEnv(proxyEnvironment(process.env));
  } catch {
    // Node's own message repeats the address, and with it a password.
    throw new Error("HTTPS_PROXY or HTTP_PROXY is no address such as http://proxy.example.com:3128");
  }
  if ("setDefaultCACertificates" in tls) {
    const known = [...tls.getCACertificates("default"), ...tls.getCACertificates("system"), ...own];
    tls.setDefaultCACertificates([...new Set(known)]);
  }
  used = true;
}

/** `fetch` through the company's network. */
export async function fetchOutside(url: string, init?: RequestInit): Promise<Response> {
  useCompanyNetwork();
  return await fetch(url, init);
}
