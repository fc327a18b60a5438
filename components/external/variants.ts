const open = {
  metrics: {
    queryUrl: "http://prometheus.example.com:9090",
    writeUrl: "http://prometheus.example.com:9090/api/v1/write",
  },
  logs: { url: "http://loki.example.com:3100", otlpUrl: "http://otlp.example.com/loki" },
  traces: { otlpUrl: "http://tempo.example.com:4317", queryUrl: "http://tempo.example.com:3200" },
  alerts: { url: "http://alertmanager.example.com:9093" },
  dashboards: { url: "https://grafana.example.com" },
};

/** Behind TLS and a secret: `contract/combinations.ts` sets those of every https:// address. */
const guarded = {
  metrics: {
    queryUrl: "https://mimir.example.com/prometheus",
    writeUrl: "https://mimir.example.com/api/v1/push",
    tenant: "platform",
  },
  logs: { url: "https://logs.example.com/base", user: "platform", tenant: "team-a", ca: "company" },
  traces: {
    ...{ otlpUrl: "https://traces.example.com", protocol: "http", user: "platform", ca: "company" },
    ...{ queryUrl: "https://traces.example.com/jaeger", queryType: "jaeger" },
  },
  alerts: { url: "https://mimir.example.com/alertmanager", user: "platform", tenant: "platform", ca: "company" },
} as const;

const network = { ca: "company.pem" };
const gateway = { httpUrl: "https://otlp.example.com:4318", grpcUrl: "https://otlp.example.com:4317" };

export const variants = {
  "without TLS": {
    external: open,
    ...{ metrics: "external", logs: "external", traces: "external", alerts: "external", dashboards: "external" },
  },
  "behind TLS and secrets": {
    external: guarded,
    ...{ metrics: "external", logs: "external", traces: ["jaeger", "external"], alerts: "external", network },
  },
};

/** Each decision by itself, over the defaults. */
export const alone = {
  metrics: { metrics: "external", external: { metrics: { queryUrl: open.metrics.queryUrl } } },
  "metrics, scraped by a neighbour": {
    metrics: "external",
    external: { metrics: { queryUrl: open.metrics.queryUrl, scrapedFrom: "central-monitoring", evaluatesRules: true } },
  },
  "metrics, written": { metrics: "external", external: { metrics: guarded.metrics } },
  logs: { logs: "external", external: { logs: guarded.logs }, network },
  "logs of a Loki that makes labels": {
    ...{ logs: ["external", "elasticsearch"], logAgent: "collector", kubernetesEvents: { enabled: true }, network },
    external: { logs: { ...guarded.logs, makesLabels: true } },
  },
  "logs of VictoriaLogs": {
    logs: ["external", "loki"],
    external: { logs: { type: "victoriaLogs", url: "https://lines.example.com", user: "platform", ca: "company" } },
    network,
  },
  "logs of Elasticsearch, and traces": {
    logs: "external",
    external: {
      logs: { type: "elasticsearch", url: "https://search.example.com/es", user: "platform", ca: "company" },
    },
    jaeger: { storage: { type: "elasticsearch" } },
    network,
  },
  "logs of Elasticsearch by an API key": {
    logs: "external",
    external: { logs: { type: "elasticsearch", url: "https://search.example.com:9243" } },
  },
  "logs of a token": { logs: "external", external: { logs: { url: guarded.logs.url } } },
  "traces, not shown": { traces: "external", external: { traces: { otlpUrl: "https://traces.example.com:4317" } } },
  "traces beside Jaeger": { traces: ["jaeger", "external"], external: { traces: guarded.traces }, network },
  alerts: { alerts: "external", external: { alerts: guarded.alerts }, network },
  "alerts of a token": { alerts: "external", external: { alerts: { url: guarded.alerts.url } } },
  dashboards: { dashboards: "external", external: { dashboards: open.dashboards } },
  gateway: { gateway: "external", external: { gateway } },
};
