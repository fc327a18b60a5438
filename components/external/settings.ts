import { z } from "zod";
import { dnsLabel, httpAddress, prometheusDuration, tenantName, userName } from "../../settings/formats.ts";

const url = httpAddress.refine((value) => !value.endsWith("/"), { error: "must not end with a slash" });

/** How a server wants to be asked. */
const access = (secret: string, otherwise = "a bearer token") => ({
  user: userName
    .optional()
    .describe(`Name for basic authentication, with ${secret} as its password; without it that secret is ${otherwise}.`),
  tenant: tenantName.optional().describe("Tenant, which is sent as X-Scope-OrgID."),
  ca: z
    .enum(["public", "company"])
    .default("public")
    .describe("Whose certificate an https:// address shows: a public authority's, or one of network.ca."),
});

export const external = z
  .strictObject({
    metrics: z
      .strictObject({
        queryUrl: url.describe(
          "Where it answers PromQL: what /api/v1/query is added to, such as https://mimir.example.com/prometheus.",
        ),
        writeUrl: httpAddress
          .optional()
          .describe(
            "Where it takes remote write, such as https://mimir.example.com/api/v1/push; without it nothing of this environment gets there.",
          ),
        evaluatesRules: z
          .boolean()
          .default(false)
          .describe(
            "Whether somebody there reads our PrometheusRules out of the cluster and evaluates them, such as Mimir by Alloy's mimir.rules.kubernetes.",
          ),
        scrapedFrom: dnsLabel
          .optional()
          .describe(
            "Namespace of a Prometheus of this cluster that scrapes what monitors here name, for the store: it is let in, and dashboards and rules of what is scraped are shipped. It has to select the monitors (components/external/README.md).",
          ),
        retention: prometheusDuration
          .optional()
          .describe(
            "How long samples are kept there, where it is known: objectives (slos) that look back further are warned of.",
          ),
        ...access("externalMetricsSecret"),
      })
      .optional()
      .describe("A store that speaks Prometheus' API, for metrics: external."),
    logs: z
      .strictObject({
        type: z.enum(["loki", "victoriaLogs", "elasticsearch"]).default("loki").describe("What it is."),
        url: url.describe(
          "Its address: what /loki/api/v1 is added to, of VictoriaLogs /insert and /select, of Elasticsearch /_search.",
        ),
        otlpUrl: url
          .optional()
          .describe(
            "Where it takes OTLP over HTTP: what /v1/logs is added to. Its own, <url>/otlp, <url>/insert/opentelemetry or <url>/_otlp, when absent.",
          ),
        makesLabels: z
          .boolean()
          .default(false)
          .describe(
            "Whether a Loki makes labels of what a collector sends, as docs/external-loki.md says: for logAgent: collector and kubernetesEvents.",
          ),
        ...access("externalLogsSecret", "a bearer token, or an API key of Elasticsearch"),
      })
      .optional()
      .describe("A Loki, a VictoriaLogs or an Elasticsearch, for logs: external."),
    traces: z
      .strictObject({
        otlpUrl: url.describe(
          "Where it takes OTLP: host and port of gRPC, or of HTTP what /v1/traces is added to. http:// is without TLS.",
        ),
        protocol: z.enum(["grpc", "http"]).default("grpc").describe("Which OTLP that is."),
        queryUrl: url.optional().describe("Where Grafana asks it; without it Grafana has no data source of it."),
        queryType: z.enum(["tempo", "jaeger"]).default("tempo").describe("Whose API answers at queryUrl."),
        ...access("externalTracesSecret"),
      })
      .optional()
      .describe("A store that takes OTLP, for traces: external, or external in the list."),
    alerts: z
      .strictObject({
        url: url.describe("Its address: what /api/v2 is added to, such as https://mimir.example.com/alertmanager."),
        ...access("externalAlertsSecret"),
      })
      .optional()
      .describe("An Alertmanager, for alerts: external."),
    dashboards: z
      .strictObject({ url: url.describe("Its address, as browsers reach it: links in alerts and outputs lead there.") })
      .optional()
      .describe("A Grafana, for dashboards: external."),
    gateway: z
      .strictObject({
        httpUrl: url.describe("Where it takes OTLP over HTTP: what /v1/traces is added to."),
        grpcUrl: url
          .refine((value) => /:\d+$/.test(value), { error: "must end with a port" })
          .describe("Where it takes OTLP over gRPC: host and port. http:// is without TLS."),
      })
      .optional()
      .describe("A collector, for gateway: external."),
  })
  .prefault({})
  .describe("Addresses of what is there already, for decisions that say external.");
