import { expect } from "chai";

import { ApiClient, KubeconfigError, lookAtReadiness, readKubeconfig } from "../../../components/cluster/readiness.ts";
import { Host } from "../../support/fake-kind/host.ts";

describe("cluster script: readiness", () => {
  let host: Host;
  let client: ApiClient;
  beforeEach(async () => {
    host = await Host.start();
    host.world.setCluster("dev", { step: "kubeconfig", running: true, labels: [{}] });
    client = new ApiClient(readKubeconfig(host.kubeconfig));
  });
  afterEach(async () => {
    client.close();
    await host.stop();
  });

  it("needs all three: API, nodes, DNS", async () => {
    expect(await lookAtReadiness(client)).to.deep.equal({});
    host.world.plan = { api: { readyz: 500 } };
    expect(await lookAtReadiness(client)).to.have.all.keys("api", "nodes", "dns");
    host.world.plan = { api: { nodesReady: false } };
    expect(await lookAtReadiness(client)).to.have.all.keys("nodes");
    host.world.plan = { api: { dnsAvailable: false } };
    expect(await lookAtReadiness(client)).to.have.all.keys("dns");
    host.world.plan = {};
    host.world.setCluster("dev", { step: "kubeconfig", running: true, labels: [] });
    expect(await lookAtReadiness(client)).to.deep.equal({ nodes: "no node has joined" });
  });

  it("trusts only the cluster's own authority", async () => {
    const access = readKubeconfig(host.kubeconfig);
    const stranger = new ApiClient({ ...access, ca: access.cert });
    const { api } = await lookAtReadiness(stranger);
    stranger.close();
    expect(api).to.match(/certificate/);
    expect(host.api.requests).to.deep.equal([]);
  });

  it("shows its client certificate", async () => {
    const access = readKubeconfig(host.kubeconfig);
    const nobody = new ApiClient({ ...access, cert: Buffer.alloc(0), key: Buffer.alloc(0) });
    const { api } = await lookAtReadiness(nobody);
    nobody.close();
    expect(api).not.to.equal(undefined);
    expect(host.api.requests).to.deep.equal([]);
  });

  it("refuses a kubeconfig it cannot use, without quoting it", () => {
    const good = host.kubeconfig;
    for (const [text, message] of [
      ["", "it is empty"],
      ["secret: [", "it is no YAML"],
      ["secret", "it is empty"],
      [good.replace(/current-context: .*/, "current-context: other"), "it has no current context"],
      [good.replace("https://", "http://"), "its server is no https address"],
      [good.replace(/client-key-data: .*/, "client-key-data: secret"), "it has no client key"],
      [good.replace(/certificate-authority-data: .*/, ""), "it has no certificate authority"],
    ] as const) {
      expect(() => readKubeconfig(text))
        .to.throw(KubeconfigError, message)
        .with.property("message")
        .that.does.not.include("secret");
    }
  });
});
