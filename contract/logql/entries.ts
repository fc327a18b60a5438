/**
 * Log entries as Loki keeps them, of what is pushed to it: which labels make the stream, what becomes structured metadata,
 * the service's name and the level that Loki finds by itself. By the documentation of Loki 3.7 ("Ingesting logs to Loki using
 * OpenTelemetry Collector", "Labels"; the defaults of `otlp_config`, `discover_service_name` and `discover_log_levels`).
 */
export type Labels = Readonly<Record<string, string>>;

export interface Entry {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The labels that a selector sees. */
  readonly stream: Labels;
  /** Structured metadata: a pipeline's filters see it, a selector does not. */
  readonly metadata: Labels;
  readonly line: string;
}

/** An entry in a pipeline. */
export interface Row {
  readonly time: number;
  readonly line: string;
  readonly labels: Labels;
}

/** Resource attributes that Loki makes labels of the stream by default. */
export const indexedAttributes = [
  "cloud.availability_zone",
  "cloud.region",
  "container.name",
  "deployment.environment",
  "deployment.environment.name",
  "k8s.cluster.name",
  "k8s.container.name",
  "k8s.cronjob.name",
  "k8s.daemonset.name",
  "k8s.deployment.name",
  "k8s.job.name",
  "k8s.namespace.name",
  "k8s.pod.name",
  "k8s.replicaset.name",
  "k8s.statefulset.name",
  "service.instance.id",
  "service.name",
  "service.namespace",
] as const;

/** How Loki calls an attribute. */
export const labelOf = (attribute: string): string => attribute.replaceAll(/\W/g, "_");

/** Labels of a stream that give it the name of a service, the first that is there. */
const serviceLabels = [
  "service_name",
  "service",
  "app",
  "application",
  "app_name",
  "name",
  "app_kubernetes_io_name",
  "container",
  "container_name",
  "k8s_container_name",
  "component",
  "workload",
  "job",
  "k8s_job_name",
] as const;

const levels: readonly (readonly [level: string, names: RegExp])[] = [
  ["trace", /^(?:trace|trc)$/i],
  ["debug", /^(?:debug|dbg)$/i],
  ["info", /^(?:info|inf|information|informational)$/i],
  ["warn", /^(?:warn|wrn|warning)$/i],
  ["error", /^(?:error|err)$/i],
  ["critical", /^critical$/i],
  ["fatal", /^fatal$/i],
];

const levelField = /^(?:level|log\.level|lvl|severity|severity_?text)$/i;

/** A level as a word of its own. */
const levelWord = /(?<=^|[\s[({"=])(?:trace|debug|fatal|critical|error|err|warning|warn|info)(?=$|[\s[\](){}:,!"=])/i;

const levelNamed = (name: unknown) => levels.find(([, names]) => names.test(String(name)))?.[0];

/** Fields of a line that is JSON, or logfmt. */
function fieldsOf(line: string): readonly (readonly [string, unknown])[] {
  if (!line.startsWith("{"))
    return [...line.matchAll(/(?:^|\s)([\w.]+)="?(\w+)/g)].map(([, key = "", value]) => [key, value]);
  try {
    return Object.entries(JSON.parse(line) as object);
  } catch {
    return [];
  }
}

/** The level that Loki finds in a line: of a field that is called so, else of the first word that is one. */
function levelOf(line: string): string {
  const field = fieldsOf(line).find(([key]) => levelField.test(key))?.[1];
  return levelNamed(field) ?? levelNamed(levelWord.exec(line)?.[0]) ?? "unknown";
}

function entry(time: number, line: string, stream: Labels, metadata: Labels): Entry {
  const service = serviceLabels.map((label) => stream[label]).find((value) => value !== undefined && value !== "");
  const severity = levelNamed(metadata["severity_text"]);
  return {
    time,
    line,
    stream: { ...stream, service_name: service ?? "unknown_service" },
    metadata: { ...metadata, detected_level: severity ?? levelOf(line) },
  };
}

/** The body of a push by Loki's own protocol, in JSON. */
export interface PushBody {
  readonly streams: readonly {
    readonly stream: Labels;
    /** Nanoseconds since 1970, and the line. */
    readonly values: readonly (readonly [time: string, line: string])[];
  }[];
}

const milliseconds = (nanoseconds: string) => Number(nanoseconds.slice(0, -6));

/** Entries of a push. */
export function pushed({ streams }: PushBody): Entry[] {
  return streams.flatMap(({ stream, values }) =>
    values.map(([time, line]) => entry(milliseconds(time), line, stream, {})),
  );
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string };
}

/** The body of an OTLP request for log records, in JSON. */
export interface OtlpBody {
  readonly resourceLogs: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeLogs: readonly {
      readonly logRecords: readonly {
        readonly timeUnixNano: string;
        readonly severityText: string;
        readonly body: { readonly stringValue: string };
        readonly traceId: string;
        readonly spanId: string;
        readonly attributes?: readonly Attribute[];
      }[];
    }[];
  }[];
}

const isIndexed = (attribute: string) => (indexedAttributes as readonly string[]).includes(attribute);

function labelled(attributes: readonly (readonly [string, string])[]): Labels {
  return Object.fromEntries(attributes.map(([name, value]) => [labelOf(name), value]));
}

/** Entries of an OTLP request. */
export function received({ resourceLogs }: OtlpBody): Entry[] {
  return resourceLogs.flatMap(({ resource, scopeLogs }) => {
    const texts = (list: readonly Attribute[]) => list.map(({ key, value }) => [key, value.stringValue ?? ""] as const);
    const attributes = texts(resource.attributes);
    const stream = labelled(attributes.filter(([name]) => isIndexed(name)));
    const rest = labelled(attributes.filter(([name]) => !isIndexed(name)));
    return scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map(({ timeUnixNano, severityText, body, traceId, spanId, attributes: own = [] }) =>
        entry(milliseconds(timeUnixNano), body.stringValue, stream, {
          ...rest,
          ...labelled(texts(own)),
          severity_text: severityText,
          trace_id: traceId,
          span_id: spanId,
        }),
      ),
    );
  });
}

/** A row of VictoriaLogs' answer: a field for the line, its time and stream, and one for each label and attribute. */
export type StoredRow = Readonly<Record<string, string>>;

/** What Loki would keep of what VictoriaLogs has been sent, which gives attributes the names that they came with. */
export function stored({ _msg: line = "", _time: time = "", _stream: stream = "", ...fields }: StoredRow): Entry {
  const streamed = [...stream.matchAll(/([^{,=]+)="(?:[^"\\]|\\.)*"/g)].map(([, name = ""]) => name);
  const all = Object.entries(fields).filter(([name]) => !name.startsWith("_"));
  // A dot is in the name of an attribute; labels of a push have none.
  const labels = all.filter(([name]) => streamed.includes(name) && (!name.includes(".") || isIndexed(name)));
  const rest = all.filter((field) => !labels.includes(field));
  return entry(Date.parse(time), line, labelled(labels), labelled(rest));
}
