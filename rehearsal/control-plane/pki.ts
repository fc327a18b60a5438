/** Keys and certificates of one control plane: an authority of its own, valid for a week, on 127.0.0.1 only. */
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A key and its certificate, as files. */
export interface Pair {
  readonly key: string;
  readonly certificate: string;
}

/** The files of one control plane. */
export interface Pki {
  readonly ca: Pair;
  /** Of etcd and the API server, and of the API server as etcd's client. */
  readonly server: Pair;
  readonly admin: Pair;
  readonly controllerManager: Pair;
  readonly scheduler: Pair;
  /** Of the API server as who hands on requests to servers of other APIs. */
  readonly frontProxy: Pair;
  /** Signs service account tokens. */
  readonly serviceAccounts: { readonly key: string; readonly publicKey: string };
}

/**
 * Makes the keys (with Node) and has them certified by the `openssl` command, since Node cannot issue certificates.
 *
 * @param dir a folder to make, readable by its owner only
 * @param hosts names that the API server is called by, besides 127.0.0.1
 */
export async function makePki(dir: string, hosts: readonly string[]): Promise<Pki> {
  // The last file that is made: with it all are there, and a control plane that starts again keeps them.
  if (existsSync(join(dir, COMPLETE))) {
    const [ca, server, admin, controllerManager, scheduler, frontProxy] = NAMES.map((name) => pairOf(dir, name)) as [
      Pair,
      Pair,
      Pair,
      Pair,
      Pair,
      Pair,
    ];
    return { ca, server, admin, controllerManager, scheduler, frontProxy, serviceAccounts: serviceAccountFiles(dir) };
  }
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const ca = newKey(dir, "ca");
  const names = [...hosts, "localhost"].map((host) => `DNS:${host}`);
  writeFileSync(
    join(dir, "openssl.cnf"),
    // A configuration of our own, so that the machine's plays no part.
    `[req]
distinguished_name = dn
prompt = no
[dn]
CN = rehearsal
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign, digitalSignature
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = ${[...names, "IP:127.0.0.1", "IP:10.96.0.1"].join(", ")}
[client]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = clientAuth
`,
  );
  await request(dir, ca, "/CN=kubernetes");
  await openssl(dir, [
    ...["x509", "-req", "-in", "ca.csr", "-signkey", "ca.key", "-out", "ca.crt", "-days", "7", "-sha256"],
    ...["-extfile", "openssl.cnf", "-extensions", "authority"],
  ]);
  const issue = async (name: string, subject: string, kind: "server" | "client", serial: number): Promise<Pair> => {
    const pair = newKey(dir, name);
    await request(dir, pair, subject);
    await openssl(dir, [
      ...["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.crt", "-CAkey", "ca.key", "-set_serial", String(serial)],
      ...["-out", `${name}.crt`, "-days", "7", "-sha256", "-extfile", "openssl.cnf", "-extensions", kind],
    ]);
    return pair;
  };
  const [server, admin, controllerManager, scheduler, frontProxy] = await Promise.all([
    issue("server", "/CN=kube-apiserver", "server", 2),
    issue("admin", "/O=system:masters/CN=kubernetes-admin", "client", 3),
    issue("controller-manager", "/CN=system:kube-controller-manager", "client", 4),
    issue("scheduler", "/CN=system:kube-scheduler", "client", 5),
    issue("front-proxy", `/CN=${FRONT_PROXY}`, "client", 6),
  ]);
  const serviceAccounts = newServiceAccountKey(dir);
  writeFileSync(join(dir, COMPLETE), "");
  return { ca, server, admin, controllerManager, scheduler, frontProxy, serviceAccounts };
}

/** Who alone may say for whom a request is. */
export const FRONT_PROXY = "front-proxy-client";
const COMPLETE = "complete";
const NAMES = ["ca", "server", "admin", "controller-manager", "scheduler", "front-proxy"] as const;

function pairOf(dir: string, name: string): Pair {
  return { key: join(dir, `${name}.key`), certificate: join(dir, `${name}.crt`) };
}

function serviceAccountFiles(dir: string): Pki["serviceAccounts"] {
  return { key: join(dir, "service-accounts.key"), publicKey: join(dir, "service-accounts.pub") };
}

function newKey(dir: string, name: string): Pair {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pair = pairOf(dir, name);
  writeFileSync(pair.key, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  return pair;
}

function newServiceAccountKey(dir: string): Pki["serviceAccounts"] {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const files = serviceAccountFiles(dir);
  writeFileSync(files.key, privateKey.export({ type: "sec1", format: "pem" }), { mode: 0o600 });
  writeFileSync(files.publicKey, publicKey.export({ type: "spki", format: "pem" }));
  return files;
}

async function request(dir: string, pair: Pair, subject: string): Promise<void> {
  const out = pair.certificate.replace(/\.crt$/, ".csr");
  await openssl(dir, ["req", "-new", "-config", "openssl.cnf", "-key", pair.key, "-subj", subject, "-out", out]);
}

async function openssl(dir: string, args: readonly string[]): Promise<void> {
  try {
    await run("openssl", args, { cwd: dir });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new Error("The command openssl was not found. Install it (Debian: apt-get install openssl).", {
        cause: error,
      });
    throw error;
  }
}

/** A file as `kubeconfig` has it. */
export function base64(path: string): string {
  return readFileSync(path).toString("base64");
}
