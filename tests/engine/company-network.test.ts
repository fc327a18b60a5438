/** A company's network on the real engine: the CA's file and the registries' credentials, from the stack to the cluster. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { makeAuthority } from "../support/authority.ts";
import { openStack, type TestStack } from "../support/stack.ts";

const password = "plantedRegistryPassword";
const auth = Buffer.from(`robot:${password}`).toString("base64");
const credentials = "observability:registryCredentials";
const proxyPassword = "plantedProxyPassword";

describe("a company's network on the real engine", function () {
  let folder: string;
  let stack: TestStack;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "company-network-"));
    stack = await openStack({
      network: { ca: makeAuthority(folder).ca, proxy: { httpsProxy: "http://proxy.example.com:3128" } },
      cluster: { kind: { registryMirrors: { "docker.io": "http://registry.example.com" } } },
    });
  });
  after(async () => {
    await stack.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const failure = async (): Promise<string> => {
    const before = stack.printed().length;
    return await stack.environment.preview().then(
      () => "the preview went well",
      (error: unknown) => `${String(error)}\n${stack.printed().slice(before)}`,
    );
  };

  it("refuses credentials that are none, without repeating them", async () => {
    await stack.environment.configure({
      [credentials]: { secret: JSON.stringify({ credsStore: password }) },
      "observability:proxyCredentials": { secret: proxyPassword },
    });
    const said = await failure();
    expect(said).to.include("proxyCredentials: must be `user:password`").and.not.include(proxyPassword);
    expect(said).to.include("registryCredentials: is no Docker config.json with credentials").and.not.include(password);
  });

  it("gives credentials to the namespaces that pull, and the CA to Flux; nothing of them is in the state in clear", async () => {
    const config = JSON.stringify({ auths: { "registry.example.com": { auth } } });
    await stack.environment.configure({
      [credentials]: { secret: config },
      "observability:proxyCredentials": { secret: `robot:${proxyPassword}` },
    });
    await stack.environment.up();
    const creates = stack.providers.calls.filter(({ method, preview }) => method === "create" && !preview);
    const named = (name: string) =>
      creates.filter(({ inputs }) => (inputs["metadata"] as { name?: string } | undefined)?.name === name);
    expect(named("registry-credentials")).to.have.length(5);
    for (const { inputs } of named("registry-credentials"))
      expect(inputs["data"]).to.deep.equal({ ".dockerconfigjson": Buffer.from(config).toString("base64") });
    expect(named("network-ca")).to.have.length(1);
    const { environment } = creates.find(({ name }) => name === "cluster-kind")?.inputs as {
      environment: Record<string, string>;
    };
    expect(environment["KIND_REGISTRY_CREDENTIALS"]).to.equal(JSON.stringify({ "registry.example.com": auth }));
    const proxy = creates.find(({ name }) => name === "flux-proxy")?.inputs["data"] as Record<string, string>;
    expect(Buffer.from(proxy["HTTPS_PROXY"] ?? "", "base64").toString()).to.equal(
      `http://robot:${proxyPassword}@proxy.example.com:3128`,
    );
    const state = await stack.environment.stateText();
    for (const text of [password, proxyPassword, auth, Buffer.from(config).toString("base64")]) {
      expect(state).to.not.include(text);
      expect(stack.printed()).to.not.include(text);
    }
  });

  it("says of a CA file that is not there where to look", async () => {
    await stack.environment.configure({ "observability:network": JSON.stringify({ ca: join(folder, "absent.pem") }) });
    expect(await failure()).to.match(/network\.ca: \S+absent\.pem cannot be read \(ENOENT\)\./);
  });
});
