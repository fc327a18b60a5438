/** The program's own requests in a company's network: a proxy and a CA on this machine, each in a process of its own. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { certificatesOf, proxyEnvironment } from "../../components/company-network.ts";
import { type Authority, makeAuthority } from "../support/authority.ts";
import { type Proxy, startProxy } from "../support/proxy.ts";

const run = promisify(execFile);
const component = (name: string) => JSON.stringify(join(import.meta.dirname, "../../components", name));

describe("the program in a company's network", function () {
  let folder: string;
  let authority: Authority;
  let server: https.Server;
  let proxy: Proxy;
  const port = () => (server.address() as AddressInfo).port;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "company-network-"));
    authority = makeAuthority(folder);
    server = https.createServer(authority, (_, response) => response.end("{}"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    // Knows outside.example, which no name server does.
    proxy = await startProxy(port());
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    proxy.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => proxy.tunnels.splice(0));

  /** What a request of the program's GitHub client gives: the status, or the error's message. */
  async function ask(host: string, env: Record<string, string>, ca?: string): Promise<string> {
    const trusted = ca === undefined ? "" : `trust(${JSON.stringify(ca)});`;
    const script = `import { trust } from ${component("company-network.ts")};
      import { callGitHub } from ${component("gitops/github-api.ts")};
      ${trusted}
      const account = { apiUrl: "https://${host}/", token: undefined };
      await callGitHub(account, "GET", "user").then((a) => console.log(a.status), (e) => console.log(e.message));`;
    const clean = Object.entries(process.env).filter(([name]) => !/proxy|SSL_CERT|^NODE_/i.test(name));
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], {
      env: { ...Object.fromEntries(clean), ...env },
    });
    return stdout.trim();
  }

  it("goes through HTTPS_PROXY, with or without a scheme and with its password", async () => {
    const at = `127.0.0.1:${proxy.port}`;
    for (const HTTPS_PROXY of [`http://${at}`, at])
      expect(await ask("outside.example", { HTTPS_PROXY }, authority.ca)).to.equal("200");
    expect(await ask("outside.example", { https_proxy: `http://user:p%40ss@${at}` }, authority.ca)).to.equal("200");
    const basic = `Basic ${Buffer.from("user:p@ss").toString("base64")}`;
    expect(proxy.tunnels).to.deep.equal([...["-", "-", basic].map((said) => `outside.example:443 ${said}`)]);
  });

  it("asks what NO_PROXY names, and this machine, without it", async () => {
    const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
    expect(await ask(`127.0.0.1:${port()}`, env, authority.ca)).to.equal("200");
    expect(await ask("outside.example", { ...env, NO_PROXY: ".example" }, authority.ca)).to.include("does not answer");
    expect(proxy.tunnels).to.deep.equal([]);
  });

  it("trusts the CA of network.ca, of SSL_CERT_FILE and of NODE_EXTRA_CA_CERTS, and says what to do without", async () => {
    const host = `127.0.0.1:${port()}`;
    expect(await ask(host, {}, authority.ca)).to.equal("200");
    for (const variable of ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"])
      expect(await ask(host, { [variable]: authority.ca }), variable).to.equal("200");
    expect(await ask(host, {})).to.match(/certificate.*set network\.ca to its file/);
  });

  it("says of a proxy that cannot be reached or used what to look at", async () => {
    const closed = await ask("outside.example", { HTTPS_PROXY: "http://127.0.0.1:1" });
    expect(closed).to.include("ECONNREFUSED").and.to.include("HTTPS_PROXY");
  });

  it("refuses a file that is no CA", () => {
    const file = join(folder, "wrong.pem");
    expect(() => certificatesOf(join(folder, "absent.pem"))).to.throw("ENOENT");
    writeFileSync(file, authority.key);
    expect(() => certificatesOf(file)).to.throw("holds no certificate");
    writeFileSync(file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    expect(() => certificatesOf(file)).to.throw("certificate 1 of 1 is damaged");
  });

  it("keeps what the environment says, the small letters first", () => {
    expect(proxyEnvironment({ HTTPS_PROXY: "a:1", https_proxy: "http://b:2", NO_PROXY: ".corp" })).to.deep.equal({
      https_proxy: "http://b:2",
      no_proxy: ".corp,localhost,.localhost,127.0.0.1,[::1],::1",
    });
  });
});
