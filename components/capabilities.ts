/**
 * What one component offers another: named for the capability, not for the product that provides it. Components know these
 * and never each other; what each offers is plain data.
 */
import type { SecretName } from "../settings/secrets.ts";
import type { ContainerResources } from "../settings/resources.ts";
import type { Extra, SecretObject } from "./component.ts";
import type { SavedObject } from "./kibana.ts";
import type { Known } from "./remote.ts";

/** A service in the cluster. */
export interface Endpoint {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  /** Path under which it is served, without a slash at its end; empty at the root. */
  readonly path: string;
  /** How it wants to be asked, by TLS. @default without TLS, and it wants nothing */
  readonly access?: Access;
}

/** A server that is there already, somewhere: where it is, and how it wants to be asked. */
export interface Remote {
  /** Without a slash at its end. */
  readonly url: string;
  readonly access: Access;
}

/** How a server wants to be asked. */
export interface Access {
  /** What readers name after it what they keep for it: the decision that it is the answer to, or its own name. */
  readonly of: string;
  /**
   * The secret that it is sent: the password of `user`, or a bearer token where no user is named. One of the stack file once it is set, or one
   * that the environment makes. @default none
   */
  readonly secret?: SecretName | { readonly shared: string };
  readonly user?: string | undefined;
  /** What stands before the secret where no user is named. @default "Bearer" */
  readonly scheme?: "ApiKey";
  /** Sent as `X-Scope-OrgID`, by which Loki, Mimir, Tempo and Cortex know tenants. */
  readonly tenant?: string | undefined;
  /** Whose certificate it shows: one of the public authorities', or one of `network.ca` or of one of the environment's own, which alone is trusted then. */
  readonly ca: "public" | "company" | { readonly authority: string };
}

/** A service of the cluster, or a server that is there already. */
export type Place = Endpoint | Remote;

export function isRemote(place: Place): place is Remote {
  return "url" in place;
}

/** Takes OTLP. */
export interface OtlpTarget {
  readonly protocol: "grpc" | "http";
  /** Of gRPC host and port, of HTTP what an exporter adds `/v1/<signal>` to. */
  readonly place: Place;
  /** Sent along. @default none */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Host and port of an endpoint inside the cluster. */
export function address(endpoint: Endpoint): string {
  return `${endpoint.service}.${endpoint.namespace}.svc:${endpoint.port}`;
}

/** URL as pods of the cluster reach it. */
export function clusterUrl(place: Place): string {
  if (isRemote(place)) return place.url;
  return `${place.access === undefined ? "http" : "https"}://${address(place)}${place.path}`;
}

/** A place that wants to be asked in a way of its own; undefined where anybody may ask. */
export function asRemote(place: Place): Remote | undefined {
  if (isRemote(place)) return place;
  return place.access === undefined ? undefined : { url: clusterUrl(place), access: place.access };
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

/** What says that the first store of a capability is asked in a language, for which stands Grafana's type of its data source. */
export const askedIn = (capability: keyof typeof dataSourceUid, type: string): string => `${capability}.${type}`;

/** A user interface for browsers: the pods behind it and the port of those pods. */
export interface UserInterface {
  readonly selector: Readonly<Record<string, string>>;
  readonly podPort: number;
  /** Without a slash at its end. @default that of the endpoint */
  readonly path?: string;
}

/** A data source of Grafana, without its UID and address, which follow from who offers it. */
export interface DataSource {
  readonly name: string;
  /** Grafana's type. */
  readonly type: string;
  /** The plugin that knows this type, as Grafana's setting `preinstall` names it. @default Grafana's image has it */
  readonly plugin?: string;
  readonly jsonData: Readonly<Record<string, unknown>>;
}

/** UIDs of the data sources that links may lead to; undefined where there is none. */
export interface Linked extends Readonly<Partial<Record<keyof typeof dataSourceUid, string>>> {
  /** As the store of logs says it (`LogStore`). */
  readonly linesOfTrace?: string;
}

/**
 * How the probe finds what it sent: `<traceId>`, `<service>`, `<metric>` and `<timestamp>` stand for its own. It is there when
 * the JSON of the answer has a list that is not empty under these keys.
 */
export interface Lookup {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly found: readonly string[];
  /** What else may be wrong where it is not there, beside that nothing arrives: the end of a sentence. @default nothing */
  readonly otherwise?: string;
}

interface Store {
  /** Where it is asked. */
  readonly endpoint: Place;
  /** For messages to people. */
  readonly title: string;
  readonly ui?: UserInterface;
  /** @default the environment cannot tell whether something has arrived */
  readonly lookup?: Lookup;
  /** Given the data sources that links may lead to. @default nobody looks into it here */
  readonly dataSource?: (linked: Linked) => DataSource;
  /** @default not known here */
  readonly keeps?: Keeps;
}

/** How long a store keeps what it has, and where. */
export interface Keeps {
  /** Settings that say how long; the first of what is as it arrived. `0d` is for ever. None: as much as there is room for. */
  readonly retention: readonly { readonly setting: string; readonly is: string }[];
  /** As long as its pods live; on claims, which stay when it goes; or in a bucket of the environment's object storage. */
  readonly on: "pod" | "volume" | { readonly bucket: string };
  /** Setting that gives it volumes, where it has none. */
  readonly volumes?: string;
  /** Another form is another store, which begins empty. */
  readonly form?: string;
  /** Release with the pods that write to a bucket: others find there what these have written, and not what they still hold. @default one */
  readonly pods?: string;
  /** What is to be said when its pods are to be those of another release. */
  readonly others?: string;
}

/** Keeps samples and answers PromQL. */
export type MetricsStore = Store;

/** Scrapes, and sends on what it scraped. */
export interface Scraping {
  /** Whose queues servers of `remoteWrite` have, which are measured by metrics of their own. */
  readonly by: "prometheus" | "vmagent";
}

/** Evaluates rules. */
export interface RuleEvaluator {
  /** Of the samples that it asks, where those are its own. @default the store of metrics' */
  readonly keeps?: Keeps;
  /** Where what rules record is asked, by Thanos' Store API. @default the store of metrics has it */
  readonly recorded?: Endpoint;
}

/** Takes remote write. */
export interface MetricsReceiver {
  /** With the path to which samples are sent. */
  readonly place: Place;
}

/** A key of a Secret in the namespace `monitoring`. */
export interface SecretRef {
  readonly name: string;
  readonly key: string;
}

/** A rule of a relabelling, in the words of the Prometheus Operator (`RelabelConfig`), which VictoriaMetrics' operator reads, too. */
export interface Relabeling {
  readonly action?: string;
  readonly sourceLabels?: readonly string[];
  readonly separator?: string;
  readonly regex?: string;
  readonly modulus?: number;
  readonly targetLabel?: string;
  readonly replacement?: string;
}

/** A server that is sent every sample, by Prometheus' remote write. */
export interface RemoteWriteTarget {
  /** Unique; names its queue in metrics and logs. */
  readonly name: string;
  readonly url: string;
  /** As Prometheus writes it. */
  readonly timeout: string;
  readonly protocol: "1.0" | "2.0";
  readonly exemplars: boolean;
  readonly nativeHistograms: boolean;
  /** No secrets: those of tenants among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** A bearer token where there is no user. @default it wants nothing */
  readonly login?: { readonly user?: SecretRef; readonly secret: SecretRef };
  /** Whose certificates alone are trusted. @default the public authorities' */
  readonly ca?: SecretRef;
  readonly relabelings: readonly Relabeling[];
  readonly queue: {
    /** Samples that wait in each shard. */
    readonly capacity: number;
    readonly minShards: number;
    readonly maxShards: number;
    readonly maxSamplesPerSend: number;
    /** As Prometheus writes it. */
    readonly batchSendDeadline: string;
    /** Age of samples that are not sent any more. @default any are */
    readonly sampleAgeLimit?: string;
  };
}

/** Keeps log lines. */
export interface LogStore extends Store {
  /** Where and how log agents write. */
  readonly push: LokiPush | BulkPush | HttpPush;
  /**
   * Path, below the address of `push`, that takes a line of JSON for each record, with its labels among the fields and its time in `@timestamp`.
   * @default it takes none
   */
  readonly jsonLines?: string;
  readonly otlp: OtlpTarget;
  /** What becomes of a log agent's lines (components/agents/lines.ts) that come by OTLP. */
  readonly otlpLines: LabelledLines | RecordedLines | UnlabelledLines;
  /**
   * Asks for every line of a trace, whichever way it came; the id is `$${__trace.traceId}`, because Grafana's provisioning reads `$$`
   * as `$`. No braces as of Go templates: the chart passes data sources through Helm's template engine.
   */
  readonly linesOfTrace: string;
  /** Who logs in to its interface, and the password's name (`SecretText`). @default nobody is asked */
  readonly login?: { readonly user: string; readonly password: string; readonly at: Endpoint };
}

/** By their labels, as those that are pushed: a body that is a map becomes fields. */
export interface LabelledLines {
  readonly as: "labelled";
  /** Sent along, beside what records of applications need. */
  readonly headers: Readonly<Record<string, string>>;
}

/** As OpenTelemetry has records: a text, a severity, attributes. */
export interface RecordedLines {
  readonly as: "records";
}

/** Nothing makes it have their labels. */
export interface UnlabelledLines {
  readonly as: "unlabelled";
  /** What people do about it, as a sentence without its end. */
  readonly remedy: string;
}

/** Takes pushes as Loki does. */
export interface LokiPush {
  readonly as: "loki";
  readonly place: Place;
  /** Below its address. */
  readonly path: string;
}

/** Takes records as a list of JSON, each with its time in `@timestamp`. */
export interface HttpPush {
  readonly as: "http";
  readonly place: Endpoint;
  /** Who takes them, for messages to people, and what to set so that nobody does. */
  readonly title: string;
  readonly off: string;
  /** Where all goes that is no line of a container. */
  readonly others: BulkPush;
}

/** Where log agents connect to. */
export const pushPlaces = (push: LogStore["push"]): Place[] => [
  push.place,
  ...(push.as === "http" ? [push.others.place] : []),
];

/** Takes bulk requests as Elasticsearch does. */
export interface BulkPush {
  readonly as: "elasticsearch";
  readonly place: Place;
  /** The data stream. */
  readonly stream: string;
  /** The ingest pipeline that makes of an agent's record what is kept. */
  readonly pipeline: string;
}

/** Speaks Elasticsearch's API, and keeps indices of others. */
export interface Elasticsearch {
  /** Where one of its users asks it (`ElasticUser`). */
  readonly asked: (user: string) => Place;
  /** Copies of a shard beside the first. */
  readonly replicas: 0 | 1;
}

/** Data streams of somebody's in Elasticsearch, and what people find of them in Kibana. */
export interface ElasticStream {
  /** Ends the names of its lifecycle policy and its template. */
  readonly name: string;
  /** What the streams' names fit. */
  readonly pattern: string;
  readonly retention: { readonly setting: string; readonly is: string };
  readonly settings: object;
  readonly mappings: object;
  readonly savedObjects: readonly SavedObject[];
}

/** A user of Elasticsearch, and what it may do there. */
export interface ElasticUser {
  readonly name: string;
  /** Privileges on the cluster. */
  readonly cluster: readonly string[];
  readonly indices: readonly { readonly names: readonly string[]; readonly privileges: readonly string[] }[];
  /** Privileges of Kibana. @default none */
  readonly applications?: readonly {
    readonly application: "kibana-.kibana";
    readonly privileges: readonly string[];
    readonly resources: readonly string[];
  }[];
}

/** Keeps traces. */
export interface TraceStore extends Store {
  readonly otlp: OtlpTarget;
}

/** Takes alerts and tells people. */
export interface AlertRouter {
  readonly endpoint: Place;
  /** A Service whose name has the address of each replica: they are all to be told. @default `endpoint` is all there is */
  readonly replicas?: Endpoint & { readonly portName: string };
  readonly ui?: UserInterface;
  readonly dataSource: (linked: Linked) => DataSource;
}

/** Shows dashboards. */
export interface Dashboards {
  readonly endpoint: Place;
  readonly ui?: UserInterface;
  /** Its administrator, and the key of the generated password (`Generated`). @default who may log in is not ours to say */
  readonly login?: { readonly user: string; readonly password: string };
}

/** Takes OTLP from applications. */
export interface TelemetryGateway {
  readonly otlpGrpc: Place;
  readonly otlpHttp: Place;
  /** Where it takes what older clients send by TCP, by the protocol. @default nowhere */
  readonly older?: Readonly<Record<string, Place>>;
  /** It counts spans (`traces_span_metrics_*`): durations up to which it does. @default it counts none, or nobody knows */
  readonly spanBounds?: readonly string[];
}

/** What is injected into applications. */
export interface Injection {
  /** Share of new traces that instrumented pods keep, from 0 to 1. */
  readonly samplingRatio: number;
  /** Whether Go programs are instrumented: by a privileged sidecar. */
  readonly go: boolean;
}

/** Keys of a Secret with credentials for S3: the variables from which every SDK of AWS, and others after them, read these. */
export const s3Variables = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] as const;

/** Keeps buckets and speaks S3's API. */
export interface ObjectStorage {
  /** Where, with its scheme and without a path. */
  readonly url: string;
  readonly region: string;
  /** Whether a bucket is named in the path, not in the host. */
  readonly pathStyle: boolean;
  /**
   * Name of the Secret in namespace `monitoring` with the credentials for a bucket, by `s3Variables`. Pods get them as variables:
   * in a file of YAML a character of theirs could mean something. @default pods have an identity of their own
   */
  readonly credentials?: (bucket: string) => string;
  /** Annotations of the ServiceAccount of whoever uses a bucket, which give its pods that identity. */
  readonly serviceAccount: Readonly<Record<string, string>>;
  /** Whether it goes with the environment, and with it what it has. @default it is there already */
  readonly own?: true;
  /** Where the CA of its certificate is, in namespace `monitoring`. @default it is a public one */
  readonly ca?: { readonly secret: string; readonly key: string };
}

/** A workload of the environment that is scaled on requests of its own. */
export interface ScaledWorkload {
  readonly namespace: string;
  /** Name of its Deployment. */
  readonly deployment: string;
  /** Counts requests, in each of its pods. */
  readonly counter: "http_requests_total";
  /** Label `job` of its series. */
  readonly job: string;
  /** Requests per second that each pod is to have, on average. */
  readonly perPod: number;
  /** Replicas at least, from 1. */
  readonly min: number;
  /** Replicas at most. */
  readonly max: number;
}

/** Scales workloads on a metric. */
export interface Autoscaling {
  /** What scales one, in its own namespace. @param store of the metrics, as it is asked */
  readonly scale: (
    workload: ScaledWorkload,
    store: Place,
    known: Known,
  ) => { readonly secrets: readonly SecretObject[]; readonly objects: readonly Extra[] };
}

/** Where blocks of samples are uploaded to. */
export interface Blocks {
  readonly bucket: string;
  /** The Secret with Thanos' configuration of that bucket, without credentials: another configuration has another name. */
  readonly config: (storage: ObjectStorage) => { readonly name: string; readonly key: string };
  /** What a sidecar that uploads asks for. */
  readonly sidecar: ContainerResources;
}

/** Capabilities, and what is known of each. `true` where there is nothing to know but that it is there. */
export interface Offers {
  readonly metrics: MetricsStore;
  /** Takes samples that others scrape, or make themselves, into the store of metrics. */
  readonly metricsReceiver: MetricsReceiver;
  /** Scrapes what monitors name, into the store of metrics. */
  readonly scraping: Scraping;
  /** Rules that every sample goes through when it is scraped, by whoever scrapes. */
  readonly metricFilters: readonly Relabeling[];
  /** Servers that are sent what is scraped, by whoever scrapes. */
  readonly remoteWrite: readonly RemoteWriteTarget[];
  /** The Secrets that those servers' queues are made with. */
  readonly remoteWriteSecrets: true;
  /** Evaluates PrometheusRules. */
  readonly rules: RuleEvaluator;
  readonly logs: LogStore;
  readonly traces: TraceStore;
  readonly alerts: AlertRouter;
  readonly dashboards: Dashboards;
  /** Reads logs on every node. */
  readonly logAgent: true;
  /** The nodes' journals are read. */
  readonly journal: true;
  /** The API server's audit log is read. */
  readonly auditLog: true;
  /** Measures nodes and the cluster. */
  readonly exporters: true;
  readonly gateway: TelemetryGateway;
  readonly injection: Injection;
  /** Tells what pods use (`metrics.k8s.io`), on which the cluster's own autoscalers work. */
  readonly resourceMetrics: true;
  /** Sends spans of programs that it sees from outside to the gateway; from nodes' addresses or from pods'. */
  readonly kernelSpans: { readonly fromNodes: boolean };
  /** Issues certificates for webhooks. */
  readonly certificates: true;
  /** Definitions of ServiceMonitor, PodMonitor, PrometheusRule and the like. */
  readonly monitors: true;
  /** Makes Prometheus and Alertmanager out of their objects. */
  readonly prometheusOperator: true;
  /** Makes VictoriaMetrics' programs out of their objects, and objects of its own kinds out of monitors and rules. */
  readonly victoriaMetricsOperator: true;
  /** Makes Elasticsearch, Kibana, Logstash and Beats out of their objects. */
  readonly elasticOperator: true;
  readonly elasticsearch: Elasticsearch;
  /** Elasticsearch of the environment's own, which is told of others' users and streams. */
  readonly elasticStack: Elasticsearch;
  /** Elasticsearch is measured. */
  readonly elasticMetrics: true;
  /** Who asks Elasticsearch: each has a user of its own there. */
  readonly elasticUsers: readonly ElasticUser[];
  /** Who keeps documents of another kind than log lines there. */
  readonly elasticStreams: readonly ElasticStream[];
  /** Makes collectors and injects instrumentation: definitions and a webhook that answers. */
  readonly collectors: true;
  readonly objectStorage: ObjectStorage;
  /** Names of buckets that it keeps something in. */
  readonly buckets: readonly string[];
  /** A sidecar of it uploads blocks, and answers for those that it has not uploaded yet. */
  readonly thanosSidecar: true;
  readonly blocks: Blocks;
  readonly demo: true;
  /** Names of what it looks at from outside: the label `check` of `probe_success{job="checks"}`. */
  readonly checks: readonly string[];
  readonly autoscaling: Autoscaling;
}

export type Capability = keyof Offers;
