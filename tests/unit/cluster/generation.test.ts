import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { expect } from "chai";
import { clusterGeneration } from "../../../components/cluster/generation.ts";
import { generationFile, kindConfig } from "../../../components/cluster/kind-config.ts";
import { parseSettings } from "../../../settings/parse.ts";
import { Host, configOf } from "../../support/fake-kind/host.ts";

describe("the generation of a Kind cluster", () => {
  let host: Host;
  beforeEach(async () => {
    host = await Host.start();
  });
  afterEach(async () => {
    expect(host.decoyIsUntouched(), "~/.kube/config").to.equal(true);
    await host.stop();
  });

  const settings = () =>
    parseSettings(
      { cluster: { kind: { kubeconfigFolder: path.dirname(host.kubeconfigFile) } } },
      { file: "Pulumi.dev.yaml", secrets: ["telegramToken"] },
    ).cluster.kind;
  const look = () => clusterGeneration("dev", settings());

  it("is the first, without a question to anybody, where nothing was made (reliability 1)", async () => {
    expect(await look()).to.deep.equal({ generation: 0 });
    expect(host.api.requests).to.deep.equal([]);
  });

  it("stays while the cluster answers", async () => {
    expect((await host.ensure({ KIND_GENERATION: "3" })).code).to.equal(0);
    expect(await look()).to.deep.equal({ generation: 3 });
    expect((await host.ensure({ KIND_GENERATION: "3" })).code).to.equal(0);
    expect(await look()).to.deep.equal({ generation: 3 });
  });

  it("is the next one when nobody listens any more, which is told in one line (reliability 5)", async () => {
    expect((await host.ensure()).code).to.equal(0);
    expect(await look()).to.deep.equal({ generation: 0 });
    await host.api.close();
    const { generation, message } = await look();
    expect(generation).to.equal(1);
    expect(message).to.match(/^Cluster "dev" is gone: .*ECONNREFUSED.* made anew.*docker start dev-control-plane\.$/);
    expect(await look(), "a look changes nothing").to.deep.equal({ generation, message });
    expect(kindConfig(settings(), "dev", generation).hash).to.not.equal(kindConfig(settings(), "dev").hash);
  });

  it("is the next one when somebody else listens there", async () => {
    expect((await host.ensure()).code).to.equal(0);
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(host.kubeconfig)?.[1]);
    await host.api.close();
    const stranger = net.createServer((socket) =>
      socket
        .on("error", () => undefined)
        .resume()
        .end("220 no TLS here\r\n"),
    );
    await new Promise<void>((resolve) => stranger.listen(port, "127.0.0.1", resolve));
    try {
      expect((await look()).generation).to.equal(1);
    } finally {
      await new Promise((resolve) => stranger.close(resolve));
    }
  });

  it("stays when the cluster answers but is not well: nothing is torn down for that", async () => {
    expect((await host.ensure()).code).to.equal(0);
    host.world.plan = { api: { readyz: 500 } };
    const { generation, message } = await look();
    expect(generation).to.equal(0);
    expect(message).to.include("/readyz answers 500").and.to.include("docker logs dev-control-plane");
  });

  it("stays when the kubeconfig cannot be read, and quotes nothing of it", async () => {
    expect((await host.ensure()).code).to.equal(0);
    fs.writeFileSync(host.kubeconfigFile, "client-key-data: c2VjcmV0");
    const { generation, message } = await look();
    expect(generation).to.equal(0);
    expect(message).to.include("no current context").and.to.not.include("c2VjcmV0");
  });

  it("keeps the new cluster when the old generation is deleted after it, and is forgotten with the cluster", async () => {
    expect((await host.ensure()).code).to.equal(0);
    host.world.setCluster("dev", undefined);
    const next = { KIND_GENERATION: "1", KIND_CONFIG: configOf("bbbb"), KIND_CONFIG_HASH: "bbbb" };
    expect((await host.ensure(next)).code).to.equal(0);
    const old = await host.delete();
    expect(old.code, old.stderr).to.equal(0);
    expect(host.world.clusters()).to.deep.equal(["dev"]);
    expect(await look()).to.deep.equal({ generation: 1 });
    expect((await host.delete(next)).code).to.equal(0);
    expect(fs.existsSync(generationFile(host.kubeconfigFile))).to.equal(false);
    expect(host.leftovers()).to.deep.equal([]);
  });
});
