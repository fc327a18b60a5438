/** Configurations of collectors: ours, and Jaeger's, which is one too. */
import { dirname } from "node:path";
import { nodeSources } from "../../components/agents/node-sources.ts";
import { canonicalBytes, canonicalCpu } from "../../settings/resources.ts";
import type { Settings } from "../../settings/schema.ts";
import { type Manifest, manifestId } from "../../components/kubernetes/manifest.ts";
import { chartFacts } from "../chart-facts.ts";
import type { CollectorSchemas } from "../collector-schemas.ts";
import { asMap, at, type Finding, textAt } from "../finding.ts";
import { logLabels } from "./fluent-bit.ts";
import { releases, type Rendered } from "../rendered.ts";
import { type Schema, validate } from "../schemas.ts";

const places = ["receivers", "processors", "exporters", "connectors", "extensions"] as const;

const names: Schema = { type: "array", items: { type: "string" }, minItems: 1 };
const strict = (properties: Readonly<Record<string, Schema>>, required = Object.keys(properties)): Schema => ({
  type: "object",
  additionalProperties: false,
  required,
  properties,
});

/**
 * Where a program tells of itself. A reader that is written down has none of the defaults: without these three its counters
 * end in `_total`, and no rule or dashboard would find them.
 */
const ownMetrics: Schema = strict({
  host: { type: "string" },
  port: { type: "integer" },
  without_type_suffix: { const: true },
  without_units: { const: true },
  without_scope_info: { const: true },
});

/** `service` of a configuration (collector, "service", and OpenTelemetry's declarative configuration of readers). */
const serviceSchema = strict(
  {
    extensions: names,
    pipelines: {
      type: "object",
      additionalProperties: strict({ receivers: names, processors: names, exporters: names }),
    },
    telemetry: strict(
      {
        resource: strict({ "service.name": { type: "string" } }),
        metrics: strict({
          level: { enum: ["none", "basic", "normal", "detailed"] },
          readers: {
            type: "array",
            minItems: 1,
            items: strict({
              pull: strict({ exporter: strict({ prometheus: ownMetrics }) }),
            }),
          },
        }),
      },
      [],
    ),
  },
  ["extensions", "pipelines"],
);

const listening: Schema = strict({ endpoint: { type: "string", pattern: "^0\\.0\\.0\\.0:\\d+$" } });

/** Components of Jaeger 2.19 (cmd/jaeger/internal), which ships no schemas. */
const jaegerComponents: Readonly<Record<string, Schema>> = {
  "extensions/healthcheckv2": strict({ use_v2: { const: true }, http: listening }),
  "extensions/jaeger_query": strict({
    storage: strict({ traces: { type: "string" } }),
    http: listening,
    grpc: listening,
  }),
  "extensions/jaeger_storage": strict({
    backends: {
      type: "object",
      additionalProperties: {
        oneOf: [
          strict({ memory: strict({ max_traces: { type: "integer", minimum: 1 } }) }),
          strict({
            badger: strict({
              ephemeral: { type: "boolean" },
              directories: strict({
                keys: { type: "string", pattern: "^/" },
                values: { type: "string", pattern: "^/" },
              }),
              ttl: strict({ spans: { type: "string", pattern: "^\\d+s$" } }),
            }),
          }),
          // internal/storage/elasticsearch/config/config.go of 2.19: what is secret stands in a file.
          strict({
            elasticsearch: {
              ...strict({
                server_urls: {
                  type: "array",
                  items: { type: "string", pattern: "^https?://" },
                  minItems: 1,
                  maxItems: 1,
                },
                auth: strict({
                  basic: strict({ username: { type: "string" }, password_file: { type: "string", pattern: "^/" } }),
                }),
                tls: strict({ ca_file: { type: "string", pattern: "^/" } }),
                indices: strict({
                  index_prefix: { type: "string", pattern: "^[a-z]" },
                  ...Object.fromEntries(
                    ["spans", "services", "dependencies", "sampling"].map((index) => [
                      index,
                      strict({ shards: { const: 1 }, replicas: { enum: [0, 1] } }),
                    ]),
                  ),
                }),
                max_span_age: { type: "string", pattern: "^\\d+s$" },
              }),
              // A server without TLS and a password has neither.
              required: ["server_urls", "indices", "max_span_age"],
            },
          }),
        ],
      },
      minProperties: 1,
    },
  }),
  "exporters/jaeger_storage_exporter": strict({ trace_storage: { type: "string" } }),
};

/** Components of the deployed collector whose modules ship no schema. */
const collectorComponents: Readonly<Record<string, Schema>> = {
  // connector/forwardconnector: nothing can be set.
  "connectors/forward": strict({}),
  // receiver/filelogreceiver: its schema names packages that ship none (pkg/stanza/operator/input/file, pkg/stanza/adapter).
  "receivers/file_log": strict(
    {
      include: names,
      exclude: names,
      start_at: { enum: ["beginning", "end"] },
      include_file_name: { const: false },
      include_file_path: { const: true },
      preserve_leading_whitespaces: { const: true },
      preserve_trailing_whitespaces: { const: true },
      max_log_size: { type: "string" },
      storage: { type: "string" },
      operators: { type: "array", items: { type: "object", required: ["type"] }, minItems: 1 },
    },
    ["include", "start_at", "include_file_name", "storage", "operators"],
  ),
  // receiver/journaldreceiver (pkg/stanza/operator/input/journald/config_all.go).
  "receivers/journald": strict({
    directory: { type: "string", pattern: "^/" },
    start_at: { const: "end" },
    priority: { const: "debug" },
    all: { const: true },
    convert_message_bytes: { const: true },
    storage: { type: "string" },
  }),
  // receiver/k8sobjectsreceiver/config.go, whose module cannot be had.
  "receivers/k8s_objects": strict({
    objects: {
      type: "array",
      items: strict({ name: { type: "string" }, mode: { enum: ["watch"] }, exclude_watch_type: names }),
      minItems: 1,
    },
    include_initial_state: { type: "boolean" },
    storage: { type: "string" },
  }),
  // extension/storage/filestorage/config.go
  "extensions/file_storage": strict({
    directory: { type: "string", pattern: "^/" },
    create_directory: { const: true },
    recreate: { const: true },
    compaction: strict({
      directory: { type: "string", pattern: "^/" },
      on_rebound: { const: true },
      cleanup_on_start: { const: true },
    }),
  }),
};

type Add = (path: string, message: string) => void;

/** What every collector's configuration has to be: components known and right, pipelines made of what is defined. */
function checkConfig(
  config: unknown,
  schemas: CollectorSchemas | undefined,
  own: Readonly<Record<string, Schema>>,
  add: Add,
): void {
  for (const key of Object.keys(asMap(config) ?? {})) {
    if (key !== "service" && !places.some((place) => place === key)) add(key, "is no part of a configuration.");
  }
  for (const { path, message } of validate(serviceSchema, at(config, "service"))) add(`service.${path}`, message);
  for (const place of places) {
    for (const [name, value] of Object.entries(asMap(at(config, place)) ?? {})) {
      const id = `${place}/${name.replace(/\/.*$/, "")}`;
      const schema = own[id] ?? schemas?.component(id);
      if (schema === undefined) {
        if (schemas !== undefined) add(`${place}.${name}`, "is no component that the environment knows.");
        continue;
      }
      for (const { path, message } of validate(schema, value)) add(`${place}.${name}.${path}`, message);
    }
  }
  const used = new Set<string>();
  const pipelines = asMap(at(config, "service", "pipelines")) ?? {};
  const use = (place: string, list: unknown, path: string) => {
    for (const name of Array.isArray(list) ? (list as unknown[]) : []) {
      // A connector is an exporter of one pipeline and a receiver of another.
      const is = (where: string) => String(name) in (asMap(at(config, where)) ?? {});
      const connects = place !== "extensions" && is("connectors");
      used.add(connects ? `connectors/${place}/${String(name)}` : `${place}/${String(name)}`);
      if (!connects && !is(place)) add(path, `${String(name)} is not among the ${place}.`);
    }
  };
  use("extensions", at(config, "service", "extensions"), "service.extensions");
  for (const [name, pipeline] of Object.entries(pipelines)) {
    if (!/^(traces|metrics|logs)(\/.+)?$/.test(name)) add(`service.pipelines.${name}`, "is no kind of telemetry.");
    for (const place of ["receivers", "processors", "exporters"] as const) {
      use(place, at(pipeline, place), `service.pipelines.${name}.${place}`);
    }
  }
  for (const place of places) {
    for (const name of Object.keys(asMap(at(config, place)) ?? {})) {
      const ends =
        place === "connectors"
          ? ["receivers", "exporters"].map((end) => `connectors/${end}/${name}`)
          : [`${place}/${name}`];
      if (!ends.every((end) => used.has(end))) add(`${place}.${name}`, "is defined and not used.");
    }
  }
}

/** Components that have to see all spans of a trace. */
const ofWholeTraces = ["service_graph", "tail_sampling"];

/** Telemetry gets to its stores, in the right order. */
function checkPipelines(config: unknown, settings: Settings, add: Add): void {
  const all = Object.entries(asMap(at(config, "service", "pipelines")) ?? {}).map(([name, pipeline]) => {
    const list = (place: string) => (at(pipeline, place) ?? []) as readonly string[];
    const [receivers, processors, exporters] = [list("receivers"), list("processors"), list("exporters")];
    return { name, kind: name.split("/")[0], receivers, processors, exporters };
  });
  for (const kind of ["traces", "metrics", "logs"] as const) {
    const pipelines = all.filter((one) => one.kind === kind);
    const stored = kind === "metrics" || settings[kind] !== "none";
    const first = pipelines.find(({ receivers }) => receivers.includes("otlp"));
    if (first === undefined) {
      if (stored) add(`service.pipelines.${kind}`, "takes no otlp.");
      continue;
    }
    const path = `service.pipelines.${first.name}`;
    // Before anything is sampled, and where each span comes by once.
    if (kind === "traces" && !first.exporters.includes("span_metrics"))
      add(`${path}.exporters`, "do not count spans as they come in.");
    const wanted = { traces: /^otlp_(grpc|http)\//, metrics: /^prometheus$/, logs: /^otlp_http\// }[kind];
    if (stored !== pipelines.some(({ exporters }) => exporters.some((name) => wanted.test(name))))
      add(`${path}.exporters`, stored ? "lead to no store." : "lead to a store that is not there.");
  }
  if (!all.some(({ kind, receivers }) => kind === "metrics" && receivers.includes("span_metrics")))
    add("service.pipelines.metrics.receivers", "has no span_metrics.");
  for (const { name, receivers, processors, exporters } of all) {
    const path = `service.pipelines.${name}`;
    // The limiter first, so that it refuses before anything is done; the batch last, over what the others left.
    if (processors[0] !== "memory_limiter" && !receivers.includes("forward"))
      add(`${path}.processors`, "do not begin with memory_limiter.");
    // What applications send, as it comes in.
    const secrets = settings.redact.patterns.length + settings.redact.fields.length > 0 && !name.startsWith("metrics");
    if ((secrets && receivers.includes("otlp")) !== (processors[1] === "redaction"))
      add(`${path}.processors`, "do not take out secrets second, or do where none are named.");
    if (processors.at(-1) !== "batch") add(`${path}.processors`, "do not end with batch.");
    // Pods are told by who connects, and of spans from another replica that is the replica.
    if (receivers.includes("otlp") !== processors.includes("k8s_attributes"))
      add(`${path}.processors`, "name pods where nobody connects, or do not where applications do.");
    const whole = [...processors, ...exporters].filter((one) => ofWholeTraces.includes(one));
    if (
      (settings.collector.autoscaling?.maxReplicas ?? settings.collector.replicas) > 1 &&
      whole.length > 0 &&
      receivers.includes("otlp")
    )
      add(path, `${whole.join(" and ")} would see parts of traces: spans of one may come to any replica.`);
  }
}

/** What a collector reads: how its pipeline and its transform end, its receiver, and labels. */
interface Source {
  readonly of: "" | `/${string}`;
  readonly job: string;
  readonly receiver: string;
  readonly labels: readonly string[];
}

/** What labels are in OpenTelemetry's form; the job is the data set. */
const recordLabels: Readonly<Record<string, string>> = Object.fromEntries(
  ["namespace", "pod", "container", "node"].map((label) => [label, `k8s.${label}.name`]),
);

/** Records that a collector reads itself get to every store, by their labels, and wait where they outlive the pod. */
function checkLines(
  object: Manifest,
  schemas: CollectorSchemas | undefined,
  settings: Settings,
  sources: readonly Source[],
  add: Add,
): void {
  const config = at(object, "spec", "config");
  checkConfig(config, schemas, collectorComponents, add);
  const exporters = Object.keys(asMap(at(config, "exporters")) ?? {});
  const stores = [settings.logs].flat();
  if (exporters.length !== stores.length) add("exporters", `are ${exporters.length}, for ${stores.length} log stores.`);
  const secrets = settings.redact.patterns.length + settings.redact.fields.length > 0;
  const isElastic = (store: string) =>
    store === "elasticsearch" || (store === "external" && settings.external.logs?.type === "elasticsearch");
  const ways = (records: boolean) => exporters.filter((_, index) => isElastic(stores[index] ?? "") === records);
  const wantedPipelines = sources
    .flatMap((source) => [
      { ...source, name: `logs${source.of}`, transform: `transform${source.of}`, to: ways(false) },
      {
        ...{ ...source, name: `logs/${source.job}-records`, transform: `transform/${source.job}-records` },
        ...{
          to: ways(true),
          labels: ["data_stream.dataset", ...source.labels.flatMap((label) => recordLabels[label] ?? [])],
        },
      },
    ])
    .filter(({ to }) => to.length > 0);
  const pipelines = Object.keys(asMap(at(config, "service", "pipelines")) ?? {});
  if (pipelines.length !== wantedPipelines.length)
    add("service.pipelines", `are ${pipelines.length}, for ${wantedPipelines.length} that are read.`);
  for (const { name, transform, receiver, labels, to } of wantedPipelines) {
    const wanted = { receivers: [receiver], processors: [...(secrets ? ["redaction"] : []), transform], exporters: to };
    for (const [place, names] of Object.entries(wanted)) {
      const is = (at(config, "service", "pipelines", name, place) ?? []) as readonly string[];
      if (is.join() !== names.join())
        add(`service.pipelines.${name}.${place}`, `are ${is.join()} and not ${names.join()}.`);
    }
    if (textAt(config, "receivers", receiver, "storage") !== "file_storage")
      add(`receivers.${receiver}.storage`, "is not kept.");
    const statements = JSON.stringify(at(config, "processors", transform, "log_statements") ?? []);
    for (const label of labels)
      if (!statements.includes(`resource.attributes[\\"${label}\\"]`))
        add(`processors.${transform}`, `lacks ${label}.`);
    if (name.endsWith("-records") && statements.includes("data_stream.namespace") !== stores.includes("external"))
      add(
        `processors.${transform}`,
        "streams of a store of several clusters end with this one's name, and others do not.",
      );
    if (statements.includes('[\\"cluster\\"]') !== stores.includes("external"))
      add(
        `processors.${transform}`,
        "a store of several clusters has the label cluster, and one of this cluster has not.",
      );
  }
  for (const name of exporters) {
    const exporter = at(config, "exporters", name);
    const endpoint = textAt(exporter, "endpoint") ?? "";
    const server = serverOf(name, endpoint, settings);
    if (server !== undefined) checkServer(name, exporter, server, config, mountOf(object, externalFolder(config)), add);
    else if (!/^http:\/\/[a-z0-9-]+\.[a-z0-9-]+\.svc:\d+\/(otlp|insert\/opentelemetry)$/.test(endpoint))
      add(`exporters.${name}.endpoint`, `is ${endpoint}.`);
    checkQueue(`exporters.${name}`, exporter, add);
  }
  if (textAt(config, "extensions", "health_check", "endpoint") !== "0.0.0.0:13133")
    add("extensions.health_check.endpoint", "is not 0.0.0.0:13133, where the operator's probes ask.");
  checkQuantities(at(object, "spec"), "spec", add);
}

/** Lines of containers: the collector on the nodes. */
function checkLogAgent(object: Manifest, schemas: CollectorSchemas | undefined, settings: Settings): Finding[] {
  const findings: Finding[] = [];
  const add: Add = (path, message) => findings.push({ check: "collector", object: manifestId(object), path, message });
  const config = at(object, "spec", "config");
  const { journal, auditLog } = nodeSources(settings);
  const labels = ["job", "node"];
  const sources: Source[] = [
    { of: "", job: "containers", receiver: "file_log", labels: Object.keys(logLabels) },
    ...(journal === undefined ? [] : [{ of: "/journal", job: "journal", receiver: "journald", labels } as const]),
    ...(auditLog === undefined ? [] : [{ of: "/audit", job: "audit", receiver: "file_log/audit", labels } as const]),
  ];
  checkLines(object, schemas, settings, sources, add);
  // The node's folders: what is read, and what outlives the pod.
  const folders = (at(object, "spec", "volumes") ?? []) as readonly unknown[];
  const mounted = (path: string) => {
    const volume = folders.find((one) => textAt(one, "hostPath", "path") === path);
    const mounts = (at(object, "spec", "volumeMounts") ?? []) as readonly unknown[];
    const mount = mounts.find((one) => textAt(one, "name") === textAt(volume, "name"));
    return volume !== undefined && textAt(mount, "mountPath") === path ? mount : undefined;
  };
  const state = textAt(config, "extensions", "file_storage", "directory") ?? "";
  if (mounted(state) === undefined) add("extensions.file_storage.directory", `${state} does not outlive the pod.`);
  for (const folder of ["/var/log/pods", journal, auditLog && dirname(auditLog)])
    if (folder !== undefined && at(mounted(folder), "readOnly") !== true)
      add("spec.volumeMounts", `have no ${folder} to read.`);
  const { name, namespace = "" } = object.metadata;
  const excluded = (at(config, "receivers", "file_log", "exclude") ?? []) as readonly string[];
  if (!excluded.includes(`/var/log/pods/${namespace}_${name}-collector-*/*/*`))
    add("receivers.file_log.exclude", "lacks its own lines: it would read what it says of them.");
  return findings;
}

/** Kubernetes' events: the one collector that watches them. */
function checkEvents(object: Manifest, schemas: CollectorSchemas | undefined, settings: Settings): Finding[] {
  const findings: Finding[] = [];
  const add: Add = (path, message) => findings.push({ check: "collector", object: manifestId(object), path, message });
  const config = at(object, "spec", "config");
  checkLines(
    object,
    schemas,
    settings,
    [{ of: "", job: "events", receiver: "k8s_objects", labels: ["job", "namespace"] }],
    add,
  );
  const state = textAt(config, "extensions", "file_storage", "directory");
  const mounts = (at(object, "spec", "volumeMounts") ?? []) as readonly unknown[];
  const mount = mounts.find((one) => textAt(one, "mountPath") === state);
  const claims = (at(object, "spec", "volumeClaimTemplates") ?? []) as readonly unknown[];
  if (!claims.some((claim) => textAt(claim, "metadata", "name") === textAt(mount, "name")))
    add("extensions.file_storage.directory", `${state ?? "?"} does not outlive the pod.`);
  return findings;
}

/** Findings about the environment's collector. */
function checkCollector(object: Manifest, schemas: CollectorSchemas | undefined, settings: Settings): Finding[] {
  const findings: Finding[] = [];
  const add: Add = (path, message) => findings.push({ check: "collector", object: manifestId(object), path, message });
  const config = at(object, "spec", "config");
  checkConfig(config, schemas, collectorComponents, add);

  checkPipelines(config, settings, add);
  for (const [name, exporter] of Object.entries(asMap(at(config, "exporters")) ?? {})) {
    // It sends to replicas of its own.
    if (name === "load_balancing") continue;
    const endpoint = textAt(exporter, "endpoint") ?? "";
    const server = serverOf(name, endpoint, settings);
    if (server !== undefined) {
      checkServer(name, exporter, server, config, mountOf(object, externalFolder(config)), add);
      continue;
    }
    const form = name.startsWith("otlp_grpc")
      ? /^[a-z0-9-]+\.[a-z0-9-]+\.svc:\d+$/
      : name.startsWith("otlp_http")
        ? // Loki's and VictoriaLogs'.
          /^http:\/\/[a-z0-9-]+\.[a-z0-9-]+\.svc:\d+\/(otlp|insert\/opentelemetry)$/
        : name.startsWith("prometheusremotewrite") && settings.scraper === "none"
          ? // Nobody scrapes: it writes to the store itself.
            /^http:\/\/[a-z0-9-]+\.[a-z0-9-]+\.svc:\d+\/.+\/write$/
          : /^0\.0\.0\.0:8889$/;
    if (!form.test(endpoint)) add(`exporters.${name}.endpoint`, `is ${endpoint}, and has to be like ${String(form)}.`);
    // Inside the cluster there is no TLS; gRPC has to be told, and HTTP is by its scheme.
    if (name.startsWith("otlp_grpc") && at(exporter, "tls", "insecure") !== true)
      add(`exporters.${name}.tls.insecure`, "is not true.");
  }
  if (at(config, "exporters", "prometheus", "enable_open_metrics") !== true) {
    add("exporters.prometheus.enable_open_metrics", "is not true: no exemplars.");
  }
  if (at(config, "exporters", "prometheus", "resource_to_telemetry_conversion", "enabled") !== true) {
    add("exporters.prometheus.resource_to_telemetry_conversion", "is off: metrics would not say whose they are.");
  }
  for (const protocol of ["grpc", "http"]) {
    const endpoint = textAt(config, "receivers", "otlp", "protocols", protocol, "endpoint") ?? "";
    const port = { grpc: "4317", http: "4318" }[protocol];
    if (endpoint !== `0.0.0.0:${port ?? ""}`) add(`receivers.otlp.protocols.${protocol}.endpoint`, `is ${endpoint}.`);
  }
  if (textAt(config, "extensions", "health_check", "endpoint") !== "0.0.0.0:13133") {
    add("extensions.health_check.endpoint", "is not 0.0.0.0:13133, where the operator's probes ask.");
  }
  checkQuantities(at(object, "spec"), "spec", add);
  checkQueues(object, config, add);
  checkAttributes(config, add);
  const spans = at(config, "connectors", "span_metrics");
  if (at(spans, "exemplars", "enabled") !== true)
    add("connectors.span_metrics.exemplars.enabled", "is not true: no metric would lead to a trace.");
  if (textAt(spans, "histogram", "unit") !== "s") add("connectors.span_metrics.histogram.unit", "is not s.");
  const excluded = ((at(spans, "exclude_dimensions") ?? []) as readonly string[]).includes("collector.instance.id");
  const written = Object.keys(asMap(at(config, "exporters")) ?? {}).some((name) => name.startsWith("prometheusremote"));
  if (excluded === written)
    add(
      "connectors.span_metrics.exclude_dimensions",
      written ? "lacks what tells series of replicas apart." : "keeps an id that changes with each restart.",
    );
  return findings;
}

interface Server {
  readonly url: string;
  readonly user?: string | undefined;
  readonly tenant?: string | undefined;
  readonly ca: "public" | "company";
}

/** The server that an exporter sends to, where that is there already: the settings name its address. */
const elasticsearch: Server = {
  url: "https://elasticsearch-es-http.monitoring.svc:9200/_otlp",
  user: "gateway",
  ca: "company",
};

function serverOf(name: string, endpoint: string, { external }: Settings): Server | undefined {
  const { metrics, logs, traces } = external;
  // Of ours, and asked as a server of others is: by TLS, as a user.
  if (name.startsWith("otlp_http/logs") && endpoint === elasticsearch.url) return elasticsearch;
  const servers = {
    prometheusremotewrite: metrics?.writeUrl === undefined ? undefined : { ...metrics, url: metrics.writeUrl },
    "otlp_http/logs":
      logs === undefined
        ? undefined
        : {
            ...logs,
            url:
              logs.otlpUrl ??
              `${logs.url}/${{ loki: "otlp", victoriaLogs: "insert/opentelemetry", elasticsearch: "_otlp" }[logs.type]}`,
          },
    "otlp_http/traces": traces?.protocol === "http" ? { ...traces, url: traces.otlpUrl } : undefined,
    "otlp_grpc/traces": traces?.protocol === "grpc" ? { ...traces, url: traces.otlpUrl } : undefined,
  };
  const server = Object.entries(servers).find(([kind]) => name.startsWith(kind))?.[1];
  if (server === undefined) return undefined;
  return endpoint === (name.startsWith("otlp_grpc") ? new URL(server.url).host : server.url) ? server : undefined;
}

/** Folder in which extensions and exporters look for what servers want. */
function externalFolder(config: unknown): string | undefined {
  return /"(?:filename|password_file|ca_file)":"([^"]+)\/[^"/]+"/.exec(JSON.stringify(config))?.[1];
}

function mountOf(object: Manifest, folder: string | undefined): unknown {
  const mounts = (at(object, "spec", "volumeMounts") ?? []) as readonly unknown[];
  return folder === undefined ? undefined : mounts.find((mount) => textAt(mount, "mountPath") === folder);
}

/** How a server is asked: as the settings say, and with nothing secret in the configuration. */
function checkServer(name: string, exporter: unknown, server: Server, config: unknown, mount: unknown, add: Add): void {
  const path = `exporters.${name}`;
  const tls = server.url.startsWith("https:");
  const grpc = name.startsWith("otlp_grpc");
  const insecure = grpc && !tls ? true : undefined;
  if (at(exporter, "tls", "insecure") !== insecure) add(`${path}.tls.insecure`, `is not ${String(insecure)}.`);
  const files: string[] = [];
  const ca = textAt(exporter, "tls", "ca_file");
  if ((ca !== undefined) !== (tls && server.ca === "company")) add(`${path}.tls.ca_file`, "is not what settings say.");
  if (ca !== undefined) files.push(ca);
  const headers = (at(exporter, "headers") ?? []) as readonly unknown[];
  const tenant = headers.find((header) => textAt(header, "name") === "X-Scope-OrgID");
  if (textAt(tenant, "value") !== server.tenant) add(`${path}.headers`, "name another tenant.");
  if (name.startsWith("prometheusremotewrite") && textAt(exporter, "external_labels", "cluster") === undefined)
    add(`${path}.external_labels`, "do not say of which cluster.");
  const authenticator = textAt(exporter, "auth", "authenticator");
  if (tls && authenticator === undefined) add(`${path}.auth`, "is missing.");
  if (authenticator !== undefined) {
    const extension = at(config, "extensions", authenticator);
    const used = (at(config, "service", "extensions") ?? []) as readonly string[];
    if (!used.includes(authenticator)) add(`${path}.auth`, `${authenticator} is no extension.`);
    if (textAt(extension, "client_auth", "username") !== server.user) add(`${path}.auth`, "is another user's.");
    // Elasticsearch is shown a key of its API, no token.
    const scheme = server.url.endsWith("/_otlp") && server.user === undefined ? "ApiKey" : undefined;
    if (textAt(extension, "scheme") !== scheme)
      add(`${path}.auth`, `is by ${textAt(extension, "scheme") ?? "Bearer"}.`);
    files.push(textAt(extension, "filename") ?? textAt(extension, "client_auth", "password_file") ?? "?");
  }
  for (const file of files)
    if (!file.startsWith(`${textAt(mount, "mountPath") ?? "?"}/`)) add(path, `${file} is mounted from nowhere.`);
}

/** The operator's webhook writes quantities anew in their canonical form: any other is a change at every `up`. */
function checkQuantities(tree: unknown, path: string, add: Add): void {
  for (const [key, value] of Object.entries(asMap(tree) ?? (Array.isArray(tree) ? tree : {}))) {
    const forms: Readonly<Record<string, (text: string) => string>> = {
      cpu: canonicalCpu,
      memory: canonicalBytes,
      sizeLimit: canonicalBytes,
    };
    const form = forms[key];
    if (typeof value === "string" && form !== undefined && form(value) !== value)
      add(`${path}.${key}`, `is ${value}, which the operator turns into ${form(value)}.`);
    else if (typeof value === "object") checkQuantities(value, `${path}.${key}`, add);
  }
}

/** Bytes of an amount such as `1Gi`; undefined for anything else. */
function bytesOf(amount: string | undefined): number | undefined {
  const [, number, unit] = /^(\d+)(Mi|Gi)$/.exec(amount ?? "") ?? [];
  return number === undefined ? undefined : Number(number) * (unit === "Gi" ? 2 ** 30 : 2 ** 20);
}

/** What waits is bounded by its bytes alone, and no part of it is too large. @returns how many bytes may wait */
function checkQueue(path: string, exporter: unknown, add: Add): number {
  if (at(exporter, "retry_on_failure", "max_elapsed_time") !== "0s")
    add(`${path}.retry_on_failure.max_elapsed_time`, "is not 0s: an outage loses what the queue has room for.");
  const queue = at(exporter, "sending_queue");
  if (at(queue, "storage") !== "file_storage") add(`${path}.sending_queue.storage`, "is not file_storage.");
  const size = at(queue, "queue_size");
  const bounded = at(queue, "sizer") === "bytes" && typeof size === "number";
  if (!bounded) add(`${path}.sending_queue`, "is not bounded in bytes.");
  const batch = at(queue, "batch");
  const most = at(batch, "max_size");
  // What a gRPC server takes by default, Jaeger's too, is 4 MiB; a batch may be a little more than its limit.
  if (at(batch, "sizer") !== "bytes" || typeof most !== "number" || most < 2 ** 20 || most > 3.5 * 2 ** 20)
    add(`${path}.sending_queue.batch`, "may be larger than a store takes, and would be tried for ever.");
  // More would wait in memory for company.
  if (at(batch, "min_size") !== 0) add(`${path}.sending_queue.batch.min_size`, "is not 0.");
  return bounded ? size : 0;
}

/** Data that cannot be sent waits in a bounded queue on the pod's disk for as long as it takes. */
function checkQueues(object: Manifest, config: unknown, add: Add): void {
  const folder = textAt(config, "extensions", "file_storage", "directory");
  if (textAt(config, "extensions", "file_storage", "compaction", "directory") !== folder)
    add("extensions.file_storage.compaction.directory", "is another: compaction would leave the volume.");
  const mounts = (at(object, "spec", "volumeMounts") ?? []) as readonly unknown[];
  const mount = mounts.find((candidate) => textAt(candidate, "mountPath") === folder);
  const volumes = (at(object, "spec", "volumes") ?? []) as readonly unknown[];
  const volume = volumes.find(
    (candidate) => textAt(candidate, "name") === textAt(mount, "name") && mount !== undefined,
  );
  const external = mountOf(object, externalFolder(config));
  for (const [index, other] of mounts.entries())
    if (other !== mount && other !== external) add(`spec.volumeMounts.${index}`, "nothing is kept there.");
  const room = bytesOf(textAt(volume, "emptyDir", "sizeLimit"));
  if (room === undefined) add("extensions.file_storage.directory", `${folder ?? "?"} is no volume with a limit.`);

  let wanted = 0;
  for (const [name, exporter] of Object.entries(asMap(at(config, "exporters")) ?? {})) {
    if (!/^(otlp_|load_balancing)/.test(name)) continue;
    const path = `exporters.${name}`;
    wanted += checkQueue(path, exporter, add);
    if (name === "load_balancing" && at(exporter, "retry_on_failure", "enabled") !== true)
      add(`${path}.retry_on_failure`, "is off: what a replica does not take at once is dropped.");
  }
  if (room !== undefined && (wanted > room / 2 || (wanted > 0 && wanted < room / 8)))
    add("spec.volumes", `have ${room} bytes for queues of ${wanted}: twice as much and not eight times.`);
}

/** What every signal has to carry: the links between stores go by these. */
const attributes = ["namespace.name", "pod.name", "pod.uid", "deployment.name", "node.name", "container.name"];

function checkAttributes(config: unknown, add: Add): void {
  const processor = at(config, "processors", "k8s_attributes");
  const metadata = (at(processor, "extract", "metadata") ?? []) as readonly string[];
  const known = attributes.map((name) => `k8s.${name}`);
  for (const name of known)
    if (!metadata.includes(name)) add("processors.k8s_attributes.extract.metadata", `lacks ${name}.`);
  for (const name of metadata)
    if (!known.includes(name)) add("processors.k8s_attributes.extract.metadata", `${name} is not known.`);
  // A pod is told by its uid (the operator sets it), else by its address, else by who connects.
  const ways = ((at(processor, "pod_association") ?? []) as readonly unknown[]).map((way) =>
    ((at(way, "sources") ?? []) as readonly unknown[])
      .map((source) => `${textAt(source, "from") ?? "?"} ${textAt(source, "name") ?? ""}`.trim())
      .join(" and "),
  );
  const wanted = ["resource_attribute k8s.pod.uid", "resource_attribute k8s.pod.ip", "connection"];
  if (ways.join() !== wanted.join())
    add("processors.k8s_attributes.pod_association", `is ${ways.join(", ")} and not ${wanted.join(", ")}.`);
}

/** Findings about Jaeger's configuration. */
function checkJaeger(name: string, config: unknown, schemas: CollectorSchemas | undefined): Finding[] {
  const findings: Finding[] = [];
  const add: Add = (path, message) =>
    findings.push({ check: "collector", object: `HelmRelease ${name}`, path: `userconfig.${path}`, message });
  checkConfig(config, schemas, jaegerComponents, add);
  const backends = Object.keys(asMap(at(config, "extensions", "jaeger_storage", "backends")) ?? {});
  for (const path of [
    ["extensions", "jaeger_query", "storage", "traces"],
    ["exporters", "jaeger_storage_exporter", "trace_storage"],
  ]) {
    const backend = textAt(config, ...path);
    if (backend === undefined || !backends.includes(backend))
      add(path.join("."), `${backend ?? "nothing"} is no backend (${backends.join(", ")}).`);
  }
  const pipeline = at(config, "service", "pipelines", "traces");
  const wanted = { receivers: "otlp", processors: "batch", exporters: "jaeger_storage_exporter" };
  for (const [place, component] of Object.entries(wanted)) {
    if (((at(pipeline, place) ?? []) as readonly string[]).join() !== component)
      add(`service.pipelines.traces.${place}`, `is not ${component}.`);
  }
  // Ports that the chart's pod has, its probes ask, and its Service and ours lead to.
  const ports: readonly [string, ...string[]][] = [
    ["16686", "extensions", "jaeger_query", "http", "endpoint"],
    ["16685", "extensions", "jaeger_query", "grpc", "endpoint"],
    ["13133", "extensions", "healthcheckv2", "http", "endpoint"],
    ["4317", "receivers", "otlp", "protocols", "grpc", "endpoint"],
    ["4318", "receivers", "otlp", "protocols", "http", "endpoint"],
  ];
  const pods = chartFacts()[name]?.pods.flatMap((pod) => pod.ports.map(({ port }) => String(port))) ?? [];
  for (const [port, ...path] of ports) {
    if (textAt(config, ...path) !== `0.0.0.0:${port}`) add(path.join("."), `is not 0.0.0.0:${port}.`);
    if (!pods.includes(port)) add(path.join("."), `the chart's pod has no port ${port}.`);
  }
  const reader = at(config, "service", "telemetry", "metrics", "readers", 0, "pull", "exporter", "prometheus");
  if (at(reader, "port") !== 8888 || at(reader, "host") !== "0.0.0.0") {
    add("service.telemetry.metrics", "is not read on 0.0.0.0:8888, where the Service's port internal-metrics leads.");
  }
  return findings;
}

/** Who judges a collector, by its mode. */
const judges: Readonly<Record<string, typeof checkCollector>> = { daemonset: checkLogAgent, statefulset: checkEvents };

/**
 * Findings about every collector's configuration.
 *
 * @param schemas of the components; without them their own keys are not looked at
 */
export function checkCollectors({ declared, settings }: Rendered, schemas: CollectorSchemas | undefined): Finding[] {
  return [
    ...declared
      .filter(({ kind }) => kind === "OpenTelemetryCollector")
      .flatMap((object) => (judges[textAt(object, "spec", "mode") ?? ""] ?? checkCollector)(object, schemas, settings)),
    ...releases(declared)
      .filter(({ chart }) => chart?.name === "jaeger")
      .flatMap(({ name, values }) => checkJaeger(name, values["userconfig"], schemas)),
  ];
}
