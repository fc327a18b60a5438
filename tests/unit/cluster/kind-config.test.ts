import { expect } from "chai";
import { parse } from "yaml";
import { clusterName, configHashLabel, kindConfig } from "../../../components/cluster/kind-config.ts";
import { parseSettings } from "../../../settings/parse.ts";

const settings = (kind: object = {}) =>
  parseSettings({ cluster: { kind } }, { file: "Pulumi.dev.yaml", secrets: ["telegramToken"] }).cluster.kind;

interface Node {
  readonly role: string;
  readonly labels: Record<string, string>;
  readonly extraPortMappings?: { hostPort: number; listenAddress: string }[];
  readonly extraMounts?: { hostPath: string; containerPath: string }[];
}

const nodes = (yaml: string) => (parse(yaml) as { nodes: Node[] }).nodes;

describe("Kind configuration", () => {
  it("maps ports on 127.0.0.1 only (acceptance, security 2)", () => {
    const mappings = nodes(kindConfig(settings(), "dev").yaml).flatMap((node) => node.extraPortMappings ?? []);
    expect(mappings).to.have.length(4);
    for (const mapping of mappings) expect(mapping.listenAddress).to.equal("127.0.0.1");
    expect(parse(kindConfig(settings(), "dev").yaml)).to.have.nested.property(
      "networking.apiServerAddress",
      "127.0.0.1",
    );
  });

  it("has one hash as long as nothing changes, on every node", () => {
    const config = kindConfig(settings({ workers: 2 }), "dev");
    expect(kindConfig(settings({ workers: 2 }), "dev").hash).to.equal(config.hash);
    expect(nodes(config.yaml).map((node) => node.labels[configHashLabel])).to.deep.equal(Array(3).fill(config.hash));
  });

  for (const change of [
    { ports: { grafana: 3001 } },
    { workers: 1 },
    { nodeImage: "kindest/node:v1.35.0" },
    { scrapeControlPlane: false },
    { registryMirrors: { "docker.io": "http://mirror:5000" } },
    { kubeadmPatches: ["kind: ClusterConfiguration"] },
  ]) {
    it(`has another hash with ${JSON.stringify(change)}`, () => {
      expect(kindConfig(settings(change), "dev").hash).to.not.equal(kindConfig(settings(), "dev").hash);
    });
  }

  it("has the same hash with settings that do not concern the cluster", () => {
    expect(kindConfig(settings({ readyTimeoutSeconds: 600 }), "dev").hash).to.equal(kindConfig(settings(), "dev").hash);
  });

  it("mounts mirrors only where there are some", () => {
    expect(nodes(kindConfig(settings(), "dev").yaml)[0]).to.not.have.property("extraMounts");
    const mirrored = kindConfig(settings({ registryMirrors: { "docker.io": "http://mirror:5000" } }), "dev");
    expect(nodes(mirrored.yaml)[0]?.extraMounts?.[0]?.containerPath).to.equal("/etc/containerd/certs.d");
  });

  it("maps no port that is null", () => {
    const config = kindConfig(settings({ ports: { jaeger: null } }), "dev");
    expect(config.hostPorts).to.have.all.keys("grafana", "prometheus", "alertmanager");
  });

  it("names the cluster after the stack, as a DNS label", () => {
    expect(clusterName("dev")).to.equal("dev");
    expect(clusterName("Team_A.dev")).to.equal("team-a-dev");
  });
});
