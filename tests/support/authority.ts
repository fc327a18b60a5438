/** A company's CA and a server certificate of it for this machine, made by `openssl` (Node cannot issue certificates). */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Authority {
  /** File with the CA certificate. */
  readonly ca: string;
  /** Of the server, PEM. */
  readonly key: string;
  readonly cert: string;
}

/** @param folder an empty folder @param names whom the server's certificate is of */
export function makeAuthority(folder: string, names = "IP:127.0.0.1,DNS:outside.example"): Authority {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  writeFileSync(join(folder, "server.ext"), `subjectAltName=${names}\n`);
  openssl("req", "-x509", ...newKey, "-subj", "/CN=Company CA", "-days", "2", "-keyout", "ca.key", "-out", "ca.crt");
  openssl("req", ...newKey, "-subj", "/CN=server", "-keyout", "server.key", "-out", "server.csr");
  const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-set_serial", "2", "-days", "2", "-extfile", "server.ext"];
  openssl("x509", "-req", "-in", "server.csr", ...signed, "-out", "server.crt");
  const text = (name: string) => readFileSync(join(folder, name), "utf8");
  return { ca: join(folder, "ca.crt"), key: text("server.key"), cert: text("server.crt") };
}
