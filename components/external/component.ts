/** What is there already, for decisions that say `external`: nothing of it is made, and others find it by its address. */
import type { z } from "zod";
import { type Finding, noCompanyCa } from "../../settings/finding.ts";
import type { SecretName } from "../../settings/secrets.ts";
import * as alertmanager from "../alerts/alertmanager/api.ts";
import type { Access, DataSource, Linked, Remote } from "../capabilities.ts";
import { defineComponent, type Known } from "../component.ts";
import * as elasticsearch from "../logs/elasticsearch/api.ts";
import * as loki from "../logs/loki/api.ts";
import * as victoriaLogs from "../logs/victoria-logs/api.ts";
import * as prometheus from "../metrics/prometheus/api.ts";
import * as jaeger from "../traces/jaeger/api.ts";
import * as tempo from "../traces/tempo/api.ts";
import { external } from "./settings.ts";

type External = z.output<typeof external>;

/** Servers that may want a secret, and which. */
const secrets = {
  metrics: "externalMetricsSecret",
  logs: "externalLogsSecret",
  traces: "externalTracesSecret",
  alerts: "externalAlertsSecret",
} as const satisfies Partial<Record<keyof External, SecretName>>;

type Guarded = keyof typeof secrets;

/** What is the same of all: no chart, no namespace, no setting but the address. */
const there = { choice: "external", settings: { external }, charts: [], namespaces: () => [] };

function access(of: Guarded, { user, tenant, ca }: NonNullable<External[Guarded]>): Access {
  return { of, secret: secrets[of], user, tenant, ca };
}

/** An address that wants nothing. */
const open = (of: keyof External, url: string): Remote => ({ url, access: { of, ca: "public" } });

/** A data source whose name no other one of the environment has. */
const named =
  (dataSource: (linked: Linked) => DataSource) =>
  (linked: Linked): DataSource => {
    const made = dataSource(linked);
    return { ...made, name: `${made.name} (external)` };
  };

/** What is wrong with how a server is to be asked. */
function check(of: Guarded): (settings: { readonly external: External }, known: Known) => Finding[] {
  return ({ external: { [of]: server } }, known) => {
    if (server === undefined) return [];
    const findings: Finding[] = [];
    const add = (key: string, message: string) => findings.push({ path: `external.${of}.${key}`, message });
    const secret = secrets[of];
    if (server.user !== undefined && !known.secrets.includes(secret))
      add(
        "user",
        `is set, and the secret ${secret} is not. Run \`npm run pulumi -- <stack> config set --secret ${secret}\`, or remove it.`,
      );
    if (server.ca === "company" && !known.companyCa) findings.push(noCompanyCa(`external.${of}.ca`));
    return findings;
  };
}

export const externalMetrics = defineComponent({
  ...there,
  key: "externalMetrics",
  title: "A store of metrics that is there",
  slot: "metrics",
  address: "external.metrics.queryUrl",
  gains: {
    metricsReceiver: "external.metrics.writeUrl",
    scraping: "external.metrics.scrapedFrom to the namespace of a Prometheus of this cluster that scrapes our monitors",
    rules: "external.metrics.evaluatesRules to true (where somebody there evaluates our rules)",
  },
  offers: ({ external: { metrics } }) => {
    if (metrics === undefined) return {};
    const { queryUrl, writeUrl, evaluatesRules, scrapedFrom, retention } = metrics;
    const asked = access("metrics", metrics);
    return {
      metrics: {
        endpoint: { url: queryUrl, access: asked },
        title: "the external store of metrics",
        ...(writeUrl === undefined && scrapedFrom === undefined ? {} : { lookup: prometheus.lookup }),
        dataSource: named(prometheus.dataSource),
        ...(retention === undefined
          ? {}
          : { keeps: { retention: [{ setting: "external.metrics.retention", is: retention }], on: "volume" } }),
      },
      ...(writeUrl === undefined ? {} : { metricsReceiver: { place: { url: writeUrl, access: asked } } }),
      ...(scrapedFrom === undefined ? {} : { scraping: { by: "prometheus" } }),
      ...(evaluatesRules ? { rules: {} } : {}),
    };
  },
  connectsFrom: ({ external: { metrics } }) => metrics?.scrapedFrom,
  check: check("metrics"),
  warnings: ({ external: { metrics } }, _now, offered) => [
    ...(offered("scraping") !== undefined
      ? []
      : [
          {
            path: "metrics",
            message:
              "is external, and nothing here scrapes monitors, so neither rules nor dashboards of scraped metrics are shipped: scraper: prometheusAgent does. " +
              (metrics?.writeUrl === undefined
                ? "Without external.metrics.writeUrl nothing of this environment gets there."
                : "What applications send by OTLP, and what is counted of their spans, is written there."),
          },
        ]),
  ],
});

export const externalLogs = defineComponent({
  ...there,
  key: "externalLogs",
  title: "A store of logs that is there",
  slot: "logs",
  address: "external.logs.url",
  offers: ({ external: { logs } }) => {
    if (logs === undefined) return {};
    const asked = access("logs", logs);
    const api = { loki, victoriaLogs, elasticsearch }[logs.type];
    const otlpUrl = logs.otlpUrl ?? `${logs.url}${api.otlpPath}`;
    const store = {
      endpoint: { url: logs.url, access: asked },
      title: "the external store of logs",
      lookup: logs.type === "loki" && logs.makesLabels ? loki.lookupByLabel : api.lookup,
      dataSource: named(api.dataSource),
      linesOfTrace: api.linesOfTrace,
    };
    if (logs.type === "elasticsearch") {
      const keyed: Access = { ...asked, scheme: "ApiKey" };
      const place = { url: logs.url, access: keyed };
      const { agentStream: stream, agentPipeline: pipeline } = elasticsearch;
      return {
        logs: {
          ...store,
          endpoint: place,
          push: { as: "elasticsearch", place, stream, pipeline },
          otlp: { protocol: "http", place: { url: otlpUrl, access: keyed } },
          otlpLines: { as: "records" },
        },
        elasticsearch: { asked: () => place, replicas: 1 },
      };
    }
    const { pushPath: path, otlpHeaders: headers } = { loki, victoriaLogs }[logs.type];
    return {
      logs: {
        ...store,
        push: { as: "loki", place: store.endpoint, path },
        otlp: { protocol: "http", place: { url: otlpUrl, access: asked }, headers },
        ...(logs.type === "victoriaLogs" ? { jsonLines: victoriaLogs.jsonLines } : {}),
        otlpLines:
          logs.type === "victoriaLogs"
            ? { as: "labelled", headers: victoriaLogs.lineHeaders }
            : // Which attributes are labels is what its owners say.
              logs.makesLabels
              ? { as: "labelled", headers: {} }
              : {
                  as: "unlabelled",
                  remedy: "Set external.logs.makesLabels to true once its owners have it do so (docs/external-loki.md)",
                },
      },
    };
  },
  check: (settings, known) => {
    const { logs } = settings.external;
    const findings = check("logs")(settings, known);
    if (logs?.type === "victoriaLogs" && logs.tenant !== undefined) {
      const message = `is ${logs.tenant}, and VictoriaLogs knows tenants by numbers in headers of its own, which nothing here sends. Remove it, and have a proxy such as vmauth add them.`;
      findings.push({ path: "external.logs.tenant", message });
    }
    if (logs?.makesLabels === true && logs.type !== "loki") {
      const message = `is true, and external.logs.type is ${logs.type}, which needs nobody to say so. Remove it.`;
      findings.push({ path: "external.logs.makesLabels", message });
    }
    if (logs?.type === "elasticsearch" && logs.tenant !== undefined) {
      const message = `is ${logs.tenant}, and Elasticsearch knows no tenants. Remove it.`;
      findings.push({ path: "external.logs.tenant", message });
    }
    return findings;
  },
});

export const externalTraces = defineComponent({
  ...there,
  key: "externalTraces",
  title: "A store of traces that is there",
  slot: "traces",
  address: "external.traces.otlpUrl",
  offers: ({ external: { traces } }) => {
    if (traces === undefined) return {};
    const { otlpUrl, protocol, queryUrl, queryType } = traces;
    const asked = access("traces", traces);
    const api = { jaeger, tempo }[queryType];
    return {
      traces: {
        endpoint: { url: queryUrl ?? otlpUrl, access: asked },
        title: "the external store of traces",
        otlp: { protocol, place: { url: otlpUrl, access: asked } },
        ...(queryUrl === undefined ? {} : { lookup: api.lookup, dataSource: named(api.dataSource) }),
      },
    };
  },
  check: (settings, known) => {
    const { traces } = settings.external;
    const findings = check("traces")(settings, known);
    // gRPC's credentials (RequireTransportSecurity) are not sent in clear: the exporter would not start.
    if (traces?.protocol === "grpc" && traces.otlpUrl.startsWith("http:") && known.secrets.includes(secrets.traces)) {
      const message = `is without TLS, where gRPC sends no secret, and ${secrets.traces} is set. Set an https:// address, or protocol to http.`;
      findings.push({ path: "external.traces.otlpUrl", message });
    }
    return findings;
  },
});

export const externalAlerts = defineComponent({
  ...there,
  key: "externalAlerts",
  title: "An Alertmanager that is there",
  slot: "alerts",
  address: "external.alerts.url",
  offers: ({ external: { alerts } }) =>
    alerts === undefined
      ? {}
      : {
          alerts: {
            endpoint: { url: alerts.url, access: access("alerts", alerts) },
            dataSource: named(alertmanager.dataSource),
          },
        },
  check: check("alerts"),
});

export const externalDashboards = defineComponent({
  ...there,
  key: "externalDashboards",
  title: "A Grafana that is there",
  slot: "dashboards",
  address: "external.dashboards.url",
  offers: ({ external: { dashboards } }) =>
    dashboards === undefined ? {} : { dashboards: { endpoint: open("dashboards", dashboards.url) } },
});

export const externalGateway = defineComponent({
  ...there,
  key: "externalGateway",
  title: "A collector that is there",
  slot: "gateway",
  address: "external.gateway.httpUrl",
  offers: ({ external: { gateway } }) =>
    gateway === undefined
      ? {}
      : { gateway: { otlpHttp: open("gateway", gateway.httpUrl), otlpGrpc: open("gateway", gateway.grpcUrl) } },
  warnings: () => [
    {
      path: "gateway",
      message:
        "is external: where telemetry of applications goes is decided there, so the probe does not look for any.",
    },
  ],
});
