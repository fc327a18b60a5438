import { homedir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { nearest, parseSettings, SettingsError } from "../../../settings/parse.ts";
import { readGroups, settingsSchema } from "../../../settings/schema.ts";
import type { SecretName } from "../../../settings/secrets.ts";

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

  it("are read group by group as their whole schema reads them", () => {
    const groups = Object.keys(settingsSchema.shape);
    const values = [undefined, {}, [], "none", "external", 1, null, { enabled: true, other: 1 }, [{ name: "a" }]];
    const all = (value: unknown) => Object.fromEntries(groups.map((group) => [group, value]));
    for (const said of [{}, { other: 1, loki: {} }, ...values.map(all)])
      expect(readGroups(said)).to.deep.equal(settingsSchema.safeParse(said));
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
    [
      "what a Kind cluster has not",
      { provided: ["certManager"] },
      "provided: has no meaning with cluster.type kind. Remove it, or set cluster.type to existing",
    ],
    [
      "a proxy for controllers of others",
      {
        cluster: { type: "existing", existing: { kubeconfig: "a", context: "b" } },
        provided: ["flux"],
        network: { proxy: { httpsProxy: "http://proxy.example.com:3128" } },
      },
      "network.proxy: is for the environment's own Flux, and provided has flux: those who run that one set its proxy. Remove it, or take flux out of provided.",
    ],
    [
      "a registry beside a cluster that is not Kind's",
      {
        source: { type: "local-registry" },
        cluster: { type: "existing", existing: { kubeconfig: "a", context: "b" } },
      },
      "source.type: is local-registry, which stands beside a Kind cluster",
    ],
    [
      "GitHub's settings where nothing is at GitHub",
      { source: { type: "local-registry" }, repository: { create: true }, deployKey: { rotation: 2 } },
      "2 settings are wrong",
    ],
    [
      "one host port for two services",
      { cluster: { kind: { ports: { dashboards: 9090 } } } },
      "Give each its own port",
    ],
    [
      "Loki's bucket without object storage",
      { loki: { storage: { type: "objectStorage" } } },
      "is none, but loki cannot do without it. Set objectStorage to seaweedfs",
    ],
    [
      "a log agent whose labels a Loki of others does not know",
      { logs: "external", external: { logs: { url: "https://logs.example.com" } }, logAgent: "collector" },
      "logAgent: is collector, and nothing makes the external store of logs (external) keep its lines by their labels. Set external.logs.makesLabels to true once its owners have it do so (docs/external-loki.md), or set logAgent to fluentBit.",
    ],
    [
      "a log agent whose lines Logstash would not take",
      { logs: ["loki", "elasticsearch"], elasticsearch: { logstash: { replicas: 1 } }, logAgent: "collector" },
      "logAgent: is collector, which sends OTLP, and Logstash, through which lines go to Elasticsearch (elasticsearch), takes none. Set elasticsearch.logstash.replicas to 0, or logAgent to fluentBit.",
    ],
    [
      "a log agent that cannot send to Elasticsearch",
      { logs: ["loki", "elasticsearch"], logAgent: "alloy" },
      "logAgent: is alloy, which sends in Loki's way alone, and Elasticsearch (elasticsearch) does not take that. Set logAgent to fluentBit.",
    ],
    [
      "a log agent that cannot send to Loki",
      { logs: ["elasticsearch", "loki"], logAgent: "fluentd" },
      "logAgent: is fluentd, whose image has nothing that sends in Loki's way, and Loki (loki) takes no other of its ways. Set logAgent to fluentBit, or logs to victoriaLogs or elasticsearch.",
    ],
    [
      "the log agent that is no more",
      { logAgent: "promtail" },
      "logAgent: is promtail, which Grafana ended in March 2026. Set it to alloy,",
    ],
    [
      "a journal that nobody reads",
      { journal: { enabled: true }, logAgent: "none" },
      "journal.enabled: has no effect: logAgent is none, and nothing reads nodes.",
    ],
    ["Loki's parts on a filesystem", { loki: { mode: "distributed" } }, "Set it to objectStorage"],
    [
      "Loki's parts without a bucket",
      { loki: { mode: "distributed" } },
      "objectStorage: is none, but loki cannot do without it",
    ],
    [
      "a cache that holds no chunk",
      {
        objectStorage: "seaweedfs",
        loki: {
          mode: "distributed",
          storage: { type: "objectStorage" },
          distributed: { chunksCache: { memory: "8Mi" } },
        },
      },
      "loki.distributed.chunksCache.memory: is 8Mi",
    ],
    [
      "Tempo's parts without a bucket, nor a Kafka",
      { traces: "tempo", tempo: { mode: "distributed" } },
      "3 settings are wrong",
    ],
    [
      "Tempo's parts without a Kafka",
      {
        traces: "tempo",
        objectStorage: "seaweedfs",
        tempo: { mode: "distributed", storage: { type: "objectStorage" } },
      },
      "tempo.distributed.kafka.address: is missing",
    ],
    ["Loki replicas on a filesystem", { loki: { replicas: 3 } }, "loki.storage.type to objectStorage"],
    ["a retention shorter than the compactor's", { loki: { retention: "1h" } }, "Set 24h or more"],
    [
      "another Git server without its host keys",
      { repository: { sshUrl: "ssh://git@example.com/a/b.git" } },
      "repository.knownHosts",
    ],
    [
      "a server of one's own without its host keys",
      { repository: { apiUrl: "https://github.example.com/" } },
      "repository.knownHosts: is missing: Flux fetches from github.example.com",
    ],
    [
      "a tenant of ghe.com without its SSH address",
      { repository: { apiUrl: "https://api.octocorp.ghe.com/" } },
      "repository.sshUrl: is missing",
    ],
    ["a repository that is created and stays empty", { repository: { create: true, seed: false } }, "repository.seed"],
    ["an image without a tag", { collector: { image: "otel/collector" } }, "version tag or a digest"],
    ["the tag latest", { demo: { image: { tag: "latest" } } }, "not latest"],
    ["a namespace of the platform's own", { applications: { namespaces: ["shop", "monitoring"] } }, "namespaces[1]"],
    ["a port of the system", { cluster: { kind: { ports: { dashboards: 80 } } } }, "cluster.kind.ports.dashboards"],
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

  it("ask for no secret by default, and for all that kbot needs where it is the demo", () => {
    expect(parse({}, []).demo).to.include({ enabled: true, app: "podinfo" });
    const said = refusal({ demo: { app: "kbot" } }, []);
    for (const path of ["telegramToken", "demo.repository", "demo.image.repository"]) {
      expect(said).to.match(
        new RegExp(`^  ${path}: is missing and demo.app is kbot. .+, or set demo.app to podinfo.$`, "m"),
      );
    }
    expect(said).to.include("npm run pulumi -- <stack> config set --secret telegramToken").and.to.include("GPIO");
    const given = { repository: "https://github.com/acme/kbot", image: { repository: "ghcr.io/acme/kbot" } };
    expect(refusal({ demo: { app: "kbot", ...given } }, [])).to.match(/one setting is wrong\n {2}telegramToken:/);
    expect(parse({ demo: { app: "kbot", ...given } }).demo.app).to.equal("kbot");
    expect(parse({ demo: { app: "kbot", enabled: false } }, []).demo.enabled).to.equal(false);
  });

  it("refuse what is said of kbot where it is not the demo: it would have no effect", () => {
    const said = refusal({ demo: { repository: "https://github.com/acme/kbot", branch: "x", image: { tag: "v2" } } });
    for (const path of ["demo.repository", "demo.branch", "demo.image.tag"]) {
      expect(said).to.include(`${path}: is kbot's, and demo.app is podinfo. Remove it, or set demo.app to kbot.`);
    }
  });

  it("never accept a key that the schema does not have", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,12}$/), (key) => {
        fc.pre(!(key in parse({}).loki) && key !== "telegramToken");
        return refusal({ loki: { [key]: 1 } }).includes(`loki.${key}`);
      }),
    );
  });

  it("read scalars as what the setting is, whatever YAML or Pulumi's CLI made of them", () => {
    const settings = parse({
      instrumentation: { samplingRatio: "0.1", go: "no" },
      demo: {
        enabled: "on",
        app: "kbot",
        repository: "https://github.com/acme/kbot",
        image: { repository: "ghcr.io/acme/kbot", tag: 1234567 },
      },
      cluster: { kind: { ports: { dashboards: "3001", traces: "null" } } },
      loki: { resources: { cpu: 0.5, memory: 1073741824, memoryLimit: "2G" } },
      prometheus: { retention: "1d12h", storage: "1.5Gi" },
    });
    expect(settings.instrumentation).to.include({ samplingRatio: 0.1, go: false });
    expect(settings.demo.image.tag).to.equal("1234567");
    expect(settings.demo.enabled).to.equal(true);
    expect(settings.cluster.kind.ports).to.include({ dashboards: 3001, traces: null });
    expect(settings.loki.resources).to.deep.equal({ cpu: "0.5", memory: "1073741824", memoryLimit: "2G" });
  });

  for (const [what, raw, words] of [
    [
      "a port of octal look",
      { cluster: { kind: { ports: { dashboards: "03000" } } } },
      "ports.dashboards: must be a number",
    ],
    ["a word for a switch", { demo: { enabled: "maybe" } }, "demo.enabled: must be true or false"],
    ["a text for a group", { loki: "48h" }, "loki: must be a map of settings"],
    ["a choice that is none", { cluster: { type: "k3s" } }, "must be kind or existing"],
    ["a number that is too small", { jaeger: { maxTraces: 1 } }, "must be at least 100"],
    [
      "a forgotten --path",
      { "loki.retention": "48h" },
      "npm run pulumi -- <stack> config set --path loki.retention <value>",
    ],
    [
      "a forgotten --path of a secret",
      { "alertingSecrets.my.bot": "x" },
      `npm run pulumi -- <stack> config set --secret --path 'alertingSecrets["my.bot"]'`,
    ],
    [
      "a secret that Pulumi nested",
      { alertingSecrets: { my: { bot: { secure: "v1" } } } },
      `alertingSecrets.my: is nested, because --path reads a dot as a step. Run \`npm run pulumi -- <stack> config rm --path alertingSecrets.my\`, then \`npm run pulumi -- <stack> config set --secret --path 'alertingSecrets["my.bot"]'\``,
    ],
    ["two Loki pods", { loki: { replicas: 2, storage: { type: "objectStorage" } } }, "worse than one"],
    [
      "memory above its limit",
      { grafana: { resources: { memory: "1Gi" } } },
      "grafana.resources.memory: is 1Gi, more than",
    ],
    [
      "host keys of another port",
      {
        repository: {
          sshUrl: "ssh://git@ssh.github.com:443/a/b.git",
          knownHosts: "ssh.github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
        },
      },
      "has keys for ssh.github.com, but none for [ssh.github.com]:443",
    ],
    [
      "a kubeadm patch without a kind",
      { cluster: { kind: { kubeadmPatches: ["nodeRegistration: {}"] } } },
      "must name its kind",
    ],
  ] as const) {
    it(`refuse ${what}, in words`, () => {
      expect(refusal(raw)).to.include(words);
    });
  }

  it("know GitHub's keys for both of its SSH servers", () => {
    expect(parse({ repository: { sshUrl: "ssh://git@ssh.github.com:443/a/b.git" } }).repository.knownHosts).to.equal(
      undefined,
    );
  });

  it("report keys of the stack file that nobody reads, beside everything else", () => {
    const others = ["observabilty:loki", "github:owner", "github:tokn", "kubernetes:context", "pulumi:tags", "loki"];
    try {
      parseSettings({ loki: { retention: "x" } }, { file, secrets: ["telegramToken"], others });
    } catch (error) {
      const { findings } = error as SettingsError;
      expect(findings.map((one) => `${one.path}: ${one.message}`)).to.deep.equal([
        "observabilty:loki: is read by nothing. Did you mean observability:loki?",
        "github:tokn: is read by nothing. Did you mean github:token?",
        "kubernetes:context: is read by nothing. Did you mean cluster.existing.context?",
        "loki: is read by nothing. Did you mean observability:loki?",
        "loki.retention: must be a duration such as 30s, 5m, 24h or 1d12h, units from large to small.",
      ]);
      return;
    }
    throw new Error("it was accepted");
  });

  it("suggest nothing for a word that resembles nothing", () => {
    expect(nearest("kubernetes", ["loki", "flux"])).to.equal(undefined);
  });
});
