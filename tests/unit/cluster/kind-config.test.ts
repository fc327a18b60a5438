import { expect } from "chai";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { parse } from "yaml";
import { clusterName, kindAuditLog, kindConfig } from "../../../components/cluster/kind-config.ts";
import { parseSettings } from "../../../settings/parse.ts";

const settings = (kind: object = {}) =>
  parseSettings({ cluster: { kind } }, { file: "Pulumi.dev.yaml", secrets: ["telegramToken"] }).cluster.kind;

interface Node {
  readonly role: string;
  readonly image: string;
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

  it("has one hash as long as nothing changes", () => {
    const config = kindConfig(settings({ workers: 2 }), "dev");
    expect(kindConfig(settings({ workers: 2 }), "dev")).to.deep.equal(config);
    expect(nodes(config.yaml)).to.have.length(3);
    // Running clusters carry it: another one for the same settings would replace them.
    expect(kindConfig(settings({ nodeImage: "kindest/node:v1.36.1" }), "dev").hash).to.equal("0eee48488f78");
  });

  for (const change of [
    { ports: { dashboards: 3001 } },
    { workers: 1 },
    { nodeImage: "kindest/node:v1.35.0" },
    { scrapeControlPlane: false },
    { auditLog: true },
    { registryMirrors: { "docker.io": "http://mirror:5000" } },
    { kubeadmPatches: ["kind: ClusterConfiguration"] },
  ]) {
    it(`has another hash with ${JSON.stringify(change)}`, () => {
      expect(kindConfig(settings(change), "dev").hash).to.not.equal(kindConfig(settings(), "dev").hash);
    });
  }

  it("has nodes by digest, which makes no other cluster of the same image", () => {
    const image = `${settings().nodeImage}@sha256:${"0".repeat(64)}`;
    const config = kindConfig(settings({ workers: 1 }), "dev", undefined, image);
    expect(nodes(config.yaml).map((node) => node.image)).to.deep.equal([image, image]);
    expect(config.hash).to.equal(kindConfig(settings({ workers: 1 }), "dev").hash);
  });

  it("has the same hash with settings that do not concern the cluster", () => {
    expect(kindConfig(settings({ readyTimeoutSeconds: 600 }), "dev").hash).to.equal(kindConfig(settings(), "dev").hash);
  });

  it("mounts mirrors only where there are some", () => {
    expect(nodes(kindConfig(settings(), "dev").yaml)[0]).to.not.have.property("extraMounts");
    const mirrored = kindConfig(settings({ registryMirrors: { "docker.io": "http://mirror:5000" } }), "dev");
    expect(nodes(mirrored.yaml)[0]?.extraMounts?.[0]?.containerPath).to.equal("/etc/containerd/certs.d");
  });

  it("mounts a CA where Go programs on the nodes read it, and is another cluster with one", () => {
    const kind = settings({ workers: 1, registryMirrors: { "docker.io": "http://mirror:5000" } });
    const config = kindConfig(kind, "dev", "certificates/ca.pem");
    for (const { extraMounts = [] } of nodes(config.yaml)) {
      expect(extraMounts).to.have.length(2);
      expect(extraMounts).to.deep.include({
        hostPath: "certificates/ca.pem",
        containerPath: "/etc/ssl/certs/network-ca.pem",
        readOnly: true,
      });
    }
    expect(config.hash).to.not.equal(kindConfig(kind, "dev").hash);
  });

  it("gives the audit policy to the node that has the API server, and bounds the log", () => {
    const { yaml } = kindConfig(settings({ workers: 1, auditLog: true }), "dev");
    const [policy] = nodes(yaml)[0]?.extraMounts ?? [];
    expect(policy).to.include({ containerPath: "/etc/kubernetes/audit-policy.yaml", readOnly: true });
    expect(readFileSync(policy?.hostPath ?? "", "utf8")).to.include("kind: Policy");
    expect(nodes(yaml)[1]).to.not.have.property("extraMounts");
    expect(yaml).to.include(`audit-log-path: ${kindAuditLog}`).and.include('audit-log-maxsize: "20"');
  });

  it("maps no port that is null", () => {
    const config = kindConfig(settings({ ports: { traces: null } }), "dev");
    expect(config.hostPorts).to.have.all.keys("dashboards", "metrics", "alerts");
  });

  describe("the name of the cluster of a stack", () => {
    /** Every host name and label value that the name becomes part of, with nine workers. */
    const names = (cluster: string) => [cluster, `${cluster}-control-plane`, `${cluster}-worker9`];

    it("is the stack's own where that will do", () => {
      for (const stack of ["dev", "team-dev", "a", "0", "pr-12345678", "a--b", "x".repeat(49)])
        expect(clusterName(stack)).to.equal(stack);
    });

    it("carries a hash where the stack's is changed or cut, so that no two stacks share a cluster", () => {
      expect(clusterName("Team_A.dev")).to.match(/^team-a-dev--[0-9a-f]{8}$/);
      expect(clusterName(`${"x".repeat(38)}-${"y".repeat(30)}`)).to.match(/^x{38}--[0-9a-f]{8}$/);
      const long = "z".repeat(60);
      const stacks = [
        "team.dev",
        "team-dev",
        "Team_A",
        "team.a",
        "team-a",
        "Dev",
        "dev",
        "dev-",
        "dev_",
        "a--b",
        "a-b",
      ];
      const all = [
        ...stacks,
        ...stacks.map(clusterName),
        long,
        `${long}a`,
        `${long}b`,
        "_1",
        "1",
        clusterName("team.dev"),
      ];
      const distinct = new Set(all);
      expect(new Set([...distinct].map(clusterName)).size, "names of a name that has a hash, too").to.equal(
        distinct.size,
      );
    });

    it("can be used wherever it goes, whatever stacks may be called", () => {
      const character = fc.constantFrom(...Array.from("abzABZ019-_."));
      const stack = fc
        .array(character, { minLength: 1, maxLength: 100, size: "max" })
        .map((characters) => characters.join(""));
      const taken = new Map<string, string>();
      fc.assert(
        fc.property(
          stack.filter((text) => /[a-z0-9]/i.test(text)),
          (text) => {
            const cluster = clusterName(text);
            for (const name of names(cluster)) expect(name).to.match(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
            expect(taken.get(cluster) ?? text).to.equal(text);
            taken.set(cluster, text);
          },
        ),
        { numRuns: 2_000 },
      );
    });

    it("is refused for a stack that leaves nothing to name it after", () => {
      for (const stack of ["___", ".", "-_."]) expect(() => clusterName(stack), stack).to.throw("no letter or digit");
    });
  });
});
