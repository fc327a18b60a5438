import type { z } from "zod";
import { byteCount } from "../../../settings/formats.ts";
import type { LogStore } from "../../capabilities.ts";
import type { Known } from "../../remote.ts";
import type { Named } from "../exporters.ts";
import { linePipelines, type Source } from "../line-pipelines.ts";
import {
  auditFields,
  auditJob,
  droppedFields,
  journalFields,
  journalJob,
  lineJob,
  lineLabels,
  type nodeLabels,
  priorities,
  textField,
} from "../lines.ts";
import { auditFiles, type NodeSources, podLogs } from "../node-sources.ts";
import type { Redaction } from "../redaction.ts";
import type { logCollector } from "./settings.ts";

/** Folder of the node, and of the pod, with positions in files and with what waits: it outlives the pod. */
export const stateFolder = "/var/lib/observability/log-collector";

/** What makes a record of a line (components/agents/lines.ts), in the words of the receiver's operators (pkg/stanza 0.158). */
const operators = [
  // Time, stream and text of a line of containerd, CRI-O or Docker; puts together what the runtime has split. Names come from the path.
  { type: "container" },
  // Numbers of JSON are floating ones without `parse_ints`, which keep 53 bits.
  {
    type: "json_parser",
    if: String.raw`body matches "^\\s*[{]"`,
    parse_to: "body",
    parse_ints: true,
    on_error: "send_quiet",
  },
  { type: "add", if: 'type(body) == "string"', field: "body", value: `EXPR({"${textField}": body})` },
  { type: "remove", field: "attributes" },
] as const;

const nodeName = { node: '"${env:NODE_NAME}"' } as const satisfies Record<(typeof nodeLabels)[number], string>;

/** Lines of containers; names are in a file's path. @param own begins the names of its own pods */
const containers = (own: { readonly namespace: string; readonly pods: string }): Source => ({
  job: lineJob,
  receiver: {
    file_log: {
      // And what the kubelet has moved aside, until it packs it: it may not have been read to its end.
      include: [`${podLogs}/*/*/*.log`, `${podLogs}/*/*/*.log.*`],
      // Not its own, in which each line that a store refuses would be another.
      exclude: [`${podLogs}/*/*/*.gz`, `${podLogs}/*/*/*.tmp`, `${podLogs}/${own.namespace}_${own.pods}*/*/*`],
      // Of files that are there when it first starts; of later ones all.
      start_at: "end",
      include_file_name: false,
      include_file_path: true,
      preserve_leading_whitespaces: true,
      preserve_trailing_whitespaces: true,
      storage: "file_storage",
      operators,
    },
  },
  labels: Object.fromEntries(lineLabels.map((label) => [label, `resource.attributes["k8s.${label}.name"]`])),
  resource: { "k8s.pod.uid": 'resource.attributes["k8s.pod.uid"]', "k8s.node.name": nodeName.node },
  // `$` begins a variable.
  shape: [`delete_matching_keys(log.body, "^(${droppedFields.join("|")})$$")`],
});

const entry = 'log.cache["entry"]';
const keys = (place: readonly (string | number)[]) => place.map((key) => `[${JSON.stringify(key)}]`).join("");

/** Of a record that was read only these fields, by lines.ts; lists and maps that such a field would be do not go along. */
const only = (fields: typeof journalFields) => [
  `set(${entry}, log.body)`,
  "set(log.body, {})",
  ...fields.map(([field, place]) => {
    const at = `${entry}${keys(place)}`;
    return `set(log.body["${field}"], ${at}) where ${at} != nil and ${at} != ""`;
  }),
];

/** The node's journal, by the program journalctl. (receiver/journaldreceiver 0.158) */
const journal = (directory: string): Source => ({
  job: journalJob,
  receiver: {
    journald: {
      directory,
      start_at: "end",
      // All; by default what is for those who look for errors of a program is left out.
      priority: "debug",
      all: true,
      convert_message_bytes: true,
      storage: "file_storage",
    },
  },
  labels: nodeName,
  shape: [
    ...only(journalFields),
    ...priorities.map(
      (level, priority) => `set(log.body["level"], "${level}") where ${entry}["PRIORITY"] == "${priority}"`,
    ),
    'set(log.body["level"], "info") where log.body["level"] == nil',
  ],
});

/** The API server's audit log, where a node has one. */
const audit = (auditLog: string): Source => ({
  job: auditJob,
  receiver: {
    "file_log/audit": {
      include: [auditFiles(auditLog)],
      start_at: "end",
      include_file_name: false,
      // A policy may have bodies written, too.
      max_log_size: "4MiB",
      storage: "file_storage",
      operators: [{ type: "json_parser", parse_to: "body", parse_ints: true, on_error: "send_quiet" }],
    },
  },
  labels: nodeName,
  shape: [
    `set(log.time, Time(log.body["stageTimestamp"], "%Y-%m-%dT%H:%M:%S.%fZ"))`,
    ...only(auditFields),
    'set(log.body["level"], "info")',
    'set(log.body["level"], "warn") where log.body["code"] >= 400',
    'set(log.body["level"], "error") where log.body["code"] >= 500',
    'set(log.body["message"], Concat([log.body["verb"], log.body["uri"]], " "))',
  ],
});

/**
 * Configuration of the collector on each node. A record is in the queue on disk before its position in the file is kept (gate
 * `stanza.synchronousLogEmitter`), so nothing in between is lost with the process; what was under way is read once more.
 *
 * @param own begins the names of its own pods
 */
export const logCollectorConfig = (
  settings: z.output<typeof logCollector>,
  stores: readonly Named<LogStore>[],
  known: Known & { readonly redact: Redaction; readonly nodeSources: NodeSources },
  own: { readonly namespace: string; readonly pods: string },
) => {
  const { journal: directory, auditLog } = known.nodeSources;
  const sources = [
    containers(own),
    ...(directory === undefined ? [] : [journal(directory)]),
    ...(auditLog === undefined ? [] : [audit(auditLog)]),
  ];
  return linePipelines(sources, stores, byteCount(settings.bufferSize), stateFolder, known);
};
