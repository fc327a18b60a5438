import { expect } from "chai";
import { warningsOf } from "../../components/content.ts";
import { plan } from "../../components/plan.ts";
import { headersOf } from "../../components/remote.ts";
import { probedStores } from "../../components/probe/telemetry-probe.ts";
import { parseSettings, SettingsError } from "../../settings/parse.ts";
import { type SecretName, secretFault, secretSettings } from "../../settings/secrets.ts";

const url = "https://a.example.com";

function findings(raw: Readonly<Record<string, unknown>>, secrets: readonly SecretName[] = []): string[] {
  try {
    parseSettings(raw, { file: "test", secrets });
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.findings.map(({ path, message }) => `${path} ${message}`);
  }
}

describe("What is there already", () => {
  for (const [what, raw, secrets, said] of [
    [
      "a user without a password",
      { logs: "external", external: { logs: { url, user: "a" } } },
      [],
      [
        "external.logs.user is set, and the secret externalLogsSecret is not. Run `npm run pulumi -- <stack> config set --secret externalLogsSecret`, or remove it.",
      ],
    ],
    [
      "filters and servers for who scrapes, beside a neighbour who does",
      {
        ...{ metrics: "external", external: { metrics: { queryUrl: url, scrapedFrom: "central" } } },
        ...{ remoteWrite: [{ name: "a", url }], metricFilters: [{ job: "a", dropMetrics: ["b"] }] },
        ...{ logs: "elasticsearch", metricbeat: { enabled: true } },
      },
      [],
      ["remoteWrite", "metricFilters", "metricbeat.enabled"].map(
        (setting) =>
          `${setting} is for who scrapes, and that is somebody else's Prometheus (external.metrics.scrapedFrom). Remove it, or set scraper to prometheusAgent.`,
      ),
    ],
    [
      "a certificate of a company that has no CA",
      { alerts: "external", external: { alerts: { url, ca: "company" } } },
      [],
      ["external.alerts.ca is company, and network.ca is not set. Set network.ca, or this to public."],
    ],
    [
      "a secret that gRPC would not send",
      { traces: ["jaeger", "external"], external: { traces: { otlpUrl: "http://tempo.example.com:4317" } } },
      ["externalTracesSecret"],
      [
        "external.traces.otlpUrl is without TLS, where gRPC sends no secret, and externalTracesSecret is set. Set an https:// address, or protocol to http.",
      ],
    ],
    [
      "an address without what it needs",
      { metrics: "external", external: { metrics: { writeUrl: url } } },
      [],
      ["external.metrics.queryUrl is missing."],
    ],
    [
      "a tenant that VictoriaLogs would not know",
      { logs: "external", external: { logs: { type: "victoriaLogs", url, tenant: "team-a" } } },
      [],
      [
        "external.logs.tenant is team-a, and VictoriaLogs knows tenants by numbers in headers of its own, which nothing here sends. Remove it, and have a proxy such as vmauth add them.",
      ],
    ],
    [
      "labels that nobody needs to make",
      {
        ...{ logs: "external", logAgent: "collector" },
        external: { logs: { type: "elasticsearch", url, makesLabels: true } },
      },
      [],
      [
        "external.logs.makesLabels is true, and external.logs.type is elasticsearch, which needs nobody to say so. Remove it.",
      ],
    ],
    [
      "a Loki that makes labels of a collector's lines and of events",
      {
        ...{ logs: "external", logAgent: "collector", kubernetesEvents: { enabled: true } },
        external: { logs: { url, makesLabels: true } },
      },
      [],
      [],
    ],
    [
      "a tenant of Elasticsearch, and traces of Jaeger by a key of its API",
      {
        ...{ logs: "external", jaeger: { storage: { type: "elasticsearch" } } },
        external: { logs: { type: "elasticsearch", url, tenant: "team-a" } },
      },
      ["externalLogsSecret"],
      [
        "external.logs.tenant is team-a, and Elasticsearch knows no tenants. Remove it.",
        "external.logs.user is missing, and Jaeger's index cleaner can show no API key. Set it to a user of that Elasticsearch, with its password as externalLogsSecret.",
      ],
    ],
    [
      "a log agent, which needs no address",
      { logAgent: "external" },
      [],
      ["logAgent must be fluentBit or collector or alloy or fluentd or none."],
    ],
    [
      "a user in an address",
      { logs: "external", external: { logs: { url: "https://a:b@h" } } },
      [],
      ["external.logs.url must be an http:// or https:// address."],
    ],
    [
      "a ruler whose store wants a tenant, or evaluates itself",
      {
        ...{ metrics: "external", scraper: "prometheusAgent", ruler: "thanosRuler" },
        external: { metrics: { queryUrl: url, writeUrl: url, tenant: "a", evaluatesRules: true } },
      },
      [],
      [
        "external.metrics.evaluatesRules is true, and ruler is thanosRuler: each rule would be evaluated twice. Set it to false, or ruler to store.",
        "external.metrics.tenant is set, but Thanos Ruler cannot send a tenant with queries and alerts. Remove it and set an address that stands for the tenant, or set ruler to store and external.metrics.evaluatesRules to true (where somebody there evaluates our rules).",
      ],
    ],
    [
      "everything, with its secrets",
      { metrics: "external", external: { metrics: { queryUrl: url, user: "a" } } },
      ["externalMetricsSecret"],
      [],
    ],
  ] as const) {
    it(`is told for ${what}: ${said.length} faults`, () => {
      expect(findings(raw, secrets)).to.deep.equal(said);
    });
  }

  it("warns of what does not come with it", () => {
    const settings = parseSettings(
      { metrics: "external", external: { metrics: { queryUrl: url } } },
      { file: "test", secrets: [] },
    );
    const warned = warningsOf(plan(settings).chosen);
    expect(warned.map(({ message }) => message).join()).to.match(
      /nothing here scrapes.*nothing of this environment gets there/,
    );
  });

  it("takes secrets of one line and nothing else", () => {
    for (const name of Object.keys(secretSettings).filter((one) => one.startsWith("external")) as SecretName[]) {
      expect(secretFault(name, `p@ss $A \${A} "'\\ #1`)).to.equal(undefined);
      for (const wrong of ["", " a", "a ", "a\nb", "a\r", "ü"])
        expect(secretFault(name, wrong), wrong).to.include("one line");
    }
  });

  it("is asked with the header that it wants", () => {
    const access = { of: "logs", ca: "public" } as const;
    expect(headersOf(access, undefined)).to.deep.equal({});
    expect(headersOf({ ...access, tenant: "t" }, "a b")).to.deep.equal({
      authorization: "Bearer a b",
      "X-Scope-OrgID": "t",
    });
    expect(headersOf({ ...access, user: "u" }, "p:w")).to.deep.equal({ authorization: "Basic dTpwOnc=" });
  });

  it("is looked into by the probe where this machine knows its name and something gets there", () => {
    const probed = (external: object, choice: object) =>
      probedStores(plan(parseSettings({ ...choice, external }, { file: "test", secrets: [] })).chosen).map(
        ({ signal, title }) => `${signal} ${title}`,
      );
    const here = ["traces Jaeger", "logs Loki", "metrics Prometheus"];
    expect(probed({}, {})).to.deep.equal(here);
    expect(probed({ metrics: { queryUrl: url } }, { metrics: "external" })).to.deep.equal(here.slice(0, 2));
    expect(probed({ metrics: { queryUrl: url, writeUrl: url } }, { metrics: "external" })).to.include(
      "metrics the external store of metrics",
    );
    expect(probed({ logs: { url: "http://loki.logs.svc:3100" } }, { logs: "external" })).to.not.include("logs Loki");
    expect(probed({ logs: { url: "http://loki.logs.svc:3100" } }, { logs: "external" })).to.have.length(2);
    expect(probed({ traces: { otlpUrl: url } }, { traces: "external" })).to.have.length(2);
  });
});
