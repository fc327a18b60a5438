import { expect } from "chai";
import { charts } from "../../components/catalogue.ts";
import { chartFacts, factsOf } from "../../contract/chart-facts.ts";
import { checkNetwork, checkPodSecurity } from "../../contract/checks/network.ts";
import { podSecurityViolations } from "../../contract/pod-security.ts";
import { releases, render, type Rendered } from "../../contract/rendered.ts";
import { fluxObjects } from "../support/flux.ts";
import { allEnvironments, defaultEnvironment, expectNone, orSkip } from "../support/rendered.ts";

/** The default environment after a change of its plain data, in which a text is another one everywhere. */
async function replaced(what: string, by: string, only: (kind: string, name: string) => boolean): Promise<Rendered> {
  const rendered = await defaultEnvironment();
  const change = (objects: Rendered["declared"]) =>
    objects.map((object) =>
      only(object.kind, object.metadata.name)
        ? (JSON.parse(JSON.stringify(object).replaceAll(what, by)) as typeof object)
        : object,
    );
  const result = { ...rendered, declared: change(rendered.declared), content: change(rendered.content) };
  expect(JSON.stringify(result)).not.to.equal(JSON.stringify(rendered));
  return result;
}

describe("Names and ports", function () {
  it("are known from renders of the pinned charts", () => {
    const facts = Object.values(chartFacts()).map(({ chart, version }) => `${chart} ${version}`);
    // A new version: npm run charts:refresh.
    expect([...new Set(facts)]).to.have.members(Object.values(charts).map(({ name, version }) => `${name} ${version}`));
  });

  it("have whom the API server calls: webhooks and APIServices of a Service, on 443 unless they say another port", () => {
    const service = { namespace: "a", name: "b" };
    const hook = (clientConfig: object) => ({
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingWebhookConfiguration",
      metadata: { name: "hook" },
      webhooks: [{ clientConfig }],
    });
    const api = (name: string, spec: object) => ({
      apiVersion: "apiregistration.k8s.io/v1",
      kind: "APIService",
      metadata: { name },
      spec,
    });
    const { webhooks, apiServices } = factsOf(
      [
        hook({ service }),
        hook({ url: "https://elsewhere.example.com" }),
        api("v1beta1.metrics.k8s.io", { service: { ...service, port: 4443 } }),
        api("v1.apps", {}),
      ],
      "monitoring",
    );
    expect(webhooks).to.deep.equal([{ namespace: "a", service: "b" }]);
    expect(apiServices).to.deep.equal([{ name: "v1beta1.metrics.k8s.io", namespace: "a", service: "b", port: 4443 }]);
  });

  it("have facts for every release", async () => {
    const names = (await allEnvironments()).flatMap(({ rendered }) =>
      releases(rendered.declared).map(({ name }) => name),
    );
    expect(Object.keys(chartFacts())).to.have.members([...new Set(names)]);
  });

  it("lead to Services, ports and pods that are there and let the caller in, for every pair of choices", async () => {
    expectNone((await allEnvironments()).flatMap(({ rendered }) => checkNetwork(rendered)));
  });

  it("are right with Flux's pods among them", async function () {
    const fluxManifests = await orSkip(this, "Flux's manifests", fluxObjects);
    expectNone(checkNetwork(await render({ fluxManifests })));
  });

  const policy = (kind: string) => kind === "NetworkPolicy";
  const cases: readonly [string, string, string, (kind: string, name: string) => boolean][] = [
    [
      "an exporter that sends to a Service nobody makes",
      "jaeger-collector.monitoring",
      "jaeger-colector.monitoring",
      (kind) => kind === "OpenTelemetryCollector",
    ],
    [
      "a port that the Service has not",
      "loki.monitoring.svc:3100",
      "loki.monitoring.svc:3101",
      (kind) => kind === "OpenTelemetryCollector",
    ],
    ["a log agent that sends to another port", "Port 3100", "Port 3200", (kind) => kind === "HelmRelease"],
    [
      "a data source in another namespace",
      "jaeger-query.monitoring",
      "jaeger-query.tracing",
      (kind) => kind === "HelmRelease",
    ],
    ["a monitor of a port that has another name", "internal-metrics", "metrics", (kind) => kind === "ServiceMonitor"],
    ["a monitor of a Service that has other labels", "all-in-one", "query", (kind) => kind === "ServiceMonitor"],
    [
      "a Service that selects nothing",
      "all-in-one",
      "collector",
      (kind, name) => kind === "Service" && name === "jaeger-collector",
    ],
    [
      "a host port that the cluster does not map",
      "30300",
      "30301",
      (kind, name) => kind === "Service" && name === "host-dashboards",
    ],
    [
      "the operator's policy, which opens the collector to everybody",
      '"networkPolicy":{"enabled":false}',
      '"networkPolicy":{"enabled":true}',
      (kind) => kind === "OpenTelemetryCollector",
    ],
    [
      "a policy that names nobody, which is everybody",
      '[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"demo"}}}]',
      "[]",
      (kind, name) => policy(kind) && name === "allow-telemetry",
    ],
    ["a policy for pods with other labels", '"loki"', '"lokki"', policy],
    ["a policy for a port that the pods have not", "3100", "3101", policy],
    [
      "a policy for a namespace that nobody makes",
      '"node-agents"',
      '"agents"',
      (kind, name) => policy(kind) && name === "allow-logs",
    ],
    ["a log agent that no policy lets in", "3100", "9095", (kind, name) => policy(kind) && name === "allow-logs"],
    ["Prometheus, that no policy lets in", "2020", "2021", policy],
    ["a webhook that the API server cannot call", "9443", "8443", policy],
    [
      "everybody let in where the API server does not call",
      '"port":9443',
      '"port":8443',
      (kind, name) => policy(kind) && name === "allow-opentelemetry-webhook",
    ],
    ["an interface that the host cannot reach", "16686", "16685", policy],
    [
      "applications that cannot send",
      '"demo"',
      '"node-agents"',
      (kind, name) => policy(kind) && name === "allow-telemetry",
    ],
  ];
  for (const [title, what, by, only] of cases) {
    it(`fail for ${title}`, async () => {
      expect(checkNetwork(await replaced(what, by, only))).not.to.deep.equal([]);
    });
  }
});

describe("An API that the API server hands on", function () {
  it("fails when no policy lets the API server reach it, which no address and no monitor would show", async () => {
    const rendered = await render({ settings: { metricsServer: { enabled: true } } });
    expectNone(checkNetwork(rendered));
    const declared = rendered.declared.filter(({ metadata }) => metadata.name !== "allow-metrics-server");
    expect(declared).to.have.length(rendered.declared.length - 1);
    expect(checkNetwork({ ...rendered, declared }).map(({ message }) => message)).to.deep.equal([
      "lets no API server call metrics-server for the APIService v1beta1.metrics.k8s.io (port 10250 of Deployment metrics-server).",
    ]);
  });
});

describe("Pod security", function () {
  it("lets every pod run in its namespace, for every pair of choices", async () => {
    expectNone((await allEnvironments()).flatMap(({ rendered }) => checkPodSecurity(rendered)));
  });

  it("lets Flux's pods run", async function () {
    const fluxManifests = await orSkip(this, "Flux's manifests", fluxObjects);
    expectNone(checkPodSecurity(await render({ fluxManifests })));
  });

  it("fails for a namespace that is stricter than its pods", async () => {
    const stricter = await replaced(
      '"privileged"',
      '"baseline"',
      (kind, name) => kind === "Namespace" && name === "node-agents",
    );
    expect(checkPodSecurity(stricter).map(({ object }) => object)).to.include("DaemonSet fluent-bit in node-agents");
  });

  it("fails for a namespace without a level or a version", async () => {
    const without = await replaced("/enforce", "/enforced", (kind, name) => kind === "Namespace" && name === "demo");
    expect(checkPodSecurity(without)).to.have.length(2);
  });

  it("knows what restricted and baseline refuse", () => {
    const hardened = {
      allowPrivilegeEscalation: false,
      runAsNonRoot: true,
      capabilities: { drop: ["ALL"] },
      seccompProfile: { type: "RuntimeDefault" },
    };
    const pod = (securityContext: object, rest: object = {}) => ({
      containers: [{ name: "c", securityContext }],
      ...rest,
    });
    expect(podSecurityViolations(pod(hardened), "restricted")).to.deep.equal([]);
    expect(podSecurityViolations(pod({}), "restricted")).to.have.length(4);
    const ping = { securityContext: { sysctls: [{ name: "net.ipv4.ping_group_range", value: "1000 1000" }] } };
    expect(podSecurityViolations(pod(hardened, ping), "restricted")).to.deep.equal([]);
    expect(podSecurityViolations(pod({}), "baseline")).to.deep.equal([]);
    for (const [context, rest] of [
      [{ privileged: true }, {}],
      [{}, { securityContext: { sysctls: [{ name: "net.core.somaxconn", value: "1024" }] } }],
      [{ capabilities: { add: ["SYS_PTRACE"] } }, {}],
      [{}, { hostNetwork: true }],
      [{}, { volumes: [{ name: "v", hostPath: { path: "/" } }] }],
      [{ seccompProfile: { type: "Unconfined" } }, {}],
    ] as const) {
      expect(podSecurityViolations(pod(context, rest), "baseline"), JSON.stringify([context, rest])).to.have.length(1);
    }
    expect(podSecurityViolations(pod({ ...hardened, runAsUser: 0 }), "restricted")).to.have.length(1);
    expect(podSecurityViolations(pod({}, { hostPID: true }), "privileged")).to.deep.equal([]);
  });
});
