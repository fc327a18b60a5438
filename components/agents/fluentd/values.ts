import type { z } from "zod";
import { byteCount } from "../../../settings/formats.ts";
import { containerResources } from "../../../settings/resources.ts";
import {
  type Access,
  asRemote,
  type BulkPush,
  clusterUrl,
  isRemote,
  type LogStore,
  type Place,
  pushPlaces,
} from "../../capabilities.ts";
import { hardened } from "../../kubernetes/hardened.ts";
import { authenticates, caKey, caOf, type Known, remotes, secretKey, secretOf, tenantHeader } from "../../remote.ts";
import type { Named } from "../exporters.ts";
import { auditJob, journalJob, lineJob } from "../lines.ts";
import { auditFiles, nodeFolders, type NodeSources, podLogs } from "../node-sources.ts";
import type { Redaction } from "../redaction.ts";
import { scripts } from "./records.ts";
import type { fluentd } from "./settings.ts";

/** Folder of the node, and of the pod, with positions in files and with what waits: it outlives the pod. */
export const stateFolder = "/var/lib/observability/fluentd";
const externalFolder = "/etc/fluentd-external";
/** Where the chart mounts `fileConfigs`, and the one that Fluentd begins with. */
const configFolder = "/etc/fluent/config.d";
const main = "main";

/** The part of the values of fluentd 0.6.0 that the environment sets. */
export interface FluentdValues {
  /** Of the images that its version has the one with Elasticsearch's client of version 9. */
  readonly variant: "elasticsearch9";
  readonly rbac: { readonly create: false };
  readonly podSecurityPolicy: { readonly enabled: false };
  readonly serviceAccount: { readonly create: false; readonly name: string };
  readonly dashboards: { readonly enabled: "" };
  readonly metrics: { readonly serviceMonitor: { readonly enabled: true } };
  readonly mountVarLogDirectory: false;
  readonly mountDockerContainersDirectory: false;
  readonly resources: ReturnType<typeof containerResources>;
  readonly securityContext: typeof hardened & { readonly runAsUser: 0 };
  readonly tolerations: readonly { readonly operator: "Exists" }[];
  readonly env: readonly ({ readonly name: string } & (
    | { readonly value: string }
    | {
        readonly valueFrom:
          | { readonly secretKeyRef: { readonly name: string; readonly key: string } }
          | { readonly fieldRef: { readonly fieldPath: "spec.nodeName" } };
      }
  ))[];
  readonly volumes: readonly ({ readonly name: string } & (
    | { readonly hostPath: { readonly path: string; readonly type?: "Directory" | "DirectoryOrCreate" } }
    | { readonly secret: { readonly secretName: string; readonly items: readonly { key: string; path: string }[] } }
    | { readonly emptyDir: object }
  ))[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: true }[];
  /** Those of the chart, whole, and the scripts. */
  readonly fileConfigs: Readonly<
    Record<
      | typeof main
      | "01_sources.conf"
      | "02_filters.conf"
      | "03_dispatch.conf"
      | "04_outputs.conf"
      | keyof ReturnType<typeof scripts>,
      string
    >
  >;
}

/** A value that is written as it stands. */
interface Raw {
  readonly raw: string;
}
type Value = string | number | boolean | Raw;

/** Fluentd's own syntax: between double quotes `\` escapes any sign, and `#` may begin an expression of Ruby. */
function written(value: Value): string {
  if (typeof value === "object") return value.raw;
  const text = String(value);
  return /^[\w.@/:*-]+$/.test(text) ? text : `"${text.replaceAll(/["\\#]/g, String.raw`\$&`)}"`;
}

/** A map of JSON, with `#` as JSON can write it. */
const json = (value: Readonly<Record<string, string>> | readonly (string | number)[]): Raw => ({
  raw: JSON.stringify(value).replaceAll("#", String.raw`\u0023`),
});

/** A section of Fluentd's configuration, with sections in it. */
function section(heading: string, params: Readonly<Record<string, Value>>, inner: readonly string[] = []): string {
  const [name = ""] = heading.split(" ");
  const lines = [
    ...Object.entries(params).map(([key, value]) => `${key} ${written(value)}`),
    ...inner.flatMap((text) => text.split("\n")),
  ];
  return [`<${heading}>`, ...lines.map((line) => `  ${line}`), `</${name}>`].join("\n");
}

/** In paths of files it looks for times, such as %Y. */
const literalPath = (path: string) => path.replaceAll("%", "%%");

/** Lines of files, by what they are. */
const tail = (job: typeof lineJob | typeof auditJob, params: Readonly<Record<string, Value>>) =>
  section(
    "source",
    {
      ...{ "@type": "tail", "@id": job, "@label": "@RECORDS", tag: job, ...params },
      pos_file: `${stateFolder}/${job}.pos`,
      read_from_head: true,
      // What is moved aside is the same file: it is read to its end, and not again.
      follow_inodes: true,
      // By its new name at once: while the old one were waited for, lines would come twice (lib/fluent/plugin/in_tail.rb 1.19.3, update_watcher).
      rotate_wait: 0,
      // Seconds until a file is found. Not before Fluentd has started: with a full buffer it would not get there, nor stop when it is told to.
      refresh_interval: 5,
      skip_refresh_on_startup: true,
      path_key: "path",
    },
    [section("parse", { "@type": "none" })],
  );

/** What is read. @param own begins the names of its own pods */
function sources(
  { journal, auditLog }: NodeSources,
  own: { readonly namespace: string; readonly pods: string },
): string {
  return [
    // Without the last it would write its configuration to its log, secrets and all.
    section("system", { log_level: "info", root_dir: stateFolder, suppress_config_dump: true }),
    section("source", { "@type": "prometheus", bind: "0.0.0.0", port: 24231 }),
    section("source", { "@type": "prometheus_output_monitor" }),
    tail(lineJob, {
      path: `${podLogs}/*/*/*.log,${podLogs}/*/*/*.log.*`,
      // What is packed; and not its own, in which each line that a store refuses would be another.
      exclude_path: json([
        `${podLogs}/*/*/*.gz`,
        `${podLogs}/*/*/*.tmp`,
        `${podLogs}/${own.namespace}_${own.pods}*/*/*`,
      ]),
    }),
    ...(journal === undefined
      ? []
      : [
          section(
            "source",
            {
              ...{ "@type": "systemd", "@id": journalJob, "@label": "@RECORDS", tag: journalJob },
              ...{ path: journal, read_from_head: false },
            },
            [section("storage", { "@type": "local", persistent: true, path: `${stateFolder}/${journalJob}.json` })],
          ),
        ]),
    // A policy may have bodies written, too.
    ...(auditLog === undefined
      ? []
      : [tail(auditJob, { path: literalPath(auditFiles(auditLog)), max_line_size: "4m" })]),
  ].join("\n");
}

/** Names of labels are words. */
const storeLabel = (key: string) => `@${key.replaceAll(/\W/g, "_").toUpperCase()}`;

const filters = (stores: readonly Named<LogStore>[]): string =>
  section("label @RECORDS", {}, [
    section("filter **", { "@type": "observability" }),
    section(
      "match **",
      { "@type": "copy", "@id": "stores", copy_mode: "shallow" },
      stores.map(({ key }) =>
        section("store", { "@type": "relabel", "@id": `to_${key.toLowerCase()}`, "@label": storeLabel(key) }),
      ),
    ),
  ]);

/**
 * What is thrown away: Fluentd says so in its own log alone. No label @ERROR, where such records could be counted: it takes what a full buffer
 * does not when Fluentd is told to stop, and its input would keep the position behind that (lib/fluent/root_agent.rb 1.19.3, handle_emits_error).
 */
const dropped = section("label @FLUENT_LOG", {}, [
  section("filter fluent.warn", { "@type": "grep" }, [
    section("regexp", { key: "message", pattern: { raw: "/dump an error event|disable_chunk_backup is true/" } }),
  ]),
  section("match fluent.warn", { "@type": "prometheus", "@id": "dropped" }, [
    section("metric", {
      ...{ name: "fluentd_dropped_total", type: "counter" },
      desc: "Records that a store refused for good, and chunks at which a plug-in failed.",
    }),
  ]),
  section("match **", { "@type": "null", "@id": "own_log" }),
]);

const secretVariable = ({ of }: Access) => `${of.toUpperCase()}_SECRET`;

/** What a server wants beside the request. A secret's signs are made those of JSON when Fluentd reads its variable. */
function headers(place: Place, known: Known): Readonly<Record<string, Raw>> {
  const access = asRemote(place)?.access;
  if (access === undefined) return {};
  const secret = `ENV['${secretVariable(access)}']`;
  const sent = {
    ...(access.tenant === undefined
      ? {}
      : { [tenantHeader]: JSON.stringify(access.tenant).replaceAll("#", String.raw`\u0023`) }),
    ...(!authenticates(access, known)
      ? {}
      : {
          Authorization:
            access.user === undefined
              ? `"${access.scheme ?? "Bearer"} #{${secret}.to_json[1..-2]}"`
              : `"Basic #{['${Buffer.from(`${access.user}:`).toString("base64")}'.unpack1('m').concat(${secret}.b)].pack('m0')}"`,
        }),
  };
  const entries = Object.entries(sent).map(([name, value]) => `${JSON.stringify(name)}: ${value}`);
  return entries.length === 0 ? {} : { headers: { raw: `{${entries.join(", ")}}` } };
}

/** What waits, in the order in which it came, without an end; nothing is thrown away for want of room. @param keys what a chunk has in common */
const buffer = (name: string, size: number, keys = "") =>
  section(keys === "" ? "buffer" : `buffer ${keys}`, {
    "@type": "file",
    path: `${stateFolder}/buffer/${name}`,
    total_limit_size: size,
    // What a store is sent at once: less than the 100 MB of Elasticsearch, or what a proxy in front of one may take.
    chunk_limit_size: "2m",
    overflow_action: "block",
    flush_mode: "interval",
    flush_interval: "1s",
    flush_thread_count: 1,
    flush_at_shutdown: false,
    retry_forever: true,
    retry_max_interval: "60s",
    // A chunk at which a plug-in itself fails would be kept for nobody.
    disable_chunk_backup: true,
  });

/** Sends a line of JSON for each record, or a list of them. */
function http(
  name: string,
  place: Place,
  path: string,
  size: number,
  known: Known,
  params: Readonly<Record<string, Value>>,
): string {
  const remote = asRemote(place);
  return section(
    "match **",
    {
      ...{ "@type": "http", "@id": name, endpoint: `${clusterUrl(place).replace(/\/$/, "")}${path}`, ...params },
      ...headers(place, known),
      ...(remote === undefined || caOf(remote, known) === undefined
        ? {}
        : { tls_ca_cert_path: `${externalFolder}/${caKey(remote.access)}` }),
      open_timeout: 10,
      read_timeout: 60,
      // Whatever the answer, but for one of success: the others would be the end of the chunk.
      retryable_response_codes: json(Array.from({ length: 300 }, (_, index) => 300 + index)),
    },
    [section("format", { "@type": "json" }), buffer(name, size)],
  );
}

/** Adds to data streams, one for each tag, which is the job of what is read. */
function bulk(name: string, { place, stream, pipeline }: BulkPush, size: number, known: Known): string {
  const remote = asRemote(place);
  const { headers: custom } = headers(place, known);
  // A store that is there already may have lines of several clusters.
  const index = isRemote(place) ? stream.replace(/-default$/, `-${known.name.toLowerCase()}`) : stream;
  return section(
    "match **",
    {
      ...{ "@type": "elasticsearch", "@id": name, hosts: clusterUrl(place) },
      ...(custom === undefined ? {} : { custom_headers: custom }),
      ...(remote === undefined || caOf(remote, known) === undefined
        ? {}
        : { ca_file: `${externalFolder}/${caKey(remote.access)}` }),
      index_name: index.replace(/^logs-\w+/, "logs-$${tag}"),
      pipeline,
      // A data stream takes no other operation; without an id the plug-in sends none of that, and says nothing (6.0.0, append_record_to_messages).
      write_operation: "create",
      id_key: "kubernetes.id",
      // Its user may add, and not ask which version it is.
      verify_es_version_at_startup: false,
      default_elasticsearch_version: 9,
      // It would ask for other nodes, and connect to them by their addresses.
      reload_connections: false,
      reload_on_failure: false,
      reconnect_on_error: true,
      request_timeout: "60s",
      // What it has no room for now is tried again; by default such a chunk is thrown away.
      unrecoverable_error_types: json([]),
      log_es_400_reason: true,
    },
    [buffer(name, size, "tag")],
  );
}

/** What sends to a store. */
function output({ key, offer }: Named<LogStore>, size: number, known: Known): string {
  const { push, jsonLines, endpoint } = offer;
  const name = key.toLowerCase();
  if (push.as === "elasticsearch") return section(`label ${storeLabel(key)}`, {}, [bulk(name, push, size, known)]);
  if (push.as === "http") {
    const lines = http(name, push.place, "/", size, known, { json_array: true });
    const others = bulk(`${name}_others`, push.others, size, known);
    return section(`label ${storeLabel(key)}`, {}, [lines.replace("<match **>", `<match ${lineJob}>`), others]);
  }
  if (jsonLines === undefined)
    throw new Error(`Fluentd cannot send to ${key}: the check of settings lets none through.`);
  return section(`label ${storeLabel(key)}`, {}, [
    // A store that is there already may have lines of several clusters.
    section("filter **", { "@type": "observability_labels", ...(isRemote(endpoint) ? { cluster: known.name } : {}) }),
    http(name, push.place, jsonLines, size, known, { content_type: "application/x-ndjson" }),
  ]);
}

/** Values of Fluentd on every node. */
export function fluentdValues(
  settings: z.output<typeof fluentd>,
  stores: readonly Named<LogStore>[],
  known: Known & { readonly redact: Redaction; readonly nodeSources: NodeSources },
  own: { readonly namespace: string; readonly pods: string; readonly account: string },
): FluentdValues {
  const name = secretOf("fluentd");
  const asked = remotes(stores.flatMap(({ offer }) => pushPlaces(offer.push)));
  const items = asked
    .filter((remote) => caOf(remote, known) !== undefined)
    .map(({ access }) => ({ key: caKey(access), path: caKey(access) }));
  const folders = nodeFolders(known.nodeSources);
  const size = byteCount(settings.bufferSize);
  return {
    variant: "elasticsearch9",
    rbac: { create: false },
    podSecurityPolicy: { enabled: false },
    serviceAccount: { create: false, name: own.account },
    // The chart's own, in a ConfigMap. It has a text there, and any text but none is yes.
    dashboards: { enabled: "" },
    metrics: { serviceMonitor: { enabled: true } },
    mountVarLogDirectory: false,
    mountDockerContainersDirectory: false,
    resources: containerResources(settings.resources),
    // Root without any capability: container logs and the folder of its positions belong to root.
    securityContext: { ...hardened, runAsUser: 0 },
    // Every node, tainted or not.
    tolerations: [{ operator: "Exists" }],
    env: [
      // Its image's script passes them on (fluentd-kubernetes-daemonset, entrypoint.sh): where the scripts are, and where to begin, which
      // would be a file of the chart with a label @FLUENT_LOG of its own.
      { name: "FLUENTD_OPT", value: `-p ${configFolder} -c ${configFolder}/${main}` },
      { name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
      ...asked
        .filter(({ access }) => authenticates(access, known))
        .map(({ access }) => ({
          name: secretVariable(access),
          valueFrom: { secretKeyRef: { name, key: secretKey(access) } },
        })),
    ],
    volumes: [
      { name: "pod-logs", hostPath: { path: podLogs } },
      { name: "state", hostPath: { path: stateFolder, type: "DirectoryOrCreate" } },
      ...folders.map(({ name: called, path, type }) => ({ name: called, hostPath: { path, type } })),
      ...(items.length === 0 ? [] : [{ name: "external", secret: { secretName: name, items } }]),
      // Locks of its two processes.
      { name: "tmp", emptyDir: {} },
    ],
    volumeMounts: [
      { name: "pod-logs", mountPath: podLogs, readOnly: true },
      { name: "state", mountPath: stateFolder },
      ...folders.map(({ name: called, path }) => ({ name: called, mountPath: path, readOnly: true as const })),
      ...(items.length === 0 ? [] : [{ name: "external", mountPath: externalFolder, readOnly: true as const }]),
      { name: "tmp", mountPath: "/tmp" },
    ],
    fileConfigs: {
      [main]: "@include *.conf\n",
      "01_sources.conf": sources(known.nodeSources, own),
      "02_filters.conf": filters(stores),
      "03_dispatch.conf": dropped,
      "04_outputs.conf": stores.map((store) => output(store, size, known)).join("\n"),
      ...scripts(known.redact),
    },
  };
}
