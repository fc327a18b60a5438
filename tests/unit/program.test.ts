import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Declared, Program } from "../../contract/run-program.ts";
import { kubeconfigText } from "../../contract/combinations.ts";
import { runProgram } from "../../contract/run-program.ts";
import { fromProgram, releases, type Rendered } from "../../contract/rendered.ts";
import type { SettingsInput } from "../../settings/schema.ts";
import { makeSshKeyPair } from "../../rehearsal/git/index.ts";
import { manifestId } from "../../components/kubernetes/manifest.ts";
import { fluxObjects } from "../support/flux.ts";
import { allEnvironments, orSkip } from "../support/rendered.ts";

const nameOf = (urn: string) => urn.split("::").at(-1) ?? "";

/** Every string of a tree. */
function strings(tree: unknown): string[] {
  if (typeof tree === "string") return [tree];
  return typeof tree === "object" && tree !== null ? Object.values(tree).flatMap(strings) : [];
}

/** Images that a tree names: values of keys that are called so, and `repository` with `tag`. */
function images(tree: unknown): string[] {
  if (typeof tree !== "object" || tree === null) return [];
  const { image, repository, tag } = tree as Record<string, unknown>;
  return [
    ...(typeof image === "string" ? [image] : []),
    ...(typeof repository === "string" && typeof tag === "string" ? [`${repository}:${tag}`] : []),
    ...Object.values(tree).flatMap(images),
  ];
}

describe("The program", function () {
  let program: Program;
  const of = (type: string) => program.resources.filter((resource) => resource.type === type);

  /** Types of a resource's parent, its parent, and so on. */
  const ancestors = (urn: string): string[] => {
    const resource = program.resources.find((candidate) => candidate.urn === urn);
    return resource === undefined ? [] : [resource.type, ...ancestors(resource.parent)];
  };
  const platformType = "observability:index:Platform";

  before(async function () {
    program = await runProgram({ fluxManifests: await orSkip(this, "Flux's manifests", fluxObjects) });
  });

  it("lets every source of a chart trust the company's CA, beside the public ones", async () => {
    const sources = ({ resources }: Program) =>
      resources.filter(({ type }) => /:(OCI|Helm)Repository$/.test(type)).map(({ inputs }) => inputs["spec"] as object);
    for (const source of sources(program)) expect(source).to.not.have.property("certSecretRef");
    const trusting = await runProgram({ settings: { network: { ca: "company.pem" } } });
    expect(sources(trusting)).to.have.length(sources(program).length).greaterThan(6);
    for (const source of sources(trusting)) expect(source).to.have.nested.property("certSecretRef.name", "network-ca");
    const secret = trusting.resources.find(({ name }) => name === "charts-ca")?.inputs;
    expect(secret).to.have.nested.property("metadata.namespace", "flux-system");
    expect(secret?.["stringData"]).to.have.all.keys("ca.crt");
  });

  it("sends Flux's controllers through the proxy, but for what is inside the cluster; its password is a secret", async function () {
    const manifests = await orSkip(this, "Flux's manifests", fluxObjects);
    const proxy = { httpsProxy: "http://proxy:3128", noProxy: ["10.0.0.0/8"] };
    const made = async (network: object, secrets: string[]) =>
      (await runProgram({ settings: { network }, fluxManifests: manifests, secrets })).resources;
    const added = (resources: Program["resources"]) =>
      resources
        .filter(({ inputs }) => inputs["kind"] === "Deployment")
        .map(({ inputs }) => inputs["spec"] as { template: { spec: { containers: { env?: { name: string }[] }[] } } })
        .map(({ template }) => template.spec.containers[0]?.env?.filter(({ name }) => name.endsWith("_PROXY")));
    const own = "localhost,127.0.0.1,.svc,.cluster.local,.cluster.local.,$(KUBERNETES_SERVICE_HOST)";
    const direct = { name: "NO_PROXY", value: `${own},10.0.0.0/8` };
    const four = (env: object[]) => [env, env, env, env];
    const open = ["HTTPS_PROXY", "HTTP_PROXY"].map((name) => ({ name, value: "http://proxy:3128" }));
    expect(added(await made({ proxy }, []))).to.deep.equal(four([...open, direct]));
    expect(added(await made({}, []))).to.deep.equal(four([]));

    const resources = await made({ proxy: { ...proxy, httpProxy: "http://plain:3128" } }, ["proxyCredentials"]);
    const secret = resources.find(({ name }) => name === "flux-proxy");
    const { name } = secret?.inputs["metadata"] as { name: string };
    const closed = ["HTTPS_PROXY", "HTTP_PROXY"].map((key) => ({
      name: key,
      valueFrom: { secretKeyRef: { name, key } },
    }));
    expect(added(resources)).to.deep.equal(four([...closed, direct]));
    // Another password is another Secret, or the controllers would keep the old one.
    const version = resources.find((one) => one.name === "flux-proxy-version");
    expect(version?.inputs["keepers"]).to.deep.equal(secret?.inputs["stringData"]);
    expect([version?.secretInputs, secret?.secretInputs]).to.deep.equal([["keepers"], ["stringData"]]);
    expect(secret?.inputs["stringData"]).to.deep.equal({
      HTTPS_PROXY: "http://%3Csecret:%20proxyCredentials%3E@proxy:3128",
      HTTP_PROXY: "http://%3Csecret:%20proxyCredentials%3E@plain:3128",
    });
  });

  it("gives the cluster script the credentials of the mirrors, of no other registry", async () => {
    const registryMirrors = { "docker.io": "https://registry.example.com/v2/hub", "ghcr.io": "http://mirror:5000" };
    const given = async (secrets: string[]) => {
      const { resources } = await runProgram({ settings: { cluster: { kind: { registryMirrors } } }, secrets });
      const script = resources.find(({ name }) => name === "cluster-kind");
      const { KIND_REGISTRY_CREDENTIALS: said } = script?.inputs["environment"] as Record<string, string>;
      return [said, script?.secretInputs.includes("environment")];
    };
    const theirs = '{"registry.example.com":"<secret: registryCredentials>"}';
    expect(await given(["registryCredentials"])).to.deep.equal([theirs, true]);
    expect((await given([]))[0]).to.equal(undefined);
  });

  describe("with credentials of private registries", () => {
    const reference = [{ name: "registry-credentials" }];
    let made: Program;
    const specs = (kind: string) =>
      made.resources.filter(({ inputs }) => inputs["kind"] === kind).map(({ inputs }) => inputs["spec"] as object);
    before(async function () {
      const fluxManifests = await orSkip(this, "Flux's manifests", fluxObjects);
      made = await runProgram({ fluxManifests, secrets: ["registryCredentials"] });
    });

    it("has them in a Secret of each namespace that pulls, as a secret, and nowhere without them", () => {
      const secrets = made.resources.filter(({ inputs }) => inputs["type"] === "kubernetes.io/dockerconfigjson");
      const where = secrets.map(({ inputs }) => (inputs["metadata"] as { namespace: string }).namespace);
      expect(where).to.have.members(["flux-system", "monitoring", "node-agents", "cert-manager", "demo"]);
      for (const { inputs, secretInputs } of secrets) {
        expect(inputs).to.have.nested.property("metadata.name", "registry-credentials");
        expect(inputs["stringData"]).to.have.all.keys(".dockerconfigjson");
        expect(secretInputs).to.include("stringData");
      }
      expect(JSON.stringify(program.resources)).to.not.include("registry-credentials");
    });

    it("pulls every image with them: of each chart, Flux, the collector and the demo's client", () => {
      const releases = specs("HelmRelease") as { releaseName: string; values: object }[];
      const silent = releases.filter(({ values }) => !JSON.stringify(values).includes("registry-credentials"));
      expect(silent.map(({ releaseName }) => releaseName)).to.deep.equal(["prometheus-operator-crds"]);
      expect(specs("Deployment")).to.have.length(4);
      for (const spec of specs("Deployment"))
        expect(spec).to.have.nested.property("template.spec.imagePullSecrets").that.deep.equals(reference);
      const account = made.resources.find(({ name }) => name === "collector-account");
      expect(account?.inputs["imagePullSecrets"]).to.deep.equal(reference);
      const patched = specs("Kustomization").map((spec) => JSON.stringify(spec).includes("registry-credentials"));
      expect(patched, "the environment's content, the demo").to.deep.equal([false, true]);
    });

    it("fetches charts of OCI registries with them", () => {
      expect(specs("OCIRepository")).to.have.length(7);
      for (const spec of specs("OCIRepository")) expect(spec).to.have.deep.property("secretRef", reference[0]);
    });
  });

  it("declares every part of the product's table", () => {
    const declared = program.resources.filter(({ custom }) => !custom);
    const types = declared.map(({ type }) => type.replace("observability:", ""));
    for (const type of [
      "cluster:KindCluster",
      "gitops:DeployKey",
      "gitops:Flux",
      "gitops:GitSource",
      "probe:TelemetryProbe",
    ])
      expect(types).to.include(type);
    const components = declared.filter(({ type }) => type === "observability:index:Component").map(({ name }) => name);
    expect(components).to.include.members([
      ...["cert-manager", "prometheus", "alertmanager", "grafana", "kube-prometheus-stack", "loki", "fluent-bit"],
      ...["opentelemetry-operator", "collector", "jaeger", "demo"],
    ]);
  });

  it("gives its components the type observability:<room>:<Class>", () => {
    for (const { type, custom } of program.resources) {
      if (!custom) expect(type).to.match(/^observability:(index|cluster|gitops|kubernetes|probe):[A-Z][A-Za-z]+$/);
    }
  });

  it("names the resources of a component after it", () => {
    // The environment, its platform and the providers are the top of the tree, named for what they are.
    const below = (urn: string) => !/::observability:index:(Environment|Environment\$.*Platform|Platform)::/.test(urn);
    const strays = program.resources.filter(
      ({ parent, name }) =>
        parent !== "" && below(parent) && !(name === nameOf(parent) || name.startsWith(`${nameOf(parent)}-`)),
    );
    // A chart's source is named for the chart, below "charts".
    const odd = strays.filter(({ name }) => !name.startsWith("chart-"));
    expect(odd.map(({ type, name, parent }) => `${type} ${name} below ${nameOf(parent)}`)).to.deep.equal([]);
  });

  it("gives no two resources of a type the same name", () => {
    const all = program.resources.map(({ type, name }) => `${type} ${name}`);
    expect(all.filter((id, index) => all.indexOf(id) !== index)).to.deep.equal([]);
  });

  it("deletes what is in a cluster of its own with the cluster, and GitHub's part never", () => {
    const platform = of(platformType)[0];
    const cluster = of("command:local:Command").find(({ name }) => name === "cluster-kind");
    expect(platform?.deletedWith).to.equal(cluster?.urn);
    // The engine hands it down from the platform to everything below; nothing of GitHub is below.
    for (const { type, parent, deletedWith } of program.resources) {
      if (!type.startsWith("github:") && !type.startsWith("tls:")) continue;
      expect(deletedWith, type).to.equal(undefined);
      expect(ancestors(parent), type).not.to.include(platformType);
    }
    for (const { type, custom, parent, name } of program.resources) {
      if (custom && type.startsWith("kubernetes:")) expect(ancestors(parent), name).to.include(platformType);
    }
  });

  describe("in a cluster that others use, too", () => {
    let existing: Rendered;
    const provider = async (settings: SettingsInput) =>
      (await runProgram({ settings })).resources.find(
        ({ type, name }) => type === "pulumi:providers:kubernetes" && name === "cluster",
      )?.inputs;
    const releaseSpecs = ({ declared }: Pick<Rendered, "declared">) =>
      declared.filter(({ kind }) => kind === "HelmRelease").map(({ spec }) => spec as Record<string, unknown>);

    before(async () => {
      const found = (await allEnvironments()).find(({ settings }) => settings.cluster?.type === "existing");
      existing = found?.rendered ?? expect.fail("no combination has an existing cluster");
    });

    it("makes no cluster", () => {
      expect(existing.kindConfig).to.equal(undefined);
    });

    it("adopts nothing that exists, and never falls through to the ambient cluster", async () => {
      const folder = mkdtempSync(join(tmpdir(), "program-"));
      const kubeconfig = join(folder, "kubeconfig.yaml");
      writeFileSync(kubeconfig, kubeconfigText);
      try {
        const cluster = { type: "existing" as const, existing: { kubeconfig, context: "platform" } };
        const inputs = await provider({ cluster });
        expect(inputs).to.include({ upsertExistingObjects: "false", strictMode: "true", context: "platform" });
        expect(inputs?.["kubeconfig"]).to.include("clusters:");
      } finally {
        rmSync(folder, { recursive: true });
      }
      expect(await provider({})).to.include({ upsertExistingObjects: "true", strictMode: "true" });
    });

    it("takes no object over, replaces no definition, and leaves every definition when a release goes", () => {
      const specs = releaseSpecs(existing);
      expect(specs.length).to.be.greaterThan(4);
      for (const spec of specs) {
        for (const action of ["install", "upgrade"]) {
          expect(spec[action], String(spec["releaseName"])).to.include({ crds: "Create", disableTakeOwnership: true });
        }
        expect(JSON.stringify(spec["postRenderers"])).to.include("CustomResourceDefinition").and.include("keep");
      }
      for (const spec of releaseSpecs(fromProgram(program))) expect(spec).not.to.have.property("postRenderers");
    });

    it("leads links and redirects to where the documented port-forward is", () => {
      const values = releaseSpecs(existing).find(({ releaseName }) => releaseName === "kube-prometheus-stack")?.[
        "values"
      ];
      const page = readFileSync(join(import.meta.dirname, "../../docs/commands.md"), "utf8");
      for (const [key, service, port, path] of [
        ["prometheus.prometheusSpec.externalUrl", "prometheus", 9090, "/prometheus"],
        ["alertmanager.alertmanagerSpec.externalUrl", "alertmanager", 9093, "/alertmanager"],
        ["grafana.grafana\\.ini.server.root_url", "grafana", 3000, ""],
      ] as const) {
        expect(values).to.have.nested.property(key, `http://localhost:${port}${path}`);
        expect(page).to.match(new RegExp(`port-forward .*kube-prometheus-stack-${service} ${port}`));
      }
      expect(JSON.stringify(existing.declared)).to.include('"GRAFANA_URL":"http://localhost:3000"');
    });
  });

  it("puts no secret into the values of a release, nor anything secret beside a Secret", () => {
    const secret = (resource: Declared) =>
      resource.secretInputs.map((key) => `${resource.type} ${resource.name} ${key}`);
    const kubernetes = program.resources.filter(({ type, custom }) => custom && type.startsWith("kubernetes:"));
    expect(kubernetes.filter(({ type }) => type !== "kubernetes:core/v1:Secret").flatMap(secret)).to.deep.equal([]);
    const { declared } = fromProgram(program);
    for (const object of declared.filter(({ kind }) => kind !== "Secret")) {
      expect(strings(object).filter((text) => text.includes("<secret"))).to.deep.equal([]);
    }
    // The stand-ins for secrets do arrive where they belong, so that the search above can find something.
    const secrets = declared.filter(({ kind }) => kind === "Secret").flatMap(strings);
    for (const what of ["deploy key", "password"]) expect(secrets).to.include(`<secret: ${what}>`);
  });

  it("keeps no GITHUB_TOKEN: the next run may have another", async () => {
    const before = process.env["GITHUB_TOKEN"];
    process.env["GITHUB_TOKEN"] = "ghs_of-this-run";
    try {
      const { resources } = await runProgram({ settings: { repository: { create: true } } });
      const provider = resources.find(({ type }) => type === "pulumi:providers:github");
      expect(provider?.inputs).to.include({ owner: "acme" });
      expect(resources.map(({ name }) => name)).to.include("repository-ensure");
      expect(resources.flatMap(({ inputs }) => strings(inputs)).filter((text) => text.includes("ghs_"))).to.deep.equal(
        [],
      );
    } finally {
      if (before === undefined) delete process.env["GITHUB_TOKEN"];
      else process.env["GITHUB_TOKEN"] = before;
    }
  });

  it("leads nowhere to github.com when its GitHub is another", async () => {
    const apiUrl = "https://github.example.com/";
    const knownHosts = `github.example.com ${makeSshKeyPair("ed25519").public}`;
    const { resources } = await runProgram({
      settings: { demo: { enabled: false }, repository: { apiUrl, knownHosts } },
    });
    const kinds =
      /^(pulumi:providers:github|kubernetes:(source|kustomize)\.toolkit\.fluxcd\.io\/v1:(GitRepository|Kustomization)|kubernetes:core\/v1:Secret)$/;
    const addresses = resources.filter(({ type }) => kinds.test(type)).flatMap(({ inputs }) => strings(inputs));
    expect(addresses).to.include.members([
      apiUrl,
      "ssh://git@github.example.com/acme/observability-environment.git",
      "https://github.example.com/acme/observability-environment/blob/main/docs/runbooks",
    ]);
    expect(addresses.filter((text) => /github\.com|ghcr\.io\/acme/.test(text))).to.deep.equal([]);
  });

  it("marks every Secret's content as secret", () => {
    for (const { name, inputs, secretInputs } of of("kubernetes:core/v1:Secret")) {
      const content = Object.keys(inputs).filter((key) => key === "data" || key === "stringData");
      expect(secretInputs, name).to.include.members(content);
    }
  });

  it("declares no object twice, and none that flux-repo declares too", async () => {
    for (const { title, rendered } of await allEnvironments()) {
      const group = (apiVersion: string) => apiVersion.replace(/\/.*$/, "");
      const all = [...rendered.declared, ...rendered.content].map((o) => `${group(o.apiVersion)} ${manifestId(o)}`);
      expect(
        all.filter((id, index) => all.indexOf(id) !== index),
        title,
      ).to.deep.equal([]);
    }
  });

  it("gives every namespace a Pod Security level of a pinned version", () => {
    const namespaces = fromProgram(program).declared.filter(({ kind }) => kind === "Namespace");
    expect(namespaces.map(({ metadata }) => metadata.name)).to.have.members([
      "flux-system",
      "monitoring",
      "node-agents",
      "cert-manager",
      "demo",
    ]);
    for (const { metadata } of namespaces) {
      expect(metadata.labels?.["pod-security.kubernetes.io/enforce"], metadata.name).to.match(
        /^(restricted|privileged)$/,
      );
      expect(metadata.labels?.["pod-security.kubernetes.io/enforce-version"], metadata.name).to.match(/^v1\.\d+$/);
    }
    const privileged = namespaces.filter(
      ({ metadata }) => metadata.labels?.["pod-security.kubernetes.io/enforce"] === "privileged",
    );
    expect(privileged.map(({ metadata }) => metadata.name)).to.have.members(["node-agents"]);
  });

  it("names no image without a version, and none that is latest", async () => {
    const found = (await allEnvironments()).flatMap(({ rendered }) =>
      images([rendered.declared, rendered.content, rendered.kindConfig]),
    );
    const flux = images(fromProgram(program).declared);
    expect(flux.length).to.be.greaterThan(4);
    for (const image of [...new Set([...found, ...flux])]) {
      expect(image).to.match(/(:[^:/]*\d[^:/]*|@sha256:[0-9a-f]{64})$/);
      expect(image).not.to.match(/:latest$/);
    }
  });

  it("names in componentVersions the charts that it deploys, and no other", async () => {
    const kbot = {
      app: "kbot",
      repository: "https://github.com/acme/kbot",
      image: { repository: "ghcr.io/acme/kbot" },
    } as const;
    for (const settings of [{}, { traces: "none", logs: "none", logAgent: "none" }, { demo: kbot }] as const) {
      const made = await runProgram({ settings });
      const deployed = releases(fromProgram(made).declared).map(
        ({ chart }) => `${chart?.name ?? ""} ${chart?.version ?? ""}`,
      );
      const named = Object.entries(made.outputs.componentVersions).map(([name, version]) => `${name} ${version}`);
      const others = ["flux", "kind-node", "opentelemetry-collector", "podinfo-client"];
      const charts = named.filter((one) => !others.includes(one.split(" ")[0] ?? ""));
      expect(charts).to.have.members([...new Set(deployed)]);
    }
  });

  it("has outputs for what people open", () => {
    const { outputs } = program;
    const urls = ["dashboards", "metrics", "alerts", "logs", "traces", "otlpGrpc", "otlpHttp"];
    expect(Object.keys(outputs.serviceUrls)).to.have.members(urls);
    expect(outputs.grafanaUrl).to.equal("http://localhost:3000");
  });
});
