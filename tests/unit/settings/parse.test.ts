import { homedir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { nearest, parseSettings, SettingsError } from "../../../settings/parse.ts";
import type { SecretName } from "../../../settings/schema.ts";

const file = "Pulumi.dev.yaml";
const parse = (raw: Record<string, unknown>, secrets: SecretName[] = ["telegramToken"]) =>
  parseSettings(raw, { file, secrets });

function refusal(raw: Record<string, unknown>, secrets?: SecretName[]): string {
  try {
    parse(raw, secrets);
  } catch (error) {
    expect(error).to.be.instanceOf(SettingsError);
    return (error as SettingsError).message;
  }
  throw new Error(`${JSON.stringify(raw)} was accepted`);
}

describe("settings", () => {
  it("are complete without a word in the stack file", () => {
    const settings = parse({});
    expect(settings.cluster.type).to.equal("kind");
    expect(settings.loki.retention).to.equal("24h");
    expect(settings.demo.enabled).to.equal(true);
  });

  it("cannot be changed afterwards, at any depth", () => {
    const settings = parse({});
    expect(() => Object.assign(settings.loki.storage, { size: "1Gi" })).to.throw(TypeError);
  });

  it("name a misspelt key, its file and the nearest right key", () => {
    const message = refusal({ loki: { retntion: "48h" } });
    expect(message).to.include(file);
    expect(message).to.include("loki.retntion");
    expect(message).to.include("Did you mean loki.retention?");
  });

  it("name a misspelt group, and a secret among the candidates", () => {
    expect(refusal({ lokki: {} })).to.include("Did you mean loki?");
    expect(refusal({ telegramTokn: "x" })).to.include("Did you mean telegramToken?");
  });

  it("list what is known where nothing is near", () => {
    expect(refusal({ deployKey: { zzzzzzzz: 1 } })).to.include("Known here: rotation.");
  });

  it("report every finding at once", () => {
    const message = refusal({ loki: { retention: "soon" }, flux: { concurrent: 0 } });
    expect(message).to.include("2 settings are wrong");
    expect(message).to.include("loki.retention: must be a duration such as 30s, 5m, 24h or 1d12h");
    expect(message).to.include("flux.concurrent");
  });

  for (const [what, raw, words] of [
    ["an existing cluster without its kubeconfig", { cluster: { type: "existing" } }, "cluster.existing.kubeconfig"],
    [
      "a kubeconfig for a Kind cluster",
      { cluster: { existing: { kubeconfig: "a", context: "b" } } },
      "set cluster.type to existing",
    ],
    ["one host port for two services", { cluster: { kind: { ports: { grafana: 9090 } } } }, "Give each its own port"],
    ["s3 without a bucket", { loki: { storage: { type: "s3" } } }, "credentialsSecret"],
    ["Loki replicas on a filesystem", { loki: { replicas: 3 } }, "loki.storage.type to s3"],
    ["a retention shorter than the compactor's", { loki: { retention: "1h" } }, "Set 24h or more"],
    [
      "another Git server without its host keys",
      { repository: { sshUrl: "ssh://git@example.com/a/b.git" } },
      "repository.knownHosts",
    ],
    [
      "an image without a tag",
      { opentelemetry: { collector: { image: "otel/collector" } } },
      "version tag or a digest",
    ],
    ["the tag latest", { demo: { image: { tag: "latest" } } }, "not latest"],
    ["a namespace of the platform's own", { applications: { namespaces: ["shop", "monitoring"] } }, "namespaces[1]"],
    ["a port of the system", { cluster: { kind: { ports: { grafana: 80 } } } }, "cluster.kind.ports.grafana"],
  ] as const) {
    it(`refuse ${what}, and say what to do`, () => {
      expect(refusal(raw)).to.include(words);
    });
  }

  it("take ~ for the home folder wherever a setting is a path, and nowhere else", () => {
    const home = (name: string) => join(homedir(), name);
    const { cluster, flux } = parse({
      cluster: {
        type: "existing",
        existing: { kubeconfig: "~/.kube/config", context: "~/x" },
        kind: { kubeconfigFolder: "~" },
      },
      flux: { manifests: "~/install.yaml" },
    });
    expect(cluster.existing).to.deep.equal({ kubeconfig: home(".kube/config"), context: "~/x" });
    expect(cluster.kind.kubeconfigFolder).to.equal(homedir());
    expect(flux.manifests).to.equal(home("install.yaml"));
    expect(parse({ flux: { manifests: "~x/~/y" } }).flux.manifests).to.equal("~x/~/y");
  });

  it("ask for the demo's token only while there is a demo", () => {
    expect(refusal({}, [])).to.include("pulumi config set --secret telegramToken");
    expect(parse({ demo: { enabled: false } }, []).demo.enabled).to.equal(false);
  });

  it("never accept a key that the schema does not have", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,12}$/), (key) => {
        fc.pre(!(key in parse({}).loki) && key !== "telegramToken");
        return refusal({ loki: { [key]: 1 } }).includes(`loki.${key}`);
      }),
    );
  });

  it("suggest nothing for a word that resembles nothing", () => {
    expect(nearest("kubernetes", ["loki", "flux"])).to.equal(undefined);
  });
});
