/**
 * What one component offers another: named for the capability, not for the product that provides it. Components know these
 * and never each other; what each offers is plain data.
 */

/** A service in the cluster. */
export interface Endpoint {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  /** Path under which it is served, without a slash at its end; empty at the root. */
  readonly path: string;
}

/** Host and port of an endpoint inside the cluster. */
export function address(endpoint: Endpoint): string {
  return `${endpoint.service}.${endpoint.namespace}.svc:${endpoint.port}`;
}

/** URL of an endpoint inside the cluster. */
export function clusterUrl(endpoint: Endpoint): string {
  return `http://${address(endpoint)}${endpoint.path}`;
}

/**
 * Capabilities that people look into. Each has one UID of Grafana's data sources, one key of the output `serviceUrls` and, on
 * Kind, one port of the host (`cluster.kind.ports`).
 */
export type Viewed = "dashboards" | "metrics" | "alerts" | "logs" | "traces";

/** UIDs of Grafana's data sources. They are fixed: dashboards, links and people's bookmarks carry them. */
export const dataSourceUid = {
  metrics: "metrics",
  alerts: "alerts",
  logs: "logs",
  traces: "traces",
} as const satisfies Partial<Record<Viewed, string>>;

/** A user interface for browsers: the pods behind it and the port of those pods. */
export interface UserInterface {
  readonly selector: Readonly<Record<string, string>>;
  readonly podPort: number;
}

/** A data source of Grafana, without its UID and address, which follow from who offers it. */
export interface DataSource {
  readonly name: string;
  /** Grafana's type. */
  readonly type: string;
  readonly jsonData: Readonly<Record<string, unknown>>;
}

/** UIDs of the data sources that links may lead to; undefined where there is none. */
export type Linked = Readonly<Partial<Record<keyof typeof dataSourceUid, string>>>;

/**
 * How the probe finds what it sent: `<traceId>`, `<service>`, `<metric>` and `<timestamp>` stand for its own. It is there when
 * the JSON of the answer has a list that is not empty under these keys.
 */
export interface Lookup {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly found: readonly string[];
}

interface Store {
  readonly endpoint: Endpoint;
  /** For messages to people. */
  readonly title: string;
  readonly ui?: UserInterface;
  readonly lookup: Lookup;
  /** Given the data sources that links may lead to. */
  readonly dataSource: (linked: Linked) => DataSource;
}

/** Keeps samples and answers PromQL. */
export type MetricsStore = Store;

/** Keeps log lines. */
export interface LogStore extends Store {
  /** Path of Loki's push API, for log agents. */
  readonly pushPath: string;
  /** URL that takes OTLP over HTTP; an exporter adds `/v1/logs`. */
  readonly otlpUrl: string;
}

/** Keeps traces. */
export interface TraceStore extends Store {
  /** Host and port that take OTLP over gRPC. */
  readonly otlpAddress: string;
}

/** Takes alerts and tells people. */
export interface AlertRouter {
  readonly endpoint: Endpoint;
  readonly ui?: UserInterface;
  readonly dataSource: (linked: Linked) => DataSource;
}

/** Shows dashboards. */
export interface Dashboards {
  readonly endpoint: Endpoint;
  readonly ui: UserInterface;
  /** Name of its administrator. */
  readonly user: string;
  /** Key of the generated password (`Generated`). */
  readonly password: string;
}

/** Takes OTLP from applications. */
export interface TelemetryGateway {
  readonly otlpGrpc: Endpoint;
  readonly otlpHttp: Endpoint;
}

/** What is injected into applications. */
export interface Injection {
  /** Share of new traces that instrumented pods keep, from 0 to 1. */
  readonly samplingRatio: number;
  /** Whether Go programs are instrumented: by a privileged sidecar. */
  readonly go: boolean;
}

/** Capabilities, and what is known of each. `true` where there is nothing to know but that it is there. */
export interface Offers {
  readonly metrics: MetricsStore;
  readonly logs: LogStore;
  readonly traces: TraceStore;
  readonly alerts: AlertRouter;
  readonly dashboards: Dashboards;
  /** Reads logs on every node. */
  readonly logAgent: true;
  /** Measures nodes and the cluster. */
  readonly exporters: true;
  readonly gateway: TelemetryGateway;
  readonly injection: Injection;
  /** Issues certificates for webhooks. */
  readonly certificates: true;
  /** Definitions of ServiceMonitor, PodMonitor, PrometheusRule and the like. */
  readonly monitors: true;
  /** Makes Prometheus and Alertmanager out of their objects. */
  readonly prometheusOperator: true;
  /** Makes collectors and injects instrumentation: definitions and a webhook that answers. */
  readonly collectors: true;
  readonly demo: true;
}

export type Capability = keyof Offers;
