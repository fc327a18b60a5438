/** How a collector sends records that it reads itself to log stores: with labels and fields of any agent (lines.ts). */
import { isRemote, type LogStore, type Place } from "../capabilities.ts";
import type { Known } from "../remote.ts";
import { authenticators, exporters, fileStorage, type Named, otlp, queueAndRetry } from "./exporters.ts";
import { levelWords, recordFields } from "./lines.ts";
import { isRedacted, type Redaction, redactionProcessor } from "./redaction.ts";

/** What is read. */
export interface Source {
  /** Label `job` of its records. */
  readonly job: string;
  readonly receiver: Readonly<Record<string, object>>;
  /** Makes the record's body a map of its fields (pkg/ottl 0.158). @default it is one */
  readonly shape?: readonly string[];
  /** Its other labels, each as OTTL says its value. */
  readonly labels: Readonly<Record<string, string>>;
  /** The same of what a record in OpenTelemetry's form says beside them of where it is from. @default nothing */
  readonly resource?: Readonly<Record<string, string>>;
}

/** Where records go. */
export const targets = (stores: readonly Named<LogStore>[]): Place[] => stores.map(({ offer }) => offer.otlp.place);

/** These attributes of the resource, and no others. */
const attributes = (all: Readonly<Record<string, string>>) => [
  ...Object.entries(all).map(([name, value]) => `set(resource.attributes["${name}"], ${value})`),
  `keep_keys(resource.attributes, [${Object.keys(all)
    .map((name) => `"${name}"`)
    .join(", ")}])`,
];

/** Labels of the stream, and nothing else that a store would keep beside the fields. */
function labelling({ job, labels, shape = [] }: Source, cluster: string | undefined) {
  const all = { job: `"${job}"`, ...labels, ...(cluster === undefined ? {} : { cluster: `"${cluster}"` }) };
  return {
    // What cannot be done to one record is no reason to lose it.
    error_mode: "ignore",
    log_statements: [...attributes(all), ...shape],
  };
}

/** What a label is called where records are kept as OpenTelemetry has them. */
const attributeOf: Readonly<Record<string, string>> = {
  namespace: "k8s.namespace.name",
  pod: "k8s.pod.name",
  container: "k8s.container.name",
  node: "k8s.node.name",
};

const field = (name: string) => `log.attributes["${name}"]`;

/** What the first of some fields has that is as it is to be is put elsewhere, and taken out of the fields. */
function taken(kind: keyof typeof recordFields, to: string, fits: (value: string) => string): string[] {
  const found = `log.cache["${kind}"]`;
  return [
    ...recordFields[kind].map(
      (name) => `set(${found}, "${name}") where ${found} == nil and ${field(name)} != nil and ${fits(field(name))}`,
    ),
    `set(${to}, String(log.attributes[${found}])) where ${found} != nil`,
    `delete_key(log.attributes, ${found}) where ${found} != nil`,
  ];
}

const scalar = (value: string) => `not IsMap(${value}) and not IsList(${value})`;
/** An id of another form is a field like others. `$` begins a variable. */
const hexadecimal = (digits: number) => (value: string) =>
  `${scalar(value)} and IsMatch(String(${value}), "^[0-9A-Fa-f]{${digits}}$$")`;

/** Attributes by which Elasticsearch lets a record say what becomes of it (x-pack/plugin/otel-data 9.5, `isIgnoredAttribute`): no line may. */
const routing = String.raw`^(data_stream|elasticsearch|elastic)\\.`;

/**
 * The same as a record in OpenTelemetry's form, in a data stream of its own (Elastic's documentation, "Data stream routing"): its message is the
 * body, its level the severity, and other fields are attributes, as Elasticsearch is told to make them of what Fluent Bit sends
 * (components/logs/elasticsearch/setup.ts).
 */
function recording({ job, labels, resource = {}, shape = [] }: Source, cluster: string | undefined) {
  const all = {
    "data_stream.dataset": `"${job}"`,
    ...Object.fromEntries(Object.entries(labels).map(([label, value]) => [attributeOf[label] ?? label, value])),
    ...resource,
    ...(cluster === undefined
      ? {}
      : { "data_stream.namespace": `"${cluster.toLowerCase()}"`, cluster: `"${cluster}"` }),
  };
  return {
    error_mode: "ignore",
    log_statements: [
      ...attributes(all),
      ...shape,
      "set(log.attributes, log.body)",
      `delete_matching_keys(log.attributes, "${routing}")`,
      'set(log.body, "")',
      ...taken("text", "log.body", scalar),
      ...taken("level", "log.severity_text", scalar),
      ...taken("trace", "log.trace_id.string", hexadecimal(32)),
      ...taken("span", "log.span_id.string", hexadecimal(16)),
      `set(log.severity_text, ExtractPatterns(ToLowerCase(log.body), "(?P<level>${levelWords.join("|")}|$$)")["level"]) where log.severity_text == ""`,
    ],
  };
}

/**
 * Messages of stores that do not keep a collector's records by their labels.
 *
 * @param path the setting that chooses the collector
 * @param instead what to set in its place
 */
export const withoutLabels = (stores: readonly Named<LogStore>[], path: string, choice: string, instead: string) =>
  stores.flatMap(({ key, offer: { title, otlpLines } }) =>
    otlpLines.as === "unlabelled"
      ? [
          {
            path,
            message: `is ${choice}, and nothing makes ${title} (${key}) keep its lines by their labels. ${otlpLines.remedy}, or set ${instead}.`,
          },
        ]
      : [],
  );

/**
 * A pipeline for each source, each to all stores. No batch processor: a record is in the queue on disk before its receiver goes on. No memory
 * limiter either: what it refused would be lost.
 *
 * @param queueSize bytes of what waits for each store
 * @param folder with positions and queues
 */
export function linePipelines(
  sources: readonly Source[],
  stores: readonly Named<LogStore>[],
  queueSize: number,
  folder: string,
  known: Known & { readonly redact: Redaction },
) {
  const authenticating = authenticators(targets(stores), known);
  const redacted = isRedacted(known.redact);
  // A store that is there already may have lines of several clusters.
  const cluster = stores.some(({ offer }) => isRemote(offer.otlp.place)) ? known.name : undefined;
  const sent = exporters("logs", stores, ({ otlp: target, otlpLines }) => {
    const headers = otlpLines.as === "labelled" ? otlpLines.headers : {};
    const { kind, config } = otlp({ ...target, headers: { ...target.headers, ...headers } }, known);
    // In the order in which they came: several at a time would overtake each other after an outage.
    const queue = { queue_size: queueSize, num_consumers: 1 };
    return {
      kind,
      config: { ...config, ...queueAndRetry, sending_queue: { ...queueAndRetry.sending_queue, ...queue } },
    };
  });
  // The first is what the program is there for.
  const named = (kind: string, index: number) => (index === 0 ? kind : `${kind}/${sources[index]?.job ?? ""}`);
  const keys = Object.keys(sent);
  const into = (records: boolean) =>
    keys.filter((_, index) => (stores[index]?.offer.otlpLines.as === "records") === records);
  const pipelines = sources
    .flatMap((source, index) => [
      { source, name: named("logs", index), transform: named("transform", index), make: labelling, to: into(false) },
      {
        ...{ source, name: `logs/${source.job}-records`, transform: `transform/${source.job}-records` },
        ...{ make: recording, to: into(true) },
      },
    ])
    .filter(({ to }) => to.length > 0);
  return {
    receivers: Object.assign({}, ...sources.map(({ receiver }) => receiver)) as Source["receiver"],
    processors: {
      ...(redacted ? { redaction: redactionProcessor(known.redact) } : {}),
      ...Object.fromEntries(pipelines.map(({ transform, make, source }) => [transform, make(source, cluster)])),
    },
    exporters: sent,
    extensions: {
      health_check: { endpoint: "0.0.0.0:13133" },
      file_storage: fileStorage(folder),
      ...authenticating,
    },
    service: {
      extensions: ["health_check", "file_storage", ...Object.keys(authenticating)],
      pipelines: Object.fromEntries(
        pipelines.map(({ name, source: { receiver }, transform, to }) => [
          name,
          {
            receivers: Object.keys(receiver),
            processors: [...(redacted ? ["redaction"] : []), transform],
            exporters: to,
          },
        ]),
      ),
    },
  };
}
