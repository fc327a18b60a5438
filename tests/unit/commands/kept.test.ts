import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { keptIn } from "../../../commands/kept.ts";

describe("the end of npm run destroy", () => {
  let folder: string;
  let server: Server;
  const stackFile = (cluster: object) => {
    writeFileSync(join(folder, "Pulumi.dev.yaml"), stringify({ config: { "observability:cluster": cluster } }));
  };
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "kept-"));
    const label = { "observability.dev/environment": "dev" };
    const answers: Readonly<Record<string, object>> = {
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions": {
        items: [{ metadata: { name: "gitrepositories.source.toolkit.fluxcd.io", labels: label } }],
      },
      "/apis/source.toolkit.fluxcd.io": { preferredVersion: { version: "v1" } },
      "/apis/source.toolkit.fluxcd.io/v1/gitrepositories": { items: [{ metadata: { name: "theirs" } }] },
    };
    server = createServer(({ url = "" }, response) => {
      response.statusCode = url in answers ? 200 : 404;
      response.end(JSON.stringify(answers[url] ?? {}));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const kubeconfig = {
      contexts: [{ name: "ours", context: { cluster: "c", user: "u" } }],
      clusters: [{ name: "c", cluster: { server: address, "insecure-skip-tls-verify": true } }],
      users: [{ name: "u", user: { token: "t" } }],
    };
    writeFileSync(join(folder, "kubeconfig"), stringify(kubeconfig));
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  it("lists what is kept in an existing cluster, found by a path relative to the project", async () => {
    stackFile({ type: "existing", existing: { kubeconfig: "kubeconfig", context: "ours" } });
    const lines = (await keptIn(folder, "observability", "dev")).join("\n");
    expect(lines).to.include("CustomResourceDefinition gitrepositories.source.toolkit.fluxcd.io (1 object)");
  });

  it("says nothing of a Kind cluster, and why a cluster cannot be asked", async () => {
    stackFile({ type: "kind" });
    expect(await keptIn(folder, "observability", "dev")).to.deep.equal([]);
    stackFile({ type: "existing", existing: { kubeconfig: "absent", context: "ours" } });
    expect((await keptIn(folder, "observability", "dev")).join())
      .to.include("cannot be asked which")
      .and.include("ENOENT");
  });
});
