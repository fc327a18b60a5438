/**
 * Secrets of settings on the real engine, in one life of a stack that has all of them: servers that are there already,
 * receivers of alerts, a company's network. What is wrong is told without repeating them; they go to the Secrets of who reads
 * them, and nowhere else; a change of one changes nothing but that.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { makeAuthority } from "../support/authority.ts";
import { failure } from "../support/failure.ts";
import { openStack, type TestStack } from "../support/stack.ts";

const secrets = {
  externalMetricsSecret: "planted $METRICS ${x} '\"\\",
  externalLogsSecret: "planted-logs {{ a }} #1",
  externalTracesSecret: "plantedTracesToken",
  externalAlertsSecret: "planted: alerts & | > %20",
};
const webhook = "https://hooks.slack.com/services/T0/B0/plantedWebhook0123456789";
const renewed = "https://hooks.slack.com/services/T0/B0/renewedWebhook0123456789";
const password = "plantedRegistryPassword";
const auth = Buffer.from(`robot:${password}`).toString("base64");
const dockerConfig = JSON.stringify({ auths: { "registry.example.com": { auth } } });
const proxyPassword = "plantedProxyPassword";

describe("secrets of settings on the real engine", function () {
  let folder: string;
  let stack: TestStack;
  let network: Readonly<Record<string, unknown>>;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "secrets-"));
    network = { ca: makeAuthority(folder).ca, proxy: { httpsProxy: "http://proxy.example.com:3128" } };
    stack = await openStack({
      ...{ metrics: "external", logs: "external", traces: "external", dashboards: "external" },
      network,
      external: {
        metrics: {
          queryUrl: "https://m.example.com",
          writeUrl: "https://m.example.com/push",
          user: "m",
          ca: "company",
        },
        logs: { url: "https://l.example.com", user: "l", tenant: "t", ca: "company" },
        traces: { otlpUrl: "https://t.example.com:4317", queryUrl: "https://t.example.com" },
        dashboards: { url: "https://g.example.com" },
      },
      alerting: {
        receivers: { slack: [{ name: "ops", channel: "#ops", secret: "ops-slack" }] },
        defaultReceiver: "ops",
        silences: [{ name: "over", matchers: ['namespace="demo"'], comment: "it moved", until: "2026-01-31" }],
      },
    });
    await stack.set({
      cluster: {
        kind: { ...stack.settings.cluster.kind, registryMirrors: { "docker.io": "http://registry.example.com" } },
      },
      loki: { retention: "48h" },
    });
  });
  after(async () => {
    await stack.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const configure = (config: Readonly<Record<string, string | { readonly secret: string } | undefined>>) =>
    stack.environment.configure(
      Object.fromEntries(Object.entries(config).map(([name, value]) => [`observability:${name}`, value])),
    );
  const creates = () => stack.providers.calls.filter(({ method, preview }) => method === "create" && !preview);
  const named = (name: string) =>
    creates().filter(({ inputs }) => (inputs["metadata"] as { name?: string } | undefined)?.name === name);
  /** What is in a Secret, as the pods of its reader have it. */
  function secretNamed(name: string): Record<string, string> {
    const data = (named(name)[0]?.inputs["data"] ?? {}) as Readonly<Record<string, string>>;
    return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, "base64").toString()]));
  }
  const formsOf = (text: string) => [
    text,
    JSON.stringify(text).slice(1, -1),
    // The provider hands a Secret's texts on as base64.
    Buffer.from(text).toString("base64"),
  ];
  const nowhereInClear = async (...texts: readonly string[]) => {
    const state = await stack.environment.stateText();
    for (const form of texts.flatMap(formsOf)) {
      expect(state).to.not.include(form);
      expect(stack.printed()).to.not.include(form);
    }
  };

  it("are asked for, refused in clear or in another form, with all else that is wrong at once, and not repeated", async () => {
    await stack.environment.configure({ "observabilty:loki": "{}" });
    await configure({
      alertingSecrets: JSON.stringify({ other: webhook }),
      remoteWriteSecrets: { secret: JSON.stringify({ my: { bot: "plantedBot" } }) },
      registryCredentials: { secret: JSON.stringify({ credsStore: password }) },
      proxyCredentials: { secret: proxyPassword },
    });
    const said = await failure(stack.environment.preview());
    for (const text of [
      "observabilty:loki: is read by nothing. Did you mean observability:loki?",
      `npm run pulumi -- <stack> config set --secret --path 'remoteWriteSecrets["my.bot"]'`,
      "alerting.receivers.slack.0.secret: is ops-slack, which alertingSecrets lacks.",
      "alertingSecrets.other: is stored in plain text.",
      "npm run pulumi -- <stack> config set --secret --path alertingSecrets.ops-slack",
      "external.metrics.user: is set, and the secret externalMetricsSecret is not.",
      "proxyCredentials: must be `user:password`",
      "registryCredentials: is no Docker config.json with credentials",
    ])
      expect(said).to.include(text);
    for (const text of [webhook, "plantedBot", password, proxyPassword]) expect(stack.printed()).to.not.include(text);
  });

  it("bring everything up that is there already, with what sends; what has no effect is told", async () => {
    await stack.environment.configure({ "observabilty:loki": undefined });
    await configure({
      ...Object.fromEntries(Object.entries(secrets).map(([name, secret]) => [name, { secret }])),
      remoteWriteSecrets: undefined,
      alertingSecrets: { secret: JSON.stringify({ "ops-slack": webhook, unused: "x" }) },
      registryCredentials: { secret: dockerConfig },
      proxyCredentials: { secret: `robot:${proxyPassword}` },
    });
    const { output } = await stack.environment.up();
    const releases = creates().flatMap(({ inputs }) =>
      inputs["kind"] === "HelmRelease" ? [(inputs["metadata"] as { name: string }).name] : [],
    );
    expect(releases).to.include.members(["fluent-bit", "kube-prometheus-stack"]);
    expect(releases).to.not.include.members(["loki", "jaeger"]);
    const outputs = await stack.environment.outputs();
    expect(outputs["grafanaUrl"]?.value).to.equal("https://g.example.com");
    expect(outputs["grafanaPassword"]?.value).to.equal(null);
    const urls = outputs["serviceUrls"]?.value as Readonly<Record<string, unknown>>;
    expect(urls["metrics"]).to.deep.equal({ host: "https://m.example.com", cluster: "https://m.example.com" });
    expect(output).to.include("alerting.silences.0: over ended on 2026-01-31");
    expect(output).to.include("loki: has no effect, because logs is external.");
  });

  it("of servers are in their readers' Secrets", () => {
    const { externalMetricsSecret: metrics, externalLogsSecret: logs, externalTracesSecret: traces } = secrets;
    expect(secretNamed("otel-collector-external")).to.include({ metrics, logs, traces });
    expect(Object.keys(secretNamed("otel-collector-external"))).to.include.members(["metrics.crt", "logs.crt"]);
    expect(secretNamed("fluent-bit-external")).to.include({ logs });
  });

  it("of receivers reach one Secret, which Alertmanager mounts", () => {
    const holders = creates().filter(({ inputs }) =>
      formsOf(webhook).some((form) => JSON.stringify(inputs).includes(form)),
    );
    expect(holders.map(({ type }) => type)).to.deep.equal(["kubernetes:core/v1:Secret"]);
    expect(holders[0]?.inputs["metadata"]).to.deep.include({ name: "alertmanager-receivers", namespace: "monitoring" });
    expect(secretNamed("alertmanager-receivers")).to.deep.equal({ "ops-slack": webhook });
  });

  it("of registries reach the namespaces that pull and the nodes, that of the proxy and the CA Flux", () => {
    const pulling = named("registry-credentials");
    expect(pulling).to.have.length(5);
    for (const { inputs } of pulling)
      expect(inputs["data"]).to.deep.equal({ ".dockerconfigjson": Buffer.from(dockerConfig).toString("base64") });
    expect(named("network-ca")).to.have.length(1);
    const { environment } = creates().find(({ name }) => name === "cluster-kind")?.inputs as {
      environment: Record<string, string>;
    };
    expect(environment["KIND_REGISTRY_CREDENTIALS"]).to.equal(JSON.stringify({ "registry.example.com": auth }));
    const proxy = creates().find(({ name }) => name === "flux-proxy")?.inputs["data"] as Record<string, string>;
    expect(Buffer.from(proxy["HTTPS_PROXY"] ?? "", "base64").toString()).to.equal(
      `http://robot:${proxyPassword}@proxy.example.com:3128`,
    );
  });

  it("are nowhere in clear", async () => {
    await nowhereInClear(...Object.values(secrets), webhook, password, proxyPassword, auth, dockerConfig);
  });

  it("are renewed in place: no release changes, nor anything else", async () => {
    await configure({ alertingSecrets: { secret: JSON.stringify({ "ops-slack": renewed }) } });
    const { changes } = await stack.environment.up();
    expect(changes["update"]).to.equal(1);
    expect(changes).to.have.all.keys("same", "update");
    await nowhereInClear(renewed);
  });

  it("go with another choice: what was there is replaced by what is made", async () => {
    await stack.set({ external: { alerts: { url: "https://a.example.com/alertmanager", user: "a" } } });
    await stack.set({
      metrics: "prometheus",
      logs: "loki",
      traces: "jaeger",
      alerts: "external",
      dashboards: "grafana",
    });
    const { changes } = await stack.environment.up();
    expect(changes["create"]).to.be.greaterThan(4);
    const deleted = stack.providers.calls.filter(({ method }) => method === "delete").map(({ name }) => name);
    expect(deleted).to.include.members([
      "collector-otel-collector-external",
      "fluent-bit-external",
      "alertmanager-receivers",
    ]);
    expect(secretNamed("prometheus-external")).to.include({ alerts: secrets.externalAlertsSecret });
    await nowhereInClear(...Object.values(secrets));
  });

  it("leave a CA file that is not there to be told by its setting", async () => {
    await stack.set({ network: { ...network, ca: join(folder, "absent.pem") } });
    expect(await failure(stack.environment.preview())).to.match(
      /network\.ca: \S+absent\.pem cannot be read \(ENOENT\)\./,
    );
  });
});
